#pragma once
#include <cstddef>
#include <string_view>

#include "gateway/base/error.h"

namespace dbgate::sql {

/// What a statement text may cost before a parser sees it.
struct ScanLimits {
  std::size_t max_bytes = 8u << 20;
  std::size_t max_tokens = 180'000;
  std::size_t max_nesting = 2'000;    ///< of parentheses and brackets
  std::size_t max_operator_run = 63;  ///< characters; PostgreSQL's own limit for one operator
  std::size_t max_comment_depth = 32;
  std::size_t max_parts = 30'000;  ///< statements, levels of query, sources and relations; found while parsing
};

struct ScanSummary {
  std::size_t tokens = 0;
  std::size_t nesting = 0;  ///< the deepest
  /// Whether an identifier may have letters beyond ASCII: as such, or as escapes of U&"…".
  bool wide_names = false;
};

/// One linear pass over a statement text, lexed as PostgreSQL's scanner does (scan.l, standard_conforming_strings on):
/// literals, identifiers, dollar quotes, nested comments. Bounds what the parser will have to do; never allocates
/// unless it refuses.
/// Errors: 22021 invalid UTF-8 or a NUL byte, 54000 too large, 54001 too deep. Messages say what, where and the limit.
Result<ScanSummary> prescan(std::string_view text, const ScanLimits& limits);

}  // namespace dbgate::sql
