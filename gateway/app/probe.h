#pragma once
#include <chrono>
#include <iosfwd>
#include <string>

namespace dbgate::app {

/// What `dbgate-gateway healthcheck` and `wait` ask.
struct Probe {
  std::string config_path;  ///< names the ops listener; read again for each question
  std::string url;          ///< http://HOST:PORT, instead of what the configuration says; may be empty
  std::string path = "/readyz";
  std::chrono::milliseconds timeout{2'000};
};

/// Asks once. @return exit status: 0 if the answer is good
int ask_once(const Probe& probe, std::ostream& out, std::ostream& errors);
/// Asks until the answer is good, or the time is over.
int ask_until_good(const Probe& probe, std::ostream& out, std::ostream& errors);

}  // namespace dbgate::app
