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

TEST(PolicyJudgeRisk, RatesByTheStateOfTheSession) {
  const Fixed source(std::string(all) + "risk: { deny_at: medium }");
  PolicyJudge policy(source, "u", "shop", "shop", sql::ScanLimits{});
  const char* const alter = "ALTER TABLE t ADD COLUMN b int";
  EXPECT_FALSE(judge(policy, alter).refused);
  EXPECT_TRUE(judge(policy, alter).verdict->risk.of_moment);
  EXPECT_FALSE(judge(policy, "SELECT a FROM t WHERE a = 1").verdict->risk.of_moment);
  LockWatch locks;
  locks.follow(policy.analyze("BEGIN")->script->statements.front());
  locks.follow(policy.analyze(alter)->script->statements.front());
  policy.see(locks, nullptr);
  const Judged second = judge(policy, alter);
  EXPECT_TRUE(second.refused);
  EXPECT_EQ(second.verdict->risk.rules.front(), "DD-09 t");
  EXPECT_TRUE(judge(policy, "CREATE INDEX CONCURRENTLY ON t (a)").refused) << "in a block";
  EXPECT_FALSE(judge(policy, std::string("COMMIT; ") + alter).refused) << "the text ends it before";
  policy.see({}, nullptr);
  EXPECT_TRUE(judge(policy, std::string("BEGIN; ") + alter + "; " + alter).refused) << "the text itself";
  EXPECT_FALSE(judge(policy, alter).refused) << "nothing is left of that";
}

// What an application sends is known by its shape.
TEST(PolicyJudgeRisk, KnowsWhatApplicationsSend) {
  const std::string rules = std::string(all) +
                            "risk: { deny_at: high, known: [ 'SELECT a FROM t WHERE b = 1', "
                            "\"UPDATE t SET a = 'x' WHERE b = $1\" ] }";
  const Fixed source(rules, "service");
  PolicyJudge policy(source, "u", "shop", "shop", sql::ScanLimits{});
  EXPECT_FALSE(judge(policy, "SELECT a FROM t WHERE b = 2").refused);
  EXPECT_FALSE(judge(policy, "select a from t where b = 77").refused);
  EXPECT_FALSE(judge(policy, "UPDATE t SET a = 'x' WHERE b = $1").refused);
  const Judged other = judge(policy, "SELECT a FROM t WHERE b = 2 OR c = 3");
  EXPECT_TRUE(other.refused);
  EXPECT_EQ(other.verdict->risk.rules.front(), "IJ-08");
  EXPECT_TRUE(judge(policy, "SELECT a, secret FROM t WHERE b = 2").refused);
  EXPECT_TRUE(judge(policy, "SELECT a FROM t WHERE b = 2; SELECT a FROM u").refused);
  for (const char* sql : {"BEGIN", "COMMIT", "SET application_name = 'x'", "SHOW search_path", "SELECT 1"})
    EXPECT_FALSE(judge(policy, sql).refused) << sql;
  const Fixed for_people(rules, "person");
  PolicyJudge person(for_people, "u", "shop", "shop", sql::ScanLimits{});
  EXPECT_EQ(judge(person, "SELECT a, secret FROM t WHERE b = 2").verdict->risk.level, "medium");
}

TEST(PolicyJudgeRisk, ManyRefusalsRaiseWhatComesThen) {
  Fixed source(std::string(all) + "risk: { deny_at: high }");
  source.burst = std::make_shared<Burst>();
  std::int64_t now = 1'700'000'000;
  VerdictCache cache(1u << 20);
  PolicyJudge policy(
      source, "u", "shop", "shop", sql::ScanLimits{}, {}, {}, [&now] { return now; }, &cache);
  const char* const harmless = "SELECT a FROM t WHERE a = 1";
  const auto ask = [&policy](std::string_view text) {
    Judged known = policy.recall(text, TextForm::query);
    if (known.script) return known;
    const auto analysis = policy.analyze(text);
    Judged judged = policy.judge(*analysis, {}, {}, 0);
    policy.remember(text, TextForm::query, *analysis, judged);
    return judged;
  };
  for (std::uint32_t i = 0; i < Burst::most_refusals; ++i)
    EXPECT_TRUE(ask("SELEKT 1").refused);
  EXPECT_FALSE(ask(harmless).refused);
  EXPECT_FALSE(ask(harmless).refused) << "remembered by now";
  EXPECT_TRUE(ask("DELETE FROM t").refused);
  const Judged burst = ask(harmless);
  EXPECT_TRUE(burst.refused) << "not what was remembered";
  EXPECT_EQ(burst.verdict->risk.rules.front(), "IJ-09");
  for (int i = 0; i < 100; ++i)
    EXPECT_TRUE(ask(harmless).refused);
  now += Burst::window;
  EXPECT_FALSE(ask(harmless).refused) << "its own denials do not make it last";
  for (std::uint32_t i = 0; i <= Burst::most_refusals; ++i)
    judge(policy, "SELEKT 1");
  EXPECT_TRUE(ask(harmless).refused);
  now += Burst::window;
  policy.only_asks();
  for (std::uint32_t i = 0; i <= Burst::most_refusals; ++i)
    judge(policy, "SELEKT 1");
  EXPECT_FALSE(ask(harmless).refused) << "questions are no attempts";
}

TEST(PolicyJudgeRisk, ManyQuestionsAboutTheCatalogRaiseWhatComesThen) {
  Fixed source(std::string(all) + "risk: { deny_at: high }");
  source.burst = std::make_shared<Burst>();
  PolicyJudge policy(source, "u", "shop", "shop", sql::ScanLimits{});
  for (std::uint32_t i = 0; i < Burst::most_probes; ++i)
    ASSERT_FALSE(judge(policy, "SELECT relname FROM pg_class WHERE oid = 1").refused) << i;
  judge(policy, "SELECT relname FROM pg_class");
  EXPECT_TRUE(judge(policy, "SELECT a FROM t WHERE a = 1").refused);
}

TEST(PolicyJudgeRisk, RatesWhatIsDeniedAsWell) {
  const Fixed source("allow: [ { select: [public.t] } ]");
  PolicyJudge policy(source, "u", "shop", "shop", sql::ScanLimits{});
  const auto rate = [&policy](std::string_view sql) { return policy.rate(*policy.analyze(sql)); };
  EXPECT_EQ(rate("DELETE FROM t").level, risk::Level::critical);
  EXPECT_EQ(rate("SELECT a FROM t WHERE a = 1; DROP TABLE t").level, risk::Level::critical);
  EXPECT_EQ(rate("SELECT a FROM t WHERE a = 1").level, risk::Level::info);
  const risk::Assessment unreadable = rate("SELEKT 1");
  ASSERT_EQ(unreadable.hits.size(), 1u);
  EXPECT_STREQ(unreadable.hits.front().rule->id, "ST-02");
}

}  // namespace
}  // namespace dbgate::session
