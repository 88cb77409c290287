#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace dbgate {

/// Microseconds since 1970-01-01 UTC, never going backwards within a thread: a clock that is set back shows as a run
/// of equal times, not as records out of order.
std::int64_t wall_clock_us() noexcept;
/// RFC 3339 in UTC with microseconds: "2026-11-21T05:04:03.000002Z". Always 27 characters.
std::string format_time(std::int64_t wall_us);
inline constexpr std::size_t time_bytes = 27;
/// The same into a buffer with room for `time_bytes`. @return behind them
char* write_time(char* out, std::int64_t wall_us) noexcept;

}  // namespace dbgate
