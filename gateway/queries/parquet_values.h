#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// The server's texts (DateStyle ISO, bytea_output hex) as the values that Parquet stores. Each gives nothing for a text
// that is not of its type, and for what the type of Parquet cannot hold: infinities, NaN of numeric.
namespace dbgate::queries {

/// Days since 1970-01-01 of the proleptic Gregorian calendar: "2026-11-21", "0044-03-15 BC".
std::optional<std::int32_t> days_of(std::string_view text);
/// Microseconds since 1970-01-01 00:00:00, of UTC if the text has a zone: "2026-11-21 05:04:03.5+01".
std::optional<std::int64_t> microseconds_of(std::string_view text, bool with_zone);
/// "\x0102": the bytes.
std::optional<std::string> bytes_of(std::string_view text);

inline constexpr std::size_t decimal_bytes = 16;
inline constexpr int most_decimal_digits = 38;  // what 16 bytes hold
/// The number times 10^scale, as a big-endian two's complement.
std::optional<std::array<char, decimal_bytes>> decimal_of(std::string_view text, int scale);

/// Precision and scale that a column of type numeric was declared with.
struct Precision {
  int digits = 0;  ///< 0: none declared, or more than fits
  int scale = 0;
};
Precision precision_of(std::int32_t type_modifier);

}  // namespace dbgate::queries
