#include <gtest/gtest.h>

#include "fakes.h"
#include "gateway/api/address_limits.h"
#include "gateway/api/idempotency.h"
#include "gateway/api/rate_limit.h"

namespace dbgate::api {
namespace {

using namespace std::chrono_literals;

TEST(RateLimiter, GivesAMinutesWorthAndRefillsEvenly) {
  RateLimiter limiter;
  const RateLimiter::Clock::time_point start{};
  for (int i = 0; i < 60; ++i)
    EXPECT_TRUE(limiter.take("a", 60, start).allowed) << i;
  const Allowance empty = limiter.take("a", 60, start);
  EXPECT_FALSE(empty.allowed);
  EXPECT_EQ(empty.left, 0u);
  EXPECT_EQ(empty.wait_seconds, 1);
  EXPECT_EQ(empty.reset_seconds, 60);
  EXPECT_FALSE(limiter.take("a", 60, start + 900ms).allowed);
  EXPECT_TRUE(limiter.take("a", 60, start + 1900ms).allowed);
  EXPECT_TRUE(limiter.take("b", 60, start).allowed);
  EXPECT_EQ(limiter.take("a", 60, start + 3600s).left, 59u) << "never more than full";
  EXPECT_TRUE(limiter.take("a", 60, start).allowed) << "a clock that goes back takes nothing away";
  EXPECT_TRUE(limiter.take("c", 0, start).allowed);
}

TEST(RateLimiter, StaysSmall) {
  RateLimiter limiter(10);
  const RateLimiter::Clock::time_point now{};
  EXPECT_TRUE(limiter.take("busy", 1, now).allowed);
  for (int i = 0; i < 1000; ++i) {
    limiter.take(std::to_string(i), 1, now);
    EXPECT_FALSE(limiter.take("busy", 1, now).allowed) << "who is seen often is not forgotten";
  }
  EXPECT_EQ(limiter.size(), 10u);
}

TEST(AddressGroup, OfIpv6IsTheFirstHalf) {
  EXPECT_EQ(address_group("192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(address_group("2001:db8:1:2:3:4:5:6"), address_group("2001:db8:1:2::1"));
  EXPECT_NE(address_group("2001:db8:1:3::1"), address_group("2001:db8:1:2::1"));
  EXPECT_EQ(address_group("fe80::1%eth0"), address_group("fe80::2"));
}

TEST(AddressLimits, CountWhatLives) {
  AddressLimits limits;
  auto first = limits.take("192.0.2.1", 3, 2);
  auto second = limits.take("192.0.2.1", 3, 2);
  EXPECT_FALSE(limits.take("192.0.2.1", 3, 2));
  auto other = limits.take("192.0.2.2", 3, 2);
  ASSERT_TRUE(other);
  EXPECT_FALSE(limits.take("192.0.2.3", 3, 2)) << "full";
  first->release();
  first.reset();
  EXPECT_EQ(limits.size(), 2u) << "released once";
  EXPECT_TRUE(limits.take("192.0.2.1", 3, 2));
  EXPECT_EQ(limits.size(), 2u);
  EXPECT_TRUE(limits.take("192.0.2.9", 0, 0));
}

class Keys : public ::testing::Test {
 protected:
  IdempotencyClaim::State claim(MemoryIdempotencyKeys& keys, std::string key, std::string hash = "h") {
    auto claimed = stage.run(keys.claim("ana", std::move(key), std::move(hash)));
    return claimed ? claimed->state : IdempotencyClaim::State::other;
  }
  void answer(MemoryIdempotencyKeys& keys, std::string key, std::size_t bytes) {
    EXPECT_TRUE(
        stage.run(keys.answer("ana", std::move(key), {200, "application/json", "", "", std::string(bytes, 'x')})));
  }
  Stage stage;
};

TEST_F(Keys, AreClaimedOnce) {
  MemoryIdempotencyKeys keys;
  EXPECT_EQ(claim(keys, "k"), IdempotencyClaim::State::fresh);
  EXPECT_EQ(claim(keys, "k"), IdempotencyClaim::State::running);
  EXPECT_EQ(claim(keys, "k", "other"), IdempotencyClaim::State::other);
  answer(keys, "k", 1);
  EXPECT_EQ(claim(keys, "k"), IdempotencyClaim::State::answered);
}

TEST_F(Keys, TakeBoundedMemory) {
  MemoryIdempotencyKeys keys(3, 100);
  for (const char* key : {"a", "b", "c"})
    EXPECT_EQ(claim(keys, key), IdempotencyClaim::State::fresh);
  EXPECT_FALSE(stage.run(keys.claim("ana", "d", "h"))) << "what runs is not forgotten";
  answer(keys, "a", 60);
  EXPECT_EQ(claim(keys, "d"), IdempotencyClaim::State::fresh) << "the oldest that is done makes room";
  answer(keys, "b", 60);
  answer(keys, "c", 60);
  EXPECT_EQ(claim(keys, "e"), IdempotencyClaim::State::fresh);
}

TEST(HashRequest, IsOfAllOfIt) {
  const Request one = Stage::ask("POST", "/a?b", "ana", "c");
  EXPECT_EQ(hash_request(one), hash_request(Stage::ask("POST", "/a?b", "root", "c")));
  EXPECT_NE(hash_request(one), hash_request(Stage::ask("POST", "/a", "ana", "bc")));
  EXPECT_NE(hash_request(one), hash_request(Stage::ask("PUT", "/a?b", "ana", "c")));
}

}  // namespace
}  // namespace dbgate::api
