#include "gateway/app/limits.h"

#include <gtest/gtest.h>

namespace dbgate::app {
namespace {

using namespace std::chrono_literals;

constexpr config::Rate five{5, std::chrono::seconds(1)};
constexpr policy::TokenBucket::Clock::time_point start{std::chrono::hours(5)};

TEST(UsageTable, TellsWhatIsUsedAndHearsOfOthers) {
  UsageTable here, there;
  const auto ana = here.of("ana", "shop"), everybody = here.of({}, "shop");
  EXPECT_EQ(ana, here.of("ana", "shop"));
  ASSERT_EQ(ana->bucket.take(five, 3, start), 0ns);
  ASSERT_TRUE(everybody->running.begin(9));
  ReplicaUsage told;
  here.add_to(told);
  EXPECT_EQ(told.taken, (Counts{{"shop\nana", 3}}));
  EXPECT_EQ(told.running, (Counts{{"shop\n", 1}}));
  // Before anybody has come by there.
  there.count_elsewhere(told.running, told.taken);
  EXPECT_FALSE(there.of({}, "shop")->running.begin(1));
  EXPECT_EQ(there.of("ana", "shop")->bucket.take(five, 3, start), 200ms);
  there.count_elsewhere({}, {});
  EXPECT_TRUE(there.of({}, "shop")->running.begin(1));
  EXPECT_EQ(there.of("ana", "shop")->bucket.take(five, 2, start), 0ns);
  ReplicaUsage back;
  there.add_to(back);
  EXPECT_EQ(back.taken, (Counts{{"shop\nana", 2}})) << "what others took is not told again";
}

TEST(UsageTable, OfVeryManyThoseThatMoveAreTold) {
  UsageTable table;
  for (int user = 0; user < 3'000; ++user)
    table.of("user" + std::to_string(user), "shop")->bucket.take(five, 1, start);
  Counts told;
  for (int turn = 0; turn < 3; ++turn) {
    ReplicaUsage usage;
    table.add_to(usage);
    EXPECT_EQ(usage.taken.size(), 1'000U);
    told.merge(usage.taken);
  }
  EXPECT_EQ(told.size(), 3'000U);
  table.of("user77", "shop")->bucket.take(five, 1, start);
  ReplicaUsage usage;
  table.add_to(usage);
  EXPECT_EQ(usage.taken, (Counts{{"shop\nuser77", 2}}));
}

}  // namespace
}  // namespace dbgate::app
