#pragma once
#include <boost/json/object.hpp>
#include <string>

namespace dbgate::cli {

/// What the process exits with (`dbgate help exit-codes`).
enum class Exit : int {
  ok = 0,
  failure = 1,
  usage = 2,
  not_found = 3,
  not_authenticated = 4,
  denied = 5,
  approval_required = 6,
  unreachable = 7,
  database_error = 8,
  timed_out = 9,
  risk_too_high = 10,
  tunnel_failed = 125,
  not_executable = 126,
  command_not_found = 127,
  interrupted = 130,
};

/// Why a command cannot go on: one cause, one next step. Thrown to main(), which prints it as three lines on standard
/// error, or as one problem object (RFC 9457) under -o json.
struct Problem {
  Exit exit = Exit::failure;
  std::string cause = {};  ///< lower case, no full stop
  std::string hint = {};
  std::string request_id = {};
  std::string code = {};          ///< the gateway's stable code; empty for problems of our own
  unsigned status = 0;            ///< of HTTP; 0 for problems of our own
  boost::json::object body = {};  ///< the gateway's problem, as it came
};

}  // namespace dbgate::cli
