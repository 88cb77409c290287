#pragma once
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/sql/shape_tokens.h"

extern "C" {
#include <pg_query.h>
}

namespace dbgate::sql {

/// Where a token stands, bytes.
struct Span {
  std::size_t begin = 0;
  std::size_t end = 0;
  friend bool operator==(const Span&, const Span&) = default;
};

namespace detail {

inline std::uint64_t read_varint(std::string_view data, std::size_t& at) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; at < data.size(); shift += 7) {
    const auto byte = static_cast<unsigned char>(data[at++]);
    value |= std::uint64_t{byte & 0x7fu} << shift;
    if (byte < 0x80) break;
  }
  return value;
}

}  // namespace detail

/// The tokens of libpg_query's own scanner, comments left out. False if it refuses the text.
/// (pg_query.proto: ScanResult { version = 1; repeated ScanToken tokens = 2 }, ScanToken { start = 1; end = 2;
/// token = 4; keyword_kind = 5 })
inline bool parser_tokens(const std::string& text, std::vector<Span>& spans) {
  const PgQueryScanResult result = pg_query_scan(text.c_str());
  const bool fine = result.error == nullptr;
  if (fine) {
    const std::string_view data(result.pbuf.data, result.pbuf.len);
    for (std::size_t at = 0; at < data.size();) {
      const std::uint64_t tag = detail::read_varint(data, at);
      const std::uint64_t value = detail::read_varint(data, at);
      if (tag != (2u << 3 | 2u)) continue;
      Span span;
      for (const std::size_t end = at + value; at < end;) {
        const std::uint64_t field = detail::read_varint(data, at) >> 3;
        const std::uint64_t number = detail::read_varint(data, at);
        if (field == 1) span.begin = number;
        if (field == 2) span.end = number;
      }
      const std::string_view word = std::string_view(text).substr(span.begin, span.end - span.begin);
      if (!word.starts_with("--") && !word.starts_with("/*")) spans.push_back(span);
    }
  }
  pg_query_free_scan_result(result);
  return fine;
}

/// The same of our tokens. N'…' is the one literal that PostgreSQL takes apart: the word, then the string.
inline std::vector<Span> spans_of(const std::vector<ShapeToken>& tokens, std::string_view text) {
  std::vector<Span> spans;
  for (const ShapeToken& token : tokens) {
    if (token.kind == ShapeTokenKind::hint) continue;
    const bool national = token.kind == ShapeTokenKind::bits && (text[token.begin] | 0x20) == 'n';
    if (national) spans.push_back({token.begin, token.begin + 1u});
    spans.push_back({token.begin + (national ? 1u : 0u), token.end});
  }
  return spans;
}

}  // namespace dbgate::sql
