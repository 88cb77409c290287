#include "gateway/policy/limits.h"

#include <gtest/gtest.h>

namespace dbgate::policy {
namespace {

config::Config shop() {
  config::Config config;
  config.users = {{"alice", "", {}}, {"bob", "", {}}};
  config.groups["analysts"] = {"alice", "bob"};
  config.targets.resize(2);
  config.targets[0].name = "shop";
  config.targets[1].name = "other";
  return config;
}

config::Policy policy(const std::string& name, const std::string& target = "shop") {
  config::Policy policy;
  policy.name = name;
  policy.groups = {"analysts"};
  policy.targets = {target};
  return policy;
}

TEST(LimitTable, NoneWhereNoneAreSet) {
  config::Config config = shop();
  config.policies.push_back(policy("read"));
  EXPECT_EQ(LimitTable(config).find("alice", "shop"), nullptr);
  EXPECT_EQ(LimitTable(config).find("nobody", "shop"), nullptr);
  EXPECT_EQ(LimitTable(config).find("alice", "nowhere"), nullptr);
}

TEST(LimitTable, TheStrictestOfAllPoliciesHolds) {
  config::Config config = shop();
  config.policies = {policy("loose"), policy("strict"), policy("elsewhere", "other")};
  config.policies[0].limits.rows = 1'000;
  config.policies[0].limits.statement_timeout = std::chrono::seconds(5);
  config.policies[0].limits.rate = {2'000, std::chrono::minutes(1)};
  config.policies[1].limits.rows = 100;
  config.policies[1].limits.statement_timeout = std::chrono::seconds(30);
  config.policies[1].limits.rate = {50, std::chrono::seconds(1)};
  config.policies[2].limits.rows = 1;
  const auto limits = LimitTable(config).find("bob", "shop");
  ASSERT_TRUE(limits);
  EXPECT_EQ(limits->rows.value, 100u);
  EXPECT_EQ(limits->rows.rule, "strict/limits.rows");
  EXPECT_EQ(limits->rows.by, "policy \"strict\"");
  EXPECT_EQ(limits->statement_timeout.value, std::chrono::seconds(5));
  EXPECT_EQ(limits->statement_timeout.rule, "loose/limits.statement_timeout");
  EXPECT_EQ(limits->rate.rule, "loose/limits.rate");  // 33 a second
  EXPECT_FALSE(limits->bytes.set());
  EXPECT_TRUE(limits->counts_results());
}

TEST(LimitTable, OfRowsThatAreRecordedTheMostCounts) {
  config::Config config = shop();
  config.policies = {policy("few"), policy("long"), policy("none")};
  config.policies[0].recorded = {5, 2048};
  config.policies[1].recorded = {3, 4096};
  const auto limits = LimitTable(config).find("bob", "shop");
  ASSERT_TRUE(limits);
  EXPECT_EQ(limits->recorded.rows, 5u);
  EXPECT_EQ(limits->recorded.bytes, 4096u);
  EXPECT_FALSE(limits->counts_results());
  config.policies = {policy("none")};
  EXPECT_EQ(LimitTable(config).find("bob", "shop"), nullptr) << "what is kept of a result by default is no rule";
}

TEST(LimitTable, TargetsLimitEverybodyOnThem) {
  config::Config config = shop();
  config.targets[0].limits.rows = 10;
  config.targets[0].limits.concurrent = 8;
  config.targets[0].limits.rate = {5, std::chrono::seconds(1)};
  config.policies = {policy("read"), policy("elsewhere", "other")};
  config.policies[0].limits.rows = 100;
  config.policies[0].limits.concurrent = 20;
  const LimitTable table(config);
  const auto limits = table.find("alice", "shop");
  ASSERT_TRUE(limits);
  EXPECT_EQ(limits->rows.rule, "targets.shop/limits.rows");
  EXPECT_EQ(limits->rows.by, "target \"shop\"");
  // Of different things, so both hold.
  EXPECT_EQ(limits->concurrent.value, 20u);
  EXPECT_EQ(limits->target_concurrent.value, 8u);
  EXPECT_EQ(limits->target_concurrent.rule, "targets.shop/limits.concurrent");
  EXPECT_FALSE(limits->rate.set());
  EXPECT_EQ(limits->target_rate.value.count, 5u);
  EXPECT_EQ(table.find("alice", "other"), nullptr);
}

}  // namespace
}  // namespace dbgate::policy
