#pragma once
#include "gateway/show/overview.h"
#include "gateway/show/table.h"

namespace dbgate::show {

/// Clients and server connections of one database and one login.
struct PoolFigures {
  std::string database;  ///< as clients name it
  std::string user;      ///< that dbgate logs in as
  std::string mode;
  std::size_t clients = 0;
  std::size_t clients_waiting = 0;  ///< of `clients`: those that say so
  std::size_t held = 0;             ///< of `clients`: others have yet to agree to their statements
  std::size_t pinned = 0;
  std::size_t askers = 0;  ///< who need a server connection, at their login too, when they are no clients yet
  std::size_t active = 0;  ///< server connections
  std::size_t idle = 0;
  std::size_t connecting = 0;
  std::chrono::steady_clock::duration longest_wait{0};
};

/// Of every configured database, used or not, and of whatever is there still of former ones.
std::vector<PoolFigures> pools_of(const Overview& overview);
/// The same as SHOW POOLS has it.
std::vector<Row> pool_rows(const Overview& overview);

}  // namespace dbgate::show
