#include "gateway/app/admission.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace dbgate::app {
namespace {

TEST(Admission, CountsSeatsByUserAndTarget) {
  Admission admission;
  Admission::Limits limits{5, 2, 3};
  std::vector<session::Seat> seats;
  const auto take = [&](const char* user, const char* target) {
    auto seat = admission.take(user, target, limits);
    if (seat) seats.push_back(std::move(*seat));
    return seat.has_value();
  };
  EXPECT_TRUE(take("a", "x"));
  EXPECT_TRUE(take("a", "y"));
  EXPECT_FALSE(take("a", "x")) << "two of one user";
  EXPECT_TRUE(take("b", "x"));
  EXPECT_TRUE(take("c", "x"));
  EXPECT_FALSE(take("d", "x")) << "three of one target";
  EXPECT_TRUE(take("d", "y"));
  EXPECT_FALSE(take("e", "z")) << "five in all";
  seats.erase(seats.begin());
  EXPECT_TRUE(take("a", "x")) << "a seat that is dropped is free";
  seats.clear();
  for (int i = 0; i < 2; ++i)
    EXPECT_TRUE(take("a", "x"));
  EXPECT_FALSE(take("a", "x"));
}

TEST(Admission, CountsWhatOtherGatewaysHave) {
  Admission admission;
  const Admission::Limits limits{100, 3, 2};
  admission.count_elsewhere({{"a", 2}}, {{"x", 1}});
  auto seat = admission.take("a", "x", limits);
  ASSERT_TRUE(seat);
  EXPECT_FALSE(admission.take("a", "y", limits)) << "three of one user";
  EXPECT_FALSE(admission.take("b", "x", limits)) << "two of one target";
  ReplicaUsage usage;
  admission.add_to(usage, true, {"x", "y"});
  EXPECT_EQ(usage.users, (Counts{{"a", 1}})) << "only what is here is told";
  EXPECT_EQ(usage.targets, (Counts{{"x", 1}}));
  admission.count_elsewhere({}, {});
  EXPECT_TRUE(admission.take("b", "x", limits));
}

TEST(LoginThrottle, CountsWhatOtherGatewaysHaveSeen) {
  LoginThrottle throttle;
  for (int i = 0; i < 3; ++i)
    throttle.failed("1.2.3.4");
  EXPECT_EQ(throttle.counts(), (Counts{{"1.2.3.4", 3}}));
  EXPECT_TRUE(throttle.allows("1.2.3.4", 5));
  throttle.count_elsewhere({{"1.2.3.4", 2}, {"5.6.7.8", 5}});
  EXPECT_FALSE(throttle.allows("1.2.3.4", 5));
  EXPECT_FALSE(throttle.allows("5.6.7.8", 5));
  EXPECT_TRUE(throttle.allows("9.9.9.9", 5));
  EXPECT_EQ(throttle.counts(), (Counts{{"1.2.3.4", 3}}));
}

TEST(LoginThrottle, TakesWhatOneCustomerGetsForOneAddress) {
  LoginThrottle throttle;
  for (int i = 0; i < 3; ++i)
    throttle.failed("2001:db8::" + std::to_string(i));
  EXPECT_EQ(throttle.counts(), (Counts{{"2001:db8::/64", 3}}));
  EXPECT_FALSE(throttle.allows("2001:db8::ff", 3));
  EXPECT_TRUE(throttle.allows("2001:db8:0:1::1", 3));
  throttle.count_elsewhere({{"2001:db8:0:1::/64", 3}});
  EXPECT_FALSE(throttle.allows("2001:db8:0:1::1", 3));
}

TEST(LoginThrottle, TellsOfAThousandAddressesAtMost) {
  LoginThrottle throttle;
  for (int i = 0; i < 3'000; ++i)
    throttle.failed("10.0." + std::to_string(i / 256) + "." + std::to_string(i % 256));
  for (int i = 0; i < 9; ++i)
    throttle.failed("1.2.3.4");
  const Counts counts = throttle.counts();
  EXPECT_EQ(counts.size(), 1'000u);
  EXPECT_EQ(counts.at("1.2.3.4"), 9u) << "those with the most";
}

TEST(CancelGuard, BoundsWhatOneAddressPassesOn) {
  CancelGuard guard;
  int passed = 0;
  while (passed < 1'000 && guard.allows("1.2.3.4"))
    ++passed;
  EXPECT_LT(passed, 200);
  EXPECT_TRUE(guard.allows("5.6.7.8"));
}

TEST(Admission, SeatsAreGivenBackByAnyThread) {
  Admission admission;
  const Admission::Limits limits{1000, 0, 0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&admission, &limits, t] {
      const std::string user = "user" + std::to_string(t % 2);
      for (int i = 0; i < 2000; ++i) {
        const auto one = admission.take(user, "x", limits);
        const auto other = admission.take(user, "y", limits);
        ASSERT_TRUE(one && other);
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_TRUE(admission.take("last", "x", {1, 1, 1})) << "nobody is left";
}

}  // namespace
}  // namespace dbgate::app
