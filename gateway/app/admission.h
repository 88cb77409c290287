#pragma once
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/api/rate_limit.h"
#include "gateway/app/replica_words.h"
#include "gateway/base/error.h"
#include "gateway/session/host.h"

namespace dbgate::app {

/// Counts connections over all threads, and with what other gateways say over all of them. Outlives every seat.
class Admission {
 public:
  struct Limits {
    std::size_t connections = 0;
    std::size_t per_user = 0;    ///< 0: no limit
    std::size_t per_target = 0;  ///< 0: no limit
  };
  /// Errors: 53300 naming the limit that is reached.
  Result<session::Seat> take(std::string_view user, std::string_view target, const Limits& limits);
  /// Seats taken here, by user and target.
  void add_to(ReplicaUsage& usage, bool users, const std::vector<std::string>& targets) const;
  /// Seats that other gateways have given away: they count against `per_user` and `per_target`.
  void count_elsewhere(Counts users, Counts targets);

 private:
  using Names = std::pair<std::string, std::string>;  // user, target
  /// Those of one user on one target.
  class Party final : public session::Seats {
   public:
    Party(Admission& admission, Counts::iterator user, Counts::iterator target)
        : admission_(admission), user_(user), target_(target) {}
    void leave() noexcept override { admission_.leave(*this); }

   private:
    friend class Admission;
    Admission& admission_;
    Counts::iterator user_;
    Counts::iterator target_;
    std::size_t seated_ = 0;
  };
  void leave(Party& party) noexcept;

  mutable std::mutex mutex_;
  std::size_t total_ = 0;
  Counts users_;
  Counts targets_;
  Counts users_elsewhere_;
  Counts targets_elsewhere_;
  std::map<Names, Party> parties_;  // all of them have somebody seated
};

/// Bounds what strangers make gateways say to each other: cancel requests need no login. Any thread.
class CancelGuard {
 public:
  /// Whether a request of that address whose key nobody knows here may be passed on.
  bool allows(const std::string& address);

 private:
  std::mutex mutex_;
  api::RateLimiter rates_;
};

/// Slows down the guessing of passwords: so many failures from one address within a minute, then none is tried.
class LoginThrottle {
 public:
  bool allows(const std::string& address, std::size_t most_failures);
  void failed(const std::string& address);
  /// Failures of the last minute; of many addresses those with the most.
  Counts counts() const;
  /// Failures that other gateways have seen.
  void count_elsewhere(Counts failures);

 private:
  using Clock = std::chrono::steady_clock;
  struct Failures {
    Clock::time_point since;
    std::size_t count = 0;
  };
  mutable std::mutex mutex_;
  std::map<std::string, Failures> failures_;
  Counts elsewhere_;
};

}  // namespace dbgate::app
