#pragma once
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace dbgate::telemetry {

/// A number that one thread changes and any thread reads: a plain load and store, without a locked instruction. What
/// readers see may be a moment old, and two counters need not be of the same moment.
class Counter {
 public:
  void add(std::uint64_t more = 1) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
  }
  void set(std::uint64_t value) noexcept { value_.store(value, std::memory_order_relaxed); }
  std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// A number that any thread changes: for what is asked for far less often than statements are.
class SharedCounter {
 public:
  void add(std::uint64_t more = 1) noexcept { value_.fetch_add(more, std::memory_order_relaxed); }
  std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// One counter for each enumerator of `Word`, which ends with count_.
template <class Word>
class CounterOf {
 public:
  static constexpr std::size_t size = static_cast<std::size_t>(Word::count_);
  Counter& operator[](Word word) noexcept { return counters_[static_cast<std::size_t>(word)]; }
  const Counter& operator[](Word word) const noexcept { return counters_[static_cast<std::size_t>(word)]; }

 private:
  std::array<Counter, size> counters_;
};

/// Upper bounds of histograms of durations; what is longer than the last counts as well.
inline constexpr std::array<std::chrono::microseconds, 9> duration_bounds = {
    std::chrono::microseconds(1'000),     std::chrono::microseconds(5'000),     std::chrono::microseconds(10'000),
    std::chrono::microseconds(50'000),    std::chrono::microseconds(100'000),   std::chrono::microseconds(500'000),
    std::chrono::microseconds(1'000'000), std::chrono::microseconds(5'000'000), std::chrono::microseconds(10'000'000)};

/// The same of what the gateway itself takes.
inline constexpr std::array<std::chrono::microseconds, 12> short_bounds = {
    std::chrono::microseconds(10),     std::chrono::microseconds(20),     std::chrono::microseconds(50),
    std::chrono::microseconds(100),    std::chrono::microseconds(200),    std::chrono::microseconds(500),
    std::chrono::microseconds(1'000),  std::chrono::microseconds(2'000),  std::chrono::microseconds(5'000),
    std::chrono::microseconds(10'000), std::chrono::microseconds(20'000), std::chrono::microseconds(50'000)};

/// How long something took, each time: one thread counts, any thread reads.
template <const auto& Bounds>
class DurationsWithin {
 public:
  static constexpr const auto& bounds = Bounds;
  /// One for each bound, and one for what is longer; each counts what is in no bucket before it.
  static constexpr std::size_t buckets = bounds.size() + 1;

  void observe(std::chrono::nanoseconds took) noexcept {
    const auto at = std::find_if(bounds.begin(), bounds.end(), [took](auto bound) { return took <= bound; });
    buckets_[static_cast<std::size_t>(at - bounds.begin())].add();
    sum_ns_.add(static_cast<std::uint64_t>(took.count() > 0 ? took.count() : 0));
  }
  std::uint64_t in_bucket(std::size_t bucket) const noexcept { return buckets_[bucket].value(); }
  std::uint64_t sum_us() const noexcept { return sum_ns_.value() / 1000; }

 private:
  std::array<Counter, buckets> buckets_;
  Counter sum_ns_;
};
using Durations = DurationsWithin<duration_bounds>;
using ShortDurations = DurationsWithin<short_bounds>;

}  // namespace dbgate::telemetry
