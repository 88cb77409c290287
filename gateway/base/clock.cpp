#include "gateway/base/clock.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>

namespace dbgate {

std::int64_t wall_clock_us() noexcept {
  thread_local std::int64_t latest = 0;
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  latest = std::max<std::int64_t>(latest, std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000);
  return latest;
}

std::string format_time(std::int64_t wall_us) {
  // The calendar part changes once a second; records come by the thousand.
  thread_local std::int64_t cached_second = -1;
  thread_local std::array<char, 32> calendar{};
  const std::int64_t second = wall_us / 1'000'000;
  if (second != cached_second) {
    const std::time_t time = second;
    std::tm parts{};
    ::gmtime_r(&time, &parts);
    std::strftime(calendar.data(), calendar.size(), "%Y-%m-%dT%H:%M:%S", &parts);
    cached_second = second;
  }
  std::string text(calendar.data(), 19);
  text += '.';
  std::int64_t fraction = wall_us % 1'000'000;
  for (std::int64_t unit = 100'000; unit > 0; unit /= 10) {
    text += static_cast<char>('0' + fraction / unit);
    fraction %= unit;
  }
  text += 'Z';
  return text;
}

}  // namespace dbgate
