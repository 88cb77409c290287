#include "gateway/policy/moved_names.h"

#include <algorithm>
#include <array>

#include "gateway/policy/statement_judge.h"

namespace dbgate::policy {
namespace {

using sql::Effect;
using sql::Statement;

// Statements that make objects by the names they give them.
constexpr std::array<std::string_view, 8> making = {
    "CREATE TABLE",    "CREATE TABLE AS", "SELECT",       "CREATE VIEW", "CREATE MATERIALIZED VIEW",
    "CREATE SEQUENCE", "CREATE SCHEMA",   "CREATE DOMAIN"};
// Statements that give no object a name under which it could be read.
constexpr std::array<std::string_view, 11> naming_nothing = {
    "DROP",        "COMMENT",        "ALTER TABLE",       "ALTER SEQUENCE", "ALTER DOMAIN", "CREATE INDEX",
    "CREATE RULE", "CREATE TRIGGER", "CREATE STATISTICS", "CREATE POLICY",  "CREATE TYPE"};

template <std::size_t size>
bool contains(const std::array<std::string_view, size>& tags, std::string_view tag) {
  return std::find(tags.begin(), tags.end(), tag) != tags.end();
}

// The schemas in which the name may be found by now; one or none if the catalog says all there is to say.
std::vector<std::string> places_of(const sql::QualifiedName& name, const NameContext& context) {
  std::vector<std::string> places;
  if (!name.schema.empty() || name.name.starts_with("pg_")) return places;
  if (context.resolver == nullptr || (context.moved != nullptr && context.moved->brings(name.name))) {
    for (const std::string& schema : context.search_path)
      places.push_back(schema == "$user" ? context.account : schema);
    return places;
  }
  context.resolver->each_schema(name, [&](catalog::Oid schema) {
    const bool there = context.resolver->snapshot().relation(schema, name.name) != nullptr;
    if (there) places.emplace_back(context.resolver->schema_name(schema));
    return true;
  });
  return places;
}

// What is made by that name comes to the first schema of the path.
bool is_made(const Statement& statement, const sql::RelationUse& use) {
  return statement.tag.starts_with("CREATE") && has(use.effects, Effect::ddl) && !has(use.effects, Effect::read);
}

}  // namespace

void MovedNames::follow(const Statement& statement) {
  if (!sql::may_change_catalog(statement)) return;
  any_ = true;
  for (const Effect effect : {Effect::opaque, Effect::do_block, Effect::call, Effect::two_phase})
    anywhere_ = anywhere_ || has(statement.effects, effect);
  const bool on_rights = has(statement.effects, Effect::dcl) || has(statement.effects, Effect::admin);
  if (on_rights || contains(naming_nothing, statement.tag)) return;
  if (!contains(making, statement.tag)) anywhere_ = true;
  for (const sql::RelationUse& use : statement.relations) {
    if (!has(use.effects, Effect::ddl) || has(use.effects, Effect::read)) continue;
    brought_.insert(use.name.name);
    if (statement.tag == "CREATE TABLE") break;  // the others are those that it refers to
  }
}

bool moves_names_within(const sql::Script& script) {
  const auto& all = script.statements;
  return all.size() > 1 && std::any_of(all.begin(), all.end() - 1, sql::may_change_catalog);
}

void each_meaning(const Statement& statement, const NameContext& context,
                  const std::function<bool(const Meaning&)>& visit) {
  const bool moved = context.moved != nullptr;
  if (!moved && (context.resolver == nullptr || context.search_path.size() < 2)) return;
  std::vector<std::vector<std::string>> places;
  std::vector<bool> chosen;
  std::size_t ways = !moved || context.closure == nullptr ? 1 : context.search_path.size();
  for (const sql::RelationUse& use : statement.relations) {
    places.push_back(moved || !is_made(statement, use) ? places_of(use.name, context) : std::vector<std::string>());
    chosen.push_back(places.back().size() > 1);
    ways = std::max(ways, places.back().size());
  }
  if (ways <= 1) return;
  NameContext around = context;
  for (std::size_t way = moved ? 0 : 1; way < ways; ++way) {
    Statement meant = statement;
    for (std::size_t i = 0; i < places.size(); ++i) {
      if (!chosen[i]) continue;
      sql::RelationUse& use = meant.relations[i];
      use.name.schema = places[i][std::min(way, places[i].size() - 1)];
      // Which columns are whose was told by the relation that is found now.
      if (!moved && has(use.effects, Effect::read)) use.reads.whole_row = true;
      if (context.resolver != nullptr) context.resolver->add_computed_from(use.name, use.reads);
    }
    if (moved && way > 0 && around.search_path.size() > 1) around.search_path.erase(around.search_path.begin());
    if (!visit({meant, around, chosen})) return;
  }
}

}  // namespace dbgate::policy
