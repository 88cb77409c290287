#pragma once
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "gateway/ports/gateway_service.h"
#include "gateway/show/stats.h"
#include "gateway/upstream/pool_view.h"

namespace dbgate::show {

/// A session, with what its summary does not say.
struct Client {
  ports::SessionSummary summary;
  bool held = false;            ///< `waiting`: others have yet to agree to its statement
  std::int32_t server_pid = 0;  ///< of its server connection; 0: it has none at the moment
};

/// A database that clients may name: a target, or a further database of it.
struct Database {
  std::string name;  ///< target, or target/database
  std::string target;
  std::string database;  ///< on the server
  std::string host;      ///< those of the target, comma-separated
  std::uint16_t port = 0;
  std::string user;  ///< that dbgate logs in as
  std::string pool_mode;
  std::size_t max = 0;  ///< server connections of the target at once; 0: no limit
};

/// A host of a target that has a choice of them.
struct Host {
  std::string target;
  std::string host;   ///< host:port
  std::string state;  ///< "serves", or why it does not
  std::string role;   ///< "primary", "standby"; empty: not known
  std::uint64_t timeline = 0;
  std::int64_t lag_ms = 0;  ///< of a standby
  std::size_t connections = 0;
};

struct Setting {
  std::string key;
  std::string value;
  std::string fallback;  ///< what it is where the configuration does not say; empty: there is none
  bool changeable = false;
};

/// All there is to show, put together when somebody asks.
struct Overview {
  std::string version;
  std::vector<Database> databases;
  std::vector<Host> hosts;
  std::vector<Client> clients;
  upstream::PoolView pools;
  TotalsByTarget totals;
  AveragesByTarget averages;
  std::vector<Setting> settings;
  std::vector<std::string> users;
  std::size_t connections = 0;  ///< of clients, accepted and not closed yet
  std::int64_t now_us = 0;      ///< since 1970 UTC
  std::chrono::steady_clock::time_point now;
};

}  // namespace dbgate::show
