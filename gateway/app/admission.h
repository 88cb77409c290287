#pragma once
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "gateway/base/error.h"

namespace dbgate::app {

/// Counts connections over all threads. A place is free again when the returned value is dropped.
class Admission {
 public:
  struct Limits {
    std::size_t connections = 0;
    std::size_t per_user = 0;    ///< 0: no limit
    std::size_t per_target = 0;  ///< 0: no limit
  };
  /// Errors: 53300 naming the limit that is reached.
  Result<std::shared_ptr<void>> take(std::string_view user, std::string_view target, const Limits& limits);

 private:
  struct Counts {
    std::mutex mutex;
    std::size_t total = 0;
    std::map<std::string, std::size_t, std::less<>> users;
    std::map<std::string, std::size_t, std::less<>> targets;
  };
  std::shared_ptr<Counts> counts_ = std::make_shared<Counts>();
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
