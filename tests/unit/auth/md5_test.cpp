#include "gateway/auth/md5.h"

#include <gtest/gtest.h>

namespace dbgate::auth {
namespace {

// Expected values from another implementation: "md5" + hex(md5(hex(md5(password + user)) + salt)).
TEST(Md5Response, KnownAnswers) {
  EXPECT_EQ(md5_response("secret", "alice", "\x01\x02\x03\x04"), "md598a0412b9c31436fc53776e863350083");
  EXPECT_EQ(md5_response("", "", std::string_view("\x00\xff\x00\x80", 4)), "md577d7fc4d7c6a08ea861f9af3a2b3ab6f");
}

TEST(Md5Response, EverythingCounts) {
  const std::string right = md5_response("secret", "alice", "salt");
  EXPECT_NE(md5_response("secreT", "alice", "salt"), right);
  EXPECT_NE(md5_response("secret", "alicE", "salt"), right);
  EXPECT_NE(md5_response("secret", "alice", "sal\0"), right);
}

}  // namespace
}  // namespace dbgate::auth
