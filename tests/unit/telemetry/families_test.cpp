#include "gateway/telemetry/families.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>

namespace dbgate::telemetry {
namespace {

const Family& family(const Families& families, std::string_view name) {
  const auto found =
      std::find_if(families.begin(), families.end(), [name](const Family& one) { return one.name == name; });
  if (found == families.end()) throw std::runtime_error("no " + std::string(name));
  return *found;
}

const Series& series(const Families& families, std::string_view name, const EventCounters::Labels& labels) {
  const Family& all = family(families, name);
  const auto found =
      std::find_if(all.series.begin(), all.series.end(), [&](const Series& one) { return one.labels == labels; });
  if (found == all.series.end()) throw std::runtime_error("no such series of " + std::string(name));
  return *found;
}

TEST(TargetFamilies, AddUpWhatWorkersHaveCounted) {
  WorkerCounters one, other;
  one.of("shop").statements_of(StatementKind::select, Effect::allow).add(2);
  other.of("shop").statements_of(StatementKind::select, Effect::allow).add(3);
  one.of("shop").durations_of(StatementKind::select).observe(std::chrono::milliseconds(2));
  other.of("shop").durations_of(StatementKind::select).observe(std::chrono::milliseconds(3));
  const Families families = target_families({"shop"}, {&one, &other});
  EXPECT_EQ(series(families, "dbgate_statements_total", {{"target", "shop"}, {"kind", "select"}, {"decision", "allow"}})
                .value,
            5);
  const Series& times = series(families, "dbgate_statement_duration_seconds", {{"target", "shop"}, {"kind", "select"}});
  EXPECT_EQ(times.duration.buckets[1], 2u);
  EXPECT_EQ(times.duration.sum_us, 5'000u);
}

TEST(TargetFamilies, OfATargetThatNobodyUsesAreThere) {
  const WorkerCounters counters;
  const Families families = target_families({"idle"}, {&counters});
  EXPECT_EQ(family(families, "dbgate_statements_total").series.size(), statement_kinds.size() * effects.size());
  for (const Series& one : family(families, "dbgate_session_pins_total").series)
    EXPECT_EQ(one.value, 0);
  EXPECT_EQ(family(families, "dbgate_session_pins_total").series.size(), pin_reasons.size());
}

TEST(TargetFamilies, ThatAreConfiguredNoMoreAreGone) {
  WorkerCounters counters;
  counters.of("gone").rows_returned.add();
  EXPECT_TRUE(family(target_families({}, {&counters}), "dbgate_rows_returned_total").series.empty());
}

TEST(TargetFamilies, BothSidesAndWhatTheGatewayTakes) {
  WorkerCounters one, other;
  one.of("shop").servers.sent.add(5);
  other.of("shop").servers.sent.add(6);
  one.of("shop").clients.sent.add(1);
  one.of("shop").overheads.observe(std::chrono::microseconds(15));
  one.evaluations.observe(std::chrono::microseconds(25));
  other.evaluations.observe(std::chrono::seconds(1));
  one.of("shop").policy_decisions[static_cast<std::size_t>(Effect::deny)][RuleClass::risk].add();
  const Families families = target_families({"shop"}, {&one, &other});
  const auto bytes = [&families](const char* side) {
    return series(families, "dbgate_network_bytes_total", {{"target", "shop"}, {"side", side}, {"direction", "sent"}})
        .value;
  };
  EXPECT_EQ(bytes("upstream"), 11);
  EXPECT_EQ(bytes("client"), 1);
  const auto& overhead = series(families, "dbgate_proxy_overhead_seconds", {{"target", "shop"}}).duration;
  EXPECT_EQ(overhead.bounds.size() + 1, overhead.buckets.size());
  EXPECT_EQ(overhead.buckets[1], 1u);
  const auto& evaluations = series(families, "dbgate_policy_evaluation_seconds", {}).duration;
  EXPECT_EQ(evaluations.buckets[2], 1u);
  EXPECT_EQ(evaluations.buckets.back(), 1u);
  EXPECT_EQ(series(families, "dbgate_policy_decisions_total",
                   {{"target", "shop"}, {"decision", "deny"}, {"rule_class", "risk"}})
                .value,
            1);
}

TEST(EventFamilies, LimitsStandBesideWhatIsRefusedBefore) {
  EventCounters events;
  events.count(rate_limited, {{"scope", "api"}}, 2);
  WorkerCounters worker;
  worker.of("shop").limited[LimitScope::target].add(3);
  const Families families = event_families(events, {}, {&worker});
  const auto refused = [&families](const char* scope) {
    return series(families, "dbgate_rate_limited_total", {{"scope", scope}}).value;
  };
  EXPECT_EQ(refused("api"), 2);
  EXPECT_EQ(refused("target"), 3);
  EXPECT_EQ(refused("user") + refused("address"), 0);
  EXPECT_EQ(family(families, "dbgate_tls_handshake_failures_total").series.size(), 2 * tls_reasons.size());
}

TEST(ProcessFamilies, SayWhatTheSystemSays) {
  const Families families = process_families();
  EXPECT_GT(family(families, "process_resident_memory_bytes").series.at(0).value, 1'000'000);
  EXPECT_GE(family(families, "process_open_fds").series.at(0).value, 3);
  const double started = family(families, "process_start_time_seconds").series.at(0).value;
  const double now = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  EXPECT_LE(started, now + 1);
  EXPECT_GE(started, now - 86'400);
}

}  // namespace
}  // namespace dbgate::telemetry
