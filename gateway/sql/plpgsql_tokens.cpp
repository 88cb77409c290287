#include <algorithm>

#include "gateway/sql/plpgsql_reader.h"

namespace dbgate::sql {

// A keyword, or the text of an operator or of punctuation.
bool PlpgsqlReader::is(std::size_t index, std::string_view what) const {
  if (index >= tokens_.size()) return false;
  const Token& token = tokens_[index];
  switch (token.kind) {
    case TokenKind::word:
      return is_keyword(text_, token, what);
    case TokenKind::oper:
    case TokenKind::punctuation:
      return text_.substr(token.begin, token.end - token.begin) == what;
    default:
      return false;
  }
}

bool PlpgsqlReader::is_any(std::size_t index, Stops whats) const {
  return std::any_of(whats.begin(), whats.end(), [&](std::string_view what) { return is(index, what); });
}

bool PlpgsqlReader::is_name(std::size_t index) const {
  if (index >= tokens_.size()) return false;
  const TokenKind kind = tokens_[index].kind;
  return kind == TokenKind::word || kind == TokenKind::quoted_word;
}

bool PlpgsqlReader::accept(std::string_view what) {
  if (!is(at_, what)) return false;
  ++at_;
  return true;
}

bool PlpgsqlReader::accept_name() {
  if (!is_name(at_)) return false;
  ++at_;
  return true;
}

// A variable, a field of one, either with the label of its block: a.b.c, or $1.
bool PlpgsqlReader::accept_path() {
  if (at_ < tokens_.size() && tokens_[at_].kind == TokenKind::parameter) {
    ++at_;
  } else if (!accept_name()) {
    return false;
  }
  while (is(at_, ".") && is_name(at_ + 1))
    at_ += 2;
  return true;
}

// Whether a statement starts here that assigns to a variable: PL/pgSQL's scanner prefers variables to keywords in front
// of these alone (pl_scanner.c, plpgsql_yylex).
bool PlpgsqlReader::assigns() const {
  if (ended()) return false;
  if (!is_name(at_) && tokens_[at_].kind != TokenKind::parameter) return false;
  static constexpr Stops reserved = {"begin", "declare", "if", "case", "loop", "while", "for", "foreach", "execute"};
  return is_any(at_ + 1, {":=", "=", "[", "."}) && !is_any(at_, reserved);
}

// INTO [STRICT] target [, target …]; INTO itself is read.
bool PlpgsqlReader::into_target() {
  accept("strict");
  if (!accept_path()) return false;
  while (accept(",")) {
    if (!accept_path()) return false;
  }
  return true;
}

bool PlpgsqlReader::skip_until(Stops stops) {
  std::size_t depth = 0;
  for (; !ended(); ++at_) {
    if (depth == 0 && is_any(at_, stops)) return true;
    if (is(at_, ";")) return false;
    if (is_any(at_, {"(", "["})) ++depth;
    if (is_any(at_, {")", "]"}) && depth-- == 0) return false;
  }
  return false;
}

bool PlpgsqlReader::fragment_until(FragmentKind kind, Stops stops) {
  const std::size_t begin = at_;
  return skip_until(stops) && add(kind, begin, at_);
}

// Expressions with commas between them; ends at one of the stops.
bool PlpgsqlReader::list_until(Stops stops) {
  return fragment_until(FragmentKind::expression, stops);
}

bool PlpgsqlReader::add(FragmentKind kind, std::size_t begin, std::size_t end) {
  if (begin >= end) return false;
  see_row(begin, end);
  body_.fragments.push_back({kind, text(begin, end)});
  return true;
}

// Arguments of a cursor: a, name := b, name => c.
bool PlpgsqlReader::arguments(std::size_t begin, std::size_t end) {
  std::size_t depth = 0;
  std::size_t from = begin;
  for (std::size_t i = begin; i <= end; ++i) {
    if (i < end) {
      if (is_any(i, {"(", "["})) ++depth;
      if (is_any(i, {")", "]"}) && depth-- == 0) return false;
      if (depth > 0 || !is(i, ",")) continue;
    }
    if (from + 2 < i && is_name(from) && is_any(from + 1, {":=", "=>"})) from += 2;
    if (!add(FragmentKind::expression, from, i)) return false;
    from = i + 1;
  }
  return true;
}

std::string PlpgsqlReader::text(std::size_t begin, std::size_t end) const {
  const std::size_t from = tokens_[begin].begin;
  return std::string(text_.substr(from, tokens_[end - 1].end - from));
}

void PlpgsqlReader::see_row(std::size_t begin, std::size_t end) {
  for (std::size_t i = begin; i < end; ++i) {
    if (!is_name(i)) continue;
    const std::string name = name_of(text_, tokens_[i]);
    if (name != "new" && name != "old") continue;
    if (i + 2 < end && is(i + 1, ".") && is_name(i + 2)) {
      body_.row.add(name_of(text_, tokens_[i + 2]));
    } else {
      body_.row.whole_row = true;
    }
  }
}

}  // namespace dbgate::sql
