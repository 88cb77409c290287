#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "gateway/sql/facts.h"
#include "gateway/sql/tokens.h"

namespace dbgate::sql {

enum class FragmentKind : std::uint8_t {
  expression,  ///< what follows SELECT: an expression, a list of them, or PERFORM's query
  statement,   ///< one SQL statement, without the INTO of PL/pgSQL
  dynamic      ///< an expression whose value is run as SQL
};

/// A piece of SQL inside a PL/pgSQL function.
struct Fragment {
  FragmentKind kind = FragmentKind::expression;
  std::string text;
};

struct PlpgsqlBody {
  std::vector<Fragment> fragments;  ///< in the order of the text
  ColumnUse row;                    ///< fields of OLD and NEW that are read; whole_row: all of them may be
  std::size_t failed_at = 0;        ///< byte
  bool readable = false;            ///< false: the text does not follow the grammar, fragments are incomplete
};

/// Splits the source of a PL/pgSQL function into the SQL that it holds, by the grammar of PostgreSQL 15
/// (src/pl/plpgsql/src/pl_gram.y). Every token either belongs to a fragment or has its place in the grammar; whatever
/// has not makes the body unreadable. Iterative and linear.
PlpgsqlBody split_plpgsql(std::string_view source);

}  // namespace dbgate::sql
