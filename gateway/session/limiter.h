#pragma once
#include <chrono>
#include <memory>

#include "gateway/policy/limits.h"
#include "gateway/policy/usage.h"

namespace dbgate::session {

/// Which limits hold for one session now, and what it shares with the other sessions of its principal and target.
/// Implemented over snapshots by the process, scripted in tests.
class Limiter {
 public:
  using Clock = std::chrono::steady_clock;
  virtual ~Limiter() = default;

  /// Null: none. Asked once per batch of messages, so it must be cheap.
  virtual const std::shared_ptr<const policy::LimitSet>& current() = 0;
  /// Asked only where a limit of that kind is set. Valid as long as this is.
  virtual policy::Usage& of_principal() = 0;
  virtual policy::Usage& of_target() = 0;
  virtual Clock::time_point now() const { return Clock::now(); }
};

}  // namespace dbgate::session
