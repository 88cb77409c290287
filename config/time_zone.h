#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dbgate::config {

/// What a time zone's clocks show, by the system's zone database. Immutable.
class TimeZone {
 public:
  /// Reads the bytes of a TZif file (RFC 8536, versions 1 to 4), its rule for times to come included. Empty if they are
  /// none.
  static std::optional<TimeZone> parse(std::string_view bytes);

  /// Seconds to add to UTC for local time at that moment, seconds since 1970.
  std::int64_t offset_at(std::int64_t utc_seconds) const;

 private:
  /// Month, week and weekday, or a day of the year; and the second of that day.
  struct Change {
    enum class Form : std::uint8_t { month, julian, zero_based } form = Form::month;
    int month = 0, week = 0, day = 0;
    std::int64_t time = 2 * 3600;
    std::int64_t local_seconds(int year) const;
  };
  /// The footer of a TZif file: a TZ string as POSIX has it.
  struct Footer {
    std::int64_t standard = 0, summer = 0;
    bool has_summer = false;
    Change begins, ends;
    std::int64_t offset_at(std::int64_t utc_seconds) const;
  };
  struct Transition {
    std::int64_t at = 0;
    std::int64_t offset = 0;
  };
  static bool parse_footer(std::string_view text, Footer& footer);
  static bool parse_change(std::string_view& text, Change& change);

  std::int64_t before_ = 0;
  std::vector<Transition> transitions_;
  std::optional<Footer> footer_;
};

}  // namespace dbgate::config
