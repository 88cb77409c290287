#include <algorithm>
#include <array>

#include "config/reader.h"

namespace dbgate::config {
namespace {

constexpr std::array<std::string_view, 11> table_kinds = {
    "select", "insert", "update", "delete", "merge", "truncate", "copy_in", "copy_out", "lock", "ddl", "maintenance"};

template <class Pattern, class Parse>
void read_patterns(const Value& list, std::vector<Pattern>& target, Parse parse, const char* example) {
  list.each([&](const Value& element) {
    std::string text;
    element.read(text);
    Pattern pattern;
    if (parse(text, pattern)) {
      target.push_back(std::move(pattern));
    } else if (!element.is_map() && !element.is_list()) {  // those were complained about
      element.error("\"" + text + "\" is not a name; write " + example + why_no_name(text));
    }
  });
}

void read_statements(const Value& list, std::vector<ListedStatement>& statements) {
  list.each([&statements](const Value& element) {
    ListedStatement statement{{}, element.line(), element.column()};
    element.read(statement.text);
    statements.push_back(std::move(statement));
  });
}

Rule read_rule(const Value& value, bool refuse, const Config& config) {
  Rule rule;
  value.expect_keys({"everything",   "pack",        "select",        "insert",   "update",  "delete",
                     "merge",        "truncate",    "copy_in",       "copy_out", "lock",    "ddl",
                     "maintenance",  "functions",   "call",          "listen",   "notify",  "set",
                     "types",        "dcl",         "admin",         "do",       "opaque",  "two_phase",
                     "server_files", "replication", "function_call", "connect",  "require", "statements",
                     "when",         "descendants", "schemas"});
  if (!value.is_map()) return rule;
  value["everything"].read(rule.everything);
  const Value pack = value["pack"];
  if (pack.present()) {
    std::size_t index = 0;
    constexpr const char* packs[] = {"readonly", "introspection", "orm", "migrator"};
    pack.read_word({packs[0], packs[1], packs[2], packs[3]}, index);
    rule.packs.emplace_back(packs[index]);
  }
  read_schemas(value, rule);
  for (const std::string_view kind : table_kinds) {
    const Value list = value[std::string(kind)];
    if (!list.present()) continue;
    read_tables(list, rule.tables[std::string(kind)]);
  }
  read_companions(value, rule);
  read_patterns(value["call"], rule.call, parse_function_pattern, "\"schema.procedure(type)\"");
  value["listen"].read(rule.listen);
  value["notify"].read(rule.notify);
  value["set"].read(rule.set);
  value["dcl"].read(rule.dcl);
  value["admin"].read(rule.admin);
  value["do"].read(rule.do_blocks);
  value["opaque"].read(rule.opaque);
  value["two_phase"].read(rule.two_phase);
  value["server_files"].read(rule.server_files);
  value["replication"].read(rule.replication);
  value["function_call"].read(rule.function_call);
  value["connect"].read(rule.connect);
  read_require(value, refuse, config, rule);
  read_statements(value["statements"], rule.statements);
  read_window(value["when"], rule.when);
  return rule;
}

}  // namespace

void read_companions(const Value& value, Rule& rule) {
  read_patterns(value["functions"], rule.functions, parse_function_pattern, "safe or \"schema.name(type, type)\"");
  read_patterns(value["types"], rule.types, parse_table_pattern, "schema.type");
  value["descendants"].read(rule.descendants);
}

void read_tables(const Value& list, std::vector<TablePattern>& tables) {
  read_patterns(list, tables, parse_table_pattern,
                "schema.table, \"schema.table(column, column)\", \"schema.*\" or \"*\"");
}

std::span<const std::string_view> statement_kinds() {
  return table_kinds;
}

void check_names(const Value& list, const std::vector<std::string>& names, const std::vector<std::string>& known,
                 const char* what) {
  for (const std::string& name : names) {
    if (std::find(known.begin(), known.end(), name) == known.end()) list.unknown_name(what, name, known);
  }
}

std::vector<std::string> target_names(const Config& config) {
  std::vector<std::string> names;
  for (const Target& target : config.targets)
    names.push_back(target.name);
  return names;
}

void check_principals(const Value& value, const std::vector<std::string>& users, const std::vector<std::string>& groups,
                      const Config& config) {
  std::vector<std::string> known_users;
  std::vector<std::string> known_groups;
  for (const User& user : config.users)
    known_users.push_back(user.name);
  for (const auto& [name, members] : config.groups)
    known_groups.push_back(name);
  check_names(value["users"], users, known_users, "user");
  check_names(value["groups"], groups, known_groups, "group");
}

void read_recorded(const Value& value, RecordedRows& recorded) {
  if (!value.present()) return;
  constexpr std::size_t most_rows = 1'000;
  constexpr std::size_t most_bytes = 64u << 10;
  value.expect_keys({"rows", "bytes"});
  value["rows"].read_count(recorded.rows, most_rows);
  value["bytes"].read_bytes(recorded.bytes);
  if (recorded.rows == 0) value.error("needs rows, how many of each result: 1 to 1000");
  if (recorded.bytes < 1024 || recorded.bytes > most_bytes) value["bytes"].error("must be from 1KiB to 64KiB");
}

void read_policies(const Value& list, Config& config) {
  const std::vector<std::string> targets = target_names(config);
  list.each([&](const Value& value) {
    value.expect_keys({"name", "mode", "who", "on", "allow", "deny", "mask", "filter", "cache", "limits", "record_rows",
                       "risk", "approval", "approve", "lock_budget", "capture", "hold"});
    Policy policy;
    value["name"].read(policy.name);
    if (policy.name.empty()) value.error("needs a name");
    std::size_t mode = 0;
    value["mode"].read_word({"enforce", "observe", "learn"}, mode);
    policy.mode = static_cast<PolicyMode>(mode);
    const Value who = value["who"];
    who.expect_keys({"users", "groups"});
    who["users"].read(policy.users);
    who["groups"].read(policy.groups);
    if (policy.users.empty() && policy.groups.empty()) value.error("needs who: users or groups");
    value["on"].read(policy.targets);
    if (policy.targets.empty()) value.error("needs on: a list of targets");
    check_principals(who, policy.users, policy.groups, config);
    check_names(value["on"], policy.targets, targets, "target");
    const bool refuse = read_hold(value["hold"]);
    value["allow"].each([&](const Value& rule) { policy.allow.push_back(read_rule(rule, refuse, config)); });
    read_masks(value["mask"], policy.masks);
    read_filters(value["filter"], policy.filters);
    read_cached_reads(value["cache"], policy.cached, config);
    read_traffic_limits(value["limits"], policy.limits);
    read_recorded(value["record_rows"], policy.recorded);
    read_risk(value["risk"], policy.risk);
    const bool asks = std::any_of(policy.risk.begin(), policy.risk.end(),
                                  [](const RiskBounds& bounds) { return bounds.llm != ModelUse::off; });
    if (asks && config.models.providers.empty() && !value.stored())
      value["risk"].warn("asks models, and models.providers has none: rules alone rate statements");
    read_approval(value["approval"], refuse, policy.approval, config);
    if (holds(policy.risk) && !policy.approval) {
      value["risk"].error(
          "hold_at needs approval beside it: who has to agree, such as approval: { from: { groups: [leads] } }");
    }
    const bool waits = policy.approval || std::any_of(policy.allow.begin(), policy.allow.end(), [](const Rule& rule) {
                         return rule.require_approval != nullptr;
                       });
    if (waits) warn_without_store(value, config);
    read_commit_gate(value, policy.approval, policy.gate);
    read_statements(value["risk"]["known"], policy.known);
    value["deny"].each([&](const Value& rule) {
      policy.deny.push_back(read_rule(rule, refuse, config));
      // Another spelling would go round it.
      if (asks_beyond_where(policy.deny.back())) rule["require"].error("is for allow only: what is denied is denied");
      if (!policy.deny.back().statements.empty()) rule["statements"].error("is for allow only: name what is denied");
    });
    check_attributes(value["allow"], policy, config);
    config.policies.push_back(std::move(policy));
  });
}

}  // namespace dbgate::config
