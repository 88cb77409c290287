#include <algorithm>

#include "config/reader.h"

// `require`: the conditions of a rule; `schemas`.
namespace dbgate::config {
namespace {

constexpr std::size_t most = 1'000'000'000;

void read_values(const Value& values, std::vector<ConfinedColumn>& columns) {
  static constexpr std::string_view user = ":user.";
  values.each_entry([&columns](const std::string& key, const Value& value) {
    ConfinedColumn column;
    if (!parse_column_name(key, column)) {
      value.error("\"" + key + "\" is no column; write column or schema.table.column");
    }
    std::string text;
    value.read(text);
    if (text.starts_with(user) && text.size() > user.size()) {
      column.attribute = text.substr(user.size());
    } else if (text.starts_with(":")) {
      value.error("\"" + text + "\" is no value; write \":user.attribute\" or a constant");
    } else {
      column.value = text;
    }
    columns.push_back(std::move(column));
  });
}

void read_number(const Value& value, std::size_t& target) {
  if (!value.present()) return;
  const std::size_t before = value.problems();
  value.read_count(target, most);
  if (target == 0 && value.problems() == before) value.error("must be at least 1; leave it out for no limit");
}

}  // namespace

void read_schemas(const Value& rule_value, Rule& rule) {
  const Value schemas = rule_value["schemas"];
  const bool migrates = std::find(rule.packs.begin(), rule.packs.end(), "migrator") != rule.packs.end();
  if (migrates && !schemas.present()) rule_value.error("pack: migrator needs schemas: the ones that it may change");
  if (!migrates && schemas.present()) schemas.error("is for pack: migrator only");
  schemas.each([&rule](const Value& element) {
    std::string text;
    element.read(text);
    ConfinedColumn name;
    if (parse_column_name(text, name) && name.schema.empty() && !name.column.starts_with("pg_") &&
        name.column != "information_schema") {
      rule.schemas.push_back(std::move(name.column));
    } else {
      element.error("\"" + text + "\" is no schema of users");
    }
  });
}

bool asks_beyond_where(const Rule& rule) {
  return !rule.require_values.empty() || rule.max_list > 0 || rule.max_limit > 0 || rule.max_rows > 0 ||
         rule.require_reason || rule.require_approval != nullptr;
}

void read_require(const Value& rule_value, bool refuse, const Config& config, Rule& rule) {
  const Value require = rule_value["require"];
  require.expect_keys({"where", "values", "max_list", "max_limit", "max_rows", "reason", "approval"});
  if (!require.is_map()) return;
  require["where"].read(rule.require_where);
  read_values(require["values"], rule.require_values);
  read_number(require["max_list"], rule.max_list);
  read_number(require["max_limit"], rule.max_limit);
  read_number(require["max_rows"], rule.max_rows);
  require["reason"].read(rule.require_reason);
  read_approval(require["approval"], refuse, rule.require_approval, config);
  if (!asks_beyond_where(rule)) return;
  // These are conditions of access to relations; what else a rule allows has none.
  if (rule.everything) require.error("cannot stand beside everything: name what is allowed");
  if (!rule.statements.empty() || rule_value["statements"].present()) {
    require.error("cannot stand beside statements, which are allowed as they stand");
  }
  if (rule.tables.empty() && rule.packs.empty()) require.error("needs relations: select, insert, update, delete, …");
}

void check_attributes(const Value& allow, const Policy& policy, const Config& config) {
  std::vector<std::string> known;
  for (const User& user : config.users) {
    for (const auto& [name, value] : user.attributes)
      known.push_back(name);
  }
  for (const Rule& rule : policy.allow) {
    for (const ConfinedColumn& column : rule.require_values) {
      if (column.attribute.empty() || std::find(known.begin(), known.end(), column.attribute) != known.end()) continue;
      const std::string near = nearest(column.attribute, known);
      allow.warn("no user has an attribute \"" + column.attribute + "\"" +
                 (near.empty() ? "" : "; did you mean \"" + near + "\"?"));
    }
  }
}

}  // namespace dbgate::config
