#include "gateway/upstream/host_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dbgate::upstream {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using Fit = HostFit;
using Attrs = SessionAttrs;

constexpr std::uint64_t ours = 7;

HostState primary(std::uint32_t timeline = 1) {
  HostState state;
  state.health = HostState::Health::up;
  state.system = ours;
  state.timeline = timeline;
  return state;
}

HostState standby(milliseconds lag = milliseconds(0)) {
  HostState state = primary(0);
  state.in_recovery = true;
  state.lag = lag;
  return state;
}

HostState read_only_primary() {
  HostState state = primary();
  state.read_only = true;
  return state;
}

HostState down() {
  HostState state;
  state.health = HostState::Health::down;
  return state;
}

HostState other_cluster() {
  HostState state = primary(9);
  state.system = 8;
  return state;
}

using States = std::vector<HostState>;

std::vector<HostFit> judged(Attrs attrs, const States& states, milliseconds max_lag = milliseconds(0),
                            const Cluster& before = {}) {
  return fits({attrs, max_lag}, learn(before, states), states);
}

TEST(HostChoice, EachRoleOfLibpq) {
  const States states{primary(), standby(), down()};
  EXPECT_THAT(judged(Attrs::any, states), ElementsAre(Fit::fits, Fit::fits, Fit::down));
  EXPECT_THAT(judged(Attrs::read_write, states), ElementsAre(Fit::fits, Fit::wrong_role, Fit::down));
  EXPECT_THAT(judged(Attrs::primary, states), ElementsAre(Fit::fits, Fit::wrong_role, Fit::down));
  EXPECT_THAT(judged(Attrs::read_only, states), ElementsAre(Fit::wrong_role, Fit::fits, Fit::down));
  EXPECT_THAT(judged(Attrs::standby, states), ElementsAre(Fit::wrong_role, Fit::fits, Fit::down));
  EXPECT_THAT(judged(Attrs::prefer_standby, states), ElementsAre(Fit::not_needed, Fit::fits, Fit::down));
}

TEST(HostChoice, DefaultTransactionReadOnlyIsNoRole) {
  const States states{read_only_primary()};
  EXPECT_THAT(judged(Attrs::primary, states), ElementsAre(Fit::fits));
  EXPECT_THAT(judged(Attrs::read_write, states), ElementsAre(Fit::wrong_role));
  EXPECT_THAT(judged(Attrs::read_only, states), ElementsAre(Fit::fits));
  EXPECT_THAT(judged(Attrs::standby, states), ElementsAre(Fit::wrong_role));
}

TEST(HostChoice, WhoPrefersAStandbyTakesThePrimaryWhereThereIsNone) {
  EXPECT_THAT(judged(Attrs::prefer_standby, {primary(), down()}), ElementsAre(Fit::fits, Fit::down));
  EXPECT_THAT(judged(Attrs::prefer_standby, {primary(), standby(seconds(9))}, seconds(5)),
              ElementsAre(Fit::fits, Fit::lags));
}

TEST(HostChoice, AStandbyTooFarBehindDoesNotServe) {
  const States states{primary(), standby(seconds(5)), standby(seconds(5) + milliseconds(1))};
  EXPECT_THAT(judged(Attrs::standby, states, seconds(5)), ElementsAre(Fit::wrong_role, Fit::fits, Fit::lags));
  EXPECT_THAT(judged(Attrs::any, states, seconds(5)), ElementsAre(Fit::fits, Fit::fits, Fit::lags));
  EXPECT_THAT(judged(Attrs::standby, states), ElementsAre(Fit::wrong_role, Fit::fits, Fit::fits)) << "no limit";
}

TEST(HostChoice, NobodyServesBeforeAllHaveBeenLookedAt) {
  const States states{HostState(), primary()};
  EXPECT_EQ(learn({}, states), Cluster());
  EXPECT_THAT(judged(Attrs::primary, states), ElementsAre(Fit::unknown, Fit::unknown));
}

TEST(HostChoice, TheFirstHostSaysWhichClusterIsMeant) {
  EXPECT_THAT(judged(Attrs::primary, {primary(), other_cluster()}), ElementsAre(Fit::fits, Fit::other_system));
  EXPECT_THAT(judged(Attrs::primary, {other_cluster(), primary()}), ElementsAre(Fit::fits, Fit::other_system));
  EXPECT_THAT(judged(Attrs::any, {down(), other_cluster(), primary()}),
              ElementsAre(Fit::down, Fit::fits, Fit::other_system));
}

TEST(HostChoice, AnotherClusterIsNotTakenForOursWhenOursIsAway) {
  const Cluster before = learn({}, States{primary(), down()});
  EXPECT_THAT(judged(Attrs::any, {down(), other_cluster()}, {}, before), ElementsAre(Fit::down, Fit::other_system));
}

