#include "config/risk.h"

#include <gtest/gtest.h>

#include "config/loader.h"

namespace dbgate::config {
namespace {

Loaded load(const std::string& risk, const std::string& kind = "person", const std::string& sensitive = "[]") {
  return load_text(
      "version: 1\nusers: [ { name: u, scram_verifier: SCRAM-SHA-256$x, kind: " + kind +
          " } ]\ntargets: { shop: { upstream: { hosts: [a], database: d, user: u }, sensitive: " + sensitive +
          " } }\npolicies: [ { name: p, who: { users: [u] }, on: [shop], risk: " + risk + " } ]\n",
      "f.yaml", "/dir");
}

std::string complaint(const Loaded& loaded) {
  return loaded.problems.empty() ? "" : loaded.problems.front().line_text();
}

TEST(Risk, HoldsForAllKindsUnlessOneHasItsOwn) {
  const Loaded loaded = load("{ deny_at: critical, agent: { deny_at: medium }, service: { deny_at: never } }", "agent");
  ASSERT_TRUE(loaded.config) << complaint(loaded);
  const RiskPolicy& risk = loaded.config->policies[0].risk;
  EXPECT_EQ(risk[0].deny_at, RiskLevel::critical);
  EXPECT_FALSE(risk[1].deny_at);
  EXPECT_EQ(risk[2].deny_at, RiskLevel::medium);
  EXPECT_EQ(loaded.config->users[0].kind, PrincipalKind::agent);
}

TEST(Risk, DeniesNothingByDefault) {
  const Loaded loaded = load("{ }");
  ASSERT_TRUE(loaded.config) << complaint(loaded);
  for (const RiskBounds& bounds : loaded.config->policies[0].risk)
    EXPECT_FALSE(bounds.deny_at);
  EXPECT_EQ(loaded.config->users[0].kind, PrincipalKind::person);
}

TEST(Risk, MistakesAreNamed) {
  EXPECT_NE(complaint(load("{ deny_at: hihg }")).find("deny_at"), std::string::npos);
  EXPECT_NE(complaint(load("{ deny_above: high }")).find("deny_above"), std::string::npos);
  EXPECT_NE(complaint(load("{ robot: { deny_at: low } }")).find("robot"), std::string::npos);
  EXPECT_NE(complaint(load("{ }", "robot")).find("kind"), std::string::npos);
}

Loaded load_policy(const std::string& rest) {
  return load_text(
      "version: 1\nlisten: { api: { address: 127.0.0.1, port: 0 } }\nusers: [ { name: u, scram_verifier: "
      "SCRAM-SHA-256$x }, { name: v, scram_verifier: SCRAM-SHA-256$x } "
      "]\n"
      "groups: { leads: [v] }\n"
      "targets: { shop: { upstream: { hosts: [a], database: d, user: u } } }\n"
      "policies: [ { name: p, who: { users: [u] }, on: [shop], " +
          rest + " } ]\n",
      "f.yaml", "/dir");
}

TEST(Approval, SaysWhoHasToAgree) {
  const Loaded loaded = load_policy(
      "risk: { log_at: low, hold_at: high, agent: { hold_at: medium } }, hold: refuse, approval: { from: { groups: "
      "[leads], users: [v] }, of: 2, within: 5m, window: 10m }, allow: [ { update: [public.t], require: { approval: { "
      "from: { "
      "users: [v] } } } } ]");
  ASSERT_TRUE(loaded.config) << complaint(loaded);
  const Policy& policy = loaded.config->policies[0];
  EXPECT_EQ(policy.risk[0].log_at, RiskLevel::low);
  EXPECT_EQ(policy.risk[0].hold_at, RiskLevel::high);
  EXPECT_EQ(policy.risk[2].hold_at, RiskLevel::medium);
  ASSERT_TRUE(policy.approval);
  EXPECT_EQ(policy.approval->groups, (std::vector<std::string>{"leads"}));
  EXPECT_EQ(policy.approval->needed, 2U);
  EXPECT_EQ(policy.approval->within, std::chrono::minutes(5));
  EXPECT_EQ(policy.approval->window, std::chrono::minutes(10));
  EXPECT_TRUE(policy.approval->refuse);
  ASSERT_TRUE(policy.allow[0].require_approval);
  const ApprovalRule& rule = *policy.allow[0].require_approval;
  EXPECT_EQ(rule.needed, 1U);
  EXPECT_EQ(rule.within, std::chrono::minutes(15));
  EXPECT_EQ(rule.window.count(), 0);
}

TEST(Approval, MistakesAreNamed) {
  const auto of_rule = [](const std::string& approval) {
    return complaint(load_policy("allow: [ { update: [public.t], require: { approval: " + approval + " } } ]"));
  };
  EXPECT_NE(complaint(load_policy("risk: { hold_at: high }")).find("hold_at needs approval beside it"),
            std::string::npos);
  EXPECT_NE(complaint(load_policy("hold: later")).find("hold"), std::string::npos);
  EXPECT_NE(of_rule("{ of: 1 }").find("needs from"), std::string::npos);
  EXPECT_NE(of_rule("{ from: { groups: [nobody] } }").find("nobody"), std::string::npos);
  EXPECT_NE(of_rule("{ from: { users: [v] }, of: 2 }").find("more approvers"), std::string::npos);
  EXPECT_NE(of_rule("{ from: { users: [v] }, of: 0 }").find("at least 1"), std::string::npos);
  EXPECT_NE(of_rule("{ from: { users: [v] }, within: 0s }").find("more than 0"), std::string::npos);
  EXPECT_NE(of_rule("{ from: { users: [v] }, window: 169h }").find("168h"), std::string::npos);
  EXPECT_NE(complaint(load_policy("deny: [ { update: [public.t], require: { approval: { from: { users: [v] } } } } ]"))
                .find("is for allow only"),
            std::string::npos);
}

TEST(Approval, BeforeCommit) {
  const Loaded loaded = load_policy("approve: before_commit, lock_budget: 30s, approval: { from: { users: [v] } }");
  ASSERT_TRUE(loaded.config) << complaint(loaded);
  EXPECT_EQ(loaded.config->policies[0].gate.lock_budget, std::chrono::seconds(30));
  const Loaded usual = load_policy("approve: before_commit, approval: { from: { users: [v] } }");
  ASSERT_TRUE(usual.config) << complaint(usual);
  EXPECT_EQ(usual.config->policies[0].gate.lock_budget, std::chrono::minutes(2));
  EXPECT_EQ(load_policy("risk: {}").config->policies[0].gate.lock_budget.count(), 0);
  EXPECT_NE(complaint(load_policy("approve: before_commit")).find("needs approval beside it"), std::string::npos);
  EXPECT_NE(complaint(load_policy("approve: later, approval: { from: { users: [v] } }")).find("before_commit"),
            std::string::npos);
  EXPECT_NE(complaint(load_policy("lock_budget: 30s")).find("is for approve: before_commit"), std::string::npos);
  EXPECT_NE(complaint(load_policy("approve: before_commit, lock_budget: 0s, approval: { from: { users: [v] } }"))
                .find("more than 0"),
            std::string::npos);
  EXPECT_NE(complaint(load_policy("approve: before_commit, approval: { from: { users: [v] }, window: 1h }"))
                .find("no window"),
            std::string::npos);
}

TEST(Approval, HowChangesAreFoundOut) {
  const std::string asks = "approve: before_commit, approval: { from: { users: [v] } }";
  EXPECT_EQ(load_policy(asks).config->policies[0].gate.capture, Capture::prepared);
  EXPECT_EQ(load_policy(asks + ", capture: unprepared").config->policies[0].gate.capture, Capture::unprepared);
  EXPECT_EQ(load_policy(asks + ", capture: any").config->policies[0].gate.capture, Capture::any);
  EXPECT_NE(complaint(load_policy(asks + ", capture: guessed")).find("unprepared"), std::string::npos);
  EXPECT_NE(complaint(load_policy("capture: any")).find("is for approve: before_commit"), std::string::npos);
}

TEST(Approval, OfATarget) {
  const std::string from = "approval: { from: { users: [u] } }";
  const Loaded loaded = load("{}", "person", "[], approve: before_commit, capture: any, " + from);
  ASSERT_TRUE(loaded.config) << complaint(loaded);
  const CommitGate& gate = loaded.config->targets[0].gate;
  EXPECT_EQ(gate.capture, Capture::any);
  EXPECT_EQ(gate.lock_budget, std::chrono::minutes(2));
  ASSERT_TRUE(gate.approval);
  EXPECT_EQ(gate.approval->users, std::vector<std::string>{"u"});
  EXPECT_FALSE(loaded.config->policies[0].gate.approval);
  EXPECT_NE(complaint(load("{}", "person", "[], approve: before_commit")).find("needs approval"), std::string::npos);
  EXPECT_NE(complaint(load("{}", "person", "[], " + from)).find("is for approve"), std::string::npos);
}

TEST(Risk, KnowsWhatPrincipalsSend) {
  const Loaded loaded = load("{ known: [ 'SELECT a FROM t WHERE b = 1', 'SELECT 1' ] }");
  ASSERT_TRUE(loaded.config) << complaint(loaded);
  const std::vector<ListedStatement>& known = loaded.config->policies[0].known;
  ASSERT_EQ(known.size(), 2u);
  EXPECT_EQ(known[0].text, "SELECT a FROM t WHERE b = 1");
  EXPECT_EQ(known[0].line, 4);
  EXPECT_NE(complaint(load("{ known: yes }")), "");
}

TEST(Sensitive, NamesColumnsOfTables) {
  const Loaded loaded = load("{ }", "person", "[ 'public.customers(email, card)' ]");
  ASSERT_TRUE(loaded.config) << complaint(loaded);
  ASSERT_EQ(loaded.config->targets[0].sensitive.size(), 1u);
  EXPECT_EQ(loaded.config->targets[0].sensitive[0].columns, (std::vector<std::string>{"email", "card"}));
  for (const char* wrong : {"[ public.customers ]", "[ 'public.*' ]", "[ '*' ]", "[ 'public.customers(' ]"})
    EXPECT_NE(complaint(load("{ }", "person", wrong)).find("names no columns"), std::string::npos) << wrong;
}

}  // namespace
}  // namespace dbgate::config
