#include <algorithm>
#include <tuple>
#include <utility>

#include "gateway/policy/grants.h"
#include "gateway/sql/shape.h"

// What can be said of grants without a statement.
namespace dbgate::policy {

bool may_write(const Grants& grants) {
  const RuleSet& allow = grants.allow;
  return allow.everything || allow.writes || allow.dcl || allow.admin || allow.do_blocks || allow.opaque ||
         grants.mode != config::PolicyMode::enforce;
}

void Verdict::hold_for(Hold hold) {
  if (decision == Decision::deny) return;
  decision = Decision::hold;
  const auto known = [&hold](const Hold& one) { return one.rule_id == hold.rule_id; };
  if (std::none_of(holds.begin(), holds.end(), known)) holds.push_back(std::move(hold));
}

Verdict stricter(Verdict earlier, Verdict later) {
  const bool learns = earlier.learns || later.learns;
  Verdict& counts = later.decision >= earlier.decision ? later : earlier;
  counts.looks_at_values = earlier.looks_at_values || later.looks_at_values;
  const bool first = earlier.max_rows > 0 && (later.max_rows == 0 || earlier.max_rows < later.max_rows);
  Verdict& limits = first ? earlier : later;
  if (&limits != &counts) {
    counts.max_rows = limits.max_rows;
    counts.max_rows_rule = std::move(limits.max_rows_rule);
  }
  const bool of_moment = earlier.risk.of_moment || later.risk.of_moment;
  const bool probes = earlier.risk.probes || later.risk.probes;
  Risk& riskier = earlier.risk.score > later.risk.score ? earlier.risk : later.risk;
  if (&riskier != &counts.risk && !counts.risk.denies) counts.risk = std::move(riskier);
  if (counts.decision == Decision::hold) {
    Verdict& other = &counts == &later ? earlier : later;
    for (Hold& hold : other.holds)
      counts.hold_for(std::move(hold));
  }
  counts.risk.probes = probes;
  counts.risk.of_moment = of_moment;
  counts.learns = learns;
  return std::move(counts);
}

bool shows_part(const Grants& grants) {
  const RuleSet& allow = grants.allow;
  return allow.names_columns || allow.asks_for_values || allow.lists_statements() || grants.deny.table_effects.any() ||
         grants.hidden.any();
}

bool needs_closure(const Grants& grants) {
  return grants.deny.rules > 0 || grants.hidden.any() || commit_gate(grants) != nullptr;
}

const CommitGatePtr& commit_gate(const Grants& grants) {
  static const CommitGatePtr none;
  return grants.mode == config::PolicyMode::enforce ? grants.gate : none;
}

bool reads_constants(const Grants& grants) {
  return grants.wanted != nullptr || grants.allow.asks_for_values || grants.allow.lists_statements() ||
         grants.deny.asks_for_values || grants.deny.lists_statements() || grants.hidden.any() ||
         grants.mode == config::PolicyMode::learn || !grants.known.empty();
}

RiskGrants risk_of(const Grants& grants) {
  return {grants.kind,
          grants.risk,
          grants.risk_policy,
          grants.hold_rule,
          grants.hold_from,
          grants.sensitive,
          grants.models_policy,
          grants.models_from ? grants.models_from : grants.hold_from,
          grants.mode != config::PolicyMode::enforce,
          may_write(grants)};
}

bool lists_shapes(const Grants& grants) {
  return !grants.known.empty();
}

bool is_unknown(const Grants& grants, const sql::Statement& statement) {
  if (grants.known.empty()) return false;
  const bool acts = !statement.relations.empty() || !statement.functions.empty() || !statement.objects.empty() ||
                    statement.effects.test(static_cast<std::size_t>(sql::Effect::do_block));
  if (!acts) return false;
  const std::string shape = sql::shape_of(statement);
  return shape.empty() || !grants.known.contains(shape);
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

bool limits_settings(const Grants& grants) {
  // Two columns may be a day and an instant.
  const auto rests_on_time = [](const Hidden::Rows& rows) {
    const RowCondition& condition = rows.condition;
    return condition.columns.size() > 1 || condition.times.rest_on_session(true, false) ||
           condition.times.rest_on_session(false, true);
  };
  return grants.deny.rules > 0 || std::any_of(grants.hidden.rows.begin(), grants.hidden.rows.end(), rests_on_time);
}

}  // namespace dbgate::policy