TEST(HostChoice, OfTwoPrimariesTheOneOnTheNewerTimelineServes) {
  EXPECT_THAT(judged(Attrs::primary, {primary(3), primary(4)}), ElementsAre(Fit::deposed, Fit::fits));
  EXPECT_THAT(judged(Attrs::any, {primary(4), primary(3)}), ElementsAre(Fit::fits, Fit::deposed));
  const Cluster before = learn({}, States{primary(3), standby()});
  EXPECT_THAT(judged(Attrs::primary, {primary(3), primary(4)}, {}, before), ElementsAre(Fit::deposed, Fit::fits));
}

TEST(HostChoice, OfTwoOnTheSameTimelineTheOneInForceStays) {
  EXPECT_THAT(judged(Attrs::primary, {primary(3), primary(3)}), ElementsAre(Fit::fits, Fit::deposed));
  const Cluster before = learn({}, States{standby(), primary(3)});
  EXPECT_THAT(judged(Attrs::primary, {primary(3), primary(3)}, {}, before), ElementsAre(Fit::deposed, Fit::fits));
}

TEST(HostChoice, APrimaryOfOldDoesNotServeWhileTheNewOneIsAway) {
  const Cluster before = learn({}, States{down(), primary(4)});
  EXPECT_THAT(judged(Attrs::primary, {primary(3), down()}, {}, before), ElementsAre(Fit::deposed, Fit::down));
  EXPECT_THAT(judged(Attrs::any, {primary(3), down()}, {}, before), ElementsAre(Fit::deposed, Fit::down));
  EXPECT_THAT(judged(Attrs::primary, {standby(), primary(4)}, {}, before), ElementsAre(Fit::wrong_role, Fit::fits));
}

TEST(HostChoice, WhereaboutsOfThePrimaryAreRemembered) {
  Cluster cluster = learn({}, States{primary(1), standby()});
  EXPECT_EQ(cluster.primary, 0u);
  cluster = learn(cluster, States{down(), standby()});
  EXPECT_EQ(cluster.primary, 0u);
  cluster = learn(cluster, States{down(), primary(2)});
  EXPECT_EQ(cluster.primary, 1u);
  EXPECT_EQ(cluster.timeline, 2u);
}

TEST(HostChoice, TheLeastUsedServes) {
  const std::vector<HostFit> all{Fit::fits, Fit::fits, Fit::fits};
  EXPECT_EQ(least_used(all, std::vector<std::size_t>{2, 1, 1}), 1u);
  EXPECT_EQ(least_used(all, std::vector<std::size_t>{0, 0, 0}), 0u);
  EXPECT_EQ(least_used(std::vector<HostFit>{Fit::down, Fit::lags, Fit::fits}, std::vector<std::size_t>{0, 0, 9}), 2u);
  EXPECT_EQ(least_used(std::vector<HostFit>{Fit::down}, std::vector<std::size_t>{0}), std::nullopt);
}

TEST(PositionLog, SaysHowLongAgoThePrimaryWasThere) {
  PositionLog log(seconds(0));
  const PositionLog::Clock::time_point start{};
  EXPECT_EQ(log.lag_of(5), std::nullopt);
  for (int i = 0; i <= 10; ++i)
    log.note(100 + 10 * static_cast<std::uint64_t>(i), start + seconds(i));
  EXPECT_EQ(log.lag_of(200), milliseconds(0));
  EXPECT_EQ(log.lag_of(250), milliseconds(0)) << "it was written since the primary was looked at";
  EXPECT_EQ(log.lag_of(199), seconds(1));
  EXPECT_EQ(log.lag_of(150), seconds(5));
  EXPECT_EQ(log.lag_of(99), seconds(10)) << "at least";
}

TEST(PositionLog, APrimaryThatDoesNothingLeavesNobodyBehind) {
  PositionLog log(seconds(0));
  for (int i = 0; i <= 1000; ++i)
    log.note(100, PositionLog::Clock::time_point(seconds(i)));
  EXPECT_EQ(log.lag_of(100), milliseconds(0));
}

TEST(PositionLog, ReachesAsFarAsTheLimit) {
  constexpr seconds limit{3600};
  PositionLog log(limit);
  constexpr int last = 20'000;
  for (int i = 0; i <= last; ++i)
    log.note(static_cast<std::uint64_t>(i), PositionLog::Clock::time_point(seconds(i)));
  EXPECT_EQ(log.lag_of(last), milliseconds(0));
  const auto lag = log.lag_of(last - limit.count());
  ASSERT_TRUE(lag);
  EXPECT_GE(*lag, limit) << "never less than it is";
  EXPECT_LE(*lag, limit + limit / 60);
}

}  // namespace
}  // namespace dbgate::upstream
