#include "gateway/policy/grants.h"

#include <algorithm>

#include "gateway/catalog/type_names.h"
#include "gateway/policy/catalog_lists.h"
#include "gateway/sql/shape.h"

namespace dbgate::policy {
namespace {

using sql::Effect;
using sql::EffectSet;

EffectSet effects(std::initializer_list<Effect> list) {
  EffectSet set;
  for (const Effect effect : list)
    set.set(static_cast<std::size_t>(effect));
  return set;
}

// What a kind is by itself.
EffectSet effect_of(std::string_view kind) {
  if (kind == "select") return effects({Effect::read});
  if (kind == "insert") return effects({Effect::insert});
  if (kind == "update") return effects({Effect::update});
  if (kind == "delete") return effects({Effect::delete_});
  if (kind == "merge") return effects({Effect::merge});
  if (kind == "truncate") return effects({Effect::truncate});
  if (kind == "copy_in") return effects({Effect::copy_in});
  if (kind == "copy_out") return effects({Effect::copy_out});
  if (kind == "lock") return effects({Effect::lock});
  if (kind == "ddl") return effects({Effect::ddl, Effect::select_into});
  return effects({Effect::maintenance});
}

// … with what a right to it must bring along.
EffectSet rights_of(std::string_view kind) {
  EffectSet rights = effect_of(kind);
  // SELECT … FOR UPDATE takes the lock that an UPDATE takes.
  if (kind == "update" || kind == "delete") rights |= effects({Effect::lock});
  return rights;
}

bool schema_matches(std::string_view pattern, std::string_view schema) {
  return pattern == schema || (pattern == "*" && !RuleSet::is_system_schema(schema));
}

bool matches(const config::FunctionPattern& pattern, std::string_view schema, std::string_view name,
             std::size_t arguments) {
  if (pattern.safe || !schema_matches(pattern.schema, schema)) return false;
  if (pattern.name != "*" && pattern.name != name) return false;
  return pattern.any_arguments || pattern.arguments == arguments;
}

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::any_of(names.begin(), names.end(), [name](const std::string& n) { return n == "*" || n == name; });
}

}  // namespace

bool RuleSet::is_system_schema(std::string_view schema) {
  return schema == "information_schema" || schema.starts_with("pg_");
}

std::shared_ptr<const Requirements> RuleSet::requirements_of(const config::Rule& rule, const Attributes& attributes) {
  const bool any = !rule.require_values.empty() || rule.max_list > 0 || rule.max_limit > 0 || rule.max_rows > 0 ||
                   rule.require_reason || rule.require_approval;
  if (!any) return nullptr;
  auto needed = std::make_shared<Requirements>();
  for (const config::ConfinedColumn& column : rule.require_values) {
    Confinement& rule_of = needed->values.emplace_back();
    rule_of.schema = column.schema;
    rule_of.table = column.table;
    rule_of.column = column.column;
    rule_of.attribute = column.attribute;
    const auto found = attributes.find(column.attribute);
    if (column.attribute.empty()) {
      rule_of.value = column.value;
    } else if (found != attributes.end()) {
      rule_of.value = found->second;
    }
    confined_columns.push_back(column.column);
  }
  needed->max_list = rule.max_list;
  needed->max_limit = rule.max_limit;
  needed->max_rows = rule.max_rows;
  needed->reason = rule.require_reason;
  needed->approval = rule.require_approval;
  asks_for_values =
      asks_for_values || !needed->values.empty() || rule.max_list > 0 || rule.max_limit > 0 || rule.require_reason;
  return needed;
}

void RuleSet::add(const config::Rule& rule, const std::string& rule_id, Side side, const Attributes& attributes,
                  Lasting lasting) {
  ++rules;
  const std::shared_ptr<const Requirements> require = side == Side::allow ? requirements_of(rule, attributes) : nullptr;
  if (rule.everything) {
    everything = true;
    everything_rule = rule_id;
  }
  for (const std::string& pack : rule.packs) {
    if (pack == "introspection" || pack == "orm" || pack == "migrator") {
      introspection = true;
      introspection_rule = rule_id;
      // Tools count, format and aggregate what they find in the catalog.
      safe_functions = safe_functions || side == Side::allow;
      if (pack == "orm") orm = true;
      if (pack == "migrator") add_migrator(rule, rule_id, require);
    } else {
      safe_functions = true;
      tables_["*"]["*"].push_back({effect_of("select"), {}, false, true, rule_id, true, require});
      table_effects |= effect_of("select");
    }
  }
  for (const auto& [kind, patterns] : rule.tables) {
    writes = writes || (kind != "select" && kind != "copy_out" && kind != "lock");
    for (const config::TablePattern& pattern : patterns) {
      TableGrant grant{side == Side::allow ? rights_of(kind) : effect_of(kind),
                       pattern.columns,
                       rule.require_where,
                       rule.descendants,
                       rule_id,
                       pattern.schema == "*" && pattern.name == "*",
                       require};
      grant.for_a_time = lasting == Lasting::for_a_time;
      std::sort(grant.columns.begin(), grant.columns.end());
      names_columns = names_columns || !grant.columns.empty();
      table_effects |= grant.effects;
      schemas.insert(pattern.schema);
      tables_[pattern.schema][pattern.name].push_back(std::move(grant));
    }
  }
  for (const config::FunctionPattern& pattern : rule.functions) {
    safe_functions = safe_functions || pattern.safe;
    functions_.push_back(pattern);
  }
  for (const auto& pattern : rule.functions)
    schemas.insert(pattern.schema);
  for (const auto& pattern : rule.call)
    schemas.insert(pattern.schema);
  for (const auto& pattern : rule.types)
    schemas.insert(pattern.schema);
  procedures_.insert(procedures_.end(), rule.call.begin(), rule.call.end());
  types_.insert(types_.end(), rule.types.begin(), rule.types.end());
  listen_.insert(listen_.end(), rule.listen.begin(), rule.listen.end());
  notify_.insert(notify_.end(), rule.notify.begin(), rule.notify.end());
  set_.insert(set_.end(), rule.set.begin(), rule.set.end());
  for (const config::ListedStatement& statement : rule.statements) {
    std::string shape = sql::shape_of(statement.text);
    if (!shape.empty()) statements_.emplace(std::move(shape), rule_id);
  }
  dcl = dcl || rule.dcl;
  admin = admin || rule.admin;
  do_blocks = do_blocks || rule.do_blocks;
  opaque = opaque || rule.opaque;
  two_phase = two_phase || rule.two_phase;
  server_files = server_files || rule.server_files;
  replication = replication || rule.replication;
  function_call = function_call || rule.function_call;
  connect = connect || rule.connect;
}

