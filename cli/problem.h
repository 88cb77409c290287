#pragma once
#include <string>

namespace dbgate::cli {

/// What the process exits with (docs/cli.md).
enum class Exit : int {
  ok = 0,
  failure = 1,
  usage = 2,
  not_found = 3,
  not_authenticated = 4,
  denied = 5,
  unreachable = 7,
  database_error = 8,
  tunnel_failed = 125,
  not_executable = 126,
  command_not_found = 127,
};

/// Why a command cannot go on: one cause, one next step. Thrown to main(), which prints it as three lines on standard
/// error, or as one problem object under -o json.
struct Problem {
  Exit exit = Exit::failure;
  std::string cause;  ///< lower case, no full stop
  std::string hint;
  std::string request_id;
};

}  // namespace dbgate::cli
