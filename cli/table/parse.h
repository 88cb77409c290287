#pragma once
#include <string>
#include <vector>

#include "cli/table/verb.h"

namespace dbgate::cli {

/// What was typed, before settings and environment are looked at. `verb` is null if none was named (--help alone).
/// Throws Problem (usage), which suggests the nearest verb or flag.
Call parse_command_line(const Table& table, std::vector<std::string> arguments);

/// The way a verb is written: "dbgate user add NAME [flags]".
std::string synopsis_of(const Verb& verb);

}  // namespace dbgate::cli
