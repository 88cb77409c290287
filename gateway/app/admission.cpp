#include "gateway/app/admission.h"

#include <algorithm>
#include <functional>
#include <tuple>

namespace dbgate::app {
namespace {

constexpr std::chrono::seconds throttle_window{60};
// Beyond this many addresses the oldest windows are dropped, so that an attacker cannot make the table grow.
constexpr std::size_t most_addresses = 10'000;

// Others are told of no more addresses than these.
constexpr std::size_t most_told = 1'000;
constexpr std::uint64_t cancels_a_minute_of_one = 120;
constexpr std::uint64_t cancels_a_minute = 1'200;

std::size_t count_of(const Counts& counts, std::string_view name) {
  const auto found = counts.find(name);
  return found == counts.end() ? 0 : found->second;
}

}  // namespace

Result<session::Seat> Admission::take(std::string_view user, std::string_view target, const Limits& limits) {
  const std::lock_guard lock(mutex_);
  if (total_ >= limits.connections) {
    return Error(sqlstate::too_many_connections, "sorry, too many clients already", "limits.connections is reached");
  }
  if (limits.per_user > 0 && count_of(users_, user) + count_of(users_elsewhere_, user) >= limits.per_user) {
    return Error(sqlstate::too_many_connections, "too many connections for user \"" + std::string(user) + "\"",
                 "limits.connections_per_user is reached");
  }
  const std::size_t on_target = count_of(targets_, target) + count_of(targets_elsewhere_, target);
  if (limits.per_target > 0 && on_target >= limits.per_target) {
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

void Admission::add_to(ReplicaUsage& usage, bool users, const std::vector<std::string>& targets) const {
  const std::lock_guard lock(mutex_);
  if (users) usage.users = users_;
  for (const std::string& target : targets) {
    if (const std::size_t count = count_of(targets_, target)) usage.targets[target] = count;
  }
}

void Admission::count_elsewhere(Counts users, Counts targets) {
  const std::lock_guard lock(mutex_);
  users_elsewhere_ = std::move(users);
  targets_elsewhere_ = std::move(targets);
}

bool CancelGuard::allows(const std::string& address) {
  const std::lock_guard lock(mutex_);
  const auto now = api::RateLimiter::Clock::now();
  // The address first: what it may not do uses up nothing of what all may.
  return rates_.take("of " + api::address_group(address), cancels_a_minute_of_one, now).allowed &&
         rates_.take("all", cancels_a_minute, now).allowed;
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
  const std::string group = api::address_group(address);
  const std::lock_guard lock(mutex_);
  const std::size_t elsewhere = count_of(elsewhere_, group);
  const auto found = failures_.find(group);
  if (found == failures_.end()) return elsewhere < most_failures;
  if (Clock::now() - found->second.since > throttle_window) {
    failures_.erase(found);
    return elsewhere < most_failures;
  }
  return found->second.count + elsewhere < most_failures;
}

void LoginThrottle::failed(const std::string& address) {
  const std::lock_guard lock(mutex_);
  if (failures_.size() >= most_addresses) {
    std::erase_if(failures_, [](const auto& entry) { return Clock::now() - entry.second.since > throttle_window; });
    if (failures_.size() >= most_addresses) failures_.clear();
  }
  Failures& failures = failures_[api::address_group(address)];
  if (failures.count == 0 || Clock::now() - failures.since > throttle_window) failures = {Clock::now(), 0};
  ++failures.count;
}

Counts LoginThrottle::counts() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::pair<std::size_t, std::string>> most;
  for (const auto& [address, failures] : failures_)
    if (Clock::now() - failures.since <= throttle_window) most.emplace_back(failures.count, address);
  if (most.size() > most_told) {
    std::nth_element(most.begin(), most.begin() + most_told, most.end(), std::greater<>());
    most.resize(most_told);
  }
  Counts counts;
  for (auto& [count, address] : most)
    counts.emplace(std::move(address), count);
  return counts;
}

void LoginThrottle::count_elsewhere(Counts failures) {
  const std::lock_guard lock(mutex_);
  elsewhere_ = std::move(failures);
}

}  // namespace dbgate::app
