#include "gateway/audit/text.h"

#include <gtest/gtest.h>

#include <string>

namespace dbgate::audit {
namespace {

TEST(Text, GrowsAndKeepsItsRoom) {
  Text text;
  EXPECT_TRUE(text.empty());
  EXPECT_EQ(text.view(), "");
  std::string expected;
  for (std::size_t i = 0; i < 3000; ++i) {
    const std::string part(i % 17, static_cast<char>('a' + i % 26));
    text += part;
    text += '.';
    expected += part + '.';
  }
  EXPECT_EQ(text.view(), expected);
  const std::size_t room = text.capacity();
  text.clear();
  EXPECT_TRUE(text.empty());
  text += expected;
  EXPECT_EQ(text.view(), expected);
  EXPECT_EQ(text.capacity(), room);
}

TEST(Text, OnePartLargerThanAnyRoom) {
  Text text;
  text += "x";
  const std::string part(100'000, 'y');
  text += part;
  EXPECT_EQ(text.view(), "x" + part);
  text += "";
  EXPECT_EQ(text.size(), 100'001u);
}

TEST(Text, LosesItsFront) {
  Text text;
  text.drop_front(0);
  EXPECT_TRUE(text.empty());
  text += "abcdef";
  text.drop_front(2);
  EXPECT_EQ(text.view(), "cdef");
  text += "g";
  EXPECT_EQ(text.view(), "cdefg");
  text.drop_front(5);
  EXPECT_TRUE(text.empty());
}

}  // namespace
}  // namespace dbgate::audit
