#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/catalog/snapshot.h"
#include "gateway/sql/conditions.h"

// Values of constants and parameters, read as the server would and brought to one form, so that equal values are equal
// strings. What could be read in two ways is not read at all.
namespace dbgate::policy {

/// Types that values can be compared in.
enum class Family : std::uint8_t { none, integer, numeric, text, uuid, boolean, date };
Family family_of(catalog::Oid type);
bool is_number(Family family);
/// 0 and unknown: the server chooses the type.
bool is_undeclared(catalog::Oid type);

/// The form of a value of this family that is written so; nothing if it is none, or one of PostgreSQL's rarer
/// spellings.
std::optional<std::string> canonical(Family family, std::string_view text);
/// The same from the binary format of a type (PostgreSQL's send functions).
std::optional<std::string> canonical_binary(catalog::Oid type, std::string_view bytes);

/// An element of an array; nothing for NULL.
using Element = std::optional<std::string>;
/// The elements of a one-dimensional array, as text.
std::optional<std::vector<Element>> elements_of(std::string_view array);
/// The same of the binary format, and the type that it names.
struct BinaryArray {
  catalog::Oid type = 0;
  std::vector<Element> elements;  ///< in the binary format of the type
};
std::optional<BinaryArray> binary_elements_of(std::string_view bytes);

/// What a parameter of a statement stands for: of Bind, or of EXECUTE.
struct Argument {
  catalog::Oid type = 0;  ///< as declared
  bool null = false;
  bool binary = false;
  std::string bytes;
  std::optional<sql::Operand> constant;  ///< of EXECUTE, instead of bytes
};
struct Arguments {
  std::vector<Argument> list;
};

}  // namespace dbgate::policy
