#include "gateway/policy/values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

namespace dbgate::policy {
namespace {

// pg_type.dat: these never change.
constexpr catalog::Oid bool_oid = 16, int8_oid = 20, int2_oid = 21, int4_oid = 23, text_oid = 25, unknown_oid = 705;
constexpr catalog::Oid varchar_oid = 1043, date_oid = 1082, numeric_oid = 1700, uuid_oid = 2950;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

char lower(char c) {
  return static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

bool all_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
}

// Digits with a point, and no exponent: what is left of it without the zeros that say nothing.
std::optional<std::string> number(std::string_view text) {
  bool negative = false;
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) {
    negative = text.front() == '-';
    text.remove_prefix(1);
  }
  const std::size_t point = text.find('.');
  std::string_view whole = text.substr(0, point);
  std::string_view fraction = point == std::string_view::npos ? std::string_view() : text.substr(point + 1);
  if (whole.empty() || !all_digits(whole) || (!fraction.empty() && !all_digits(fraction))) return std::nullopt;
  while (!whole.empty() && whole.front() == '0')
    whole.remove_prefix(1);
  while (!fraction.empty() && fraction.back() == '0')
    fraction.remove_suffix(1);
  if (whole.empty() && fraction.empty()) return "0";
  std::string result = negative ? "-" : "";
  result += whole.empty() ? std::string_view("0") : whole;
  if (!fraction.empty()) (result += '.') += fraction;
  return result;
}

// Hexadecimal digits, with hyphens in their usual places or none.
std::optional<std::string> uuid(std::string_view text) {
  std::string digits;
  const bool hyphens = text.size() == 36;
  if (!hyphens && text.size() != 32) return std::nullopt;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (hyphens && (i == 8 || i == 13 || i == 18 || i == 23)) {
      if (text[i] != '-') return std::nullopt;
      continue;
    }
    const char c = lower(text[i]);
    if (!is_digit(c) && (c < 'a' || c > 'f')) return std::nullopt;
    digits += c;
  }
  return digits;
}

std::optional<std::string> boolean(std::string_view text) {
  std::string word;
  for (const char c : text)
    word += lower(c);
  for (const std::string_view yes : {"t", "true", "y", "yes", "on", "1"}) {
    if (word == yes) return "true";
  }
  for (const std::string_view no : {"f", "false", "n", "no", "off", "0"}) {
    if (word == no) return "false";
  }
  return std::nullopt;
}

// ISO 8601, which every DateStyle reads alike.
std::optional<std::string> date(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  if (!all_digits(text.substr(0, 4)) || !all_digits(text.substr(5, 2)) || !all_digits(text.substr(8)))
    return std::nullopt;
  return std::string(text);
}

/// Reads fixed-size fields in network order; anything beyond the end makes it fail for good.
class Fields {
 public:
  explicit Fields(std::string_view bytes) : rest_(bytes) {}
  std::int64_t signed_int(std::size_t size) {
    const std::string_view part = take(size);
    std::uint64_t value = !part.empty() && (part.front() & 0x80) != 0 ? ~std::uint64_t{0} : 0;
    for (const char c : part)
      value = (value << 8) | static_cast<unsigned char>(c);
    return static_cast<std::int64_t>(value);
  }
  std::string_view take(std::size_t size) {
    failed_ = failed_ || size > rest_.size();
    if (failed_) return {};
    const std::string_view part = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return part;
  }
  std::size_t left() const { return rest_.size(); }
  bool done() const { return !failed_ && rest_.empty(); }
  bool failed() const { return failed_; }

 private:
  std::string_view rest_;
  bool failed_ = false;
};

// Digits of base 10 000, the first of which counts 10 000^weight (numeric_send).
std::optional<std::string> numeric_binary(std::string_view bytes) {
  Fields fields(bytes);
  const std::int64_t count = fields.signed_int(2), weight = fields.signed_int(2), sign = fields.signed_int(2);
  const std::int64_t scale = fields.signed_int(2);
  const bool sane = !fields.failed() && count >= 0 && static_cast<std::size_t>(count) * 2 == fields.left() &&
                    (sign == 0 || sign == 0x4000) && weight >= -64 && weight <= 64 && count <= 128 && scale >= 0;
  if (!sane) return std::nullopt;
  std::string whole, fraction;
  const auto append = [&](std::int64_t position, std::int64_t digit) {
    char text[8];
    std::snprintf(text, sizeof text, "%04d", static_cast<int>(digit));
    (position >= 0 ? whole : fraction) += text;
  };
  for (std::int64_t zeros = -1; zeros > weight; --zeros)
    append(zeros, 0);
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t digit = fields.signed_int(2);
    if (digit < 0 || digit > 9999) return std::nullopt;
    append(weight - i, digit);
  }
  for (std::int64_t left = weight - count; left >= 0; --left)
    append(left, 0);
  // The server cuts digits behind the scale off.
  const std::string kept = fraction.substr(0, static_cast<std::size_t>(scale));
  if (std::any_of(fraction.begin() + static_cast<std::ptrdiff_t>(kept.size()), fraction.end(),
                  [](char c) { return c != '0'; })) {
    return std::nullopt;
  }
  return number((sign == 0 ? "" : "-") + (whole.empty() ? "0" : whole) + (kept.empty() ? "" : "." + kept));
}

