#include "gateway/app/admission.h"

#include <tuple>

namespace dbgate::app {
namespace {

constexpr std::chrono::seconds throttle_window{60};
// Beyond this many addresses the oldest windows are dropped, so that an attacker cannot make the table grow.
constexpr std::size_t most_addresses = 10'000;

std::size_t count_of(const std::map<std::string, std::size_t, std::less<>>& counts, std::string_view name) {
  const auto found = counts.find(name);
  return found == counts.end() ? 0 : found->second;
}

}  // namespace

Result<session::Seat> Admission::take(std::string_view user, std::string_view target, const Limits& limits) {
  const std::lock_guard lock(mutex_);
  if (total_ >= limits.connections) {
    return Error(sqlstate::too_many_connections, "sorry, too many clients already", "limits.connections is reached");
  }
  if (limits.per_user > 0 && count_of(users_, user) >= limits.per_user) {
    return Error(sqlstate::too_many_connections, "too many connections for user \"" + std::string(user) + "\"",
                 "limits.connections_per_user is reached");
  }
  if (limits.per_target > 0 && count_of(targets_, target) >= limits.per_target) {
    return Error(sqlstate::too_many_connections, "too many connections for database \"" + std::string(target) + "\"",
                 "pool.max of the target is reached");
  }
  const auto by = users_.try_emplace(std::string(user), 0).first;
  const auto to = targets_.try_emplace(std::string(target), 0).first;
  Party& party = parties_.try_emplace({by->first, to->first}, *this, by, to).first->second;
  ++total_;
  ++by->second;
  ++to->second;
  ++party.seated_;
  return session::Seat(&party);
}

void Admission::leave(Party& party) noexcept {
  const std::lock_guard lock(mutex_);
  const auto [user, target, left] = std::tuple(party.user_, party.target_, --party.seated_);
  --total_;
  if (left == 0) parties_.erase({user->first, target->first});
  if (--user->second == 0) users_.erase(user);
  if (--target->second == 0) targets_.erase(target);
}

bool LoginThrottle::allows(const std::string& address, std::size_t most_failures) {
  const std::lock_guard lock(mutex_);
  const auto found = failures_.find(address);
  if (found == failures_.end()) return true;
  if (Clock::now() - found->second.since > throttle_window) {
    failures_.erase(found);
    return true;
  }
  return found->second.count < most_failures;
}

void LoginThrottle::failed(const std::string& address) {
  const std::lock_guard lock(mutex_);
  if (failures_.size() >= most_addresses) {
    std::erase_if(failures_, [](const auto& entry) { return Clock::now() - entry.second.since > throttle_window; });
    if (failures_.size() >= most_addresses) failures_.clear();
  }
  Failures& failures = failures_[address];
  if (failures.count == 0 || Clock::now() - failures.since > throttle_window) failures = {Clock::now(), 0};
  ++failures.count;
}

}  // namespace dbgate::app