// What migrations do: the structure of the named schemas, and the data in them. Code, extensions, roles and foreign
// data are not among it.
void RuleSet::add_migrator(const config::Rule& rule, const std::string& rule_id,
                           const std::shared_ptr<const Requirements>& require) {
  EffectSet rights;
  for (const std::string_view kind :
       {"select", "insert", "update", "delete", "merge", "truncate", "lock", "copy_in", "maintenance"})
    rights |= rights_of(kind);
  writes = true;
  for (const std::string& schema : rule.schemas) {
    std::vector<TableGrant>& grants = tables_[schema]["*"];
    grants.push_back({rights, {}, false, true, rule_id, false, require});
    grants.push_back({effect_of("ddl"), {}, false, true, rule_id, false, require, true});
    types_.push_back({schema, "*", {}});
    schemas.insert(schema);
    migrates.insert(schema);
  }
  table_effects |= rights | effect_of("ddl");
  for (const char* name : {"pg_advisory_lock", "pg_advisory_unlock", "pg_advisory_xact_lock", "pg_try_advisory_lock",
                           "pg_try_advisory_xact_lock"}) {
    config::FunctionPattern pattern;
    pattern.schema = "pg_catalog";
    pattern.name = name;
    functions_.push_back(std::move(pattern));
  }
}

bool RuleSet::function_granted(std::string_view schema, std::string_view name, std::size_t arguments,
                               bool procedure) const {
  const auto& patterns = procedure ? procedures_ : functions_;
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const config::FunctionPattern& pattern) { return matches(pattern, schema, name, arguments); });
}

bool RuleSet::function_granted(const catalog::Resolver& resolver, const catalog::Function& function,
                               bool procedure) const {
  const std::string_view schema = resolver.schema_name(function.schema);
  const auto& patterns = procedure ? procedures_ : functions_;
  return std::any_of(patterns.begin(), patterns.end(), [&](const config::FunctionPattern& pattern) {
    if (pattern.safe || !schema_matches(pattern.schema, schema)) return false;
    if (pattern.name != "*" && pattern.name != function.name) return false;
    if (pattern.any_arguments) return true;
    return std::equal(pattern.types.begin(), pattern.types.end(), function.arguments.begin(), function.arguments.end(),
                      [&](const std::string& written, catalog::Oid type) {
                        const catalog::Type* const named = catalog::type_by_text(resolver, written);
                        return named != nullptr && named->oid == type;
                      });
  });
}

bool RuleSet::function_named(std::string_view schema, std::string_view name, bool procedure) const {
  const auto& patterns = procedure ? procedures_ : functions_;
  return std::any_of(patterns.begin(), patterns.end(), [&](const config::FunctionPattern& pattern) {
    return !pattern.safe && schema_matches(pattern.schema, schema) && (pattern.name == "*" || pattern.name == name);
  });
}

bool RuleSet::function_spelt_out(std::string_view schema, std::string_view name) const {
  return std::any_of(functions_.begin(), functions_.end(), [&](const config::FunctionPattern& pattern) {
    return !pattern.safe && schema_matches(pattern.schema, schema) && pattern.name == name;
  });
}

bool RuleSet::type_granted(std::string_view schema, std::string_view name) const {
  return std::any_of(types_.begin(), types_.end(), [&](const config::TablePattern& pattern) {
    return schema_matches(pattern.schema, schema) && (pattern.name == "*" || pattern.name == name);
  });
}

bool RuleSet::channel_granted(std::string_view channel, bool notify) const {
  return contains(notify ? notify_ : listen_, channel);
}

const std::string* RuleSet::statement_rule(const sql::Statement& statement) const {
  if (statements_.empty()) return nullptr;
  const std::string shape = sql::shape_of(statement);
  if (shape.empty()) return nullptr;
  const auto found = statements_.find(shape);
  return found == statements_.end() ? nullptr : &found->second;
}

bool RuleSet::setting_granted(std::string_view name) const {
  return contains(set_, name);
}

}  // namespace dbgate::policy
