#pragma once
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace dbgate::sql {

enum class ShapeTokenKind : std::uint8_t {
  word,       ///< keyword or unquoted identifier
  quoted,     ///< "identifier"
  string,     ///< '…', E'…' or $tag$…$tag$
  bits,       ///< B'…', X'…' and N'…': constants of a type of their own
  number,     ///< 1, 1.5, 1e3; unsigned
  parameter,  ///< $1
  oper,       ///< by PostgreSQL's rules for where one operator ends
  mark,       ///< ( ) [ ] , ; : . and ::, :=
  hint        ///< a comment that starts with /*+, which extensions read
};

struct ShapeToken {
  ShapeTokenKind kind = ShapeTokenKind::mark;
  std::uint32_t begin = 0;  ///< offset in the text, bytes
  std::uint32_t end = 0;

  std::string_view of(std::string_view text) const { return text.substr(begin, end - begin); }
};

/// The tokens of a statement text that the parser accepts, as PostgreSQL 15's scanner tells them apart (scan.l,
/// standard_conforming_strings on); blanks and comments are none. Empty for texts with something that nobody needs and
/// that is easily got wrong: U& literals and identifiers, literals continued on another line, anything unfinished.
/// tokens.h takes such texts as they come, because it reads sources that nobody has parsed; here a literal that is
/// found in the wrong place would make one statement of two. tests/unit/sql/shape_tokens_test.cpp and fuzz_shape
/// compare it with libpg_query's own scanner.
std::optional<std::vector<ShapeToken>> shape_tokens_of(std::string_view text);

}  // namespace dbgate::sql
