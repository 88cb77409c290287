#include <algorithm>

#include "gateway/upstream/pool.h"

// Statements that want a database for themselves: idle connections to it leave.
namespace dbgate::upstream {
namespace {

// How long PostgreSQL waits for a database to be left, and some time to come there.
constexpr std::chrono::seconds vacated_for{6};

}  // namespace

bool DatabasePlace::is_of(const Connection& connection) const {
  if (connection.database != database) return false;
  const bool by_name = connection.host.name == host.name && connection.host.port == host.port;
  return by_name || (address.port != 0 && connection.stream.peer() == address);
}

void Pool::vacate(const Connection& like, const std::string& database) {
  book_.vacate(std::make_shared<const DatabasePlace>(DatabasePlace{like.host, like.stream.peer(), database}));
}

void Pool::on_vacate(std::shared_ptr<const DatabasePlace> place) {
  const auto now = Clock::now();
  for (auto& [key, group] : groups_)
    end_unused(group, [&place](const Link& link) { return place->is_of(link.connection); });
  std::erase_if(vacated_, [now](const auto& one) { return one.second < now; });
  vacated_.emplace_back(std::move(place), now + vacated_for);
}

bool Pool::is_vacated(const Link& link) const {
  const auto now = Clock::now();
  return std::any_of(vacated_.begin(), vacated_.end(),
                     [&](const auto& one) { return one.second > now && one.first->is_of(link.connection); });
}

void Pool::end_unused(PoolGroup& group, const std::function<bool(const Link&)>& which) {
  for (std::list<LinkPtr>* const list : {&group.free, &group.resting}) {
    const std::vector<LinkPtr> links(list->begin(), list->end());
    for (const LinkPtr& link : links) {
      if (!which(*link)) continue;
      move_to(*link, group.busy);
      take_from_holder(*link);
      link->end();
    }
  }
}

}  // namespace dbgate::upstream
