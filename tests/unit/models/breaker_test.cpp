#include "gateway/models/breaker.h"

#include <gtest/gtest.h>

namespace dbgate::models {
namespace {

using End = Breaker::End;
using std::chrono::seconds;

class BreakerTest : public testing::Test {
 protected:
  void ended(End end, int times = 1) {
    for (int i = 0; i < times; ++i) {
      ASSERT_TRUE(breaker_.permits(now_));
      breaker_.ended(end, now_);
    }
  }
  Breaker breaker_;
  Breaker::Time now_{seconds(1'000)};
};

TEST_F(BreakerTest, OpensAfterFiveInARow) {
  ended(End::bad, 4);
  ended(End::good);
  ended(End::bad, 5);
  EXPECT_FALSE(breaker_.permits(now_));
  EXPECT_FALSE(breaker_.is_closed());
}

TEST_F(BreakerTest, OpensAfterHalfOfTwenty) {
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(breaker_.is_closed());
    ended(End::good);
    ended(End::bad);
  }
  EXPECT_FALSE(breaker_.is_closed());
}

TEST_F(BreakerTest, NeitherCountsForNothing) {
  ended(End::bad, 4);
  ended(End::neither, 50);
  EXPECT_TRUE(breaker_.is_closed());
  ended(End::bad);
  EXPECT_FALSE(breaker_.is_closed());
}

TEST_F(BreakerTest, OpensAtOnceForWhatTimeDoesNotHeal) {
  ended(End::hopeless);
  EXPECT_FALSE(breaker_.permits(now_));
}

TEST_F(BreakerTest, LetsOneThroughAndWaitsTwiceAsLong) {
  ended(End::hopeless);
  breaker_.ended(End::hopeless, now_);  // one that was on its way
  seconds pause(30);
  for (int i = 0; i < 8; ++i) {
    EXPECT_FALSE(breaker_.permits(now_ + pause - seconds(1)));
    now_ += pause;
    EXPECT_TRUE(breaker_.permits(now_));
    EXPECT_FALSE(breaker_.permits(now_)) << "one probe at a time";
    breaker_.ended(End::bad, now_);
    pause = std::min(pause * 2, seconds(600));
  }
  now_ += pause;
  ended(End::good);
  EXPECT_TRUE(breaker_.is_closed());
  ended(End::bad, 4);
  EXPECT_TRUE(breaker_.is_closed()) << "what was before is forgotten";
}

TEST_F(BreakerTest, AProbeThatWasNotSentIsNoProbe) {
  ended(End::hopeless);
  now_ += seconds(30);
  ended(End::neither);
  EXPECT_TRUE(breaker_.permits(now_));
}

}  // namespace
}  // namespace dbgate::models
