#include "gateway/policy/hidden_views.h"

#include <algorithm>

#include "gateway/catalog/wide_names.h"
#include "gateway/policy/treat.h"
#include "gateway/sql/analyze.h"
#include "gateway/sql/tokens.h"

namespace dbgate::policy {

std::string definition_of_view(const catalog::Snapshot& snapshot, const catalog::Relation& view) {
  for (const std::uint32_t index : view.rules) {
    const catalog::Rule& rule = snapshot.rules()[index];
    if (rule.event != '1' || rule.definition.empty()) continue;
    std::string definition(rule.definition);
    const std::size_t end = definition.find_last_not_of(" \n\t;");
    definition.resize(end == std::string::npos ? 0 : end + 1);
    return definition;
  }
  return {};
}

bool shows_hidden(const Grants& grants, const sql::RelationUse& use, const catalog::Relation& relation,
                  const NameContext& context) {
  const bool view =
      relation.kind == catalog::RelationKind::view || relation.kind == catalog::RelationKind::materialized_view;
  if (!view || context.closure == nullptr) return false;
  sql::Statement alone;
  sql::RelationUse& whole = alone.relations.emplace_back(use);
  whole.reads.whole_row = true;
  whole.effects.set(static_cast<std::size_t>(sql::Effect::read));
  return !find_way_round(grants, alone, context).empty();
}

bool masked_at_source(const Hidden& hidden, const catalog::Relation& view,
                      const std::vector<const Hidden::Column*>& masks, const NameContext& context) {
  const catalog::Snapshot& snapshot = context.resolver->snapshot();
  const bool may_be_cut = !snapshot.reads_utf8();
  if (may_be_cut && catalog::cut_name(snapshot, sql::wide_names(definition_of_view(snapshot, view))) != nullptr) {
    return false;
  }
  if (masks.empty()) return true;
  const auto definition = sql::analyze(definition_of_view(snapshot, view), {}, context.resolver);
  if (!definition.script || definition.script->statements.size() != 1) return false;
  const sql::Statement& query = definition.script->statements.front();
  const auto origins = sql::result_origins(query, *context.resolver);
  if (origins.size() != view.columns.size()) return false;
  const auto hides = [&](const Hidden::Column& column, const sql::Origin& origin) {
    const auto* const relation = context.resolver->relation(query.relations[origin.relation].name);
    if (relation == nullptr) return false;
    const std::string_view schema = context.resolver->schema_name(relation->schema);
    return std::any_of(hidden.columns.begin(), hidden.columns.end(), [&](const Hidden::Column& other) {
      return other.is_on(schema, relation->name) && other.mask.column == origin.column &&
             other.mask.kind <= column.mask.kind;
    });
  };
  return std::all_of(masks.begin(), masks.end(), [&](const Hidden::Column* column) {
    for (std::size_t i = 0; i < origins.size(); ++i) {
      if (view.columns[i].name != column->mask.column) continue;
      return !origins[i].empty() && std::all_of(origins[i].begin(), origins[i].end(),
                                                [&](const sql::Origin& origin) { return hides(*column, origin); });
    }
    return column->mask.relation == "*" || column->mask.schema == "*";  // has no such column
  });
}

}  // namespace dbgate::policy
