#include "gateway/app/limits.h"

namespace dbgate::app {

std::shared_ptr<policy::Usage> UsageTable::of(const std::string& user, const std::string& target) {
  const std::lock_guard lock(mutex_);
  auto& entry = entries_[{user, target}];
  if (!entry) entry = std::make_shared<policy::Usage>();
  return entry;
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
