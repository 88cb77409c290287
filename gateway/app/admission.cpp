#include "gateway/app/admission.h"

namespace dbgate::app {
namespace {

constexpr std::chrono::seconds throttle_window{60};
// Beyond this many addresses the oldest windows are dropped, so that an attacker cannot make the table grow.
constexpr std::size_t most_addresses = 10'000;

using CountsByName = std::map<std::string, std::size_t, std::less<>>;

std::size_t count_of(const CountsByName& counts, std::string_view name) {
  const auto found = counts.find(name);
  return found == counts.end() ? 0 : found->second;
}

void leave(CountsByName& counts, const std::string& name) {
  const auto found = counts.find(name);
  if (found != counts.end() && --found->second == 0) counts.erase(found);
}

}  // namespace

Result<std::shared_ptr<void>> Admission::take(std::string_view user, std::string_view target, const Limits& limits) {
  const std::lock_guard lock(counts_->mutex);
  if (counts_->total >= limits.connections) {
    return Error(sqlstate::too_many_connections, "sorry, too many clients already", "limits.connections is reached");
  }
  if (limits.per_user > 0 && count_of(counts_->users, user) >= limits.per_user) {
    return Error(sqlstate::too_many_connections, "too many connections for user \"" + std::string(user) + "\"",
                 "limits.connections_per_user is reached");
  }
  if (limits.per_target > 0 && count_of(counts_->targets, target) >= limits.per_target) {
    return Error(sqlstate::too_many_connections, "too many connections for database \"" + std::string(target) + "\"",
                 "pool.max of the target is reached");
  }
  ++counts_->total;
  ++counts_->users[std::string(user)];
  ++counts_->targets[std::string(target)];
  const auto release = [counts = counts_, by = std::string(user), to = std::string(target)](void*) {
    const std::lock_guard held(counts->mutex);
    --counts->total;
    leave(counts->users, by);
    leave(counts->targets, to);
  };
  return std::shared_ptr<void>(this, release);
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
