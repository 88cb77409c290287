#include "gateway/models/budget.h"

#include <gtest/gtest.h>

namespace dbgate::models {
namespace {

constexpr std::int64_t day = 86'400;

config::Models limits(std::uint64_t tokens, std::int64_t cost, std::uint64_t all_tokens = 0) {
  config::Models models;
  models.each = {tokens, cost};
  models.all = {all_tokens, 0};
  return models;
}

TEST(Budget, IsReservedBeforeAndSettledAfter) {
  Budget budget(limits(1'000, 0));
  EXPECT_TRUE(budget.reserve("ana", {600, 0}, day));
  EXPECT_FALSE(budget.reserve("ana", {600, 0}, day)) << "two at once must not both have it";
  budget.settle("ana", {600, 0}, {100, 0}, day);
  EXPECT_EQ(budget.spent_by("ana").tokens, 100u);
  EXPECT_TRUE(budget.reserve("ana", {900, 0}, day));
  EXPECT_FALSE(budget.reserve("ana", {1, 0}, day));
}

TEST(Budget, OfOneIsNotSpentByAnother) {
  Budget budget(limits(1'000, 0));
  EXPECT_TRUE(budget.reserve("ana", {1'000, 0}, day));
  EXPECT_FALSE(budget.reserve("ana", {1, 0}, day));
  EXPECT_TRUE(budget.reserve("bob", {1'000, 0}, day));
}

TEST(Budget, OfAllTogether) {
  Budget budget(limits(0, 0, 1'500));
  EXPECT_TRUE(budget.reserve("ana", {1'000, 0}, day));
  EXPECT_FALSE(budget.reserve("bob", {1'000, 0}, day));
  EXPECT_TRUE(budget.reserve("bob", {500, 0}, day));
}

TEST(Budget, InMoney) {
  Budget budget(limits(0, 50));
  EXPECT_TRUE(budget.reserve("ana", {1'000'000, 50}, day));
  EXPECT_FALSE(budget.reserve("ana", {1, 1}, day));
}

TEST(Budget, IsNewEveryDay) {
  Budget budget(limits(1'000, 0));
  EXPECT_TRUE(budget.reserve("ana", {1'000, 0}, day));
  EXPECT_FALSE(budget.reserve("ana", {1, 0}, 2 * day - 1));
  EXPECT_TRUE(budget.reserve("ana", {400, 0}, 2 * day));
  budget.settle("ana", {1'000, 0}, {700, 0}, 2 * day + 1);
  EXPECT_FALSE(budget.reserve("ana", {1'000, 0}, 2 * day + 1));
  EXPECT_FALSE(budget.reserve("ana", {1'000, 0}, day)) << "a clock that is set back gives nothing back";
}

TEST(Budget, Prices) {
  const config::TokenPrice price{250'000'000, 2'000'000'000};  // 0.25 and 2.00 for a million
  EXPECT_EQ(cost_of(price, 1'000'000, 0), 250'000'000);
  EXPECT_EQ(cost_of(price, 1'000, 100), 250'000 + 200'000);
  EXPECT_EQ(cost_of({}, 1'000, 100), 0);
  EXPECT_GT(cost_of({INT64_MAX, INT64_MAX}, 1'000'000'000, 1), 0);
}

}  // namespace
}  // namespace dbgate::models
