#include <gtest/gtest.h>

#include "gateway/policy/values.h"
#include "tests/support/injection_places.h"
#include "tests/unit/session/fixed_policies.h"

namespace dbgate::session {
namespace {

const char* const policies[] = {
    "allow: [ { everything: true } ], risk: { deny_at: critical }",
    "allow: [ { everything: true } ], risk: { deny_at: medium }",
    "allow: [ { select: ['public.*'], update: ['public.*'], functions: [safe] } ], risk: { deny_at: high }",
    "allow: [ { select: ['public.customers(id)'] }, { delete: ['public.*'], require: { where: true } } ]",
    "allow: [ { everything: true } ], deny: [ { select: [public.note] }, { update: [public.orders] } ]",
};

// What nobody runs gives nobody anything: no text in a comment, a name or a value turns a denial into a permission, and
// none in a value does the opposite.
TEST(Injections, TextNobodyRunsAllowsNothing) {
  const std::vector<std::string> strings = tests::injection_strings(DBGATE_TESTS);
  for (const char* const rules : policies) {
    const Fixed source(rules);
    PolicyJudge policy(source, "u", "shop", "shop", sql::ScanLimits{});
    for (const tests::Place& place : tests::injection_places()) {
      const Judged plain = judge(policy, place.without());
      for (const std::string& text : strings) {
        const Judged tried = judge(policy, place.with(text));
        if (plain.refused) ASSERT_TRUE(tried.refused) << rules << "\n" << place.with(text);
        ASSERT_GE(tried.verdict->risk.score, plain.verdict->risk.score) << rules << "\n" << place.with(text);
        if (!place.is_value) continue;
        ASSERT_EQ(tried.refused, plain.refused) << rules << "\n" << place.with(text);
        ASSERT_EQ(tried.verdict->rule_id, plain.verdict->rule_id) << rules << "\n" << place.with(text);
        ASSERT_EQ(tried.verdict->risk.level, plain.verdict->risk.level) << rules << "\n" << place.with(text);
      }
    }
  }
}

// Values of Bind.
TEST(Injections, ValuesOfParametersSayNothing) {
  const Fixed source(
      "allow: [ { select: ['public.*'], delete: ['public.*'], functions: [safe] } ], risk: { deny_at: high }");
  PolicyJudge policy(source, "u", "shop", "shop", sql::ScanLimits{});
  const auto bound = [&policy](const char* sql, const std::string& value) {
    constexpr std::uint32_t text_type = 25;
    BoundValues values;
    values.list.push_back({text_type, false, false, value, {}});
    return policy.judge_bound(*policy.analyze(sql), &values, {}, {}, 0);
  };
  const char* const statements[] = {"SELECT a FROM public.t WHERE b = $1", "DELETE FROM public.t WHERE b = $1",
                                    "DELETE FROM public.t WHERE b = $1 OR 1 = 1", "SELECT a FROM other.t WHERE b = $1"};
  for (const char* const sql : statements) {
    const Judged plain = bound(sql, "x");
    for (const std::string& text : tests::injection_strings(DBGATE_TESTS)) {
      const Judged tried = bound(sql, text);
      ASSERT_EQ(tried.refused, plain.refused) << sql << "\n" << text;
      ASSERT_EQ(tried.verdict->risk.level, plain.verdict->risk.level) << sql << "\n" << text;
    }
  }
  EXPECT_FALSE(bound(statements[0], "x").refused);
  EXPECT_FALSE(bound(statements[1], "x").refused);
  EXPECT_TRUE(bound(statements[2], "x").refused);
  EXPECT_TRUE(bound(statements[3], "x").refused);
}

}  // namespace
}  // namespace dbgate::session
