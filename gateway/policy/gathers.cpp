#include "gateway/policy/gathers.h"

#include <algorithm>

#include "gateway/policy/catalog_lists.h"

namespace dbgate::policy {

// Catalogs are left out: what tools ask of them is full of arrays, and their rows are nobody's data.
bool gathers_rows(const sql::Statement& statement) {
  static const auto aggregates = words_of(
      "string_agg array_agg json_agg jsonb_agg json_object_agg jsonb_object_agg xmlagg range_agg "
      "percentile_disc percentile_cont");  // of an array of fractions
  const bool of_tables =
      std::any_of(statement.relations.begin(), statement.relations.end(), [](const sql::RelationUse& use) {
        if (use.name.schema.empty()) return !use.name.name.starts_with("pg_");
        return use.name.schema != "pg_catalog" && use.name.schema != "information_schema";
      });
  if (!of_tables) return false;
  return statement.array_subquery ||
         std::any_of(statement.functions.begin(), statement.functions.end(),
                     [](const sql::FunctionUse& use) { return aggregates.contains(use.name.name); });
}

}  // namespace dbgate::policy
