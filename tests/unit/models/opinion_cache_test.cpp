#include "gateway/models/opinion_cache.h"

#include <gtest/gtest.h>

namespace dbgate::models {
namespace {

using std::chrono::seconds;

const OpinionCache::Time start{seconds(1'000)};

ports::RiskOpinion saying(std::string why) {
  ports::RiskOpinion opinion;
  opinion.outcome = ports::ModelOutcome::ok;
  opinion.why = std::move(why);
  return opinion;
}

TEST(OpinionCache, KeepsUntilItsTimeIsOver) {
  OpinionCache cache(1 << 20);
  cache.keep("a", saying("one"), start + seconds(10));
  EXPECT_EQ(cache.find("a", start + seconds(9))->why, "one");
  EXPECT_FALSE(cache.find("b", start));
  cache.keep("a", saying("two"), start + seconds(20));
  EXPECT_EQ(cache.find("a", start + seconds(19))->why, "two");
  EXPECT_FALSE(cache.find("a", start + seconds(20)));
  EXPECT_EQ(cache.bytes(), 0u);
}

TEST(OpinionCache, ThrowsOutWhatIsUsedLeast) {
  OpinionCache cache(20'000);
  for (int i = 0; i < 1'000; ++i) {
    cache.keep("key" + std::to_string(i), saying(std::string(200, 'x')), start + seconds(10));
    EXPECT_TRUE(cache.find("key0", start)) << i;
    EXPECT_LE(cache.bytes(), 20'000u);
  }
  EXPECT_TRUE(cache.find("key999", start));
  EXPECT_FALSE(cache.find("key1", start));
}

TEST(OpinionCache, WithoutRoomKeepsNothing) {
  OpinionCache cache(0);
  cache.keep("a", saying("one"), start + seconds(10));
  EXPECT_FALSE(cache.find("a", start));
  OpinionCache small(1'000);
  small.keep("b", saying("one"), start + seconds(10));
  small.keep("a", saying(std::string(2'000, 'x')), start + seconds(10));
  EXPECT_FALSE(small.find("a", start));
  EXPECT_TRUE(small.find("b", start));
}

}  // namespace
}  // namespace dbgate::models
