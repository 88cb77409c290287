#include "gateway/queries/parquet_values.h"

#include <charconv>
#include <limits>

namespace dbgate::queries {
namespace {

__extension__ using Wide = __int128;
__extension__ using UnsignedWide = unsigned __int128;

/// Takes pieces off the front of a text.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : rest_(text) {}
  bool done() const noexcept { return rest_.empty(); }
  bool take(char c) noexcept {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool take(std::string_view text) noexcept {
    if (!rest_.starts_with(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
  }
  /// At least `least` digits, at most `most`. @return how many; 0 for none
  std::size_t digits(std::size_t least, std::size_t most, std::int64_t& value) noexcept {
    std::size_t count = 0;
    value = 0;
    while (count < most && count < rest_.size() && rest_[count] >= '0' && rest_[count] <= '9')
      value = value * 10 + (rest_[count++] - '0');
    if (count < least) return 0;
    rest_.remove_prefix(count);
    return count;
  }

 private:
  std::string_view rest_;
};

struct Date {
  std::int64_t year = 0, month = 0, day = 0;
};

bool read_date(Cursor& at, Date& date) {
  return at.digits(4, 7, date.year) > 0 && at.take('-') && at.digits(2, 2, date.month) > 0 && at.take('-') &&
         at.digits(2, 2, date.day) > 0 && date.month >= 1 && date.month <= 12 && date.day >= 1 && date.day <= 31;
}

// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil.
std::int64_t days_from(const Date& date) {
  const std::int64_t year = date.year - (date.month <= 2 ? 1 : 0);
  const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  const std::int64_t of_era = year - era * 400;
  const std::int64_t of_year = (153 * (date.month + (date.month > 2 ? -3 : 9)) + 2) / 5 + date.day - 1;
  return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

// "05:04:03.000002" in microseconds.
bool read_time(Cursor& at, std::int64_t& microseconds) {
  std::int64_t hours = 0, minutes = 0, seconds = 0, fraction = 0;
  if (at.digits(2, 2, hours) == 0 || !at.take(':') || at.digits(2, 2, minutes) == 0 || !at.take(':') ||
      at.digits(2, 2, seconds) == 0) {
    return false;
  }
  if (at.take('.')) {
    std::size_t count = at.digits(1, 6, fraction);
    if (count == 0) return false;
    for (; count < 6; ++count)
      fraction *= 10;
  }
  microseconds = ((hours * 60 + minutes) * 60 + seconds) * 1'000'000 + fraction;
  return true;
}

// "+01", "-03:30", "+00:19:32".
bool read_zone(Cursor& at, std::int64_t& seconds) {
  const bool west = at.take('-');
  if (!west && !at.take('+')) return false;
  std::int64_t hours = 0, minutes = 0, rest = 0;
  if (at.digits(2, 2, hours) == 0) return false;
  if (at.take(':') && at.digits(2, 2, minutes) == 0) return false;
  if (at.take(':') && at.digits(2, 2, rest) == 0) return false;
  seconds = (hours * 60 + minutes) * 60 + rest;
  if (west) seconds = -seconds;
  return true;
}

// The year before 1 is 1 BC.
bool read_era(Cursor& at, Date& date) {
  if (at.take(" BC")) date.year = 1 - date.year;
  return at.done();
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

std::optional<std::int32_t> days_of(std::string_view text) {
  Cursor at(text);
  Date date;
  if (!read_date(at, date) || !read_era(at, date)) return {};
  return static_cast<std::int32_t>(days_from(date));
}

std::optional<std::int64_t> microseconds_of(std::string_view text, bool with_zone) {
  Cursor at(text);
  Date date;
  std::int64_t time = 0;
  std::int64_t zone = 0;
  if (!read_date(at, date) || !at.take(' ') || !read_time(at, time)) return {};
  if (with_zone && !read_zone(at, zone)) return {};
  if (!read_era(at, date)) return {};
  return days_from(date) * 86'400'000'000 + time - zone * 1'000'000;
}

std::optional<std::string> bytes_of(std::string_view text) {
  if (!text.starts_with("\\x") || text.size() % 2 != 0) return {};
  std::string bytes;
  bytes.reserve(text.size() / 2 - 1);
  for (std::size_t i = 2; i < text.size(); i += 2) {
    const int high = hex_digit(text[i]);
    const int low = hex_digit(text[i + 1]);
    if (high < 0 || low < 0) return {};
    bytes += static_cast<char>(high * 16 + low);
  }
  return bytes;
}

std::optional<std::array<char, decimal_bytes>> decimal_of(std::string_view text, int scale) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  Wide value = 0;
  int digits = 0;
  int fraction = -1;  // digits behind the point; -1: not there yet
  for (const char c : text) {
    if (c == '.' && fraction < 0) {
      fraction = 0;
      continue;
    }
    if (c < '0' || c > '9') return {};
    if (value != 0 || c != '0') ++digits;
    if (digits > most_decimal_digits) return {};
    value = value * 10 + (c - '0');
    if (fraction >= 0) ++fraction;
  }
  const bool any = text.find_first_of("0123456789") != std::string_view::npos;
  if (!any || fraction > scale) return {};
  for (fraction = fraction < 0 ? 0 : fraction; fraction < scale; ++fraction) {
    if (value != 0 && ++digits > most_decimal_digits) return {};
    value *= 10;
  }
  const auto bits = static_cast<UnsignedWide>(negative ? -value : value);
  std::array<char, decimal_bytes> bytes;
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<char>(bits >> (8 * (bytes.size() - 1 - i)) & 0xff);
  return bytes;
}

// numeric.c: precision in the upper half, the scale in 11 bits with a sign.
Precision precision_of(std::int32_t type_modifier) {
  if (type_modifier < 4) return {};
  const std::int32_t packed = type_modifier - 4;
  const Precision declared{packed >> 16 & 0xffff, ((packed & 0x7ff) ^ 1024) - 1024};
  const bool fits = declared.digits >= 1 && declared.digits <= most_decimal_digits && declared.scale >= 0 &&
                    declared.scale <= declared.digits;
  return fits ? declared : Precision();
}

}  // namespace dbgate::queries
