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
