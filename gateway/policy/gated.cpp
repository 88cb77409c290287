#include "gateway/policy/gated.h"

#include <algorithm>

#include "gateway/policy/catalog_lists.h"
#include "gateway/policy/footprint.h"
#include "gateway/policy/grants.h"

namespace dbgate::policy {
namespace {

using sql::Effect;
using sql::StatementKind;

bool has(const sql::Statement& statement, Effect effect) {
  return statement.effects.test(static_cast<std::size_t>(effect));
}

// Of pg_catalog: what they change is in no table that could be prepared, or does not wait for COMMIT.
bool changes_elsewhere(std::string_view name) {
  constexpr std::string_view prefixes[] = {
      "lo_",           "pg_logical_emit", "pg_replication_", "pg_create_", "pg_drop_",      "pg_file_",     "pg_notify",
      "pg_switch_wal", "pg_reload_conf",  "pg_rotate_",      "pg_promote", "pg_terminate_", "pg_stat_reset"};
  return name == "loread" || name == "lowrite" ||
         std::any_of(std::begin(prefixes), std::end(prefixes),
                     [name](std::string_view prefix) { return name.starts_with(prefix); });
}

bool is_own(const sql::QualifiedName& name, const catalog::SearchPath& path) {
  if (!name.schema.empty()) return name.schema == gate_schema;
  return std::find(path.schemas.begin(), path.schemas.end(), gate_schema) != path.schemas.end();
}

// Whatever changes a row of pg_settings calls set_config(), whose name and value are those of the row.
bool sets_by_view(const sql::RelationUse& use) {
  constexpr Effect writing[] = {Effect::insert, Effect::update, Effect::delete_, Effect::merge, Effect::copy_in};
  return use.name.name == "pg_settings" && std::any_of(std::begin(writing), std::end(writing), [&use](Effect effect) {
           return use.effects.test(static_cast<std::size_t>(effect));
         });
}

// What is wrong with a statement by itself.
std::string refusal_of(const sql::Statement& statement, const catalog::SearchPath& path) {
  const auto own = [&path](const auto& use) { return is_own(use.name, path); };
  if (std::any_of(statement.relations.begin(), statement.relations.end(), own) ||
      std::any_of(statement.functions.begin(), statement.functions.end(), own) ||
      std::any_of(statement.objects.begin(), statement.objects.end(),
                  [&path](const sql::QualifiedName& name) { return is_own(name, path); })) {
    return "what dbgate has prepared is not for statements";
  }
  const auto replicates = [](const sql::SettingUse& use) {
    const bool reads = use.action == sql::SettingAction::show || use.action == sql::SettingAction::show_all;
    const bool own_word = use.name.starts_with("dbgate.") && !is_clients_word(use.name);
    return !reads && (own_word || use.name == "session_replication_role" || use.name == "track_counts");
  };
  if (std::any_of(statement.settings.begin(), statement.settings.end(), replicates)) return "it stops the capture";
  const auto computes = [](const sql::FunctionUse& use) { return use.name.name == "set_config" && !use.sets; };
  if (std::any_of(statement.functions.begin(), statement.functions.end(), computes))
    return "which setting set_config() changes has to be a constant";
  if (std::any_of(statement.relations.begin(), statement.relations.end(), sets_by_view))
    return "settings are changed by SET, not by rows of pg_settings";
  if (statement.holdable) return "a cursor WITH HOLD runs while the transaction is committed";
  if (has(statement, Effect::two_phase)) return "a prepared transaction could be committed by anybody later";
  if (has(statement, Effect::do_block)) return "what DO does cannot be told before it runs";
  if (has(statement, Effect::truncate)) return "TRUNCATE does not say which rows it deletes: use DELETE";
  if (has(statement, Effect::notify)) return "a notification is not a row";
  if (has(statement, Effect::ddl) || has(statement, Effect::dcl)) return "only rows can be shown, not definitions";
  return {};
}

bool compares(config::Capture capture, const catalog::Closure* closure) {
  if (capture != config::Capture::any) return capture == config::Capture::unprepared;
  return closure != nullptr && closure->snapshot().schema(gate_schema) == nullptr;
}

// Why changes of one of these are seen neither by triggers, should it have come after them, nor by counters, nor by
// looking at its rows.
std::string unseen(const std::vector<catalog::Oid>& writes, const catalog::Closure* closure) {
  for (const catalog::Oid oid : writes) {
    const catalog::Relation* const table = closure == nullptr ? nullptr : closure->snapshot().relation(oid);
    if (table == nullptr) continue;
    if (table->kind == catalog::RelationKind::foreign_table)
      return "table " + std::string(table->name) + " is on another server";
    if (table->name == "pg_settings") return "settings are changed by SET, not by rows of pg_settings";
  }
  return {};
}

bool says_what_others_do(const sql::Statement& statement) {
  return has(statement, Effect::execute) || statement.kind == StatementKind::fetch;
}

}  // namespace

Gated gated(const Grants& grants, config::Capture capture, const sql::Script& script, const catalog::Closure* closure,
            const catalog::SearchPath& path) {
  Gated gated;
  gated.compares = compares(capture, closure);
  sql::Script known;
  for (const sql::Statement& statement : script.statements) {
    gated.refused = refusal_of(statement, path);
    if (!gated.refused.empty()) return gated;
    // Judged when it was prepared or declared.
    if (says_what_others_do(statement)) {
      gated.opens = gated.opens || has(statement, Effect::execute);
      continue;
    }
    known.statements.push_back(statement);
    // Its transactions cannot end inside: there is one around it.
    known.statements.back().effects.reset(static_cast<std::size_t>(Effect::call));
    gated.opens = gated.opens || has(statement, Effect::call);
    if (closure == nullptr) continue;
    for (const catalog::Reach::OfFunction& of : closure->of(statement, path).functions) {
      const catalog::Function* const function = closure->snapshot().function(of.function);
      if (function != nullptr && changes_elsewhere(function->name)) {
        gated.refused = "function " + std::string(function->name) + " changes more than rows";
        return gated;
      }
    }
  }
  const Footprint footprint = footprint_of(grants, known, nullptr, closure, path);
  if (footprint.writes_anything) gated.refused = "what it may change cannot be told";
  if (gated.refused.empty()) gated.refused = unseen(footprint.writes, closure);
  gated.opens = gated.opens || !footprint.writes.empty();
  return gated;
}

}  // namespace dbgate::policy
