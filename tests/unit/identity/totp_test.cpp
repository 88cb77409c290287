#include "gateway/identity/totp.h"

#include <gtest/gtest.h>

#include <set>

namespace dbgate::identity {
namespace {

constexpr std::string_view rfc_secret = "12345678901234567890";

// RFC 6238 appendix B, the last six digits.
TEST(Totp, ExamplesOfTheRfc) {
  EXPECT_EQ(check_totp(rfc_secret, "287082", 59, 0), 1);
  EXPECT_EQ(check_totp(rfc_secret, "081804", 1111111109, 0), 37037036);
  EXPECT_EQ(check_totp(rfc_secret, "050471", 1111111111, 0), 37037037);
  EXPECT_EQ(check_totp(rfc_secret, "005924", 1234567890, 0), 41152263);
  EXPECT_EQ(check_totp(rfc_secret, "279037", 2000000000, 0), 66666666);
  EXPECT_EQ(check_totp(rfc_secret, "353130", 20000000000, 0), 666666666);
}

TEST(Totp, OneStepEitherWayAndNoMore) {
  constexpr std::int64_t step = 37037036;
  constexpr std::int64_t begins = step * 30;
  EXPECT_EQ(check_totp(rfc_secret, "081804", begins - 30, 0), step);
  EXPECT_EQ(check_totp(rfc_secret, "081804", begins + 59, 0), step);
  EXPECT_FALSE(check_totp(rfc_secret, "081804", begins - 31, 0));
  EXPECT_FALSE(check_totp(rfc_secret, "081804", begins + 60, 0));
}

TEST(Totp, EachStepOnce) {
  EXPECT_EQ(check_totp(rfc_secret, "081804", 1111111109, 37037035), 37037036);
  EXPECT_FALSE(check_totp(rfc_secret, "081804", 1111111109, 37037036));
  EXPECT_FALSE(check_totp(rfc_secret, "081804", 1111111109, 37037037));
}

TEST(Totp, WhatIsNoCode) {
  for (const std::string_view code : {"", "08180", "0818040", "081805", " 81804", "08180\0", "abcdef"})
    EXPECT_FALSE(check_totp(rfc_secret, code, 1111111109, 0)) << code;
  EXPECT_FALSE(check_totp("", "000000", 1111111109, 1ll << 40));
}

TEST(Totp, Uri) {
  EXPECT_EQ(totp_base32("Hello!\xde\xad\xbe\xef"), "JBSWY3DPEHPK3PXP");
  EXPECT_EQ(totp_uri("Hello!\xde\xad\xbe\xef", "db gate", "ana@example.com"),
            "otpauth://totp/db%20gate:ana%40example.com?secret=JBSWY3DPEHPK3PXP&issuer=db%20gate&algorithm=SHA1"
            "&digits=6&period=30");
  EXPECT_EQ(make_totp_secret().size(), 20u);
  EXPECT_NE(make_totp_secret(), make_totp_secret());
}

TEST(RecoveryCodes, TenDifferentOnesThatSurviveTyping) {
  const auto codes = make_recovery_codes();
  ASSERT_EQ(codes.size(), 10u);
  EXPECT_EQ(std::set<std::string>(codes.begin(), codes.end()).size(), 10u);
  for (const std::string& code : codes) {
    EXPECT_EQ(code.size(), 19u);
    std::string typed;
    for (const char c : code) {
      if (c == '-') continue;
      typed += c == '0' ? 'O' : c == '1' ? 'l' : static_cast<char>(std::toupper(c));
    }
    EXPECT_EQ(recovery_code_hash(" " + typed), recovery_code_hash(code));
    EXPECT_EQ(recovery_code_hash(code).size(), 64u);
  }
  EXPECT_NE(recovery_code_hash(codes[0]), recovery_code_hash(codes[1]));
}

TEST(RecoveryCodes, WhatIsNone) {
  for (const std::string_view code : {"", "----", "abcd-efgh-jkmn", "abcd-efgh-jkmn-pqrst", "uuuu-uuuu-uuuu-uuuu"})
    EXPECT_EQ(recovery_code_hash(code), "") << code;
}

}  // namespace
}  // namespace dbgate::identity
