#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "gateway/base/task.h"
#include "gateway/net/stream.h"

namespace dbgate::app {

/// How far what is in force has followed the identity store. Whoever has changed something there can wait until the
/// change is in force here, so that the next request meets it. Any thread.
class Following {
 public:
  Following();
  ~Following();
  Following(const Following&) = delete;
  Following& operator=(const Following&) = delete;

  /// A directory of this generation has been looked at: it is in force, or it cannot be.
  void reached(std::int64_t generation);
  /// Returns when the generation is reached, or patience ends. @return whether it is reached
  Task<bool> wait(std::int64_t generation, std::chrono::milliseconds patience);

 private:
  struct Waiting;

  std::mutex mutex_;
  std::int64_t generation_ = 0;
  std::vector<std::shared_ptr<Waiting>> waiting_;
};

}  // namespace dbgate::app
