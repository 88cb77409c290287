#pragma once
#include <cstdint>
#include <map>
#include <string_view>
#include <utility>

#include "gateway/show/overview.h"

namespace dbgate::show {

/// What belongs together in an overview, which it views: there may be ten thousands of sessions.
class Index {
 public:
  explicit Index(const Overview& overview) {
    for (const Database& database : overview.databases)
      databases_.emplace(Names(database.target, database.database), &database);
    for (const upstream::LinkView& link : overview.pools.links)
      links_.emplace(Process(link.target, link.pid), &link);
    for (const Client& client : overview.clients)
      if (client.server_pid != 0) clients_.emplace(Process(client.summary.target, client.server_pid), &client);
  }

  /// Null: it is configured no more, of another protocol family, or the admin database.
  const Database* database(std::string_view target, std::string_view on_server) const {
    return find(databases_, Names(target, on_server));
  }
  /// How clients name it: by the target alone if it is the default one.
  std::string name(const std::string& target, std::string_view on_server) const {
    const Database* const found = database(target, on_server);
    return found != nullptr ? found->name : target;
  }
  /// Its server connection; null: it has none at the moment.
  const upstream::LinkView* link(const Client& client) const {
    return client.server_pid == 0 ? nullptr : find(links_, Process(client.summary.target, client.server_pid));
  }
  /// Who has it; null: nobody.
  const Client* client(const upstream::LinkView& link) const { return find(clients_, Process(link.target, link.pid)); }

 private:
  using Names = std::pair<std::string_view, std::string_view>;
  using Process = std::pair<std::string_view, std::int32_t>;
  template <class Map, class Key>
  static typename Map::mapped_type find(const Map& map, const Key& key) {
    const auto found = map.find(key);
    return found == map.end() ? nullptr : found->second;
  }

  std::map<Names, const Database*> databases_;
  std::map<Process, const upstream::LinkView*> links_;
  std::map<Process, const Client*> clients_;
};

}  // namespace dbgate::show
