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
