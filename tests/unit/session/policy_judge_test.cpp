#include "gateway/session/policy_judge.h"

#include <gtest/gtest.h>

#include "tests/unit/session/fixed_policies.h"

namespace dbgate::session {
namespace {

// 2026-11-23 08:00 UTC is a Monday.
constexpr std::int64_t monday_at_eight = 1795392000 + 8 * 3600;

TEST(PolicyJudge, SeesWindowsOpenAndClose) {
  const Fixed source("allow: [ { select: [public.t], when: { days: [mon], from: '08:00', to: '09:00' } } ]");
  std::int64_t now = monday_at_eight - 1;
  PolicyJudge policy(source, "u", "shop", "shop", sql::ScanLimits{}, {}, {}, [&now] { return now; });
  EXPECT_TRUE(judge(policy, "SELECT a FROM public.t").refused);
  const std::uint64_t before = policy.version();
  EXPECT_EQ(policy.version(), before);
  now = monday_at_eight;
  EXPECT_NE(policy.version(), before);
  EXPECT_FALSE(judge(policy, "SELECT a FROM public.t").refused);
  now += 3600;
  EXPECT_TRUE(judge(policy, "SELECT a FROM public.t").refused);
  now -= 1800;  // a clock that was set back
  EXPECT_FALSE(judge(policy, "SELECT a FROM public.t").refused);
}

TEST(PolicyJudge, KeepsItsViewWhereNothingIsTimed) {
  const Fixed source("allow: [ { select: [public.t] } ]");
  std::int64_t now = 0;
  PolicyJudge policy(source, "u", "shop", "shop", sql::ScanLimits{}, {}, {}, [&now] { return now; });
  const std::uint64_t before = policy.version();
  now = INT64_MAX;
  EXPECT_EQ(policy.version(), before);
}

TEST(PolicyJudge, SaysTheStrictestVerdictOfAText) {
  const Fixed source("mode: observe, allow: [ { select: [public.t] } ]");
  PolicyJudge policy(source, "u", "shop", "shop", sql::ScanLimits{});
  const Judged observed = judge(policy, "DELETE FROM public.t; SELECT a FROM public.t");
  EXPECT_FALSE(observed.refused);
  EXPECT_EQ(observed.verdict->decision, policy::Decision::log_only);
  const Judged executed = judge(policy, "PREPARE p AS DELETE FROM public.t; EXECUTE p");
  EXPECT_EQ(executed.verdict->decision, policy::Decision::log_only);
  EXPECT_EQ(judge(policy, "SELECT a FROM public.t").verdict->decision, policy::Decision::allow);
  EXPECT_TRUE(judge(policy, "SELEC 1").refused);
}

}  // namespace
}  // namespace dbgate::session
