#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

// Where names stand in a statement: its levels of query, what each level selects from, and the names in its
// expressions. What the names stand for is another question: resolve_names.h.
namespace dbgate::sql {

constexpr std::size_t none = static_cast<std::size_t>(-1);

/// A name in an expression that may stand for a column: column, table.column, schema.table.column, or * with or without
/// a table.
struct NameUse {
  enum class As : std::uint8_t {
    value,    ///< something is computed from it, compared with it, ordered by it
    output,   ///< an output column that is nothing but this name
    grouping  ///< in GROUP BY: a column, or else an output column
  };
  std::string schema;     ///< empty if not written
  std::string qualifier;  ///< table or alias; empty if not written
  std::string column;     ///< empty: *
  As as = As::value;
  std::size_t at = none;  ///< where it begins, if a schema is written; bytes
};

/// An output column of a level: of the select list or of RETURNING.
struct Output {
  std::string name;        ///< empty if only the server knows
  std::size_t use = none;  ///< into Level::names if it is nothing but a name or *
};

/// One entry of FROM, a join included, or a relation that the level writes to.
struct Source {
  enum class Kind : std::uint8_t { relation, query, function, join, other };
  Kind kind = Kind::other;
  std::string alias;
  std::vector<std::string> columns;  ///< written names: of an alias with a column list, of a column definition list
  std::size_t index = none;          ///< relation: into Statement::relations; query: into Statement::levels
  std::size_t hidden_by =
      none;            ///< the innermost join with an alias inside which it stands: invisible from outside of that
  bool aside = false;  ///< reached by its alias only: neither * nor a bare name means it (EXCLUDED)
  // Joins: the left side is the source after the join, the right side is `right`; they end before `end`.
  std::size_t right = none;
  std::size_t end = none;
  std::vector<std::string> using_columns;
  bool natural = false;
  bool hides = false;  ///< has an alias of its own, behind which its sides cannot be seen
};

/// One SELECT, INSERT, UPDATE, DELETE or MERGE, or a place within one where names are looked up differently.
struct Level {
  std::size_t outer = none;  ///< whose names it sees when its own do not match
  /// Expressions inside FROM have a level of their own without sources. They see some of the sources outside: those
  /// from `from` to before `until`, as they look from source number `inside`.
  bool in_from = false;
  std::size_t from = 0;
  std::size_t until = 0;
  std::size_t inside = none;

  std::vector<Source> sources;
  std::vector<NameUse> names;
  std::vector<Output> outputs;
  std::vector<std::string> renamed;    ///< names that WITH gives to the first outputs
  std::vector<std::size_t> arms;       ///< set operations: the levels whose rows it puts together
  bool open_outputs = false;           ///< it may have more output columns than `outputs` says
  bool compared = false;               ///< its rows are compared (DISTINCT, UNION, IN) or used up as values
  std::vector<std::string> order_by;   ///< output columns by name in ORDER BY and DISTINCT ON
  std::vector<std::size_t> positions;  ///< output columns by number in ORDER BY, GROUP BY and DISTINCT ON, from 0
};

}  // namespace dbgate::sql
