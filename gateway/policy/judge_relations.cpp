#include <algorithm>
#include <array>
#include <utility>

#include "gateway/policy/catalog_lists.h"
#include "gateway/policy/migrations.h"
#include "gateway/policy/relatives.h"
#include "gateway/policy/setting_rows.h"
#include "gateway/policy/statement_judge.h"

// What a statement does to relations and their columns.
namespace dbgate::policy {

using sql::Effect;
using sql::EffectSet;
using sql::Statement;

namespace {

bool reads_hidden(const std::string& relation, const sql::ColumnUse* columns) {
  if (columns == nullptr || !has_hidden_columns(relation)) return false;
  return columns->whole_row ||
         std::any_of(columns->names.begin(), columns->names.end(),
                     [&](const std::string& column) { return is_hidden_catalog_column(relation, column); });
}

// COPY table TO reads the table by the right to copy it, and COPY … FROM inserts by that.
bool covers(const TableGrant& grant, const sql::RelationUse& use, Effect effect) {
  if (has(grant.effects, effect)) return true;
  const Effect copy = effect == Effect::read ? Effect::copy_out : Effect::copy_in;
  return (effect == Effect::read || effect == Effect::insert) && has(use.effects, copy) && has(grant.effects, copy);
}

}  // namespace

StatementJudge::Schemas StatementJudge::schemas_of(const sql::QualifiedName& name, bool relation) const {
  if (!name.schema.empty()) return Schemas(name.schema);
  // Every relation of pg_catalog is called pg_…, and pg_catalog is searched first.
  if (relation && name.name.starts_with("pg_")) return Schemas("pg_catalog");
  if (relation && context_.resolver != nullptr) {
    const catalog::Relation* const found = context_.resolver->relation(name);
    if (found != nullptr) return Schemas(context_.resolver->schema_name(found->schema));
  }
  return Schemas(context_.search_path);
}

std::string StatementJudge::check_relations() {
  for (index_ = 0; index_ < statement_.relations.size(); ++index_) {
    const sql::RelationUse& use = statement_.relations[index_];
    if (!use.name.catalog.empty() && use.name.catalog != context_.database) {
      return "cross-database names are not allowed";
    }
    std::string why = check_relation(use);
    if (why.empty() && statement_.cascades && has(use.effects, Effect::truncate)) why = check_truncated(use);
    if (!why.empty()) return why;
  }
  return {};
}

// As the server asks for, of whoever truncates, on all that the cascade reaches (ExecuteTruncateGuts).
std::string StatementJudge::check_truncated(const sql::RelationUse& use) {
  const auto reached = truncated_with(use, context_);
  if (!reached) return "TRUNCATE … CASCADE reaches tables that the catalog does not tell";
  for (const sql::QualifiedName& name : *reached) {
    sql::RelationUse other;
    other.name = name;
    other.effects.set(static_cast<std::size_t>(Effect::truncate));
    const std::string why = check_one(other, name.schema);
    if (!why.empty()) return why + ", which CASCADE empties with " + shown(use.name);
  }
  return {};
}

// An unqualified name must be granted wherever the search path could find it, so that nothing can be shadowed in.
std::string StatementJudge::check_relation(const sql::RelationUse& use) {
  const Schemas schemas = schemas_of(use.name, true);
  if (schemas.all().empty()) return not_allowed(Effect::read, shown(use.name));
  for (const std::string& schema : schemas.all()) {
    std::string why = check_one(use, schema);
    if (!why.empty()) return why;
  }
  return check_descendants(use, schemas.all().front());
}

// Rows of children and partitions are theirs: the right to the parent does not bring them along unless it says so.
std::string StatementJudge::check_descendants(const sql::RelationUse& use, const std::string& schema) {
  const std::vector<sql::QualifiedName> descendants = descendants_of(use, context_);
  if (descendants.empty()) return {};
  EffectSet along;
  allow_.each_grant(schema, use.name.name, [&](const TableGrant& grant) {
    if (!grant.descendants) return true;
    for (std::size_t i = 0; i < use.effects.size(); ++i) {
      const auto effect = static_cast<Effect>(i);
      const bool counts =
          !grant.require || values_.check(*grant.require, index_, use, schema, effect).state != Held::State::no;
      if (covers(grant, use, effect) && counts) along.set(i);
    }
    return true;
  });
  for (const sql::QualifiedName& name : descendants) {
    sql::RelationUse child = use;
    child.name = name;
    child.effects &= ~along;
    const std::string why = check_one(child, name.schema);
    if (!why.empty()) return why + ", which holds rows of " + shown(use.name);
  }
  return {};
}

std::string StatementJudge::check_one(const sql::RelationUse& use, const std::string& schema) {
  const bool copies_out = has(statement_.effects, Effect::copy_out);
  for (std::size_t i = 0; i < use.effects.size(); ++i) {
    const auto effect = static_cast<Effect>(i);
    if (!use.effects.test(i)) continue;
    const sql::ColumnUse* columns = nullptr;
    if (effect == Effect::read) columns = &use.reads;
    if (effect == Effect::insert || effect == Effect::update || effect == Effect::merge) columns = &use.writes;
    std::string why = check_columns(use, schema, effect, columns);
    if (!why.empty()) return why;
  }
  // COPY (query) TO hands rows out as COPY table TO does.
  if (copies_out && has(use.effects, Effect::read)) {
    return check_columns(use, schema, Effect::copy_out, &use.reads);
  }
  // The rows are left in the order of an index, which whoever sees only other columns would be shown.
  if (statement_.tag == "CLUSTER" && is_seen_in_part(schema, use.name.name)) {
    const std::string by = std::exchange(rule_, {});
    sql::ColumnUse all;
    all.whole_row = true;
    std::string why = check_columns(use, schema, Effect::read, &all);
    if (!why.empty()) return why;
    rule_ = by;
  }
  return {};
}

bool StatementJudge::is_seen_in_part(const std::string& schema, const std::string& relation) const {
  bool in_part = false;
  allow_.each_grant(schema, relation, [&](const TableGrant& grant) {
    in_part = has(grant.effects, Effect::read) && !grant.columns.empty();
    return !in_part;
  });
  return in_part;
}

std::string StatementJudge::check_columns(const sql::RelationUse& use, const std::string& schema, Effect effect,
                                          const sql::ColumnUse* columns) {
  if (effect == Effect::read && allow_.introspection && is_introspection_relation(schema, use.name.name) &&
      !reads_hidden(use.name.name, columns)) {
    rule_ = allow_.introspection_rule;
    return {};
  }
  if (effect == Effect::read && schema == "pg_catalog" && use.name.name == "pg_settings" &&
      reads_harmless_settings(allow_, statement_)) {
    rule_ = allow_.introspection_rule;
    return {};
  }
  // Not columns of the table's definition: never granted as part of "all".
  static constexpr std::array<std::string_view, 6> system_columns = {"ctid", "xmin", "xmax",
                                                                     "cmin", "cmax", "tableoid"};
  Given granted;
  const auto missing_column = [&]() -> std::string {
    if (columns == nullptr) return {};
    if (columns->whole_row && !granted.all_columns) return "all columns";
    for (const std::string& column : columns->names) {
      const auto lists = [&column](const std::vector<std::string>* listed) {
        return std::binary_search(listed->begin(), listed->end(), column);
      };
      const bool system = std::find(system_columns.begin(), system_columns.end(), column) != system_columns.end();
      const bool is_granted =
          (granted.all_columns && !system) || std::any_of(granted.columns.begin(), granted.columns.end(), lists);
      if (!is_granted) return "column " + column;
    }
    return {};
  };
  granted = given(use, schema, effect, {});
  std::string missing = missing_column();
  // What comes with conditions is taken only where it is needed, and then with all of them.
  constexpr With more[] = {{true, false, false}, {false, true, false}, {true, true, false}, {false, false, true},
                           {true, false, true},  {false, true, true},  {true, true, true}};
  for (const With& with : more) {
    if (granted.any && missing.empty()) break;
    if ((with.limited && !granted.limited) || (with.pending && !granted.pending)) continue;
    if (with.approval && !granted.approvable) continue;
    granted = given(use, schema, effect, with);
    missing = missing_column();
    if (with.pending && granted.any && missing.empty()) looks_at_values_ = true;
  }
  if (granted.any && missing.empty()) {
    limit_rows(granted);
    holds_.insert(holds_.end(), granted.holds.begin(), granted.holds.end());
    note_temporary(granted);
    return {};
  }
  const std::string on = " on " + shown(use.name);
  if (!granted.any && granted.needs_where) return word_of(effect) + on + " needs a WHERE clause";
  if (!granted.any && !granted.needed.empty()) return word_of(effect) + on + " " + granted.needed;
  if (!granted.any) return not_allowed(effect, shown(use.name));
  return not_allowed(effect, missing + " of " + shown(use.name));
}

StatementJudge::Given StatementJudge::given(const sql::RelationUse& use, const std::string& schema, Effect effect,
                                            With with) {
  Given all;
  allow_.each_grant(schema, use.name.name, [&](const TableGrant& grant) {
    if (!covers(grant, use, effect)) return true;
    if (grant.migrations_only && !is_migration(statement_)) return true;
    if (grant.require_where && !use.has_where && effect != Effect::read) {
      all.needs_where = true;
      return true;
    }
    all.approvable = all.approvable || (grant.require && grant.require->approval);
    if (grant.require) {
      Held held = values_.check(*grant.require, index_, use, schema, effect);
      all.pending = all.pending || held.state == Held::State::pending;
      if (held.state == Held::State::no) all.needed = std::move(held.why);
      if (held.state == Held::State::no || (held.state == Held::State::pending && !with.pending)) return true;
    }
    const std::size_t rows = grant.require && is_change(effect) ? grant.require->max_rows : 0;
    all.limited = all.limited || rows > 0;
    if (rows > 0 && !with.limited) return true;
    if (grant.require && grant.require->approval) {
      // Nobody else is asked where what is there suffices.
      if (!with.approval || all.all_columns) return true;
      all.holds.push_back({grant.require->approval, grant.rule_id});
    }
    if (rows > 0 && (all.max_rows == 0 || rows < all.max_rows)) {
      all.max_rows = rows;
      all.max_rows_rule = grant.rule_id;
    }
    all.any = true;
    if (!all.all_columns) {
      rule_ = grant.rule_id;
      if (grant.for_a_time) all.for_a_time.push_back(&grant.rule_id);
    }
    all.all_columns = all.all_columns || grant.columns.empty();
    // System columns are named beside "all", in any order.
    if (!grant.columns.empty()) all.columns.push_back(&grant.columns);
    return true;
  });
  return all;
}

// Of all that a statement changes, the strictest limit counts.
void StatementJudge::limit_rows(const Given& all) {
  if (all.max_rows == 0 || (max_rows_ > 0 && max_rows_ <= all.max_rows)) return;
  max_rows_ = all.max_rows;
  max_rows_rule_ = all.max_rows_rule + ".max_rows";
}

void StatementJudge::note_temporary(const Given& all) {
  for (const std::string* rule : all.for_a_time)
    if (std::find(for_a_time_.begin(), for_a_time_.end(), *rule) == for_a_time_.end()) for_a_time_.push_back(*rule);
}

}  // namespace dbgate::policy
