#include <algorithm>
#include <array>
#include <optional>
#include <tuple>

#include "gateway/policy/calls.h"
#include "gateway/policy/catalog_lists.h"
#include "gateway/policy/grants.h"
#include "gateway/policy/migrations.h"
#include "gateway/policy/relatives.h"

namespace dbgate::policy {
namespace {

using sql::Effect;
using sql::EffectSet;
using sql::Statement;

constexpr std::array<const char*, static_cast<std::size_t>(Effect::count_)> effect_words = {
    "SELECT",
    "INSERT",
    "UPDATE",
    "DELETE",
    "TRUNCATE",
    "MERGE",
    "COPY FROM",
    "COPY TO",
    "server files",
    "server programs",
    "DDL",
    "DCL",
    "CALL",
    "DO",
    "SET",
    "SHOW",
    "transaction control",
    "two-phase commit",
    "LOCK",
    "LISTEN",
    "NOTIFY",
    "cursors",
    "PREPARE",
    "EXECUTE",
    "DEALLOCATE",
    "EXPLAIN",
    "maintenance",
    "administration",
    "SELECT INTO",
    "replication",
    "code that cannot be seen through"};

bool has(const EffectSet& effects, Effect effect) {
  return effects.test(static_cast<std::size_t>(effect));
}

bool reads_hidden(const std::string& relation, const sql::ColumnUse* columns) {
  if (columns == nullptr || !has_hidden_columns(relation)) return false;
  return columns->whole_row ||
         std::any_of(columns->names.begin(), columns->names.end(),
                     [&](const std::string& column) { return is_hidden_catalog_column(relation, column); });
}

/// Judges one statement; stops at the first thing that is not allowed.
class StatementJudge {
 public:
  StatementJudge(const Grants& grants, const Statement& statement, const NameContext& context,
                 const Arguments* arguments)
      : grants_(grants),
        allow_(grants.allow),
        statement_(statement),
        context_(context),
        values_(statement, context, arguments) {}

  Verdict run();

 private:
  std::string fixed_setting();  // what nobody may set; empty: nothing of the kind
  std::string missing_grant();  // what is not granted; empty: everything is
  std::string check_effects();
  std::string check_relations();
  std::string check_relation(const sql::RelationUse& use);
  std::string check_descendants(const sql::RelationUse& use, const std::string& schema);
  std::string check_one(const sql::RelationUse& use, const std::string& schema);
  std::string check_functions();
  std::string check_types();
  bool keeps_search_path(const sql::SettingUse& use) const;
  std::string check_settings();
  std::string check_objects();
  std::string check_columns(const sql::RelationUse& use, const std::string& schema, Effect effect,
                            const sql::ColumnUse* columns, const std::string& shown);
  /// What several rules give together to one use of a relation.
  struct Given {
    bool any = false;
    bool needs_where = false;
    bool all_columns = false;
    std::vector<std::string> columns;
    bool pending = false;      ///< some rule counts if Bind's values are right
    bool limited = false;      ///< some rule counts for so many rows
    std::string needed;        ///< why a rule does not count
    std::size_t max_rows = 0;  ///< the least of those that count; 0: none has a limit
    std::string max_rows_rule;
  };
  Given given(const sql::RelationUse& use, const std::string& schema, Effect effect, bool with_limited,
              bool with_pending);
  void limit_rows(const Given& all);
  std::vector<std::string> schemas_of(const sql::QualifiedName& name, bool relation) const;
  std::string not_allowed(Effect effect, const std::string& on = {}) const {
    const std::string word = effect_words[static_cast<std::size_t>(effect)];
    return "no rule allows " + word + (on.empty() ? "" : " on " + on);
  }
  static std::string shown(const sql::QualifiedName& name) {
    return name.schema.empty() ? name.name : name.schema + "." + name.name;
  }

