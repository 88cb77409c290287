#pragma once
#include <ctime>

#include <chrono>

namespace dbgate::sql {

/// What this thread has computed so far: unlike the wall clock, no other work on the machine makes it longer.
inline std::chrono::nanoseconds cpu_time() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

}  // namespace dbgate::sql
