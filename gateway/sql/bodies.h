#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "gateway/sql/facts.h"
#include "gateway/sql/prescan.h"
#include "gateway/sql/resolve_names.h"

namespace dbgate::sql {

/// What running a function would do, as far as its source shows it.
struct Body {
  /// Every statement and expression in it, an expression as the SELECT of it. Variables and arguments of the function
  /// are among the columns: they look alike.
  std::vector<Statement> statements;
  /// Trigger functions: what they read of OLD and NEW.
  ColumnUse row;
  /// Does, or may do, what `statements` does not show.
  bool opaque = false;
  std::string why;  ///< of the first opaque thing, without any text of the source
};

/// What a source may cost. Tighter than for statements: each piece of it is parsed on its own, and all of it once per
/// snapshot of the catalog.
inline constexpr ScanLimits body_limits = {.max_bytes = 1u << 20, .max_tokens = 100'000};

/// Reads the source of a function. Works on any thread; never throws for any bytes.
/// @param language pg_language.lanname: sql and plpgsql are read, all others are opaque
/// @param tables which columns there are, as the function will find them
/// @param source prosrc, or for SQL-standard bodies what pg_get_function_sqlbody says
Body read_body(std::string_view language, std::string_view source, const TableColumns* tables = nullptr,
               const ScanLimits& limits = body_limits);

}  // namespace dbgate::sql
