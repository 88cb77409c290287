// Exact-statement lists, modes of policies and time windows: what config/policies.cpp reads beside grants.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/policy/statement_lists.h"
#include "tests/unit/policy/policies.h"

namespace dbgate::policy {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string policies_yaml(const std::string& policies) {
  return "version: 1\nusers: [ { name: u, scram_verifier: 'SCRAM-SHA-256$x' } ]\n"
         "targets: { shop: { upstream: { hosts: [db], database: shop, user: dbgate } } }\npolicies:\n" +
         policies;
}

PolicySet policies_of(const std::string& policies) {
  const config::Loaded loaded = config::load_text(policies_yaml(policies), "test.yaml", "/");
  for (const config::Problem& problem : loaded.problems)
    ADD_FAILURE() << problem.line_text();
  return PolicySet(loaded.config.value_or(config::Config()));
}

constexpr const char* list = R"yaml({ statements: ["SELECT id FROM public.orders WHERE id = 1 AND state IN ('a', 'b')",
                                               "SELECT nextval('public.orders_id_seq')", "CALL public.tidy()"] })yaml";

TEST(StatementLists, AllowTheShapeAndNeedNoOtherGrant) {
  const auto grants = grants_of({list});
  for (const char* text : {"select id from public.orders where id = 77 and state in ('x', $$y$$)",
                           "SELECT nextval('public.orders_id_seq')", "CALL public.tidy()"}) {
    const Verdict verdict = verdict_on(*grants, text);
    EXPECT_TRUE(verdict.allowed()) << text;
    EXPECT_EQ(verdict.rule_id, "p/allow[0]");
  }
}

TEST(StatementLists, AllowNothingElse) {
  const auto grants = grants_of({list});
  for (const char* text :
       {"SELECT id FROM public.orders WHERE id = 1", "SELECT id FROM public.orders WHERE id = 1 AND state IN ('a')",
        "SELECT id FROM public.orders WHERE id = 1 AND state IN ('a', 'b') OR true",
        "SELECT id FROM public.orders WHERE id = 1 AND state IN ('a', pg_read_file('b'))",
        "SELECT id FROM orders WHERE id = 1 AND state IN ('a', 'b')",
        "SELECT id FROM public.orders WHERE id = '1' AND state IN ('a', 'b')",
        "SELECT id FROM public.orders WHERE id = $1 AND state IN ('a', 'b')",
        "SELECT id FROM public.orders WHERE id = 1 AND state IN ('a', 'b') FOR UPDATE",
        "SELECT nextval('public.cards_id_seq')", "SELECT nextval('public.orders_id_seq'::regclass)",
        "PREPARE p AS SELECT id FROM public.orders WHERE id = 1 AND state IN ('a', 'b')",
        "EXPLAIN ANALYZE SELECT id FROM public.orders WHERE id = 1 AND state IN ('a', 'b')",
        "CREATE TABLE x AS SELECT id FROM public.orders WHERE id = 1 AND state IN ('a', 'b')", "CALL public.wipe()",
        "SELECT 1; DROP TABLE public.orders"}) {
    EXPECT_FALSE(allows(*grants, text)) << text;
  }
}

TEST(StatementLists, GiveWayToDenyRulesAndFixedSettings) {
  const auto denied = grants_of({list}, {"{ select: ['public.orders(state)'] }"});
  EXPECT_EQ(verdict_on(*denied, "SELECT id FROM public.orders WHERE id = 1 AND state IN ('a', 'b')").rule_id,
            "p/deny[0]");
  const auto fixed = grants_of({"{ statements: [\"SET standard_conforming_strings = off\"] }"});
  EXPECT_FALSE(allows(*fixed, "SET standard_conforming_strings = off"));
}

TEST(StatementLists, KeepErrorsShort) {
  EXPECT_TRUE(shows_part(*grants_of({list})));
  EXPECT_FALSE(shows_part(*grants_of({"{ select: [public.t] }"})));
}

TEST(StatementLists, AreChecked) {
  const std::string yaml = policies_yaml(
      "  - name: p\n    who: { users: [u] }\n    on: [shop]\n    allow:\n      - statements:\n"
      "          - \"SELEC 1\"\n          - \"SELECT 1; SELECT 2\"\n          - \"SELECT U&'x'\"\n          - \"\"\n"
      "          - \"SELECT 1\"\n");
  const config::Loaded loaded = config::load_text(yaml, "test.yaml", "/");
  ASSERT_TRUE(loaded.config);
  std::vector<std::string> lines;
  for (const config::Problem& problem : check_statement_lists(*loaded.config, "test.yaml"))
    lines.push_back(problem.line_text());
  EXPECT_THAT(
      lines, ElementsAre(
                 "test.yaml:10:13: error: p/allow[0].statements: is not a statement: syntax error at or near \"SELEC\"",
                 HasSubstr("test.yaml:11:13: error: p/allow[0].statements: must be one statement"),
                 HasSubstr("test.yaml:12:13: error: p/allow[0].statements: cannot be listed: "),
                 HasSubstr("test.yaml:13:13: error: p/allow[0].statements: must be one statement")));
}

std::string with_mode(const char* mode, const char* rest = "") {
  return std::string("  - { name: p, mode: ") + mode +
         ", who: { users: [u] }, on: [shop], allow: [ { select: [public.t] } ]" + rest + " }\n";
}

