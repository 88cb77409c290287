#pragma once
#include <cstddef>
#include <string>
#include <string_view>

#include "gateway/sql/facts.h"

namespace dbgate::sql {

/// Longer statements have no shape: nobody lists them, and texts for shapes are kept with the facts.
inline constexpr std::size_t max_shape_bytes = 32u << 10;

/// A statement that the parser accepts, with its values taken out and everything else exact, in one spelling: blanks
/// and comments gone, unquoted words in lower case.
///
/// The shape is SQL itself: `0` stands for an integer, `2147483648` for one of eight bytes, `0.0` for any other number,
/// `''` for a string. It is its own shape, and has the facts of every statement of that shape.
///
/// What is a value is a positive list. In SELECT, INSERT, UPDATE, DELETE, MERGE, VALUES and WITH: a whole side of a
/// comparison (`= <> != < <= > >=`, LIKE, BETWEEN … AND), a whole element of an IN list or of a row of VALUES; with a
/// minus sign if it has one. Not inside the parentheses of a function call, and nowhere else: LIMIT, ORDER BY 1,
/// `date '…'`, `'…'::regclass`, INTERVAL fields and all other statements stand as they are written. Names, operators,
/// keywords, parameters and the number of elements are never taken out.
///
/// @return empty if the statement has none: too long, or not told apart by shape_tokens_of()
/// Pure. Sources: PostgreSQL manual ch. 4.1, 9.2, 10.4.
std::string shape_of(std::string_view statement);
/// The same. Made when a policy asks, because few do.
inline std::string shape_of(const Statement& statement) {
  return shape_of(std::string_view(statement.text));
}

}  // namespace dbgate::sql