// Days since 2000-01-01 (date_send), by the civil calendar.
std::optional<std::string> date_binary(std::int64_t days) {
  constexpr std::int64_t year_1 = -730'119, year_10000 = 2'921'940;
  if (days < year_1 || days >= year_10000) return std::nullopt;
  const std::int64_t z = days + 730'425;  // since 0000-03-01
  const std::int64_t era = z / 146'097, day_of_era = z % 146'097;
  const std::int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const std::int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t shifted = (5 * day_of_year + 2) / 153;  // months since March
  const std::int64_t day = day_of_year - (153 * shifted + 2) / 5 + 1;
  const std::int64_t month = shifted < 10 ? shifted + 3 : shifted - 9;
  const std::int64_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
  char text[32];
  std::snprintf(text, sizeof text, "%04lld-%02lld-%02lld", static_cast<long long>(year), static_cast<long long>(month),
                static_cast<long long>(day));
  return text;
}

}  // namespace

Family family_of(catalog::Oid type) {
  switch (type) {
    case int2_oid:
    case int4_oid:
    case int8_oid:
      return Family::integer;
    case numeric_oid:
      return Family::numeric;
    case text_oid:
    case varchar_oid:
      return Family::text;
    case uuid_oid:
      return Family::uuid;
    case bool_oid:
      return Family::boolean;
    case date_oid:
      return Family::date;
    default:
      return Family::none;
  }
}

bool is_number(Family family) {
  return family == Family::integer || family == Family::numeric;
}

bool is_undeclared(catalog::Oid type) {
  return type == 0 || type == unknown_oid;
}

std::optional<std::string> canonical(Family family, std::string_view text) {
  switch (family) {
    case Family::integer:
      return text.find('.') == std::string_view::npos ? number(text) : std::nullopt;
    case Family::numeric:
      return number(text);
    case Family::text:
      return std::string(text);
    case Family::uuid:
      return uuid(text);
    case Family::boolean:
      return boolean(text);
    case Family::date:
      return date(text);
    default:
      return std::nullopt;
  }
}

std::optional<std::string> canonical_binary(catalog::Oid type, std::string_view bytes) {
  constexpr char hex[] = "0123456789abcdef";
  const auto integer = [bytes](std::size_t size) -> std::optional<std::string> {
    Fields fields(bytes);
    const std::int64_t value = fields.signed_int(size);
    return fields.done() ? std::optional(std::to_string(value)) : std::nullopt;
  };
  switch (type) {
    case int2_oid:
      return integer(2);
    case int4_oid:
      return integer(4);
    case int8_oid:
      return integer(8);
    case numeric_oid:
      return numeric_binary(bytes);
    case text_oid:
    case varchar_oid:
      return std::string(bytes);
    case uuid_oid: {
      if (bytes.size() != 16) return std::nullopt;
      std::string digits;
      for (const char c : bytes) {
        digits += hex[static_cast<unsigned char>(c) >> 4];
        digits += hex[static_cast<unsigned char>(c) & 15];
      }
      return digits;
    }
    case bool_oid:
      if (bytes.size() != 1) return std::nullopt;
      return bytes.front() != 0 ? "true" : "false";
    case date_oid: {
      Fields fields(bytes);
      const std::int64_t days = fields.signed_int(4);
      return fields.done() ? date_binary(days) : std::nullopt;
    }
    default:
      return std::nullopt;
  }
}

std::optional<std::vector<Element>> elements_of(std::string_view array) {
  std::vector<Element> elements;
  if (array.size() < 2 || array.front() != '{' || array.back() != '}') return std::nullopt;
  const std::string_view inside = array.substr(1, array.size() - 2);
  if (inside.empty()) return elements;
  std::size_t at = 0;
  for (;;) {
    std::string element;
    const bool quoted = at < inside.size() && inside[at] == '"';
    if (quoted) ++at;
    for (;; ++at) {
      if (at >= inside.size()) {
        if (quoted) return std::nullopt;
        break;
      }
      char c = inside[at];
      if (quoted && c == '"') break;
      if (quoted && c == '\\') {
        if (++at >= inside.size()) return std::nullopt;
        c = inside[at];
      } else if (!quoted) {
        if (c == ',') break;
        // Brackets, blanks and escapes outside of quotes have rules of their own: not read.
        if (c == '{' || c == '}' || c == '"' || c == '\\' || static_cast<unsigned char>(c) <= ' ') return std::nullopt;
      }
      element += c;
    }
    if (quoted) ++at;
    if (!quoted && element.empty()) return std::nullopt;
    const bool null = !quoted && element.size() == 4 && lower(element[0]) == 'n' && lower(element[1]) == 'u' &&
                      lower(element[2]) == 'l' && lower(element[3]) == 'l';
    elements.push_back(null ? Element() : Element(std::move(element)));
    if (at == inside.size()) return elements;
    if (inside[at++] != ',' || at == inside.size()) return std::nullopt;
  }
}

// array_send: dimensions, whether there are nulls, type, then length and lower bound of each dimension.
std::optional<BinaryArray> binary_elements_of(std::string_view bytes) {
  Fields fields(bytes);
  BinaryArray array;
  const std::int64_t dimensions = fields.signed_int(4);
  const std::int64_t flags = fields.signed_int(4);
  array.type = static_cast<catalog::Oid>(fields.signed_int(4));
  if (fields.failed() || flags < 0 || flags > 1) return std::nullopt;
  if (dimensions == 0) return fields.done() ? std::optional(array) : std::nullopt;
  if (dimensions != 1) return std::nullopt;
  const std::int64_t count = fields.signed_int(4);
  static_cast<void>(fields.signed_int(4));
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t size = fields.signed_int(4);
    if (size == -1 && !fields.failed()) {
      array.elements.emplace_back();
      continue;
    }
    if (size < 0) return std::nullopt;
    const std::string_view element = fields.take(static_cast<std::size_t>(size));
    if (fields.failed()) return std::nullopt;
    array.elements.emplace_back(std::string(element));
  }
  return fields.done() ? std::optional(std::move(array)) : std::nullopt;
}

}  // namespace dbgate::policy
