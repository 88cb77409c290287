#include "config/time_zone.h"

#include <algorithm>
#include <charconv>
#include <chrono>

namespace dbgate::config {
namespace {

constexpr std::int64_t day_seconds = 86'400;
constexpr std::size_t header_bytes = 44;
constexpr std::uint64_t most_entries = 10'000;

/// Whole big-endian numbers from the front of bytes; `fine` is false once there were too few.
struct Reader {
  std::string_view bytes;
  bool fine = true;

  std::string_view take(std::uint64_t count) {
    fine = fine && count <= bytes.size();
    if (!fine) return {};
    const std::string_view taken = bytes.substr(0, count);
    bytes.remove_prefix(count);
    return taken;
  }
  std::int64_t number(std::size_t size) {
    const std::string_view taken = take(size);
    std::uint64_t value = 0;
    for (const char c : taken)
      value = value << 8 | static_cast<unsigned char>(c);
    if (size == 4) return static_cast<std::int32_t>(static_cast<std::uint32_t>(value));
    return static_cast<std::int64_t>(value);
  }
};

struct Header {
  char version = 0;
  std::uint64_t utc_marks = 0, standard_marks = 0, leaps = 0, times = 0, types = 0, characters = 0;

  bool read(Reader& reader) {
    const std::string_view start = reader.take(20);
    if (!reader.fine || !start.starts_with("TZif")) return false;
    version = start[4];
    for (std::uint64_t* count : {&utc_marks, &standard_marks, &leaps, &times, &types, &characters}) {
      *count = static_cast<std::uint32_t>(reader.number(4));
      if (*count > most_entries) return false;
    }
    return reader.fine && types > 0;
  }
  std::uint64_t block_bytes(std::size_t time_size) const {
    return times * (time_size + 1) + types * 6 + characters + leaps * (time_size + 4) + standard_marks + utc_marks;
  }
};

bool take(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

bool take_number(std::string_view& text, int most, int& number) {
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc() || number < 0 || number > most) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

// [+-]hh[:mm[:ss]] in seconds.
bool take_time(std::string_view& text, std::int64_t& seconds) {
  const bool negative = take(text, '-');
  if (!negative) take(text, '+');
  int hours = 0;
  int minutes = 0;
  int rest = 0;
  if (!take_number(text, 167, hours)) return false;
  if (take(text, ':') && !take_number(text, 59, minutes)) return false;
  if (take(text, ':') && !take_number(text, 59, rest)) return false;
  seconds = std::int64_t{hours} * 3600 + minutes * 60 + rest;
  if (negative) seconds = -seconds;
  return true;
}

// "CET", or "<+03>" for names that are not words.
bool take_name(std::string_view& text) {
  const bool quoted = take(text, '<');
  const auto ends = [quoted](char c) {
    return quoted ? c == '>' : !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'));
  };
  const auto end = std::find_if(text.begin(), text.end(), ends);
  const auto length = static_cast<std::size_t>(end - text.begin());
  text.remove_prefix(length);
  return length >= 3 && (!quoted || take(text, '>'));
}

}  // namespace

std::int64_t TimeZone::Change::local_seconds(int year) const {
  using namespace std::chrono;
  const std::chrono::year in(year);
  if (form != Form::month) {
    // Day 60 of the Julian form is March 1 in every year.
    const bool skips = form == Form::julian && in.is_leap() && day >= 60;
    const int days = form == Form::julian ? day - 1 + (skips ? 1 : 0) : day;
    return (sys_days(in / January / 1).time_since_epoch().count() + days) * day_seconds + time;
  }
  const weekday on(static_cast<unsigned>(day));
  const std::chrono::month of(static_cast<unsigned>(month));
  const sys_days found = week == 5 ? sys_days(in / of / on[last]) : sys_days(in / of / on[static_cast<unsigned>(week)]);
  return found.time_since_epoch().count() * day_seconds + time;
}

std::int64_t TimeZone::Footer::offset_at(std::int64_t utc_seconds) const {
  using namespace std::chrono;
  if (!has_summer) return standard;
  // Years that std::chrono's calendar can say, so that no input overflows.
  constexpr std::int64_t furthest = std::int64_t{10'000} * 366 * day_seconds;
  utc_seconds = std::clamp(utc_seconds, -furthest, furthest);
  const auto days = floor<std::chrono::days>(sys_seconds(seconds(utc_seconds + standard)));
  const int year = static_cast<int>(year_month_day(days).year());
  const std::int64_t from = begins.local_seconds(year) - standard;
  const std::int64_t to = ends.local_seconds(year) - summer;
  const bool in_summer = from < to ? utc_seconds >= from && utc_seconds < to : utc_seconds >= from || utc_seconds < to;
  return in_summer ? summer : standard;
}

bool TimeZone::parse_change(std::string_view& text, Change& change) {
  if (!take(text, ',')) return false;
  if (take(text, 'M')) {
    const bool read = take_number(text, 12, change.month) && take(text, '.') && take_number(text, 5, change.week) &&
                      take(text, '.') && take_number(text, 6, change.day);
    if (!read || change.month < 1 || change.week < 1) return false;
  } else {
    change.form = take(text, 'J') ? Change::Form::julian : Change::Form::zero_based;
    if (!take_number(text, 365, change.day)) return false;
    if (change.form == Change::Form::julian && change.day < 1) return false;
  }
  return !take(text, '/') || take_time(text, change.time);
}

// std offset [dst [offset] ,change,change]; offsets count westwards.
bool TimeZone::parse_footer(std::string_view text, Footer& footer) {
  std::int64_t west = 0;
  if (!take_name(text) || !take_time(text, west)) return false;
  footer.standard = -west;
  if (text.empty()) return true;
  footer.has_summer = true;
  footer.summer = footer.standard + 3600;
  if (!take_name(text)) return false;
  if (!text.empty() && text.front() != ',') {
    if (!take_time(text, west)) return false;
    footer.summer = -west;
  }
  return parse_change(text, footer.begins) && parse_change(text, footer.ends) && text.empty();
}

std::optional<TimeZone> TimeZone::parse(std::string_view bytes) {
  Reader reader{bytes};
  Header header;
  if (bytes.size() < header_bytes || !header.read(reader)) return std::nullopt;
  std::size_t time_size = 4;
  if (header.version >= '2') {  // the same again with times of 64 bits
    reader.take(header.block_bytes(4));
    if (!header.read(reader)) return std::nullopt;
    time_size = 8;
  }
  Reader block{reader.take(header.block_bytes(time_size))};
  if (!reader.fine) return std::nullopt;
  std::vector<std::int64_t> times(header.times);
  for (std::int64_t& at : times)
    at = block.number(time_size);
  const std::string_view kinds = block.take(header.times);
  std::vector<std::int64_t> offsets(header.types);
  for (std::int64_t& offset : offsets) {
    offset = block.number(4);
    block.take(2);
  }
  TimeZone zone;
  zone.before_ = offsets[0];
  for (std::size_t i = 0; i < times.size(); ++i) {
    const auto kind = static_cast<unsigned char>(kinds[i]);
    if (kind >= offsets.size() || (i > 0 && times[i] <= times[i - 1])) return std::nullopt;
    zone.transitions_.push_back({times[i], offsets[kind]});
  }
  if (!take(reader.bytes, '\n')) return time_size == 4 ? std::optional(std::move(zone)) : std::nullopt;
  const std::string_view text = reader.bytes.substr(0, reader.bytes.find('\n'));
  Footer footer;
  if (text.empty()) return zone;
  if (!parse_footer(text, footer)) return std::nullopt;
  zone.footer_ = footer;
  return zone;
}

std::int64_t TimeZone::offset_at(std::int64_t utc_seconds) const {
  const auto next = std::upper_bound(transitions_.begin(), transitions_.end(), utc_seconds,
                                     [](std::int64_t at, const Transition& transition) { return at < transition.at; });
  if (next == transitions_.end() && footer_) return footer_->offset_at(utc_seconds);
  return next == transitions_.begin() ? before_ : std::prev(next)->offset;
}

}  // namespace dbgate::config
