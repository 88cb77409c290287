#pragma once
#include <bitset>
#include <chrono>
#include <cstddef>

namespace dbgate::models {

/// Keeps questions from a provider that does not answer them: opens after 5 failures in a row or 10 of the last 20, and
/// at once for what time does not heal; then lets one through after 30 s, and after twice as long each time that fails,
/// up to 10 minutes. Whoever shares one holds a lock.
class Breaker {
 public:
  using Time = std::chrono::steady_clock::time_point;
  /// How an attempt ended.
  enum class End : unsigned char {
    good,
    neither,  ///< it says nothing of the provider's health
    bad,
    hopeless  ///< the key is not good, or the bill not paid
  };

  /// Whether one may be sent now. Whoever gets a yes says how it ended.
  bool permits(Time now);
  void ended(End end, Time now);
  bool is_closed() const noexcept { return !open_; }
  /// Until when none may be sent, whatever happens; in the past: one may be, or one is on its way that will tell.
  Time closed_to_all_until() const noexcept { return open_ ? until_ : Time{}; }

 private:
  static constexpr std::size_t window = 20;
  static constexpr std::size_t in_a_row = 5;
  static constexpr std::chrono::seconds first_pause{30};
  static constexpr std::chrono::seconds longest_pause{600};

  void open(Time now);

  std::bitset<window> failed_;  // the latest first
  std::size_t seen_ = 0;
  std::size_t row_ = 0;
  bool open_ = false;
  bool probing_ = false;
  Time until_{};
  std::chrono::seconds pause_{0};
};

}  // namespace dbgate::models
