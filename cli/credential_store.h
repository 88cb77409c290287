#pragma once
#include <string>

#include "cli/options.h"

// Where the text with all sign-ins is kept: a file, or whatever a command of the user's does with it.
namespace dbgate::cli {

/// Empty if nothing is kept. Throws Problem.
std::string read_credentials(const Options& options);
void write_credentials(const Options& options, const std::string& text);
/// For messages: the file, or the command.
std::string credentials_place(const Options& options);

}  // namespace dbgate::cli
