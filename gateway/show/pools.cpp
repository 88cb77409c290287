#include "gateway/show/pools.h"

#include <algorithm>
#include <map>
#include <utility>

#include "gateway/show/index.h"

namespace dbgate::show {
namespace {

class Pools {
 public:
  explicit Pools(const Overview& overview) : index_(overview) {
    for (const Database& database : overview.databases) {
      PoolFigures& pool = of(database.name, database.user);
      pool.mode = database.pool_mode;
    }
  }

  PoolFigures& of(const std::string& name, const std::string& user) {
    PoolFigures& pool = pools_[{name, user}];
    pool.database = name;
    pool.user = user;
    return pool;
  }
  PoolFigures& of(const std::string& target, const std::string& database, const std::string& user) {
    return of(index_.name(target, database), user);
  }
  /// Null: it is of another protocol family, or the admin database.
  PoolFigures* of(const Client& client) {
    const Database* const database = index_.database(client.summary.target, client.summary.database);
    return database == nullptr ? nullptr : &of(database->name, database->user);
  }

  std::vector<PoolFigures> all() && {
    std::vector<PoolFigures> list;
    for (auto& [names, pool] : pools_)
      list.push_back(std::move(pool));
    return list;
  }

 private:
  const Index index_;
  std::map<std::pair<std::string, std::string>, PoolFigures> pools_;
};

}  // namespace

std::vector<PoolFigures> pools_of(const Overview& overview) {
  Pools pools(overview);
  for (const Client& client : overview.clients) {
    PoolFigures* const pool = pools.of(client);
    if (pool == nullptr) continue;
    ++pool->clients;
    pool->clients_waiting += client.summary.state == "waiting" && !client.held ? 1 : 0;
    pool->held += client.held ? 1 : 0;
    pool->pinned += client.summary.bound_by.empty() ? 0 : 1;
  }
  for (const upstream::LinkView& link : overview.pools.links) {
    PoolFigures& pool = pools.of(link.target, link.database, link.user);
    ++(link.active ? pool.active : pool.idle);
  }
  for (const upstream::AskerView& asker : overview.pools.askers) {
    PoolFigures& pool = pools.of(asker.target, asker.database, asker.user);
    ++pool.askers;
    pool.connecting += asker.connecting ? 1 : 0;
    pool.longest_wait = std::max(pool.longest_wait, overview.now - asker.since);
  }
  return std::move(pools).all();
}

std::vector<Row> pool_rows(const Overview& overview) {
  std::vector<Row> rows;
  for (const PoolFigures& pool : pools_of(overview)) {
    const auto waited = std::chrono::duration_cast<std::chrono::microseconds>(pool.longest_wait).count();
    const auto us = static_cast<std::uint64_t>(std::max<decltype(waited)>(waited, 0));
    constexpr std::uint64_t second_us = 1'000'000;
    const std::uint64_t none = 0;
    // In transaction mode those who need a server connection are clients, in session mode they are not yet.
    const std::uint64_t active = pool.clients - std::min(pool.clients_waiting, pool.askers);
    rows.push_back({pool.database, pool.user, active, std::uint64_t{pool.askers}, none, none,
                    std::uint64_t{pool.active}, none, none, std::uint64_t{pool.idle}, none, none,
                    std::uint64_t{pool.connecting}, us / second_us, us % second_us, pool.mode, std::uint64_t{pool.held},
                    std::uint64_t{pool.pinned}});
  }
  return rows;
}

}  // namespace dbgate::show
