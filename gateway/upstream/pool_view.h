#pragma once
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace dbgate::upstream {

/// A server connection, for who asks what there is.
struct LinkView {
  std::string target;
  std::string database;
  std::string user;  ///< that dbgate has logged in as
  std::string host;
  std::uint16_t port = 0;
  std::int32_t pid = 0;          ///< of the server process
  bool active = false;           ///< somebody works with it
  std::string tls;               ///< its version; empty: none
  std::int64_t opened_us = 0;    ///< since 1970 UTC
  std::string application_name;  ///< as the server was told last; empty: not known
};

/// Somebody who needs a server connection and has none yet.
struct AskerView {
  std::string target;
  std::string database;
  std::string user;
  bool connecting = false;  ///< one is being opened
  std::chrono::steady_clock::time_point since;
};

/// What one thread's pool holds.
struct PoolView {
  std::vector<LinkView> links;
  std::vector<AskerView> askers;
};

}  // namespace dbgate::upstream
