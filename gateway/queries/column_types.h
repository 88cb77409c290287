#pragma once
#include <cstdint>
#include <string_view>

// PostgreSQL's own types by their fixed object identifiers (pg_type.dat).
namespace dbgate::queries {

/// How a value can be carried beyond its text.
enum class ValueKind : std::uint8_t {
  text,  ///< as the server writes it: everything that is not named here
  boolean,
  int2,
  int4,
  int8,
  oid,
  float4,
  float8,
  numeric,
  bytea,
  date,
  timestamp,
  timestamptz
};

ValueKind kind_of_type(std::uint32_t oid) noexcept;
/// As pg_type calls it ("int4"); empty for types that are not built in, or rare: the catalog knows them.
std::string_view builtin_type_name(std::uint32_t oid) noexcept;
/// Whether values are texts that people wrote: what spreadsheets could take for a formula.
bool is_free_text(std::uint32_t oid) noexcept;

}  // namespace dbgate::queries
