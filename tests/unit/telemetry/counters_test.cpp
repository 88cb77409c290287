#include <gtest/gtest.h>

#include <thread>

#include "gateway/telemetry/event_counters.h"
#include "gateway/telemetry/worker_counters.h"

namespace dbgate::telemetry {
namespace {

using std::chrono::microseconds;

TEST(Durations, AreInTheFirstBucketThatHoldsThem) {
  Durations durations;
  for (const int us : {0, 1'000, 1'001, 9'999'999, 10'000'000, 10'000'001})
    durations.observe(microseconds(us));
  EXPECT_EQ(durations.in_bucket(0), 2u);
  EXPECT_EQ(durations.in_bucket(1), 1u);
  EXPECT_EQ(durations.in_bucket(8), 2u);
  EXPECT_EQ(durations.in_bucket(9), 1u);
  EXPECT_EQ(durations.sum_us(), 30'002'001u);
}

TEST(Durations, NeverGoBackwards) {
  Durations durations;
  durations.observe(microseconds(-5));
  EXPECT_EQ(durations.in_bucket(0), 1u);
  EXPECT_EQ(durations.sum_us(), 0u);
}

TEST(Durations, OfTheGatewayItselfAreShorter) {
  ShortDurations durations;
  for (const int ns : {400, 9'999, 10'000, 10'001, 50'000'000, 50'000'001})
    durations.observe(std::chrono::nanoseconds(ns));
  EXPECT_EQ(durations.in_bucket(0), 3u);
  EXPECT_EQ(durations.in_bucket(1), 1u);
  EXPECT_EQ(durations.in_bucket(11), 1u);
  EXPECT_EQ(durations.in_bucket(12), 1u);
  EXPECT_EQ(durations.sum_us(), 100'030u) << "what is less than a microsecond adds up";
}

TEST(EventCounters, CountTheSameAsDurations) {
  EventCounters events;
  Durations durations;
  for (const int us : {0, 1'000, 1'001, 10'000'000, 10'000'001}) {
    durations.observe(microseconds(us));
    events.observe("m", {{"a", "b"}}, microseconds(us));
  }
  const auto times = events.times("m");
  ASSERT_EQ(times.size(), 1u);
  for (std::size_t i = 0; i < Durations::buckets; ++i)
    EXPECT_EQ(times.begin()->second.buckets[i], durations.in_bucket(i)) << i;
  EXPECT_EQ(times.begin()->second.sum_us, durations.sum_us());
}

TEST(EventCounters, KeepSeriesApart) {
  EventCounters events;
  events.count("m", {{"a", "x"}});
  events.count("m", {{"a", "x"}}, 2);
  events.count("m", {{"a", "y"}});
  const EventCounters::Counts expected = {{{{"a", "x"}}, 3}, {{{"a", "y"}}, 1}};
  EXPECT_EQ(events.counts("m"), expected);
  EXPECT_TRUE(events.counts("other").empty());
}

TEST(WorkerCounters, AreReadWhileTheyAreMadeAndCounted) {
  constexpr int targets = 50;
  constexpr std::uint64_t rounds = 100;
  WorkerCounters counters;
  std::thread worker([&counters] {
    for (std::uint64_t round = 0; round < rounds; ++round) {
      for (int i = 0; i < targets; ++i)
        counters.of("t" + std::to_string(i)).rows_returned.add();
    }
  });
  std::uint64_t last = 0;
  for (int i = 0; i < 1'000; ++i) {
    const TargetCounters* const found = counters.find("t7");
    const std::uint64_t now = found == nullptr ? 0 : found->rows_returned.value();
    EXPECT_GE(now, last);
    last = now;
  }
  worker.join();
  EXPECT_EQ(counters.find("t7")->rows_returned.value(), rounds);
  EXPECT_EQ(counters.find("none"), nullptr);
}

TEST(WorkerCounters, OneTurnInSixteenIsTimed) {
  TargetCounters counters;
  int timed = 0;
  EXPECT_TRUE(counters.its_turn());
  for (int i = 0; i < 160; ++i)
    timed += counters.its_turn() ? 1 : 0;
  EXPECT_EQ(timed, 10);
}

TEST(WorkerCounters, RefusalsForLimitsAreOfAllTargets) {
  WorkerCounters counters;
  counters.of("a").limited[LimitScope::user].add();
  counters.of("b").limited[LimitScope::user].add(2);
  counters.of("b").limited[LimitScope::target].add();
  EXPECT_EQ(counters.limited(LimitScope::user), 3u);
  EXPECT_EQ(counters.limited(LimitScope::target), 1u);
}

TEST(Words, RulesHaveTheirClass) {
  constexpr std::pair<const char*, RuleClass> rules[] = {{"analysts/allow[0]", RuleClass::allow},
                                                         {"a/deny[3]", RuleClass::deny},
                                                         {"a/mask[public.t.v]", RuleClass::mask},
                                                         {"a/filter[public.t]", RuleClass::mask},
                                                         {"masks and filters", RuleClass::mask},
                                                         {"a/risk.deny_at", RuleClass::risk},
                                                         {"a/risk.llm", RuleClass::risk},
                                                         {"target/limits.rate", RuleClass::limit},
                                                         {"target/approve", RuleClass::approve},
                                                         {"builtin/syntax", RuleClass::builtin},
                                                         {"default", RuleClass::none},
                                                         {"", RuleClass::none},
                                                         {"a/b", RuleClass::none}};
  for (const auto& [rule, expected] : rules)
    EXPECT_EQ(rule_class(rule), expected) << rule;
}

TEST(Words, ErrorsHaveTheirClass) {
  EXPECT_EQ(sqlstate_classes[sqlstate_class("42501")], "42");
  EXPECT_EQ(sqlstate_classes[sqlstate_class("XX000")], "XX");
  EXPECT_EQ(sqlstate_classes[sqlstate_class("ZZ999")], "other");
  EXPECT_EQ(sqlstate_classes[sqlstate_class("")], "other");
}

TEST(Words, MethodsOfSigningIn) {
  EXPECT_EQ(auth_method("scram-sha-256-plus"), AuthMethod::scram);
  EXPECT_EQ(auth_method("token"), AuthMethod::token);
  EXPECT_EQ(auth_method("certificate"), AuthMethod::certificate);
  EXPECT_EQ(auth_method(""), AuthMethod::other);
}

}  // namespace
}  // namespace dbgate::telemetry
