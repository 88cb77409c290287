#include <gtest/gtest.h>

#include "config/loader.h"
#include "gateway/policy/engine.h"

// Of several policies the strictest counts, for ratings too.
namespace dbgate::policy {
namespace {

using config::ModelUse;
using config::RiskLevel;

/// What the policies `first` and `second` of one agent come to.
struct Merged {
  Merged(const std::string& first, const std::string& second)
      : policies(*config::load_text(
                      "version: 1\nusers: [ { name: u, scram_verifier: 'SCRAM-SHA-256$x', kind: agent } ]\n"
                      "groups: { leads: [u], others: [u] }\n"
                      "models: { providers: [ { name: m, dialect: ollama, model: m } ] }\n"
                      "targets: { shop: { upstream: { hosts: [db], database: shop, user: d } } }\n"
                      "policies:\n  - { name: first, who: { users: [u] }, on: [shop], " +
                          first + " }\n  - { name: second, who: { users: [u] }, on: [shop], " + second + " }\n",
                      "test.yaml", "/")
                      .config),
        grants(policies.grants("u", "shop")),
        risk(risk_of(*grants)) {}
  PolicySet policies;
  std::shared_ptr<const Grants> grants;
  RiskGrants risk;
};

TEST(RiskBounds, ModelsAreAskedIfAnyPolicySaysSo) {
  const std::pair<std::string, ModelUse> uses[] = {
      {"off", ModelUse::off}, {"async", ModelUse::async}, {"on", ModelUse::on}};
  for (const auto& [one, use_one] : uses) {
    for (const auto& [other, use_other] : uses) {
      const Merged merged("risk: { llm: " + one + " }", "risk: { agent: { llm: " + other + " }, llm: off }");
      EXPECT_EQ(merged.risk.from.llm, std::max(use_one, use_other)) << one << " " << other;
      EXPECT_EQ(merged.risk.acts(), merged.risk.from.llm != ModelUse::off);
      EXPECT_EQ(merged.risk.models_policy, use_one != ModelUse::off     ? "first"
                                           : use_other != ModelUse::off ? "second"
                                                                        : "");
    }
  }
  EXPECT_EQ(Merged("risk: { person: { llm: on } }", "allow: []").risk.from.llm, ModelUse::off) << "it is an agent";
}

TEST(RiskBounds, SomebodyWhoMayAgreeIsFoundWhereModelsAreAsked) {
  const std::string leads = "approval: { from: { groups: [leads] } }",
                    others = "approval: { from: { groups: [others] } }";
  const auto from = [](const Merged& merged) {
    return merged.risk.models_approval ? merged.risk.models_approval->groups.front() : std::string();
  };
  EXPECT_EQ(from(Merged("risk: { llm: on }", "allow: []")), "");
  EXPECT_EQ(from(Merged("risk: { llm: on }, " + leads, "risk: { llm: on }, " + others)), "leads");
  const Merged second("risk: { llm: on }", "risk: { llm: async }, " + others);
  EXPECT_EQ(from(second), "others");
  EXPECT_EQ(second.risk.models_policy, "second");
  EXPECT_EQ(from(Merged("risk: { llm: on }", "risk: { hold_at: high }, " + leads)), "leads")
      << "who agrees to what rules hold";
}

TEST(RiskBounds, TheLowestLevelOfAll) {
  const Merged merged("risk: { deny_at: critical, log_at: medium }", "risk: { deny_at: high }");
  EXPECT_EQ(merged.risk.from.deny_at, RiskLevel::high);
  EXPECT_EQ(merged.risk.policy, "second");
  EXPECT_TRUE(merged.risk.reached_by(RiskLevel::medium));
  EXPECT_FALSE(merged.risk.reached_by(RiskLevel::low));
}

}  // namespace
}  // namespace dbgate::policy