  const Grants& grants_;
  const RuleSet& allow_;
  const Statement& statement_;
  const NameContext& context_;
  const ValueJudge values_;
  std::size_t index_ = 0;  // of the relation that is looked at
  bool looks_at_values_ = false;
  std::size_t max_rows_ = 0;
  std::string max_rows_rule_;
  std::string rule_;
};

Verdict StatementJudge::run() {
  Verdict verdict;
  verdict.learns = grants_.mode == config::PolicyMode::learn;
  std::string why;
  if (!statement_.unknown.empty() && !is_unrestricted(grants_)) {
    why = "dbgate does not understand this statement completely";
    verdict.reasons.push_back("unknown: " + statement_.unknown);
    verdict.rule_id = "default";
  } else if (why = find_denial(grants_, statement_, context_, rule_); !why.empty()) {
    verdict.rule_id = rule_;
  } else if (why = fixed_setting(); !why.empty()) {
    verdict.rule_id = "builtin/fixed-settings";
  } else if (allow_.everything) {
    rule_ = allow_.everything_rule;
  } else if (const std::string* listed = allow_.statement_rule(statement_.shape)) {
    rule_ = *listed;
  } else {
    why = missing_grant();
    if (!why.empty()) verdict.rule_id = "default";
    if (!why.empty() && grants_.mode != config::PolicyMode::enforce) {
      verdict.decision = policy::Decision::log_only;
      verdict.reasons.push_back(why);
      return verdict;
    }
  }
  if (why.empty()) {
    verdict.decision = policy::Decision::allow;
    verdict.rule_id = rule_.empty() ? "builtin/harmless" : rule_;
    if (statement_.values && !statement_.values->reason.empty()) {
      verdict.reasons.push_back("reason given: " + statement_.values->reason);
    }
    verdict.looks_at_values = looks_at_values_;
    verdict.max_rows = max_rows_;
    verdict.max_rows_rule = max_rows_rule_;
    return verdict;
  }
  verdict.decision = policy::Decision::deny;
  verdict.message = "permission denied by dbgate policy: " + why;
  verdict.reasons.push_back(why);
  return verdict;
}

std::vector<std::string> StatementJudge::schemas_of(const sql::QualifiedName& name, bool relation) const {
  if (!name.schema.empty()) return {name.schema};
  // Every relation of pg_catalog is called pg_…, and pg_catalog is searched first.
  if (relation && name.name.starts_with("pg_")) return {"pg_catalog"};
  if (relation && context_.resolver != nullptr) {
    const catalog::Relation* const found = context_.resolver->relation(name);
    if (found != nullptr) return {std::string(context_.resolver->schema_name(found->schema))};
  }
  return context_.search_path;
}

// The target's own search path, or none at all: then names without a schema stand for pg_catalog's only.
bool StatementJudge::keeps_search_path(const sql::SettingUse& use) const {
  if (use.name != "search_path") return false;
  return use.values == context_.search_path || use.values == std::vector<std::string>{""};
}

// The meaning of statement text rests on these, and that of deny rules on how names resolve.
std::string StatementJudge::fixed_setting() {
  for (const sql::SettingUse& use : statement_.settings) {
    if (use.action != sql::SettingAction::set) continue;
    const std::string value = use.values.empty() ? std::string() : use.values.front();
    const bool encoding = use.name == "client_encoding" || use.name == "names";
    const bool literals = use.name == "standard_conforming_strings";
    const bool names = use.name == "search_path" || use.name == "role" || use.name == "session_authorization";
    if ((encoding || literals) && !is_harmless_setting(use.name, value, !use.values.empty())) {
      return use.name + " is fixed by dbgate to " + (literals ? "on" : "UTF8");
    }
    if (names && (grants_.deny.rules > 0 || grants_.hidden.any()) && !keeps_search_path(use))
      return use.name + " is fixed by dbgate";
  }
  return {};
}

std::string StatementJudge::missing_grant() {
  for (const auto check :
       {&StatementJudge::check_effects, &StatementJudge::check_settings, &StatementJudge::check_relations,
        &StatementJudge::check_functions, &StatementJudge::check_types, &StatementJudge::check_objects}) {
    std::string why = (this->*check)();
    if (!why.empty()) return why;
  }
  return {};
}

// What a statement does apart from relations and functions.
std::string StatementJudge::check_effects() {
  const EffectSet& effects = statement_.effects;
  const std::pair<Effect, bool> flags[] = {{Effect::server_file, allow_.server_files},
                                           {Effect::server_program, false},
                                           {Effect::dcl, allow_.dcl},
                                           {Effect::admin, allow_.admin},
                                           {Effect::do_block, allow_.do_blocks},
                                           {Effect::two_phase, allow_.two_phase},
                                           {Effect::replication, allow_.replication},
                                           {Effect::opaque, allow_.opaque || allow_.do_blocks}};
  for (const auto& [effect, granted] : flags) {
    if (has(effects, effect) && !granted) return not_allowed(effect);
  }
  if (statement_.read_write && !allow_.writes) return "no rule allows READ WRITE transactions";
  if (statement_.kind == sql::StatementKind::listen && !allow_.channel_granted(statement_.name, false)) {
    return not_allowed(Effect::listen, statement_.name);
  }
  if (statement_.kind == sql::StatementKind::notify && !allow_.channel_granted(statement_.name, true)) {
    return not_allowed(Effect::notify, statement_.name);
  }
  // Without a relation these concern the whole database.
  for (const Effect effect : {Effect::maintenance, Effect::lock, Effect::truncate}) {
    if (has(effects, effect) && statement_.relations.empty()) return not_allowed(effect);
  }
  return {};
}

std::string StatementJudge::check_settings() {
  for (const sql::SettingUse& use : statement_.settings) {
    const std::string value = use.values.empty() ? std::string() : use.values.front();
    const bool has_value = use.action == sql::SettingAction::set && !use.values.empty();
    bool fine = false;
    switch (use.action) {
      case sql::SettingAction::show:
        fine = is_harmless_to_show(use.name) || allow_.setting_granted(use.name);
        break;
      case sql::SettingAction::show_all:
        fine = false;
        break;
      // Back to what dbgate and the target's configuration set: never wider than the session started with.
      case sql::SettingAction::reset:
      case sql::SettingAction::reset_all:
      case sql::SettingAction::set_default:
        fine = use.name != "role" && use.name != "session_authorization";
        break;
      case sql::SettingAction::discard:
        fine = use.name == "plans" || use.name == "sequences";
        break;
      case sql::SettingAction::set:
        fine = is_harmless_setting(use.name, value, has_value) || allow_.setting_granted(use.name) ||
               keeps_search_path(use) || use.name == "transaction" || use.name == "session characteristics";
        break;
    }
    if (!fine) {
      const bool shows = use.action == sql::SettingAction::show || use.action == sql::SettingAction::show_all;
      return not_allowed(shows ? Effect::show : Effect::session, use.name);
    }
  }
  return {};
}

std::string StatementJudge::check_relations() {
  for (index_ = 0; index_ < statement_.relations.size(); ++index_) {
    const sql::RelationUse& use = statement_.relations[index_];
    if (!use.name.catalog.empty() && use.name.catalog != context_.database) {
      return "cross-database names are not allowed";
    }
    std::string why = check_relation(use);
    if (!why.empty()) return why;
  }
  return {};
}

// An unqualified name must be granted wherever the search path could find it, so that nothing can be shadowed in.
std::string StatementJudge::check_relation(const sql::RelationUse& use) {
  const std::vector<std::string> schemas = schemas_of(use.name, true);
  if (schemas.empty()) return not_allowed(Effect::read, shown(use.name));
  for (const std::string& schema : schemas) {
    std::string why = check_one(use, schema);
    if (!why.empty()) return why;
  }
  return check_descendants(use, schemas.front());
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
      if (grant.effects.test(i) && counts) along.set(i);
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
  const std::string name = shown(use.name);
  const bool copies_out = has(statement_.effects, Effect::copy_out);
  for (std::size_t i = 0; i < use.effects.size(); ++i) {
    const auto effect = static_cast<Effect>(i);
    if (!use.effects.test(i)) continue;
    const sql::ColumnUse* columns = nullptr;
    if (effect == Effect::read) columns = &use.reads;
    if (effect == Effect::insert || effect == Effect::update || effect == Effect::merge) columns = &use.writes;
    std::string why = check_columns(use, schema, effect, columns, name);
    if (!why.empty()) return why;
  }
  // COPY (query) TO hands rows out as COPY table TO does.
  if (copies_out && has(use.effects, Effect::read)) {
    return check_columns(use, schema, Effect::copy_out, &use.reads, name);
  }
  return {};
}

std::string StatementJudge::check_columns(const sql::RelationUse& use, const std::string& schema, Effect effect,
                                          const sql::ColumnUse* columns, const std::string& shown_name) {
  if (effect == Effect::read && allow_.introspection && is_introspection_relation(schema, use.name.name) &&
      !reads_hidden(use.name.name, columns)) {
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
      const auto& named = granted.columns;
      const bool system = std::find(system_columns.begin(), system_columns.end(), column) != system_columns.end();
      const bool is_granted =
          (granted.all_columns && !system) || std::find(named.begin(), named.end(), column) != named.end();
      if (!is_granted) return "column " + column;
    }
    return {};
  };
  granted = given(use, schema, effect, false, false);
  std::string missing = missing_column();
  // What comes with conditions is taken only where it is needed, and then with all of them.
  for (const auto& [limited, pending] : {std::pair(true, false), std::pair(false, true), std::pair(true, true)}) {
    if (granted.any && missing.empty()) break;
    if ((limited && !granted.limited) || (pending && !granted.pending)) continue;
    granted = given(use, schema, effect, limited, pending);
    missing = missing_column();
    if (pending && granted.any && missing.empty()) looks_at_values_ = true;
  }
  const std::string word = effect_words[static_cast<std::size_t>(effect)];
  if (!granted.any && granted.needs_where) return word + " on " + shown_name + " needs a WHERE clause";
  if (!granted.any && !granted.needed.empty()) return word + " on " + shown_name + " " + granted.needed;
  if (!granted.any) return not_allowed(effect, shown_name);
  if (!missing.empty()) return not_allowed(effect, missing + " of " + shown_name);
  limit_rows(granted);
  return {};
}

StatementJudge::Given StatementJudge::given(const sql::RelationUse& use, const std::string& schema, Effect effect,
                                            bool with_limited, bool with_pending) {
  Given all;
  allow_.each_grant(schema, use.name.name, [&](const TableGrant& grant) {
    // COPY table TO reads the table by the right to copy it.
    const bool covers = has(grant.effects, effect) || (effect == Effect::read && has(use.effects, Effect::copy_out) &&
                                                       has(grant.effects, Effect::copy_out));
    if (!covers) return true;
    if (grant.migrations_only && !is_migration(statement_.tag)) return true;
    if (grant.require_where && !use.has_where && effect != Effect::read) {
      all.needs_where = true;
      return true;
    }
    if (grant.require) {
      Held held = values_.check(*grant.require, index_, use, schema, effect);
      all.pending = all.pending || held.state == Held::State::pending;
      if (held.state == Held::State::no) all.needed = std::move(held.why);
      if (held.state == Held::State::no || (held.state == Held::State::pending && !with_pending)) return true;
    }
    const std::size_t rows = grant.require && is_change(effect) ? grant.require->max_rows : 0;
    all.limited = all.limited || rows > 0;
    if (rows > 0 && !with_limited) return true;
    if (rows > 0 && (all.max_rows == 0 || rows < all.max_rows)) {
      all.max_rows = rows;
      all.max_rows_rule = grant.rule_id;
    }
    all.any = true;
    if (!all.all_columns) rule_ = grant.rule_id;
    all.all_columns = all.all_columns || grant.columns.empty();
    // System columns are named beside "all", in any order.
    all.columns.insert(all.columns.end(), grant.columns.begin(), grant.columns.end());
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

std::string StatementJudge::check_functions() {
  const CallJudge calls(allow_, statement_, context_);
  for (const sql::FunctionUse& use : statement_.functions) {
    std::string why = calls.check(use);
    if (!why.empty()) return why;
  }
  return {};
}

std::string StatementJudge::check_types() {
  for (const sql::QualifiedName& type : statement_.types) {
    const bool system = type.schema.empty() || type.schema == "pg_catalog";
    if (system && is_builtin_type(type.name)) continue;
    if (system && allow_.introspection && is_introspection_function(type.name)) continue;
    if (allow_.introspection && (type.schema == "information_schema")) continue;
    const std::vector<std::string> schemas = schemas_of(type, false);
    const bool granted = !schemas.empty() &&
                         std::all_of(schemas.begin(), schemas.end(),
                                     [&](const std::string& schema) { return allow_.type_granted(schema, type.name); });
    if (!granted) return "no rule allows type " + shown(type);
  }
  return {};
}

// Schemas, functions, roles and other objects that DDL makes or drops: granted by ddl on their schema, or on "*".
std::string StatementJudge::check_objects() {
  if (!has(statement_.effects, Effect::ddl)) return {};
  const auto ddl_granted = [this](const std::string& schema, const std::string& name) {
    bool granted = false;
    allow_.each_grant(schema, name, [&](const TableGrant& grant) {
      granted = has(grant.effects, Effect::ddl) && (!grant.migrations_only || is_migration(statement_.tag));
      if (granted) rule_ = grant.rule_id;
      return !granted;
    });
    return granted;
  };
  if (statement_.objects.empty() && statement_.relations.empty() && !ddl_granted("", "")) {
    return not_allowed(Effect::ddl);
  }
  for (const sql::QualifiedName& object : statement_.objects) {
    if (object.schema == "pg_catalog") continue;
    if (statement_.tag == "CREATE SCHEMA" && object.schema.empty() && allow_.migrates.contains(object.name)) continue;
    if (object.schema.empty() && !allow_.migrates.empty() && names_no_target(statement_.tag)) continue;
    const bool type = object.schema.empty() && is_type_ddl(statement_) && !context_.search_path.empty();
    if (type && ddl_granted(context_.search_path.front(), object.name)) continue;
    if (!ddl_granted(object.schema, object.name)) return not_allowed(Effect::ddl, shown(object));
  }
  return {};
}

}  // namespace

Verdict decide(const Grants& grants, const Statement& statement, const NameContext& context,
               const Arguments* arguments) {
  return StatementJudge(grants, statement, context, arguments).run();
}

std::shared_ptr<const sql::ValuesWanted> values_wanted(const Grants& grants) {
  return grants.wanted;
}

bool may_write(const Grants& grants) {
  const RuleSet& allow = grants.allow;
  return allow.everything || allow.writes || allow.dcl || allow.admin || allow.do_blocks || allow.opaque ||
         grants.mode != config::PolicyMode::enforce;
}

Verdict stricter(Verdict earlier, Verdict later) {
  const bool learns = earlier.learns || later.learns;
  Verdict& counts = later.decision >= earlier.decision ? later : earlier;
  counts.looks_at_values = earlier.looks_at_values || later.looks_at_values;
  const bool first = earlier.max_rows > 0 && (later.max_rows == 0 || earlier.max_rows < later.max_rows);
  std::tie(counts.max_rows, counts.max_rows_rule) =
      first ? std::pair(earlier.max_rows, earlier.max_rows_rule) : std::pair(later.max_rows, later.max_rows_rule);
  counts.learns = learns;
  return std::move(counts);
}

bool shows_part(const Grants& grants) {
  const RuleSet& allow = grants.allow;
  return allow.names_columns || allow.asks_for_values || allow.lists_statements() || grants.deny.table_effects.any() ||
         grants.hidden.any();
}

bool needs_closure(const Grants& grants) {
  return grants.deny.rules > 0 || grants.hidden.any();
}

bool is_unrestricted(const Grants& grants) {
  return grants.allow.everything && grants.deny.rules == 0 && !grants.hidden.any();
}

namespace {

// What is granted as a whole or not at all, and what a deny rule that names objects cannot be checked against.
Verdict as_a_whole(const Grants& grants, bool granted, const char* rule, const char* what) {
  Verdict verdict;
  const bool allowed = (granted || grants.allow.everything) && grants.deny.rules == 0 && !grants.hidden.any();
  verdict.decision = allowed ? Decision::allow : Decision::deny;
  verdict.rule_id = allowed ? rule : "default";
  if (!allowed) verdict.message = std::string("permission denied by dbgate policy: no rule allows ") + what;
  return verdict;
}

}  // namespace

Verdict decide_function_call(const Grants& grants) {
  return as_a_whole(grants, grants.allow.function_call, "function_call", "function calls by OID");
}

Verdict decide_connection(const Grants& grants) {
  return as_a_whole(grants, grants.allow.connect, "connect", "connections");
}

Verdict decide_replication(const Grants& grants) {
  return as_a_whole(grants, grants.allow.replication, "replication", "replication");
}

}  // namespace dbgate::policy
