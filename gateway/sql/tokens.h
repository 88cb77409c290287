#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/sql/facts.h"

namespace dbgate::sql {

enum class TokenKind : std::uint8_t {
  word,         ///< identifier or keyword, not quoted
  quoted_word,  ///< "…", U&"…"
  literal,      ///< '…', E'…', B'…', X'…', N'…', U&'…', $tag$…$tag$
  number,
  parameter,   ///< $1
  oper,        ///< an operator, also = and =>
  punctuation  ///< ( ) [ ] , ; . .. : :: := and whatever else stands alone
};

/// One lexical element; comments and blanks are none.
struct Token {
  TokenKind kind = TokenKind::punctuation;
  std::size_t begin = 0;  ///< bytes
  std::size_t end = 0;
};

/// The lexical elements of a text as PostgreSQL's scanner sees them (scan.l, standard_conforming_strings on), which is
/// also what PL/pgSQL's scanner builds on. Linear.
/// @return none if the text ends inside a literal, a quoted identifier or a comment
std::optional<std::vector<Token>> tokenize(std::string_view text);

/// Whether the token is this keyword. @param keyword lower case
bool is_keyword(std::string_view text, const Token& token, std::string_view keyword);

/// The name that a word or quoted word stands for: folded (ASCII only) or unquoted.
std::string name_of(std::string_view text, const Token& token);

/// What a literal token says, if it needs no escapes to be read: '…' and $tag$…$tag$; none for all others.
std::optional<std::string> plain_literal(std::string_view text, const Token& token);

/// The identifiers in a text that have letters beyond ASCII, and all of U&"…"; of a text that tokenize() does not read,
/// one that cannot be told.
std::vector<WideName> wide_names(std::string_view text);

}  // namespace dbgate::sql
