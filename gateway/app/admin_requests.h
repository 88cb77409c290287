#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "gateway/app/admin_socket.h"
#include "gateway/net/stream.h"

namespace dbgate::app {

/// What came of reading the configuration again.
struct Reloaded {
  bool good = false;
  std::string version;                ///< of the configuration in force
  std::vector<std::string> problems;  ///< errors and warnings, a line each
};

/// What a gateway says of itself.
struct AdminStatus {
  std::string state;   ///< serving, draining, or leaving: another process has taken its place
  std::string config;  ///< version of the configuration in force
  bool last_reload_good = true;
  std::int64_t reloaded_us = 0;  ///< when a configuration came into force last
  std::size_t connections = 0;
  std::string log_level;
  bool process_before = false;  ///< it still has clients
};

/// What the process can do for those who run it. Called on the thread of `home`.
struct AdminTies {
  net::Executor home;
  std::function<Reloaded()> reload;
  std::function<void()> drain;
  std::function<AdminStatus()> status;
  std::function<void(const std::string& level)> set_log_level;
  /// None: there is no such session here.
  std::function<Task<std::optional<Result<>>>(std::string id, std::string by, std::string reason)> end_session;
};

/// Answers one request (docs/operations.md, "The admin socket"). What cannot be answered is said so, in the answer.
Task<AdminAnswer> answer_admin(const AdminTies& ties, std::string line, AdminPeer peer);

}  // namespace dbgate::app
