#pragma once
#include <pthread.h>

#include <cstddef>
#include <functional>

namespace dbgate {

/// A thread with a stack of known size, whatever the limits of the shell that started the process; joined by its
/// destructor.
class Thread {
 public:
  Thread(std::size_t stack_bytes, std::function<void()> run);
  ~Thread();
  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;

 private:
  std::function<void()> run_;
  pthread_t handle_{};
};

/// From now on the calling thread, and what it starts, runs when no other thread wants the processor.
void run_when_idle() noexcept;

}  // namespace dbgate
