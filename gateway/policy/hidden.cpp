#include <algorithm>

#include "gateway/policy/grants.h"
#include "gateway/policy/treat.h"

namespace dbgate::policy {
namespace {

template <class Pattern>
bool names(const Pattern& pattern, std::string_view schema, std::string_view relation) {
  const bool schema_fits = pattern.schema == "*" ? !RuleSet::is_system_schema(schema) : pattern.schema == schema;
  return schema_fits && (pattern.relation == "*" || pattern.relation == relation);
}

}  // namespace

bool Hidden::Column::is_on(std::string_view schema, std::string_view relation) const {
  return names(mask, schema, relation);
}

bool Hidden::Rows::is_on(std::string_view schema, std::string_view relation) const {
  return names(filter, schema, relation);
}

void Hidden::add(const config::Policy& policy) {
  const auto forbid = [this](const char* kind, config::TablePattern pattern, const std::string& rule_id) {
    config::Rule rule;
    rule.tables[kind].push_back(std::move(pattern));
    rules.add(rule, rule_id, RuleSet::Side::deny);
  };
  for (const config::Mask& mask : policy.masks) {
    const std::string rule_id = policy.name + "/mask[" + mask.schema + "." + mask.relation + "." + mask.column + "]";
    columns.push_back({mask, rule_id});
    forbid("select", {mask.schema, mask.relation, {mask.column}}, rule_id);
    forbid("copy_out", {mask.schema, mask.relation, {mask.column}}, rule_id);
  }
  for (const config::RowFilter& filter : policy.filters) {
    const std::string rule_id = policy.name + "/filter[" + filter.schema + "." + filter.relation + "]";
    rows.push_back({filter, read_condition(filter.condition), rule_id});
    for (const char* const kind : {"select", "copy_out", "insert", "update", "delete", "merge", "truncate", "copy_in"})
      forbid(kind, {filter.schema, filter.relation, {}}, rule_id);
  }
}

bool hides(const Grants& grants) {
  return grants.hidden.any();
}

bool filters(const Grants& grants, std::string_view schema, std::string_view relation) {
  return std::any_of(grants.hidden.rows.begin(), grants.hidden.rows.end(),
                     [&](const Hidden::Rows& rows) { return rows.is_on(schema, relation); });
}

ServerNeeds server_needs(const Grants& grants) {
  ServerNeeds needs;
  for (const Hidden::Column& column : grants.hidden.columns)
    needs.hash_key = needs.hash_key || column.mask.kind == config::MaskKind::hash;
  for (const Hidden::Rows& rows : grants.hidden.rows) {
    for (const std::string& attribute : rows.condition.attributes) {
      const auto value = grants.attributes.find(attribute);
      if (value != grants.attributes.end()) needs.settings[setting_of_attribute(attribute)] = value->second;
    }
  }
  return needs;
}

}  // namespace dbgate::policy
