#include "gateway/telemetry/event_counters.h"

#include <algorithm>

namespace dbgate::telemetry {

void EventCounters::count(std::string_view metric, Labels labels, std::uint64_t more) {
  const std::lock_guard lock(mutex_);
  auto found = counts_.find(metric);
  if (found == counts_.end()) found = counts_.emplace(metric, Counts()).first;
  found->second[std::move(labels)] += more;
}

void EventCounters::observe(std::string_view metric, Labels labels, std::chrono::microseconds took) {
  const auto bound = std::lower_bound(duration_bounds.begin(), duration_bounds.end(), took);
  const std::lock_guard lock(mutex_);
  auto found = times_.find(metric);
  if (found == times_.end()) found = times_.emplace(metric, Times()).first;
  Duration& duration = found->second[std::move(labels)];
  ++duration.buckets[static_cast<std::size_t>(bound - duration_bounds.begin())];
  duration.sum_us += static_cast<std::uint64_t>(std::max<std::int64_t>(took.count(), 0));
}

EventCounters::Counts EventCounters::counts(std::string_view metric) const {
  const std::lock_guard lock(mutex_);
  const auto found = counts_.find(metric);
  return found == counts_.end() ? Counts() : found->second;
}

EventCounters::Times EventCounters::times(std::string_view metric) const {
  const std::lock_guard lock(mutex_);
  const auto found = times_.find(metric);
  return found == times_.end() ? Times() : found->second;
}

}  // namespace dbgate::telemetry
