#include "gateway/rewrite/places.h"

#include <algorithm>

namespace dbgate::rewrite {

using sql::Token;
using sql::TokenKind;

std::optional<std::size_t> Places::token_at(std::size_t at) const {
  const auto found = std::lower_bound(tokens_.begin(), tokens_.end(), at,
                                      [](const Token& token, std::size_t begin) { return token.begin < begin; });
  if (found == tokens_.end() || found->begin != at) return std::nullopt;
  return static_cast<std::size_t>(found - tokens_.begin());
}

bool Places::is(std::size_t token, std::string_view written) const {
  if (token >= tokens_.size()) return false;
  return text_.substr(tokens_[token].begin, tokens_[token].end - tokens_[token].begin) == written;
}

// The token behind one part of a name: a word, with UESCAPE and its literal if it has them.
std::size_t Places::skip_name(std::size_t token) const {
  std::size_t next = token + 1;
  const bool escapes = tokens_[token].kind == TokenKind::quoted_word && text_[tokens_[token].begin] != '"';
  if (escapes && next + 1 < tokens_.size() && sql::is_keyword(text_, tokens_[next], "uescape")) next += 2;
  return next;
}

std::optional<RelationPlace> Places::relation(std::size_t at) const {
  const auto first = token_at(at);
  if (!first) return std::nullopt;
  std::size_t next = skip_name(*first);
  while (is(next, ".") && next + 1 < tokens_.size())
    next = skip_name(next + 1);
  if (is(next, "*")) return std::nullopt;
  RelationPlace place;
  place.span = {at, tokens_[next - 1].end};
  std::size_t before = *first;  // counts the tokens in front
  if (before > 0 && sql::is_keyword(text_, tokens_[before - 1], "only")) place.span.begin = tokens_[--before].begin;
  if (before > 1 && is(before - 1, "(") && sql::is_keyword(text_, tokens_[before - 2], "only")) return std::nullopt;
  if (before > 0 && sql::is_keyword(text_, tokens_[before - 1], "table")) {
    place.table = true;
    place.span.begin = tokens_[--before].begin;
  }
  place.after = place.span.end;
  if (!is(next, "(")) return place;
  std::size_t close = next + 1;
  while (close < tokens_.size() && !is(close, ")"))
    ++close;
  if (close == tokens_.size()) return std::nullopt;
  place.columns = {tokens_[next].end, tokens_[close].begin};
  place.after = tokens_[close].end;
  return place;
}

std::optional<Span> Places::before_table(std::size_t at) const {
  const auto first = token_at(at);
  if (!first) return std::nullopt;
  std::vector<std::size_t> parts{*first};
  std::size_t next = skip_name(*first);
  while (is(next, ".") && next + 1 < tokens_.size()) {
    parts.push_back(next + 1);
    next = skip_name(next + 1);
  }
  if (parts.size() < 3) return std::nullopt;
  return Span{at, tokens_[parts[parts.size() - 2]].begin};
}

}  // namespace dbgate::rewrite
