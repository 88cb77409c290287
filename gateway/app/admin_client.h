#pragma once
#include <chrono>
#include <iosfwd>
#include <string>

namespace dbgate::app {

/// What is asked of a gateway that runs, at its admin socket.
struct AdminQuestion {
  std::string config_path;         ///< names the socket
  std::string socket;              ///< instead of what the configuration says; may be empty
  std::string command = "status";  ///< as in the request
  std::string level;               ///< of log-level
  std::string session;             ///< of kill-session
  std::string reason;              ///< the same; may be empty
  bool wait = false;               ///< of drain: until the gateway has ended
  bool json = false;               ///< print the answer as it came
  std::chrono::milliseconds timeout{60'000};
};

/// Asks, waits for the answer and prints it. @return exit status: 0 if it was done
int ask_admin(const AdminQuestion& question, std::ostream& out, std::ostream& errors);

}  // namespace dbgate::app