TEST(Modes, ObserveAllowsAndSaysSo) {
  const auto grants = policies_of(with_mode("observe")).grants("u", "shop");
  const Verdict allowed = verdict_on(*grants, "SELECT a FROM public.t");
  EXPECT_EQ(allowed.decision, Decision::allow);
  EXPECT_FALSE(allowed.learns);
  const Verdict observed = verdict_on(*grants, "DELETE FROM public.t");
  EXPECT_EQ(observed.decision, Decision::log_only);
  EXPECT_TRUE(observed.allowed());
  EXPECT_EQ(observed.rule_id, "default");
  EXPECT_THAT(observed.reasons, ElementsAre("no rule allows DELETE on public.t"));
  EXPECT_TRUE(may_write(*grants));
  EXPECT_FALSE(is_unrestricted(*grants));
}

TEST(Modes, ObserveLetsNothingPastDenyRulesFixedSettingsAndWhatIsNotUnderstood) {
  const auto grants = policies_of(with_mode("observe", ", deny: [ { delete: [public.t] } ]")).grants("u", "shop");
  EXPECT_EQ(verdict_on(*grants, "DELETE FROM public.t").decision, Decision::deny);
  EXPECT_EQ(verdict_on(*grants, "SET client_encoding = 'LATIN1'").decision, Decision::deny);
  EXPECT_EQ(verdict_on(*grants, "DO 'x'").decision, Decision::deny);
  sql::Statement unknown;
  unknown.unknown = "x";
  EXPECT_EQ(decide(*grants, unknown, {}).decision, Decision::deny);
  EXPECT_FALSE(decide_function_call(*grants).allowed());
  EXPECT_FALSE(decide_replication(*grants).allowed());
}

TEST(Modes, LearnMarksEveryVerdict) {
  const auto grants = policies_of(with_mode("learn")).grants("u", "shop");
  EXPECT_TRUE(verdict_on(*grants, "SELECT a FROM public.t").learns);
  const Verdict verdict = verdict_on(*grants, "TRUNCATE public.t");
  EXPECT_EQ(verdict.decision, Decision::log_only);
  EXPECT_TRUE(verdict.learns);
}

TEST(Modes, EnforceIsTheDefaultAndTheLeastStrictCounts) {
  EXPECT_FALSE(allows(*policies_of(with_mode("enforce")).grants("u", "shop"), "TRUNCATE public.t"));
  const PolicySet both =
      policies_of(with_mode("enforce") + "  - { name: q, mode: observe, who: { users: [u] }, on: [shop] }\n");
  EXPECT_TRUE(allows(*both.grants("u", "shop"), "TRUNCATE public.t"));
}

TEST(Modes, TheStricterVerdictOfATextCounts) {
  Verdict allow;
  allow.decision = Decision::allow;
  Verdict observed;
  observed.decision = Decision::log_only;
  observed.learns = true;
  EXPECT_EQ(stricter(observed, allow).decision, Decision::log_only);
  EXPECT_EQ(stricter(allow, observed).decision, Decision::log_only);
  EXPECT_TRUE(stricter(observed, allow).learns);
  EXPECT_EQ(stricter(Verdict(), observed).decision, Decision::deny);
  EXPECT_TRUE(stricter(Verdict(), observed).learns);
}

// 2026-11-23 is a Monday.
constexpr std::int64_t monday = 1795392000;

TEST(Windows, OpenAndCloseRules) {
  const PolicySet set = policies_of(
      "  - name: p\n    who: { users: [u] }\n    on: [shop]\n"
      "    allow:\n      - { select: [public.t] }\n"
      "      - { update: [public.t], when: { days: [mon, tue], from: '08:00', to: '18:00' } }\n"
      "    deny:\n      - { select: ['public.t(secret)'], when: { from: '12:00', to: '13:00' } }\n");
  const auto at = [&set](std::int64_t hour, const char* text) {
    return allows(*set.grants_at("u", "shop", monday + hour * 3600).grants, text);
  };
  EXPECT_TRUE(at(9, "UPDATE public.t SET a = 1"));
  EXPECT_FALSE(at(7, "UPDATE public.t SET a = 1"));
  EXPECT_FALSE(at(18, "UPDATE public.t SET a = 1"));
  EXPECT_TRUE(at(24 + 9, "UPDATE public.t SET a = 1"));
  EXPECT_FALSE(at(48 + 9, "UPDATE public.t SET a = 1"));
  EXPECT_TRUE(at(11, "SELECT secret FROM public.t"));
  EXPECT_FALSE(at(12, "SELECT secret FROM public.t"));
  EXPECT_TRUE(at(12, "SELECT a FROM public.t"));
  const TimedGrants timed = set.grants_at("u", "shop", monday + 61);
  EXPECT_EQ(timed.from, monday + 60);
  EXPECT_EQ(timed.until, monday + 120);
  EXPECT_TRUE(set.grants("u", "shop"));
  EXPECT_FALSE(set.grants_at("x", "shop", monday).grants);
}

TEST(Windows, CostNothingWhereThereAreNone) {
  const PolicySet set = policies_of(with_mode("enforce"));
  const TimedGrants timed = set.grants_at("u", "shop", monday);
  EXPECT_EQ(timed.grants, set.grants("u", "shop"));
  EXPECT_EQ(timed.until, INT64_MAX);
}

}  // namespace
}  // namespace dbgate::policy
