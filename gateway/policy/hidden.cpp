#include "gateway/policy/grants.h"

namespace dbgate::policy {

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

}  // namespace dbgate::policy
