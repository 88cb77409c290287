#include "gateway/show/stats.h"

#include <gtest/gtest.h>

namespace dbgate::show {
namespace {

using std::chrono::seconds;

Totals totals(std::uint64_t queries, std::uint64_t query_us, std::uint64_t received) {
  Totals made;
  made.queries = queries;
  made.query_us = query_us;
  made.received = received;
  return made;
}

TEST(Stats, CountsAreForEachSecondAndTimesForEachQuery) {
  const Averages found = averages(totals(10, 1'000, 0), totals(130, 241'000, 6'000), seconds(60));
  EXPECT_EQ(found.queries, 2u);
  EXPECT_EQ(found.query_us, 2'000u);
  EXPECT_EQ(found.received, 100u);
}

TEST(Stats, NothingIsZero) {
  EXPECT_EQ(averages(totals(5, 5, 5), totals(5, 5, 5), seconds(60)), Averages());
  EXPECT_EQ(averages(Totals(), totals(5, 0, 0), seconds(0)).queries, 0u);
  EXPECT_EQ(averages(totals(9, 9, 9), totals(1, 1, 1), seconds(60)), Averages());
}

TEST(StatsPeriods, AveragesAreOfTheLastWholePeriod) {
  StatsPeriods periods;
  const auto start = StatsPeriods::Clock::time_point() + seconds(1'000);
  EXPECT_TRUE(periods.due(start));
  EXPECT_TRUE(periods.of_last().empty());
  periods.note(start, {{"shop", totals(60, 0, 0)}});
  EXPECT_TRUE(periods.of_last().empty());
  EXPECT_FALSE(periods.due(start + seconds(59)));
  EXPECT_TRUE(periods.due(start + seconds(60)));
  periods.note(start + seconds(60), {{"shop", totals(180, 0, 0)}, {"new", totals(60, 0, 0)}});
  EXPECT_EQ(periods.of_last().at("shop").queries, 2u);
  EXPECT_EQ(periods.of_last().at("new").queries, 1u);
  periods.note(start + seconds(120), {{"shop", totals(180, 0, 0)}});
  EXPECT_EQ(periods.of_last().at("shop").queries, 0u);
  EXPECT_EQ(periods.of_last().count("new"), 0u);
}

}  // namespace
}  // namespace dbgate::show
