#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "config/time_zone.h"

namespace dbgate::config {

/// `when`: the hours of certain days at a place. A window whose end is not after its beginning goes on into the next
/// day, and belongs to the day on which it began.
struct Window {
  std::uint8_t days = 0x7f;  ///< bit 0: Monday
  int from = 0;              ///< minute of the day
  int to = 24 * 60;
  std::shared_ptr<const TimeZone> zone;  ///< null: UTC

  /// Edges are at whole minutes.
  bool open_at(std::int64_t utc_seconds) const;
};

}  // namespace dbgate::config
