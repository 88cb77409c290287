#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// How values stand in JSON (docs/api.md, "Values"): exactly, or as text.
namespace dbgate::queries {

/// NULL: null. bool: true, false. int2, int4, oid, and int8 from −(2^53−1) to 2^53−1: a number. float4, float8: a
/// number with the digits of the server; NaN and infinities as strings. All else, numeric and larger int8 included: the
/// server's text as a string. A value that does not look like its type (a mask) is a string.
void append_json_value(std::string& out, std::uint32_t type_oid, std::optional<std::string_view> value);
/// Whether it is a number by RFC 8259 §6.
bool is_json_number(std::string_view text) noexcept;

}  // namespace dbgate::queries
