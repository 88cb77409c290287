#include "gateway/queries/json_values.h"

#include <charconv>

#include "gateway/audit/json.h"
#include "gateway/queries/column_types.h"

namespace dbgate::queries {
namespace {

// What a double, and so every reader of JSON, holds exactly (RFC 8259 §6).
constexpr std::int64_t most_exact = (std::int64_t{1} << 53) - 1;

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

bool is_exact_integer(std::string_view text) noexcept {
  std::int64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  return parsed.ec == std::errc() && parsed.ptr == text.data() + text.size() && value >= -most_exact &&
         value <= most_exact;
}

bool is_plain(ValueKind kind, std::string_view text) noexcept {
  switch (kind) {
    case ValueKind::int2:
    case ValueKind::int4:
    case ValueKind::int8:
    case ValueKind::oid:
      return is_exact_integer(text) && is_json_number(text);
    case ValueKind::float4:
    case ValueKind::float8:
      return is_json_number(text);
    default:
      return false;
  }
}

}  // namespace

bool is_json_number(std::string_view text) noexcept {
  std::size_t at = 0;
  const auto digits = [&] {
    const std::size_t first = at;
    while (at < text.size() && is_digit(text[at]))
      ++at;
    return at > first;
  };
  if (at < text.size() && text[at] == '-') ++at;
  const std::size_t whole = at;
  if (!digits() || (text[whole] == '0' && at - whole > 1)) return false;
  if (at < text.size() && text[at] == '.') {
    ++at;
    if (!digits()) return false;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    if (!digits()) return false;
  }
  return at == text.size();
}

void append_json_value(std::string& out, std::uint32_t type_oid, std::optional<std::string_view> value) {
  if (!value) {
    out += "null";
    return;
  }
  const ValueKind kind = kind_of_type(type_oid);
  if (kind == ValueKind::boolean && (*value == "t" || *value == "f")) {
    out += *value == "t" ? "true" : "false";
  } else if (is_plain(kind, *value)) {
    out += *value;
  } else {
    audit::append_json_string(out, *value);
  }
}

}  // namespace dbgate::queries
