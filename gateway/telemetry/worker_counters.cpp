#include "gateway/telemetry/worker_counters.h"

namespace dbgate::telemetry {

TargetCounters& WorkerCounters::of(std::string_view target) {
  // This thread alone changes the map, so looking needs no lock.
  if (const auto found = targets_.find(target); found != targets_.end()) return *found->second;
  auto fresh = std::make_unique<TargetCounters>();
  const std::lock_guard lock(mutex_);
  return *targets_.emplace(target, std::move(fresh)).first->second;
}

const TargetCounters* WorkerCounters::find(std::string_view target) const {
  const std::lock_guard lock(mutex_);
  const auto found = targets_.find(target);
  return found == targets_.end() ? nullptr : found->second.get();
}

std::uint64_t WorkerCounters::limited(LimitScope scope) const {
  std::uint64_t all = 0;
  const std::lock_guard lock(mutex_);
  for (const auto& [name, target] : targets_)
    all += target->limited[scope].value();
  return all;
}

}  // namespace dbgate::telemetry
