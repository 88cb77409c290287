#include "gateway/policy/residue.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include "gateway/catalog/wide_names.h"
#include "gateway/policy/effect_sets.h"

namespace dbgate::policy {
namespace {

using catalog::Oid;
using sql::Effect;
using sql::EffectSet;
using sql::FunctionForm;

// What runs no code but what a statement names or its tables bring along.
const EffectSet& seen_through() {
  using enum Effect;
  static const EffectSet set = effects({read, insert, update, delete_, truncate, merge, copy_in, copy_out, call, show,
                                        transaction, two_phase, lock, notify, deallocate, explain});
  return set;
}

// In the text itself it is followed, or binds its session; in a function it is not.
const EffectSet& left_by_functions() {
  using enum Effect;
  static const EffectSet set = effects({session, listen, cursor, prepare});
  return set;
}

// DDL that evaluates nothing but what its own text names: no row of a table is written anew, no code compiled.
bool makes_or_drops_a_relation(const sql::Statement& statement) {
  static constexpr std::array<std::string_view, 5> tags = {"CREATE TABLE", "CREATE VIEW", "CREATE SEQUENCE",
                                                           "CREATE INDEX", "DROP"};
  return statement.effects.test(static_cast<std::size_t>(Effect::select_into)) ||
         std::find(tags.begin(), tags.end(), statement.tag) != tags.end();
}

bool starts_with_one(std::string_view name, std::span<const std::string_view> prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [name](std::string_view prefix) { return name.starts_with(prefix); });
}

// Of pg_catalog: what runs code that a value names (SQL, a table, a cursor, a type, an index), and what keeps something
// of its own in the process that DISCARD ALL does not know: temporary replication slots, a backup, a replication
// origin.
bool reaches_or_keeps(std::string_view name) {
  static constexpr std::array<std::string_view, 14> prefixes = {
      "query_to_xml", "cursor_to_xml", "table_to_xml", "schema_to_xml",         "database_to_xml",
      "ts_stat",      "ts_rewrite",    "pg_input_",    "brin_summarize_",       "pg_create_",
      "pg_copy_",     "pg_backup_",    "pg_start_",    "pg_replication_origin_"};
  return starts_with_one(name, prefixes);
}

bool locks_for_its_session(std::string_view name) {
  static constexpr std::array<std::string_view, 2> prefixes = {"pg_advisory_lock", "pg_try_advisory_lock"};
  return starts_with_one(name, prefixes);
}

// Of extensions: nobody said of them that they keep nothing (triggers are never called in parallel), and they do not.
bool is_known_to_keep_nothing(std::string_view name) {
  static constexpr std::array<std::string_view, 5> names = {"autoinc", "insert_username", "lo_manage", "moddatetime",
                                                            "set_limit"};
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Compiled code, which nobody but a superuser installs, is taken at its word: PARALLEL SAFE says that it touches no
// state of the process, IMMUTABLE that it looks at nothing but its arguments (PostgreSQL docs ch. 15.4, 38.7). One of
// PostgreSQL's own says so and runs the SQL that it is given (contrib/xml2).
bool keeps_nothing(const catalog::Function& function) {
  if (function.language != "c" && function.language != "internal") return false;
  if (function.oid < first_of_users || is_known_to_keep_nothing(function.name)) return true;
  return (function.parallel == 's' || function.volatility == 'i') && function.name != "xpath_table";
}

// Names lead elsewhere from here on: what they mean is found by the target's search_path.
bool strays(const sql::Statement& statement, const catalog::SearchPath& path) {
  const auto moves = [&path](const sql::SettingUse& use) {
    if (use.action != sql::SettingAction::set) return false;
    if (use.name == "search_path") return use.values != path.schemas;
    return use.name == "role" || use.name == "session_authorization";
  };
  const auto computes = [](const sql::FunctionUse& use) { return use.name.name == "set_config" && !use.sets; };
  const auto by_rows = [](const sql::RelationUse& use) {
    return use.name.name == "pg_settings" && use.effects.count() > 0 && !only(use.effects, effects({Effect::read}));
  };
  return std::any_of(statement.settings.begin(), statement.settings.end(), moves) ||
         std::any_of(statement.functions.begin(), statement.functions.end(), computes) ||
         std::any_of(statement.relations.begin(), statement.relations.end(), by_rows);
}

bool is_plain_call(const sql::FunctionUse& use) {
  return use.form != FunctionForm::operator_ && use.form != FunctionForm::cast && use.form != FunctionForm::field;
}

/// One text, followed through one catalog.
class Traces {
 public:
  Traces(const catalog::Closure& closure, const catalog::SearchPath& path)
      : closure_(closure), snapshot_(closure.snapshot()), path_(path.schemas.empty() ? all_schemas(path) : path) {
    resolver_.emplace(snapshot_, path_.schemas, path_.user);
    any_schema_ = path.schemas.empty();
  }

  Residue of(const sql::Statement& statement) const;

 private:
  catalog::SearchPath all_schemas(const catalog::SearchPath& path) const;
  bool is_ambiguous(const sql::RelationUse& use) const;
  bool is_unknown(const sql::FunctionUse& use) const;
  Residue of(const catalog::Reach& reach) const;

  const catalog::Closure& closure_;
  const catalog::Snapshot& snapshot_;
  const catalog::SearchPath path_;
  std::optional<catalog::Resolver> resolver_;
  bool any_schema_ = false;
};

catalog::SearchPath Traces::all_schemas(const catalog::SearchPath& path) const {
  catalog::SearchPath all{{}, path.user};
  for (const catalog::Schema& schema : snapshot_.schemas())
    all.schemas.emplace_back(schema.name);
  return all;
}

bool Traces::is_ambiguous(const sql::RelationUse& use) const {
  if (!any_schema_ || !use.name.schema.empty()) return false;
  std::size_t found = 0;
  resolver_->each_schema(use.name, [&](Oid schema) {
    found += snapshot_.relation(schema, use.name.name) != nullptr;
    return found < 2;
  });
  return found > 1;
}

// A call with one argument may be a cast or a column of a row, so that Closure does not miss the function.
bool Traces::is_unknown(const sql::FunctionUse& use) const {
  return is_plain_call(use) && use.arguments == 1 && resolver_->functions(use.name, 1).empty() &&
         resolver_->type(use.name) == nullptr;
}

Residue Traces::of(const catalog::Reach& reach) const {
  if (!only(reach.effects, seen_through() | left_by_functions())) return Residue::stays;
  for (const catalog::Reach::Opaque& opaque : reach.opaque) {
    const bool is_function = opaque.step < reach.steps.size() && reach.steps[opaque.step].is_function;
    const catalog::Function* const function =
        is_function ? snapshot_.function(reach.steps[opaque.step].object) : nullptr;
    if (function == nullptr || !keeps_nothing(*function)) return Residue::stays;
  }
  bool leaves = (reach.effects & left_by_functions()).any();
  for (const catalog::Reach::OfFunction& of : reach.functions) {
    const catalog::Function* const function = snapshot_.function(of.function);
    if (function == nullptr || function->oid >= first_of_users) continue;
    if (reaches_or_keeps(function->name)) return Residue::stays;
    leaves = leaves || locks_for_its_session(function->name);
  }
  const auto lasts = [](const sql::SettingUse& use) { return changes(use) && !use.local; };
  leaves = leaves || std::any_of(reach.settings.begin(), reach.settings.end(), lasts);
  return leaves ? Residue::discarded : Residue::none;
}

Residue Traces::of(const sql::Statement& statement) const {
  if (statement.relations.empty() && statement.functions.empty() && statement.types.empty()) return Residue::none;
  const bool unclear = std::any_of(statement.relations.begin(), statement.relations.end(),
                                   [this](const sql::RelationUse& use) { return is_ambiguous(use); }) ||
                       std::any_of(statement.functions.begin(), statement.functions.end(),
                                   [this](const sql::FunctionUse& use) { return is_unknown(use); });
  return unclear || catalog::misread_name(snapshot_, statement.wide_names) != nullptr
             ? Residue::stays
             : of(closure_.of(statement, path_));
}

// What names say when there is no catalog to look them up in.
Residue without_catalog(const sql::Statement& statement) {
  const bool calls = std::any_of(statement.functions.begin(), statement.functions.end(), is_plain_call);
  return calls || !statement.relations.empty() || !statement.types.empty() ? Residue::unknown : Residue::none;
}

}  // namespace

Residue residue_of(const sql::Script& script, const catalog::Closure* closure, const catalog::SearchPath& path) {
  const EffectSet plain = seen_through() | left_by_functions();
  std::optional<Traces> traces;
  if (closure != nullptr) traces.emplace(*closure, path);
  Residue all = Residue::none;
  for (const sql::Statement& statement : script.statements) {
    const EffectSet made =
        makes_or_drops_a_relation(statement) ? effects({Effect::ddl, Effect::select_into}) : EffectSet();
    if (!only(statement.effects, plain | made) || !statement.unknown.empty() || strays(statement, path)) {
      return Residue::stays;
    }
    all = std::max(all, traces ? traces->of(statement) : without_catalog(statement));
    if (all == Residue::stays) break;
  }
  return all;
}

}  // namespace dbgate::policy
