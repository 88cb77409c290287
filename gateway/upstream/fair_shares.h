#pragma once
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace dbgate::upstream {

/// What each user has had of a target's server connections while others waited for them. Who has had least, by weight,
/// is served first: one who asks seldom or for short gets the next connection that is free, however many sessions of
/// somebody else wait. (Start-time fair queueing: Goyal, Vin, Cheng, "Start-time Fair Queueing", SIGCOMM 1996.) Who has
/// asked for nothing saves nothing up. Any thread; a lock only in of().
class FairShares {
 public:
  using Clock = std::chrono::steady_clock;

  class Share;
  /// Of a user, to be kept for as long as it asks. What it has had is remembered for a while after that.
  std::shared_ptr<Share> of(const std::string& user, unsigned weight);

  static constexpr std::size_t most_kept = 1'000;

 private:
  using Tempo = std::atomic<std::int64_t>;  // what those have had who are served now, in µs
  const std::shared_ptr<Tempo> tempo_ = std::make_shared<Tempo>(0);
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Share>, std::less<>> shares_;
};

class FairShares::Share {
 public:
  Share(std::shared_ptr<Tempo> tempo, unsigned weight);

  /// It waits.
  void join() noexcept;
  /// It is served: what its turns take, about, is put on its account, which end_turn() sets right.
  /// @return how much, in µs
  std::int64_t begin_turn() noexcept;
  void end_turn(std::int64_t charged_us, Clock::duration took) noexcept;
  /// What it has had, in µs by weight.
  std::int64_t used_us() const noexcept { return used_us_.load(std::memory_order_relaxed); }

 private:
  friend class FairShares;
  const std::shared_ptr<Tempo> tempo_;
  std::atomic<unsigned> weight_;
  std::atomic<std::int64_t> used_us_{0};
  std::atomic<std::int64_t> turn_us_{1'000};  // how long one takes, about
};
using FairShare = std::shared_ptr<FairShares::Share>;

/// Where somebody who waits stands: who has had less comes first, of equals who has waited longer.
struct Rank {
  FairShare share;  ///< null: of somebody who has had nothing
  FairShares::Clock::time_point since{};

  std::int64_t used_us() const noexcept { return share ? share->used_us() : 0; }
  /// As it is now: what somebody has had changes while others wait.
  bool operator<(const Rank& other) const noexcept {
    const std::int64_t used = used_us(), others = other.used_us();
    return used != others ? used < others : since < other.since;
  }
};

}  // namespace dbgate::upstream
