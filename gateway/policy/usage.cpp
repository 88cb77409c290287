#include "gateway/policy/usage.h"

#include <algorithm>

namespace dbgate::policy {
namespace {

constexpr std::int64_t second_ns = 1'000'000'000;
constexpr std::int64_t longest_debt = 10;  // seconds, or tokens that are rarer

std::int64_t interval_of(const config::Rate& rate) {
  return std::chrono::nanoseconds(rate.per).count() / static_cast<std::int64_t>(rate.count);
}

}  // namespace

// Two threads that come at the same time: the one that finds nothing owed may pass before the other has paid.
void TokenBucket::pay(std::int64_t interval, std::int64_t at) {
  const std::uint64_t owed = owed_.exchange(0, std::memory_order_relaxed);
  const std::int64_t most = longest_debt * std::max(second_ns, interval);
  const std::int64_t debt =
      owed < static_cast<std::uint64_t>(most / interval) ? static_cast<std::int64_t>(owed) * interval : most;
  std::int64_t full_at = full_at_.load(std::memory_order_relaxed);
  for (;;) {
    const std::int64_t then = std::max(full_at, std::min(std::max(full_at, at) + debt, at + most));
    if (full_at_.compare_exchange_weak(full_at, then, std::memory_order_relaxed)) return;
  }
}

std::chrono::nanoseconds TokenBucket::take(const config::Rate& rate, std::size_t tokens, Clock::time_point now) {
  const std::int64_t interval = interval_of(rate);
  const std::int64_t burst = std::max<std::int64_t>(1, second_ns / interval);
  const std::int64_t wanted = static_cast<std::int64_t>(tokens);
  const std::int64_t at = std::chrono::nanoseconds(now.time_since_epoch()).count();
  if (owed_.load(std::memory_order_relaxed) > 0) pay(interval, at);
  std::int64_t full_at = full_at_.load(std::memory_order_relaxed);
  for (;;) {
    const std::int64_t from = std::max(full_at, at);
    const std::int64_t missing = from - at + (std::min(wanted, burst) - burst) * interval;
    if (missing > 0) return std::chrono::nanoseconds(missing);
    if (full_at_.compare_exchange_weak(full_at, from + wanted * interval, std::memory_order_relaxed)) break;
  }
  taken_.fetch_add(tokens, std::memory_order_relaxed);
  return {};
}

void TokenBucket::give_back(const config::Rate& rate, std::size_t tokens) {
  full_at_.fetch_sub(static_cast<std::int64_t>(tokens) * interval_of(rate), std::memory_order_relaxed);
  taken_.fetch_sub(tokens, std::memory_order_relaxed);
}

bool RunningCount::begin(std::size_t most) {
  const std::size_t elsewhere = elsewhere_.load(std::memory_order_relaxed);
  std::size_t count = count_.load(std::memory_order_relaxed);
  while (count + elsewhere < most) {
    if (count_.compare_exchange_weak(count, count + 1, std::memory_order_relaxed)) return true;
  }
  return false;
}

}  // namespace dbgate::policy
