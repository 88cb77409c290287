#pragma once
#include <list>
#include <memory>

#include "gateway/upstream/pool.h"

// Of the pool's own files.
namespace dbgate::upstream {

/// A server connection that is being opened.
class Pool::Opening {
 public:
  Opening(Pool& pool, const LinkRequest& request, const void* who);
  ~Opening();
  Opening(const Opening&) = delete;
  Opening& operator=(const Opening&) = delete;
  const LinkRequest& request() const noexcept { return request_; }
  Clock::time_point since() const noexcept { return since_; }
  const void* who() const noexcept { return who_; }

  /// It waits for a host that fits; null: it does not.
  void wait_with(std::shared_ptr<HostWait> wait) { wait_ = std::move(wait); }
  /// Nobody is there any more to take it: waiting ends. A connection under way comes to its end.
  void give_up() {
    given_up_ = true;
    if (wait_) wait_->changed.notify();
  }
  bool given_up() const noexcept { return given_up_; }

 private:
  const LinkRequest& request_;
  const void* const who_;
  const Clock::time_point since_ = Clock::now();
  std::list<Opening*>& list_;
  const std::list<Opening*>::iterator place_;
  std::shared_ptr<HostWait> wait_;
  bool given_up_ = false;
};

/// Counts an attempt to connect.
void note_connect(telemetry::TargetCounters& counters, std::chrono::steady_clock::time_point begun, bool connected);

Error shutting_down();

}  // namespace dbgate::upstream
