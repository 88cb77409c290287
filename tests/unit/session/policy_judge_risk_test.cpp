#include <gtest/gtest.h>

#include "tests/unit/session/fixed_policies.h"

namespace dbgate::session {
namespace {

const char* const all = "allow: [ { everything: true } ], ";

TEST(PolicyJudgeRisk, DeniesFromTheBoundOn) {
  const Fixed source(std::string(all) + "risk: { deny_at: critical }");
  PolicyJudge policy(source, "u", "shop", "shop", sql::ScanLimits{});
  const Judged denied = judge(policy, "DELETE FROM t");
  EXPECT_TRUE(denied.refused);
  EXPECT_EQ(denied.refusal.code, sqlstate::insufficient_privilege);
  EXPECT_EQ(denied.refusal.message,
            "permission denied by dbgate policy: rated critical by DML-01: UPDATE or DELETE without WHERE");
  EXPECT_EQ(denied.refusal.hint, "Name the rows that are meant.");
  EXPECT_EQ(denied.verdict->rule_id, "p/risk.deny_at");
  EXPECT_EQ(denied.verdict->risk.level, "critical");
  EXPECT_EQ(denied.verdict->risk.rules.front(), "DML-01 t");
  EXPECT_FALSE(judge(policy, "DELETE FROM t WHERE a = 1").refused);
  EXPECT_FALSE(judge(policy, "GRANT SELECT ON t TO u").refused) << "high only";
}

TEST(PolicyJudgeRisk, LooksAtEveryStatementOfAText) {
  const Fixed source(std::string(all) + "risk: { deny_at: critical }");
  PolicyJudge policy(source, "u", "shop", "shop", sql::ScanLimits{});
  EXPECT_TRUE(judge(policy, "SELECT 1; DELETE FROM t").refused);
  EXPECT_TRUE(judge(policy, "DELETE FROM t; SELECT 1").refused);
  const Judged allowed = judge(policy, "SELECT pg_terminate_backend(1); SELECT 1");
  EXPECT_FALSE(allowed.refused);
  EXPECT_EQ(allowed.verdict->risk.level, "high") << "the worst of both";
}

TEST(PolicyJudgeRisk, LooksIntoWhatIsPrepared) {
  const Fixed source(std::string(all) + "risk: { deny_at: critical }");
  PolicyJudge policy(source, "u", "shop", "shop", sql::ScanLimits{});
  EXPECT_TRUE(judge(policy, "PREPARE p AS DELETE FROM t").refused);
  EXPECT_TRUE(judge(policy, "DECLARE c CURSOR FOR WITH d AS (DELETE FROM t RETURNING a) SELECT a FROM d").refused);
  EXPECT_TRUE(judge(policy, "EXPLAIN ANALYZE DELETE FROM t").refused);
  EXPECT_FALSE(judge(policy, "EXPLAIN DELETE FROM t").refused);
}

TEST(PolicyJudgeRisk, EachKindHasItsBound) {
  for (const char* kind : {"person", "agent"}) {
    const Fixed source(std::string(all) + "risk: { agent: { deny_at: high } }", kind);
    PolicyJudge policy(source, "u", "shop", "shop", sql::ScanLimits{});
    EXPECT_EQ(judge(policy, "GRANT SELECT ON t TO u").refused, std::string(kind) == "agent") << kind;
    EXPECT_EQ(judge(policy, "BEGIN").refused, std::string(kind) == "agent") << kind;
  }
}

TEST(PolicyJudgeRisk, ObservingRecordsAndLetsPass) {
  const Fixed source("mode: observe, " + std::string(all) + "risk: { deny_at: low }");
  PolicyJudge policy(source, "u", "shop", "shop", sql::ScanLimits{});
  const Judged observed = judge(policy, "DELETE FROM t");
  EXPECT_FALSE(observed.refused);
  EXPECT_EQ(observed.verdict->decision, policy::Decision::log_only);
  ASSERT_FALSE(observed.verdict->reasons.empty());
  EXPECT_EQ(observed.verdict->reasons.back(), "rated critical by DML-01: UPDATE or DELETE without WHERE");
}

TEST(PolicyJudgeRisk, GivesNothingThatPoliciesDoNot) {
  const Fixed source("allow: [ { select: [public.t] } ], risk: { deny_at: never }");
  PolicyJudge policy(source, "u", "shop", "shop", sql::ScanLimits{});
  EXPECT_TRUE(judge(policy, "DELETE FROM t").refused);
  EXPECT_FALSE(judge(policy, "SELECT a FROM public.t WHERE a = 1").refused);
}

// A rating may rest on a constant that stands in no key.
TEST(PolicyJudgeRisk, WhatRestsOnValuesIsNotRemembered) {
  const Fixed source(std::string(all) + "risk: { deny_at: critical }");
  VerdictCache cache(1u << 20);
  PolicyJudge policy(source, "u", "shop", "shop", sql::ScanLimits{}, {}, {}, system_clock_seconds, &cache);
  const auto ask = [&policy](std::string_view text) {
    Judged known = policy.recall(text, TextForm::query);
    if (known.script) return known;
    const auto analysis = policy.analyze(text);
    Judged judged = policy.judge(*analysis, {}, {}, 0);
    policy.remember(text, TextForm::query, *analysis, judged);
    return judged;
  };
  for (int i = 0; i < 3; ++i)
    EXPECT_FALSE(ask("DELETE FROM t WHERE 1 = 2").refused);
  EXPECT_TRUE(ask("DELETE FROM t WHERE 1 = 1").refused);
  for (int i = 0; i < 3; ++i)
    EXPECT_FALSE(ask("DELETE FROM t WHERE a LIKE 'x%'").refused);
  EXPECT_TRUE(ask("DELETE FROM t WHERE a LIKE '%'").refused);
}

}  // namespace
}  // namespace dbgate::session
