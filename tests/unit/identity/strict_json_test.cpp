#include "gateway/identity/strict_json.h"

#include <gtest/gtest.h>

namespace dbgate::identity {
namespace {

TEST(StrictJson, OneOfEachMember) {
  EXPECT_TRUE(parse_object(R"({"a":1,"b":{"a":2},"c":[{"a":3},{"a":4}]})"));
  EXPECT_FALSE(parse_object(R"({"sub":"ana","sub":"root"})"));
  EXPECT_FALSE(parse_object("{\"sub\":\"ana\",\"s\\u0075b\":\"root\"}"));
  EXPECT_FALSE(parse_object(R"({"a":{"b":1,"b":2}})"));
  EXPECT_FALSE(parse_object(R"({"a":[{"b":1,"b":2}]})"));
}

TEST(StrictJson, NothingButAnObject) {
  for (const std::string_view text :
       {"", "[]", "1", "null", "\"{}\"", "{", "{}{}", "{} x", "{\"a\":}", "{'a':1}", "{\"a\":1,}", "{\"a\":\"\xff\"}"})
    EXPECT_FALSE(parse_object(text)) << text;
  EXPECT_TRUE(parse_object(" {} \n"));
}

TEST(StrictJson, Depth) {
  const auto nested = [](int depth) {
    return "{\"a\":" + std::string(static_cast<std::size_t>(depth), '[') +
           std::string(static_cast<std::size_t>(depth), ']') + "}";
  };
  EXPECT_TRUE(parse_object(nested(15)));
  EXPECT_FALSE(parse_object(nested(17)));
  EXPECT_FALSE(parse_object(nested(100'000)));
}

TEST(StrictJson, Members) {
  const auto object = parse_object(R"({"t":"x","n":12.9,"big":1e30,"neg":-1,"list":["a",1,"b"],"s":"12"})");
  ASSERT_TRUE(object);
  EXPECT_EQ(text_member(*object, "t"), "x");
  EXPECT_EQ(text_member(*object, "n"), "");
  EXPECT_EQ(text_member(*object, "none"), "");
  EXPECT_EQ(time_member(*object, "n"), 12);
  for (const char* name : {"big", "neg", "s", "none", "list"})
    EXPECT_FALSE(time_member(*object, name)) << name;
  EXPECT_EQ(texts_member(*object, "list"), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(texts_member(*object, "t"), (std::vector<std::string>{"x"}));
  EXPECT_TRUE(texts_member(*object, "n").empty());
}

TEST(StrictJson, Encodings) {
  EXPECT_EQ(base64url("\xfb\xff\xfe"), "-__-");
  EXPECT_EQ(base64url("a"), "YQ");
  EXPECT_EQ(percent_encoded("a b&c=ä~"), "a%20b%26c%3D%C3%A4~");
}

}  // namespace
}  // namespace dbgate::identity
