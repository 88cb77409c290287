#include "gateway/policy/usage.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace dbgate::policy {
namespace {

using namespace std::chrono_literals;
using Time = TokenBucket::Clock::time_point;

constexpr Time start{std::chrono::hours(5)};
constexpr config::Rate five{5, std::chrono::seconds(1)};

TEST(TokenBucket, HoldsOneSecondsWorth) {
  TokenBucket bucket;
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(bucket.take(five, 1, start), 0ns) << i;
  EXPECT_EQ(bucket.take(five, 1, start), 200ms);
  EXPECT_EQ(bucket.take(five, 1, start + 199ms), 1ms);
  EXPECT_EQ(bucket.take(five, 1, start + 200ms), 0ns);
  EXPECT_EQ(bucket.take(five, 1, start + 200ms), 200ms);
  // Full again, and no fuller than that.
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(bucket.take(five, 1, start + 1h), 0ns) << i;
  EXPECT_EQ(bucket.take(five, 1, start + 1h), 200ms);
}

TEST(TokenBucket, HoldsOneAtLeast) {
  constexpr config::Rate rare{2, std::chrono::minutes(1)};
  TokenBucket bucket;
  EXPECT_EQ(bucket.take(rare, 1, start), 0ns);
  EXPECT_EQ(bucket.take(rare, 1, start), 30s);
  EXPECT_EQ(bucket.take(rare, 1, start + 30s), 0ns);
}

TEST(TokenBucket, SeveralAtOnce) {
  TokenBucket bucket;
  EXPECT_EQ(bucket.take(five, 3, start), 0ns);
  EXPECT_EQ(bucket.take(five, 3, start), 200ms);
  EXPECT_EQ(bucket.take(five, 2, start), 0ns);
  bucket.give_back(five, 2);
  EXPECT_EQ(bucket.take(five, 2, start), 0ns);
}

// More than it ever holds is not refused for ever: it waits for a full bucket and is paid for afterwards.
TEST(TokenBucket, MoreThanItHolds) {
  TokenBucket bucket;
  EXPECT_EQ(bucket.take(five, 1, start), 0ns);
  EXPECT_EQ(bucket.take(five, 20, start), 200ms);
  EXPECT_EQ(bucket.take(five, 20, start + 200ms), 0ns);
  EXPECT_EQ(bucket.take(five, 1, start + 200ms), 3200ms);
}

TEST(TokenBucket, AChangedRateCountsAtOnce) {
  TokenBucket bucket;
  for (int i = 0; i < 5; ++i)
    bucket.take(five, 1, start);
  EXPECT_EQ(bucket.take({50, std::chrono::seconds(1)}, 1, start), 20ms);
}

TEST(TokenBucket, WhatIsTakenElsewhereIsMissingHere) {
  TokenBucket bucket;
  bucket.charge(3);
  EXPECT_EQ(bucket.take(five, 2, start), 0ns);
  EXPECT_EQ(bucket.take(five, 1, start), 200ms);
  EXPECT_EQ(bucket.taken(), 2U);
  bucket.charge(4);  // more than there was: a debt
  EXPECT_EQ(bucket.take(five, 1, start), 1s);
  EXPECT_EQ(bucket.take(five, 1, start + 1s), 0ns);
  EXPECT_EQ(bucket.taken(), 3U);
  bucket.give_back(five, 1);
  EXPECT_EQ(bucket.taken(), 2U);
}

TEST(TokenBucket, WhatWasNotHeardForLongKeepsNobodyWaiting) {
  for (const std::uint64_t much : {std::uint64_t{51}, std::uint64_t{1'000'000'000}, ~std::uint64_t{0}}) {
    TokenBucket bucket;
    bucket.charge(much);
    EXPECT_EQ(bucket.take(five, 1, start), 9s + 200ms) << much;  // ten seconds, of which the last one is the burst
    TokenBucket rare;
    rare.charge(much);
    EXPECT_EQ(rare.take({2, std::chrono::minutes(1)}, 1, start), 300s) << much;
  }
  // What one has run up oneself stays.
  TokenBucket bucket;
  EXPECT_EQ(bucket.take(five, 100, start), 0ns);
  bucket.charge(10);
  EXPECT_EQ(bucket.take(five, 1, start), 19s + 200ms);
}

TEST(RunningCount, PlacesTakenElsewhereAreTaken) {
  RunningCount running;
  running.count_elsewhere(2);
  EXPECT_TRUE(running.begin(3));
  EXPECT_FALSE(running.begin(3));
  EXPECT_EQ(running.here(), 1U);
  running.count_elsewhere(7);
  EXPECT_FALSE(running.begin(3));
  running.count_elsewhere(0);
  EXPECT_TRUE(running.begin(3));
}

TEST(Usage, IsExactOverThreads) {
  Usage usage;
  constexpr std::size_t most = 7;
  std::atomic<std::size_t> taken{0}, running{0}, too_many{0};
  const config::Rate rate{1'000, std::chrono::hours(1)};  // burst 1
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 8; ++thread) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20'000; ++i) {
        if (usage.bucket.take(rate, 1, start + 3600ms * (i / 2'000)) == 0ns) ++taken;
        if (!usage.running.begin(most)) continue;
        if (running.fetch_add(1) >= most) ++too_many;
        running.fetch_sub(1);
        usage.running.end();
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(taken, 10u);
  EXPECT_EQ(too_many, 0u);
  for (std::size_t i = 0; i < most; ++i)
    EXPECT_TRUE(usage.running.begin(most));
  EXPECT_FALSE(usage.running.begin(most));
}

}  // namespace
}  // namespace dbgate::policy
