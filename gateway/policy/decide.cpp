#include <algorithm>
#include <array>
#include <memory>

#include "gateway/catalog/wide_names.h"
#include "gateway/policy/calls.h"
#include "gateway/policy/catalog_lists.h"
#include "gateway/policy/migrations.h"
#include "gateway/policy/moved_names.h"
#include "gateway/policy/statement_judge.h"

namespace dbgate::policy {

using sql::Effect;
using sql::EffectSet;
using sql::Statement;

namespace {

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

constexpr const char* misread_name_hint =
    "write names beyond ASCII in double quotes (not U&\"\"), letter for letter as the catalog has them and at most 63 "
    "bytes long in UTF-8; names that are not in the catalog, such as aliases, can only be ASCII here";

// As long as a name may be; what no server would take for one can be any length.
std::string spelt(const sql::WideName& name) {
  std::size_t end = std::min(name.name.size(), catalog::most_name_bytes);
  while (end < name.name.size() && end > 0 && (name.name[end] & 0xc0) == 0x80)
    --end;
  return "the name " + name.name.substr(0, end) + (end < name.name.size() ? "…" : "");
}

bool is_wide(const std::string& text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return (c & 0x80) != 0; });
}

// Literals that the server takes apart into names, and whose names count here: no token of theirs stands in the text.
bool has_wide_text_for_names(const Statement& statement) {
  const auto sets_path = [](const sql::SettingUse& use) {
    return use.name == "search_path" && std::any_of(use.values.begin(), use.values.end(), is_wide);
  };
  return is_wide(statement.rules_of) || is_wide(statement.of_oid) ||
         std::any_of(statement.settings.begin(), statement.settings.end(), sets_path) ||
         std::any_of(statement.functions.begin(), statement.functions.end(),
                     [](const sql::FunctionUse& use) { return is_wide(use.constant); });
}

}  // namespace

const char* word_of(Effect effect) {
  return effect_words[static_cast<std::size_t>(effect)];
}

void hold_or_note(const Grants& grants, Hold hold, Verdict& verdict) {
  verdict.reasons.push_back("needs approval by " + hold.rule_id);
  if (grants.mode == config::PolicyMode::enforce) return verdict.hold_for(std::move(hold));
  if (verdict.decision == Decision::allow) verdict.decision = Decision::log_only;
}

// Where the server's encoding is not UTF8, rules do not hold for what a name may stand for there.
std::string StatementJudge::misread_name() const {
  if (context_.resolver == nullptr || context_.resolver->snapshot().reads_utf8()) return {};
  const bool by_names = grants_.deny.rules > 0 || grants_.hidden.any() || commit_gate(grants_) != nullptr ||
                        (grants_.mode == config::PolicyMode::enforce && !allow_.everything);
  if (!by_names) return {};
  const sql::WideName* const name = catalog::misread_name(context_.resolver->snapshot(), statement_.wide_names);
  if (name != nullptr)
    return "the encoding of this database is not UTF8, and it may read " + spelt(*name) + " otherwise";
  if (!has_wide_text_for_names(statement_)) return {};
  return "the encoding of this database is not UTF8, and it may read a name beyond ASCII in a literal otherwise";
}

// The server looks for relations and types in pg_temp first, before pg_catalog: what is called like something there
// would change what names and casts mean, in conditions of rules as well (PostgreSQL docs ch. 20.11.1, search_path).
std::string StatementJudge::temporary_name() const {
  if (!has(statement_.effects, Effect::ddl)) return {};
  const std::string why = "a temporary object may not have a name that pg_catalog has";
  const auto hides = [this](std::string_view schema, const std::string& name) {
    if (!schema.starts_with("pg_temp")) return false;
    return name.starts_with("pg_") || is_builtin_type(name) ||
           (context_.resolver != nullptr && context_.resolver->type({"", "pg_catalog", name}) != nullptr);
  };
  for (const sql::QualifiedName& object : statement_.objects) {
    if (hides(object.schema, object.name)) return why;
  }
  for (const sql::RelationUse& use : statement_.relations) {
    if (hides(use.name.schema, use.name.name)) return why;
  }
  const sql::QualifiedName& becomes = statement_.becomes;
  const bool stays = becomes.schema.empty() && !statement_.relations.empty();
  return hides(stays ? statement_.relations.front().name.schema : becomes.schema, becomes.name) ? why : "";
}

