#include <algorithm>

#include "gateway/upstream/pool.h"

// Connections that are open for too long: what the server gives to new ones only, such as ALTER ROLE ... SET, reaches
// everybody at last, and its processes do not grow for ever.
namespace dbgate::upstream {
namespace {

// Those that were opened together are not all closed together.
constexpr std::chrono::seconds between_retirements{1};

}  // namespace

// One at a time. One that somebody works with, if there is no other, goes between two transactions.
void Pool::retire(PoolGroup& group, Clock::time_point now) {
  if (group.lifetime.count() == 0 || now < group.next_retirement) return;
  for (std::list<LinkPtr>* const list : {&group.free, &group.resting, &group.busy}) {
    const auto found = std::find_if(list->begin(), list->end(), [&](const LinkPtr& link) {
      return link->usable() && !link->in_pool.outlived && now - link->connection.opened >= group.lifetime;
    });
    if (found == list->end()) continue;
    const LinkPtr link = *found;
    link->in_pool.outlived = true;
    group.next_retirement = now + between_retirements;
    if (list == &group.busy) return;
    move_to(*link, group.busy);
    return give_up(*link);
  }
}

// Its place is free once the server has closed it.
bool Pool::is_ending(const std::string& target) const {
  return std::any_of(groups_.begin(), groups_.end(), [&target](const auto& entry) {
    const PoolGroup& group = entry.second;
    return group.target == target &&
           std::any_of(group.busy.begin(), group.busy.end(), [](const LinkPtr& link) { return !link->usable(); });
  });
}

}  // namespace dbgate::upstream
