#include <gtest/gtest.h>

#include "gateway/session/cancel.h"

namespace dbgate::session {
namespace {

TEST(CancelRegistry, LongKeysNameTheirGatewayAndShortOnesNobody) {
  CancelRegistry alone, marked;
  marked.be("rpl_a");
  const std::shared_ptr<CancelPoint> nobody;
  const std::string long_key = marked.enter(1, 32, nobody);
  EXPECT_EQ(long_key.size(), 32u);
  EXPECT_TRUE(CancelRegistry::may_be_of(long_key, "rpl_a"));
  EXPECT_FALSE(CancelRegistry::may_be_of(long_key, "rpl_b"));
  const std::string again = marked.enter(2, 32, nobody);
  EXPECT_NE(long_key.substr(4), again.substr(4)) << "the rest is random";
  const std::string short_key = marked.enter(1, 4, nobody);
  EXPECT_EQ(short_key.size(), 4u);
  EXPECT_TRUE(CancelRegistry::may_be_of(short_key, "rpl_a"));
  EXPECT_TRUE(CancelRegistry::may_be_of(short_key, "rpl_b"));
  EXPECT_NE(short_key, long_key.substr(0, 4)) << "all of a short key is random";
  EXPECT_NE(alone.enter(1, 32, nobody).substr(0, 4), alone.enter(2, 32, nobody).substr(0, 4));
}

TEST(CancelRegistry, GatewaysDoNotGiveTheSameNumbers) {
  CancelRegistry one, other;
  EXPECT_NE(one.next_pid(), other.next_pid());
  EXPECT_GT(one.next_pid(), 0);
}

}  // namespace
}  // namespace dbgate::session
