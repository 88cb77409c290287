#include "gateway/base/clock.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <ctime>

namespace dbgate {

std::int64_t wall_clock_us() noexcept {
  thread_local std::int64_t latest = 0;
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  latest = std::max<std::int64_t>(latest, std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000);
  return latest;
}

char* write_time(char* out, std::int64_t wall_us) noexcept {
  constexpr std::size_t calendar_bytes = 19;
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
  std::memcpy(out, calendar.data(), calendar_bytes);
  out[calendar_bytes] = '.';
  auto fraction = static_cast<std::uint32_t>(wall_us % 1'000'000);
  for (std::size_t at = time_bytes - 2; at > calendar_bytes; --at) {
    out[at] = static_cast<char>('0' + fraction % 10);
    fraction /= 10;
  }
  out[time_bytes - 1] = 'Z';
  return out + time_bytes;
}

std::string format_time(std::int64_t wall_us) {
  std::string text(time_bytes, '\0');
  write_time(text.data(), wall_us);
  return text;
}

}  // namespace dbgate
