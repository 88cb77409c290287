#include "gateway/policy/usage.h"

#include <algorithm>

namespace dbgate::policy {
namespace {

constexpr std::int64_t second_ns = 1'000'000'000;

std::int64_t interval_of(const config::Rate& rate) {
  return std::chrono::nanoseconds(rate.per).count() / static_cast<std::int64_t>(rate.count);
}

}  // namespace

std::chrono::nanoseconds TokenBucket::take(const config::Rate& rate, std::size_t tokens, Clock::time_point now) {
  const std::int64_t interval = interval_of(rate);
  const std::int64_t burst = std::max<std::int64_t>(1, second_ns / interval);
  const std::int64_t wanted = static_cast<std::int64_t>(tokens);
  const std::int64_t at = std::chrono::nanoseconds(now.time_since_epoch()).count();
  std::int64_t full_at = full_at_.load(std::memory_order_relaxed);
  for (;;) {
    const std::int64_t from = std::max(full_at, at);
    const std::int64_t missing = from - at + (std::min(wanted, burst) - burst) * interval;
    if (missing > 0) return std::chrono::nanoseconds(missing);
    if (full_at_.compare_exchange_weak(full_at, from + wanted * interval, std::memory_order_relaxed)) return {};
  }
}

void TokenBucket::give_back(const config::Rate& rate, std::size_t tokens) {
  full_at_.fetch_sub(static_cast<std::int64_t>(tokens) * interval_of(rate), std::memory_order_relaxed);
}

bool RunningCount::begin(std::size_t most) {
  std::size_t count = count_.load(std::memory_order_relaxed);
  while (count < most) {
    if (count_.compare_exchange_weak(count, count + 1, std::memory_order_relaxed)) return true;
  }
  return false;
}

}  // namespace dbgate::policy
