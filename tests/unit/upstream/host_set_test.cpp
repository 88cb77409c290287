#include "gateway/upstream/host_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

namespace dbgate::upstream {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

HostState primary(std::uint32_t timeline) {
  HostState state;
  state.health = HostState::Health::up;
  state.system = 7;
  state.timeline = timeline;
  return state;
}

HostState standby(std::uint64_t position = 0) {
  HostState state = primary(0);
  state.in_recovery = true;
  state.position = position;
  return state;
}

HostState down() {
  HostState state;
  state.health = HostState::Health::down;
  return state;
}

class HostSetTest : public testing::Test {
 protected:
  std::shared_ptr<HostSet> make(SessionAttrs attrs, milliseconds max_lag = milliseconds(0)) {
    const auto set =
        std::make_shared<HostSet>(HostSet::Settings{"shop", {attrs, max_lag}, seconds(1), {"db1:5432", "db2:5432"}});
    set->on_suspicion([this](std::size_t host) { suspected.push_back(host); });
    set->on_move([this, at = set.get()] { moves.push_back(at->serving()); });
    return set;
  }

  std::vector<std::size_t> suspected;
  std::vector<std::vector<std::size_t>> moves;  // who served when it was told
};

TEST_F(HostSetTest, CountsConnectionsWhereTheyAre) {
  const auto set = make(SessionAttrs::any);
  EXPECT_FALSE(set->choose());
  set->note(0, primary(1));
  EXPECT_FALSE(set->choose()) << "the other has not been looked at";
  set->note(1, standby());
  auto first = set->choose();
  auto second = set->choose();
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->host(), 0u);
  EXPECT_EQ(second->host(), 1u);
  EXPECT_THAT(set->serving(), ElementsAre(0, 1));
  HostUse kept = std::move(*second);
  second.reset();
  EXPECT_EQ(set->view()[1].connections, 1u) << "it has moved, not gone";
  first.reset();
  EXPECT_THAT(set->serving(), ElementsAre(0, 1)) << "the less used one first";
  EXPECT_EQ(set->view()[0].connections, 0u);
  EXPECT_TRUE(kept.in_place());
  set->note(1, down());
  EXPECT_FALSE(kept.in_place());
  EXPECT_FALSE(kept.must_leave()) << "what works there may come to its end";
  kept = HostUse();
  EXPECT_EQ(set->view()[1].connections, 0u);
}

TEST_F(HostSetTest, APlaceWhereThereIsNoChoice) {
  const HostUse none;
  EXPECT_TRUE(none.in_place());
  EXPECT_FALSE(none.must_leave());
  EXPECT_EQ(none.set(), nullptr);
}

TEST_F(HostSetTest, NobodyNewGoesToAHostThatIsSuspected) {
  const auto set = make(SessionAttrs::any);
  set->note(0, primary(1));
  set->note(1, standby());
  const auto there = set->choose();
  set->suspect(0);
  EXPECT_THAT(suspected, ElementsAre(0));
  EXPECT_TRUE(there->in_place()) << "what is open stays";
  EXPECT_EQ(set->choose()->host(), 1u);
  EXPECT_EQ(set->choose()->host(), 1u);
  set->suspect(1);
  EXPECT_FALSE(set->choose());
  set->note(1, standby());
  EXPECT_EQ(set->choose()->host(), 1u) << "it has been looked at";
  set->suspect(1, true);
  EXPECT_EQ(set->choose()->host(), 1u) << "it is only to be looked at";
  EXPECT_THAT(suspected, ElementsAre(0, 1, 1));
}

TEST_F(HostSetTest, AMoveIsToldBeforeAnybodyIsLetThere) {
  const auto set = make(SessionAttrs::primary);
  set->note(0, primary(1));
  set->note(1, standby());
  EXPECT_THAT(moves, ElementsAre(IsEmpty()));
  EXPECT_EQ(set->failovers(), 0u);
  set->note(0, primary(1));
  set->note(0, down());
  EXPECT_EQ(moves.size(), 1u);
  EXPECT_TRUE(set->deserted());
  set->note(0, primary(1));
  EXPECT_EQ(moves.size(), 1u) << "the same server again";
  set->note(1, primary(2));
  ASSERT_EQ(moves.size(), 2u);
  EXPECT_THAT(moves[1], ElementsAre(0)) << "still the old one";
  EXPECT_THAT(set->serving(), ElementsAre(1));
  EXPECT_EQ(set->failovers(), 1u);
  EXPECT_EQ(set->fit(0), HostFit::deposed);
}

TEST_F(HostSetTest, LagIsWhatThePrimaryHasWrittenSince) {
  const auto set = make(SessionAttrs::standby, seconds(3600));
  set->note(0, down());
  HostState alone = standby(50);
  alone.own_lag = seconds(5);
  set->note(1, alone);
  EXPECT_EQ(set->view()[1].state.lag, seconds(5)) << "no primary was seen: its own word counts";
  HostState far = primary(1);
  far.position = 50;
  set->note(0, far);
  set->note(1, alone);
  EXPECT_EQ(set->view()[1].state.lag, milliseconds(0));
}

TEST_F(HostSetTest, WhoWaitsIsToldOfChangesOnItsThread) {
  boost::asio::io_context context;
  const auto set = make(SessionAttrs::primary);
  const auto wait = std::make_shared<HostWait>(context.get_executor());
  set->wait(wait);
  std::vector<std::optional<std::size_t>> seen;
  net::run_apart(context.get_executor(), [&]() -> Task<> {
    while (seen.empty() || !seen.back()) {
      co_await wait->changed.wait();
      const auto use = set->choose();
      seen.push_back(use ? std::optional(use->host()) : std::nullopt);
    }
  });
  context.poll();
  set->note(0, standby());
  context.restart();
  context.poll();
  set->note(1, primary(1));
  while (seen.empty() || !seen.back()) {
    context.restart();
    context.run_one();
  }
  EXPECT_EQ(seen.back(), 1u);
}

TEST_F(HostSetTest, SaysWhyNobodyServes) {
  const auto set = make(SessionAttrs::standby);
  set->note(0, primary(1));
  set->note(1, down());
  const Error why = set->none_fits();
  EXPECT_EQ(why.code(), sqlstate::connection_failure);
  EXPECT_EQ(why.message(),
            "no host of \"shop\" serves (target_session_attrs=standby): db1:5432 wrong role, db2:5432 down");
  EXPECT_THAT(why.hint(), HasSubstr("SHOW HOSTS"));
}

}  // namespace
}  // namespace dbgate::upstream
