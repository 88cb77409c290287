#pragma once
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "config/limits.h"

// What sessions use up together. Exact over any number of threads, without locks.
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

 private:
  std::atomic<std::int64_t> full_at_{0};  // ns of the steady clock
};

/// How many statements run at once.
class RunningCount {
 public:
  /// Takes a place. False: there are `most` already.
  bool begin(std::size_t most);
  void end() { count_.fetch_sub(1, std::memory_order_relaxed); }

 private:
  std::atomic<std::size_t> count_{0};
};

/// Of one principal on one target, or of one target.
struct Usage {
  TokenBucket bucket;
  RunningCount running;
};

}  // namespace dbgate::policy
