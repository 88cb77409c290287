#include <algorithm>

#include "config/reader.h"

// `approval` and `hold`: who has to agree before a statement runs, and what its client does meanwhile.
namespace dbgate::config {
namespace {

constexpr std::size_t most_approvers = 100;
constexpr std::chrono::hours longest{7 * 24};

void read_time(const Value& value, std::chrono::milliseconds& target) {
  if (!value.present()) return;
  const std::size_t before = value.problems();
  value.read(target);
  if (value.problems() != before) return;
  if (target.count() <= 0 || target > longest) value.error("must be more than 0 and at most 168h");
}

void read_rule(const Value& value, bool refuse, ApprovalRulePtr& approval, const Config& config) {
  if (!value.is_map()) return;
  ApprovalRule rule;
  const Value from = value["from"];
  from.expect_keys({"groups", "users"});
  from["groups"].read(rule.groups);
  from["users"].read(rule.users);
  check_principals(from, rule.users, rule.groups, config);
  if (rule.groups.empty() && rule.users.empty()) value.error("needs from: groups or users who may agree");
  const Value of = value["of"];
  of.read_count(rule.needed, most_approvers);
  if (of.present() && rule.needed == 0) of.error("must be at least 1");
  if (rule.groups.empty() && rule.needed > rule.users.size() && !rule.users.empty()) {
    of.error("asks for more approvers than from names");
  }
  read_time(value["within"], rule.within);
  read_time(value["window"], rule.window);
  rule.refuse = refuse;
  approval = std::make_shared<const ApprovalRule>(std::move(rule));
}

}  // namespace

void warn_without_store(const Value& value, const Config& config) {
  if (has_store(config) || value.stored() || value.purpose() == Purpose::judge) return;
  value.warn(
      "nobody can agree without an identity store: set listen.api, or store.url to a PostgreSQL; until then it is "
      "denied");
}

void read_approval(const Value& value, bool refuse, ApprovalRulePtr& approval, const Config& config) {
  if (!value.present()) return;
  value.expect_keys({"from", "of", "within", "window"});
  read_rule(value, refuse, approval, config);
}

// What is granted ends by its own time: there is no window in which it may be used again.
void read_agreement(const Value& value, ApprovalRulePtr& agreement, const Config& config) {
  if (!value.present()) return;
  value.expect_keys({"from", "of", "within"});
  read_rule(value, false, agreement, config);
}

void read_commit_gate(const Value& gated, const ApprovalRulePtr& approval, CommitGate& gate) {
  const Value approve = gated["approve"];
  const Value budget = gated["lock_budget"];
  const Value capture = gated["capture"];
  if (!approve.present()) {
    for (const Value& value : {budget, capture})
      if (value.present()) value.error("is for approve: before_commit");
    return;
  }
  std::size_t index = 0;
  approve.read_word({"before_commit"}, index);
  gate.approval = approval;
  gate.lock_budget = std::chrono::minutes(2);
  read_time(budget, gate.lock_budget);
  std::size_t way = 0;
  capture.read_word({"prepared", "unprepared", "any"}, way);
  gate.capture = static_cast<Capture>(way);
  if (!approval) {
    approve.error("needs approval beside it: who has to agree, such as approval: { from: { groups: [leads] } }");
  } else if (approval->window.count() > 0) {
    approve.error("shows rows that are there once: approval must have no window");
  }
}

bool read_hold(const Value& value) {
  std::size_t index = 0;
  value.read_word({"wait", "refuse"}, index);
  return index == 1;
}

bool holds(const RiskPolicy& risk) {
  return std::any_of(risk.begin(), risk.end(), [](const RiskBounds& bounds) { return bounds.hold_at.has_value(); });
}

}  // namespace dbgate::config
