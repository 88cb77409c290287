#pragma once
#include <cstdint>
#include <string>

// What a policy shows in place of the data.
namespace dbgate::config {

/// What becomes of a masked value. It stays valid in its type; where a form has no meaning for a type, less is shown.
enum class MaskKind : std::uint8_t {
  null,     ///< NULL
  redact,   ///< a constant: ***, 0, 1970-01-01
  hash,     ///< keyed and deterministic: equal values stay equal
  range,    ///< numbers to one significant digit, times to the year
  partial,  ///< the last four characters or digits of long values
  email     ///< the domain of an e-mail address
};

/// One entry of `mask`. "*" stands for any schema but the system's, or any relation.
struct Mask {
  std::string schema;
  std::string relation;
  std::string column;
  MaskKind kind = MaskKind::null;
  bool compare = false;  ///< the masked value may be compared, grouped by and computed with
};

/// One entry of `filter`: the rows of a relation that can be seen.
struct RowFilter {
  std::string schema;
  std::string relation;
  std::string condition;  ///< SQL over the relation's columns, with :user.attribute
  int line = 0;           ///< from 1
  int column = 0;
};

}  // namespace dbgate::config
