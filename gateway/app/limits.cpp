#include "gateway/app/limits.h"

namespace dbgate::app {

namespace {

// Others are told of no more than these, where they are not all that there are.
constexpr std::size_t most_told = 1'000;

}  // namespace

std::shared_ptr<policy::Usage> UsageTable::of(const std::string& user, const std::string& target) {
  const std::lock_guard lock(mutex_);
  return entries_[target + "\n" + user].usage;
}

void UsageTable::add_to(ReplicaUsage& usage) {
  const std::lock_guard lock(mutex_);
  const bool all = entries_.size() <= most_told;
  for (auto& [name, entry] : entries_) {
    const std::size_t running = entry.usage->running.here(), taken = entry.usage->bucket.taken();
    if (running > 0) usage.running.emplace(name, running);
    if (taken == 0 || (!all && (taken == entry.told || usage.taken.size() >= most_told))) continue;
    usage.taken.emplace(name, entry.told = taken);
  }
}

void UsageTable::count_elsewhere(const Counts& running, const Counts& taken) {
  const std::lock_guard lock(mutex_);
  for (auto& [name, entry] : entries_) {
    if (!running.contains(name)) entry.usage->running.count_elsewhere(0);
  }
  for (const auto& [name, count] : running)
    entries_[name].usage->running.count_elsewhere(count);
  for (const auto& [name, count] : taken)
    entries_[name].usage->bucket.charge(count);
}

SessionLimiter::SessionLimiter(const CurrentSnapshot& current, UsageTable& usage, std::string user, std::string target)
    : current_(current), usage_(usage), user_(std::move(user)), target_(std::move(target)) {}

const std::shared_ptr<const policy::LimitSet>& SessionLimiter::current() {
  if (version_ == current_.version()) return limits_;
  const auto snapshot = current_.get();
  version_ = snapshot->version;
  limits_ = snapshot->limits.find(user_, target_);
  return limits_;
}

policy::Usage& SessionLimiter::of_principal() {
  if (!of_principal_) of_principal_ = usage_.of(user_, target_);
  return *of_principal_;
}

policy::Usage& SessionLimiter::of_target() {
  if (!of_target_) of_target_ = usage_.of({}, target_);
  return *of_target_;
}

}  // namespace dbgate::app
