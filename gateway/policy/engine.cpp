#include "gateway/policy/engine.h"

#include <algorithm>

#include "gateway/policy/grants.h"
#include "gateway/sql/shape.h"

namespace dbgate::policy {
namespace {

using Policies = std::vector<std::shared_ptr<const config::Policy>>;
using Attributes = std::map<std::string, std::string>;

bool has_window(const config::Policy& policy) {
  const auto timed = [](const config::Rule& rule) { return rule.when.has_value(); };
  return std::any_of(policy.allow.begin(), policy.allow.end(), timed) ||
         std::any_of(policy.deny.begin(), policy.deny.end(), timed);
}

/// Adds the rules of one side that count at `now`; without a time, all of them.
void add_rules(RuleSet& set, const std::vector<config::Rule>& rules, const std::string& prefix, RuleSet::Side side,
               std::optional<std::int64_t> now, const RuleSet::Attributes& attributes) {
  for (std::size_t i = 0; i < rules.size(); ++i) {
    if (now && rules[i].when && !rules[i].when->open_at(*now)) continue;
    set.add(rules[i], prefix + "[" + std::to_string(i) + "]", side, attributes);
  }
}

/// What grants hold besides the rules of policies.
struct Principal {
  Attributes attributes;
  config::PrincipalKind kind = config::PrincipalKind::person;
};

void add_risk(const config::Policy& policy, Grants& grants) {
  const config::RiskBounds& bounds = policy.risk[static_cast<std::size_t>(grants.kind)];
  const auto lowers = [](std::optional<config::RiskLevel>& level, const std::optional<config::RiskLevel>& other) {
    if (!other || (level && *level <= *other)) return false;
    level = other;
    return true;
  };
  lowers(grants.risk.log_at, bounds.log_at);
  if (lowers(grants.risk.deny_at, bounds.deny_at)) grants.risk_policy = policy.name;
  if (lowers(grants.risk.hold_at, bounds.hold_at)) {
    grants.hold_rule = policy.name + "/risk.hold_at";
    grants.hold_from = policy.approval;
  }
  if (bounds.llm == config::ModelUse::off) return;
  grants.risk.llm = std::max(grants.risk.llm, bounds.llm);
  if (grants.models_policy.empty() || (!grants.models_from && policy.approval)) {
    grants.models_policy = policy.name;
    grants.models_from = policy.approval;
  }
}

config::Capture stricter(config::Capture one, config::Capture other) {
  if (one == config::Capture::any) return other;
  return other == config::Capture::any || one == other ? one : config::Capture::prepared;
}

void add_gate(const config::CommitGate& asked, std::string rule, Grants& grants) {
  if (!asked.approval) return;
  auto gate = grants.gate ? std::make_shared<CommitGate>(*grants.gate)
                          : std::make_shared<CommitGate>(CommitGate{{}, asked.lock_budget, asked.capture});
  gate->lock_budget = std::min(gate->lock_budget, asked.lock_budget);
  gate->capture = stricter(gate->capture, asked.capture);
  gate->holds.push_back({asked.approval, std::move(rule)});
  grants.gate = std::move(gate);
}

void add_known(const config::Policy& policy, Grants& grants) {
  for (const config::ListedStatement& statement : policy.known) {
    std::string shape = sql::shape_of(statement.text);
    if (!shape.empty()) grants.known.insert(std::move(shape));
  }
}

std::shared_ptr<const Grants> compile(const Policies& policies, const Principal& principal, const TargetTerms& target,
                                      std::optional<std::int64_t> now,
                                      const std::vector<const Temporary::Right*>& more = {}) {
  auto grants = std::make_shared<Grants>();
  const Attributes& attributes = principal.attributes;
  grants->attributes = attributes;
  grants->kind = principal.kind;
  grants->sensitive = target.sensitive;
  grants->target_gate = target.gate;
  add_gate(target.gate, "target/approve", *grants);
  for (const auto& policy : policies) {
    grants->mode = std::max(grants->mode, policy->mode);
    add_rules(grants->allow, policy->allow, policy->name + "/allow", RuleSet::Side::allow, now, attributes);
    add_rules(grants->deny, policy->deny, policy->name + "/deny", RuleSet::Side::deny, now, attributes);
    grants->hidden.add(*policy);
    add_risk(*policy, *grants);
    add_known(*policy, *grants);
    add_gate(policy->gate, policy->name + "/approve", *grants);
    grants->cached.insert(grants->cached.end(), policy->cached.begin(), policy->cached.end());
  }
  for (const Temporary::Right* right : more)
    grants->allow.add(*right->rule, right->id, RuleSet::Side::allow, attributes, RuleSet::Lasting::for_a_time);
  if (grants->allow.asks_for_values) {
    auto wanted = std::make_shared<sql::ValuesWanted>();
    wanted->columns = grants->allow.confined_columns;
    std::sort(wanted->columns.begin(), wanted->columns.end());
    grants->wanted = std::move(wanted);
  }
  return grants;
}

}  // namespace

PolicySet::PolicySet(const config::Config& config)
    : caches_(std::any_of(config.policies.begin(), config.policies.end(),
                          [](const config::Policy& policy) { return !policy.cached.empty(); })) {
  std::map<std::string, std::map<std::string, Policies>> building;
  for (const config::Policy& policy : config.policies) {
    const auto shared = std::make_shared<const config::Policy>(policy);
    std::vector<std::string> users = policy.users;
    for (const std::string& group : policy.groups) {
      const auto members = config.groups.find(group);
      if (members != config.groups.end()) users.insert(users.end(), members->second.begin(), members->second.end());
    }
    std::sort(users.begin(), users.end());
    users.erase(std::unique(users.begin(), users.end()), users.end());
    for (const std::string& user : users) {
      for (const std::string& target : policy.targets)
        building[user][target].push_back(shared);
    }
  }
  std::map<std::string, Principal> principals;
  for (const config::User& user : config.users) {
    principals[user.name] = {user.attributes, user.kind};
    principals[user.name].attributes.try_emplace("name", user.name);
  }
  std::map<std::string, TargetTerms> terms;
  for (const config::Target& target : config.targets)
    terms[target.name] = {target.sensitive, target.gate};
  for (auto& [user, targets] : building) {
    for (auto& [target, policies] : targets) {
      Entry& entry = by_user_[user][target];
      entry.grants = compile(policies, principals[user], terms[target], std::nullopt);
      entry.timed =
          std::any_of(policies.begin(), policies.end(), [](const auto& policy) { return has_window(*policy); });
      entry.policies = std::move(policies);
    }
  }
}

const PolicySet::Entry* PolicySet::find(std::string_view user, std::string_view target) const {
  const auto targets = by_user_.find(user);
  if (targets == by_user_.end()) return nullptr;
  const auto found = targets->second.find(target);
  return found == targets->second.end() ? nullptr : &found->second;
}

std::shared_ptr<const Grants> PolicySet::grants(std::string_view user, std::string_view target) const {
  const Entry* const entry = find(user, target);
  return entry == nullptr ? nullptr : entry->grants;
}

// What is certain is certain until the next edge of any right, and since the last one: a clock may be set back.
TimedGrants PolicySet::grants_at(std::string_view user, std::string_view target, std::int64_t now,
                                 const Temporary* more) const {
  const Entry* const entry = find(user, target);
  TimedGrants timed;
  std::vector<const Temporary::Right*> rights;
  if (more != nullptr) {
    for (const Temporary::Right& right : more->rights) {
      if (now >= right.from && now < right.until) rights.push_back(&right);
      for (const std::int64_t edge : {right.from, right.until}) {
        if (edge <= now) timed.from = std::max(timed.from, edge);
        if (edge > now) timed.until = std::min(timed.until, edge);
      }
    }
  }
  if (entry != nullptr && entry->timed) {
    // Windows open and close at whole minutes.
    const std::int64_t since = ((now % 60) + 60) % 60;
    timed.from = std::max(timed.from, now - since);
    timed.until = std::min(timed.until, now - since + 60);
  }
  if (entry == nullptr && rights.empty()) return timed;
  if (entry != nullptr && rights.empty() && !entry->timed) {
    timed.grants = entry->grants;
    return timed;
  }
  if (entry == nullptr) {
    timed.grants = compile({}, {more->attributes, more->kind}, more->target, now, rights);
    return timed;
  }
  const Grants& whole = *entry->grants;
  timed.grants =
      compile(entry->policies, {whole.attributes, whole.kind}, {whole.sensitive, whole.target_gate}, now, rights);
  return timed;
}

}  // namespace dbgate::policy
