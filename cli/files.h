#pragma once
#include <string>

namespace dbgate::cli {

/// $XDG_STATE_HOME/dbgate, made with mode 0700 if it is not there.
std::string state_directory();
/// $XDG_RUNTIME_DIR/dbgate, else a private directory under the temporary one; mode 0700.
std::string runtime_directory();

/// The whole file; empty if there is none. Throws Problem if others can read or own it: a secret may stand in it.
std::string read_private_file(const std::string& path);
/// Writes a file of mode 0600 beside `path` and renames it, so that readers see the old or the new one. Throws Problem.
void write_private_file(const std::string& path, const std::string& text);

}  // namespace dbgate::cli
