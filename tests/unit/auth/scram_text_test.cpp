#include "gateway/auth/scram_text.h"

#include <gtest/gtest.h>

namespace dbgate::auth {
namespace {

TEST(ScramText, CutsAtTheFirstSeparator) {
  std::string_view text = "n,,rest";
  EXPECT_EQ(scram_cut(text, ','), "n");
  EXPECT_EQ(scram_cut(text, ','), "");
  EXPECT_EQ(scram_cut(text, ','), std::nullopt);
  EXPECT_EQ(text, "rest");
}

TEST(ScramText, TakesTheAttributeThatStandsNext) {
  std::string_view text = "r=a=b,s=";
  EXPECT_EQ(scram_attribute(text, 's'), std::nullopt);
  EXPECT_EQ(text, "r=a=b,s=");
  EXPECT_EQ(scram_attribute(text, 'r'), "a=b");
  EXPECT_EQ(scram_attribute(text, 's'), "");
  EXPECT_EQ(text, "");
  EXPECT_EQ(scram_attribute(text, 's'), std::nullopt);
  for (std::string_view bad : {"r", "r:x", "=r", ",r=x"})
    EXPECT_EQ(scram_attribute(bad, 'r'), std::nullopt) << bad;
}

TEST(ScramText, NoncesArePrintable) {
  EXPECT_TRUE(scram_printable("!~rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"));
  EXPECT_TRUE(scram_printable(std::string(512, 'x')));
  EXPECT_FALSE(scram_printable(std::string(513, 'x')));
  EXPECT_FALSE(scram_printable(""));
  for (int c = 0; c < 256; ++c) {
    const std::string nonce = std::string("a") + static_cast<char>(c);
    EXPECT_EQ(scram_printable(nonce), c > 0x20 && c < 0x7f && c != ',') << c;
  }
}

}  // namespace
}  // namespace dbgate::auth
