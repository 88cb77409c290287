#include "gateway/sql/walker.h"

namespace dbgate::sql {
namespace {

// What a function in FROM is called if nobody gave it a name: after the first function.
std::string_view function_name(const RangeFunction* range) {
  const auto* first = as<List>(linitial(range->functions));
  const void* const call = linitial(first);
  if (nodeTag(call) != T_FuncCall) return {};
  return string_of(llast(as<FuncCall>(call)->funcname));
}

void take_columns(Source& source, const Alias* alias) {
  if (alias == nullptr) return;
  const ListCell* cell = nullptr;
  foreach (cell, alias->colnames)
    source.columns.emplace_back(string_of(lfirst(cell)));
}

}  // namespace

void Walker::on_from(const List* from, Scope* scope) {
  FromEntries entries(&scratch_);
  for (int i = list_length(from) - 1; i >= 0; --i)
    entries.emplace_back().node = list_nth(from, i);
  on_from_entries(entries, scope);
}

void Walker::on_from_entries(FromEntries& entries, Scope* scope) {
  while (!entries.empty() && parts_ > 0) {
    const FromEntry entry = entries.back();
    entries.pop_back();
    if (entry.node != nullptr) {
      on_from_entry(entry, scope, entries);
    } else if (entry.join != none) {
      const std::size_t here = level_of(scope).sources.size();
      Source& join = level_of(scope).sources[entry.join];
      if (entry.quals == none) {
        join.right = here;
      } else {
        join.end = here;
        facts_.levels[entry.quals].until = here;
      }
    }
  }
}

void Walker::on_from_entry(const FromEntry& entry, Scope* scope, FromEntries& entries) {
  const void* const node = entry.node;
  switch (nodeTag(node)) {
    case T_RangeVar: {
      const auto* name = as<RangeVar>(node);
      const Cte* const cte = cte_of(name, scope);
      if (cte == nullptr) {
        RelationUse& use = relation(name, Effect::read);
        use.at = static_cast<std::size_t>(name->location);
        use.sampled = entry.sampled;
        use.aliased = name->alias != nullptr;
      }
      Source& source = add_source(scope, cte == nullptr ? Source::Kind::relation : Source::Kind::query, alias_of(name),
                                  cte == nullptr ? facts_.relations.size() - 1 : cte->level);
      source.hidden_by = entry.hidden_by;
      take_columns(source, name->alias);
      break;
    }
    case T_JoinExpr:
      on_join(as<JoinExpr>(node), entry, scope, entries);
      break;
    case T_RangeTableSample: {
      const auto* sample = as<RangeTableSample>(node);
      FunctionUse& use = facts_.functions.emplace_back();
      use.name = qualified(sample->method);
      use.form = FunctionForm::table_sample;
      use.arguments = static_cast<std::uint16_t>(list_length(sample->args));
      Scope* const inside = from_scope(scope, 0, level_of(scope).sources.size());
      push_list(sample->args, inside);
      push(sample->repeatable, inside);
      FromEntry& sampled = entries.emplace_back(entry);
      sampled.node = sample->relation;
      sampled.sampled = true;
      break;
    }
    case T_RangeSubselect: {
      const auto* query = as<RangeSubselect>(node);
      // Without LATERAL a subquery does not see its neighbours, only the levels outside.
      const Scope* const outer = query->lateral ? from_scope(scope, 0, level_of(scope).sources.size()) : scope->outer;
      Scope* const body = body_scope(outer, scope->ctes);
      push(query->subquery, body);
      scope->has_subquery = true;
      Source& source = add_source(scope, Source::Kind::query,
                                  query->alias == nullptr ? std::string_view() : query->alias->aliasname, body->level);
      source.hidden_by = entry.hidden_by;
      take_columns(source, query->alias);
      break;
    }
    default:
      on_range_function(node, entry.hidden_by, scope);
      break;
  }
}

void Walker::on_join(const JoinExpr* join, const FromEntry& entry, Scope* scope, FromEntries& entries) {
  const std::size_t index = level_of(scope).sources.size();
  const Alias* const alias = join->alias != nullptr ? join->alias : join->join_using_alias;
  Source& source = add_source(scope, Source::Kind::join, alias == nullptr ? "" : alias->aliasname, none);
  source.hidden_by = entry.hidden_by;
  source.hides = join->alias != nullptr;
  source.natural = join->isNatural;
  take_columns(source, join->alias);
  const ListCell* cell = nullptr;
  foreach (cell, join->usingClause)
    source.using_columns.emplace_back(string_of(lfirst(cell)));
  if (join->isNatural) on_implied_operator("=");
  for (const std::string& column : source.using_columns)
    on_equal_columns(column);
  // ON sees the two sides of its join and the levels outside.
  Scope* const inside = from_scope(scope, index + 1, index + 1);
  on_join_conditions(join, inside->level);
  push(join->quals, inside);
  const std::size_t hidden_by = join->alias != nullptr ? index : entry.hidden_by;
  entries.push_back({nullptr, index, inside->level, none});
  entries.push_back({join->rarg, none, none, hidden_by});
  entries.push_back({nullptr, index, none, none});
  entries.push_back({join->larg, none, none, hidden_by});
}

// Functions, XMLTABLE: their arguments see their neighbours to the left.
void Walker::on_range_function(const void* node, std::size_t hidden_by, Scope* scope) {
  const ListCell* cell = nullptr;
  visit_children(node, from_scope(scope, 0, level_of(scope).sources.size()));
  if (nodeTag(node) == T_RangeFunction) {
    const auto* range = as<RangeFunction>(node);
    Source& source = add_source(scope, Source::Kind::function,
                                range->alias == nullptr ? function_name(range) : range->alias->aliasname, none);
    source.hidden_by = hidden_by;
    take_columns(source, range->alias);
    foreach (cell, range->coldeflist)
      source.columns.emplace_back(as<ColumnDef>(lfirst(cell))->colname);
    return;
  }
  Source& source = add_source(scope, Source::Kind::other, "", none);
  source.hidden_by = hidden_by;
  if (nodeTag(node) != T_RangeTableFunc || as<RangeTableFunc>(node)->alias == nullptr) return;
  source.alias = as<RangeTableFunc>(node)->alias->aliasname;
  take_columns(source, as<RangeTableFunc>(node)->alias);
}

}  // namespace dbgate::sql
