#pragma once
#include <optional>
#include <string_view>
#include <vector>

#include "gateway/sql/facts.h"

// From names in a statement's levels to columns of its relations, by PostgreSQL's rules (manual ch. 4.2.1, 7.2;
// parse_relation.c).
namespace dbgate::sql {

/// Knows which columns relations have.
class TableColumns {
 public:
  virtual ~TableColumns() = default;
  /// In the order of the table, without system columns; nothing if the relation is not known.
  virtual std::optional<std::vector<std::string_view>> columns_of(const QualifiedName& relation) const = 0;
  /// Adds to columns of the relation that are read those that reading them reads as well (virtual generated columns).
  virtual void add_computed_from(const QualifiedName& /*relation*/, ColumnUse& /*reads*/) const {}
};

/// Where an output column of a statement comes from.
struct Origin {
  std::size_t relation = none;  ///< into Statement::relations
  std::string_view column;      ///< lives as long as the statement and what TableColumns returned
};

/// For each column of the rows that the statement sends: where its value comes from, unchanged; more than one origin, or
/// none, is nobody's column. Empty if the columns are not all known, or the statement only carries another one.
std::vector<std::vector<Origin>> result_origins(const Statement& statement, const TableColumns& tables);

/// Fills in RelationUse::reads and ::values, and adds fields that may be function calls. A name that may stand for
/// columns of several relations, because somebody's columns are not known, is charged to all of them; too much work for
/// one statement makes it unknown. What virtual generated columns are computed from is read with them.
void resolve_names(Statement& statement, const TableColumns* tables);

}  // namespace dbgate::sql
