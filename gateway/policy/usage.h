#pragma once
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "config/limits.h"

// What sessions use up together. Exact over any number of threads, without locks; what other gateways use up is told
// by whoever keeps in touch with them, and late by that.
namespace dbgate::policy {

/// A token bucket that holds one second's worth of its rate, at least one. Kept as the one moment at which it will be
/// full again (the "generic cell rate algorithm"), so that a changed rate counts at once.
class TokenBucket {
 public:
  using Clock = std::chrono::steady_clock;

  /// Takes `tokens`, or none of them. More than the bucket holds need it full, and leave it in debt for the rest.
  /// @return zero, or how long to wait until the same can be taken
  std::chrono::nanoseconds take(const config::Rate& rate, std::size_t tokens, Clock::time_point now);
  /// Undoes a take().
  void give_back(const config::Rate& rate, std::size_t tokens);
  /// Tokens taken here, ever.
  std::uint64_t taken() const { return taken_.load(std::memory_order_relaxed); }
  /// Tokens that were taken elsewhere since this was called last: missing here as well, from the next take() on. Makes
  /// nobody wait for more than ten seconds (or tokens, if those are rarer): what was not heard for long is past.
  void charge(std::uint64_t tokens) { owed_.fetch_add(tokens, std::memory_order_relaxed); }

 private:
  void pay(std::int64_t interval, std::int64_t at);

  std::atomic<std::int64_t> full_at_{0};  // ns of the steady clock
  std::atomic<std::uint64_t> taken_{0};
  std::atomic<std::uint64_t> owed_{0};
};

/// How many statements run at once.
class RunningCount {
 public:
  /// Takes a place. False: there are `most` already, here and elsewhere.
  bool begin(std::size_t most);
  void end() { count_.fetch_sub(1, std::memory_order_relaxed); }
  std::size_t here() const { return count_.load(std::memory_order_relaxed); }
  void count_elsewhere(std::size_t count) { elsewhere_.store(count, std::memory_order_relaxed); }

 private:
  std::atomic<std::size_t> count_{0};
  std::atomic<std::size_t> elsewhere_{0};
};

/// Of one principal on one target, or of one target.
struct Usage {
  TokenBucket bucket;
  RunningCount running;
};

}  // namespace dbgate::policy
