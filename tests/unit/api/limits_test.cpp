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

// Two gateways that tell each other what is missing act as one bucket.
TEST(RateLimiter, SharesABucketWithOthers) {
  RateLimiter here, there;
  RateLimiter::Clock::time_point now{};
  const auto tell = [&] {
    const auto used = here.used(now);
    here.count_elsewhere(there.used(now));
    there.count_elsewhere(used);
  };
  for (int i = 0; i < 60; ++i)
    EXPECT_TRUE(here.take("a", 100, now).allowed);
  EXPECT_TRUE(here.take("b", 100, now).allowed);
  EXPECT_EQ(here.used(now), (std::map<std::string, std::size_t, std::less<>>{{"a", 60}}))
      << "b lacks too little to be told";
  tell();
  int passed = 0;
  while (there.take("a", 100, now).allowed)
    ++passed;
  EXPECT_EQ(passed, 40);
  tell();
  EXPECT_FALSE(here.take("a", 100, now).allowed);
  EXPECT_EQ(here.take("a", 100, now).left, 0u);
  passed = 0;
  for (int i = 0; i < 600; ++i) {  // a minute
    now += std::chrono::milliseconds(100);
    tell();
    passed += here.take("a", 100, now).allowed;
    passed += there.take("a", 100, now).allowed;
  }
  EXPECT_GE(passed, 85);
  EXPECT_LE(passed, 115) << "they refill at one rate";
  here.count_elsewhere({});
  now += std::chrono::minutes(2);
  EXPECT_TRUE(here.used(now).empty());
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

TEST(HashRequest, IsOfAllOfIt) {
  const Request one = Stage::ask("POST", "/a?b", "ana", "c");
  EXPECT_EQ(hash_request(one), hash_request(Stage::ask("POST", "/a?b", "root", "c")));
  EXPECT_NE(hash_request(one), hash_request(Stage::ask("POST", "/a", "ana", "bc")));
  EXPECT_NE(hash_request(one), hash_request(Stage::ask("PUT", "/a?b", "ana", "c")));
  Request narrow = Stage::ask("POST", "/a?b", "ana", "c");
  narrow.caller.emplace().scopes = {"account"};
  EXPECT_NE(hash_request(one), hash_request(narrow));
}

}  // namespace
}  // namespace dbgate::api
