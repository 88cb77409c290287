#pragma once
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "gateway/base/error.h"
#include "gateway/session/host.h"

namespace dbgate::app {

/// Counts connections over all threads. Outlives every seat.
class Admission {
 public:
  struct Limits {
    std::size_t connections = 0;
    std::size_t per_user = 0;    ///< 0: no limit
    std::size_t per_target = 0;  ///< 0: no limit
  };
  /// Errors: 53300 naming the limit that is reached.
  Result<session::Seat> take(std::string_view user, std::string_view target, const Limits& limits);

 private:
  using Counts = std::map<std::string, std::size_t, std::less<>>;
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

  std::mutex mutex_;
  std::size_t total_ = 0;
  Counts users_;
  Counts targets_;
  std::map<Names, Party> parties_;  // all of them have somebody seated
};

/// Slows down the guessing of passwords: so many failures from one address within a minute, then none is tried.
class LoginThrottle {
 public:
  bool allows(const std::string& address, std::size_t most_failures);
  void failed(const std::string& address);

 private:
  using Clock = std::chrono::steady_clock;
  struct Failures {
    Clock::time_point since;
    std::size_t count = 0;
  };
  std::mutex mutex_;
  std::map<std::string, Failures> failures_;
};

}  // namespace dbgate::app