Verdict StatementJudge::run() {
  Verdict verdict;
  verdict.learns = grants_.mode == config::PolicyMode::learn;
  std::string why;
  if (!statement_.unknown.empty() && !is_unrestricted(grants_)) {
    why = "dbgate does not understand this statement completely";
    verdict.reasons.push_back("unknown: " + statement_.unknown);
    verdict.rule_id = "default";
  } else if (why = misread_name(); !why.empty()) {
    verdict.rule_id = "builtin/encoding";
    verdict.hint = misread_name_hint;
  } else if (why = is_unrestricted(grants_) ? std::string() : temporary_name(); !why.empty()) {
    verdict.rule_id = "builtin/temporary-names";
    verdict.hint = "Give it another name: the server would find it before the one of pg_catalog.";
  } else if (why = find_denial(grants_, statement_, context_, rule_); !why.empty()) {
    verdict.rule_id = rule_;
  } else if (why = fixed_setting(); !why.empty()) {
    verdict.rule_id = "builtin/fixed-settings";
  } else if (allow_.everything) {
    rule_ = allow_.everything_rule;
  } else if (const std::string* listed = allow_.statement_rule(statement_)) {
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
    if (rule_.empty()) rule_ = "builtin/harmless";
    // Whatever else allows a part of it: without these it would be denied.
    if (!for_a_time_.empty()) rule_ = for_a_time_.front();
    for (const std::string& rule : for_a_time_)
      verdict.reasons.push_back("for a time by " + rule);
    verdict.rule_id = std::move(rule_);
    if (statement_.values && !statement_.values->reason.empty()) {
      verdict.reasons.push_back("reason given: " + statement_.values->reason);
    }
    verdict.looks_at_values = looks_at_values_;
    verdict.max_rows = max_rows_;
    verdict.max_rows_rule = max_rows_rule_;
    for (Hold& hold : holds_)
      hold_or_note(grants_, std::move(hold), verdict);
    return verdict;
  }
  verdict.decision = policy::Decision::deny;
  verdict.message = "permission denied by dbgate policy: " + why;
  verdict.reasons.push_back(why);
  return verdict;
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
    const Schemas schemas = schemas_of(type, false);
    const bool granted = !schemas.all().empty() &&
                         std::all_of(schemas.all().begin(), schemas.all().end(),
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
      granted = has(grant.effects, Effect::ddl) && (!grant.migrations_only || is_migration(statement_));
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
    if (!ddl_granted(schema_of_type(object), object.name)) return not_allowed(Effect::ddl, shown(object));
  }
  // Whatever it is called afterwards, it must be what the principal may make there.
  const sql::QualifiedName& becomes = statement_.becomes;
  if (becomes.name.empty()) return {};
  if (!becomes.schema.empty() || statement_.relations.empty()) {
    return ddl_granted(schema_of_type(becomes), becomes.name) ? std::string()
                                                              : not_allowed(Effect::ddl, shown(becomes));
  }
  const Schemas schemas = schemas_of(statement_.relations.front().name, true);
  const bool granted = std::all_of(schemas.all().begin(), schemas.all().end(),
                                   [&](const std::string& schema) { return ddl_granted(schema, becomes.name); });
  return granted ? std::string() : not_allowed(Effect::ddl, shown(becomes));
}

// Where a type without a written schema is made, or found; empty for what is no type.
std::string StatementJudge::schema_of_type(const sql::QualifiedName& object) const {
  if (!object.schema.empty() || !is_type_ddl(statement_) || context_.search_path.empty()) return object.schema;
  const bool made = statement_.tag.starts_with("CREATE");
  const catalog::Type* const found = made || context_.resolver == nullptr ? nullptr : context_.resolver->type(object);
  return found == nullptr ? context_.search_path.front() : std::string(context_.resolver->schema_name(found->schema));
}

Verdict decide(const Grants& grants, const Statement& statement, const NameContext& context,
               const Arguments* arguments) {
  Verdict verdict = StatementJudge(grants, statement, context, arguments).run();
  if (is_unrestricted(grants)) return verdict;
  // Whichever of the relations a name has come to stand for: it must be allowed on all.
  each_meaning(statement, context, [&](const Meaning& meaning) {
    if (!verdict.passes()) return false;
    Verdict meant = StatementJudge(grants, meaning.statement, meaning.context, arguments).run();
    if (!meant.passes() && meant.hint.empty())
      meant.hint = context.moved != nullptr ? moved_names_hint : several_names_hint;
    verdict = stricter(std::move(verdict), std::move(meant));
    return true;
  });
  return verdict;
}

std::shared_ptr<const sql::ValuesWanted> values_wanted(const Grants& grants) {
  return grants.wanted;
}

}  // namespace dbgate::policy
