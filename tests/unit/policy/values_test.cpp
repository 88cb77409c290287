#include "gateway/policy/values.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dbgate::policy {
namespace {

using namespace std::string_literals;

TEST(Canonical, EqualValuesAreEqualTexts) {
  EXPECT_EQ(canonical(Family::integer, "42"), "42");
  EXPECT_EQ(canonical(Family::integer, "+0042"), "42");
  EXPECT_EQ(canonical(Family::integer, "-0"), "0");
  EXPECT_EQ(canonical(Family::integer, "-7"), "-7");
  EXPECT_EQ(canonical(Family::numeric, "42.500"), "42.5");
  EXPECT_EQ(canonical(Family::numeric, "0042."), "42");
  EXPECT_EQ(canonical(Family::numeric, "-0.0"), "0");
  EXPECT_EQ(canonical(Family::numeric, "0.05"), "0.05");
  EXPECT_EQ(canonical(Family::text, " Acme "), " Acme ");
  EXPECT_EQ(canonical(Family::uuid, "ABCDEF00-0000-0000-0000-000000000001"), "abcdef00000000000000000000000001");
  EXPECT_EQ(canonical(Family::boolean, "YES"), "true");
  EXPECT_EQ(canonical(Family::boolean, "0"), "false");
  EXPECT_EQ(canonical(Family::date, "2024-02-29"), "2024-02-29");
}

TEST(Canonical, WhatIsUnsureIsNotRead) {
  for (const char* text : {"", " 42", "42 ", "4e1", "0x2a", "4_2", "42.0", "--4", "+", "NaN", "१"}) {
    EXPECT_FALSE(canonical(Family::integer, text)) << text;
  }
  for (const char* text : {"", ".5", "4e1", "Infinity", "NaN", "1.2.3", "1,5"}) {
    EXPECT_FALSE(canonical(Family::numeric, text)) << text;
  }
  for (const char* text : {"", "{abcdef00-0000-0000-0000-000000000001}", "abcdef000000-0000-0000-00000000000100",
                           "gbcdef00-0000-0000-0000-000000000001", "abcdef0000000000000000000000001"}) {
    EXPECT_FALSE(canonical(Family::uuid, text)) << text;
  }
  for (const char* text : {"", "tr", "2", " t"})
    EXPECT_FALSE(canonical(Family::boolean, text)) << text;
  for (const char* text : {"", "tomorrow", "2024-2-29", "20240229", "29.02.2024", "2024-02-29 BC"}) {
    EXPECT_FALSE(canonical(Family::date, text)) << text;
  }
  EXPECT_FALSE(canonical(Family::none, "42"));
}

TEST(CanonicalBinary, Numbers) {
  EXPECT_EQ(canonical_binary(21, "\0\x2a"s), "42");
  EXPECT_EQ(canonical_binary(23, "\0\0\0\x2a"s), "42");
  EXPECT_EQ(canonical_binary(23, "\xff\xff\xff\xfe"s), "-2");
  EXPECT_EQ(canonical_binary(20, "\x80\0\0\0\0\0\0\0"s), "-9223372036854775808");
  EXPECT_EQ(canonical_binary(1700, "\0\1\0\0\0\0\0\0\0\x2a"s), "42");
  EXPECT_EQ(canonical_binary(1700, "\0\2\0\0\0\0\0\1\0\x2a\x13\x88"s), "42.5");
  EXPECT_EQ(canonical_binary(1700, "\0\1\0\1\x40\0\0\0\0\x05"s), "-50000");
  EXPECT_EQ(canonical_binary(1700, "\0\1\xff\xfe\0\0\0\x08\0\x01"s), "0.00000001");
  EXPECT_EQ(canonical_binary(1700, "\0\0\0\0\0\0\0\0"s), "0");
}

TEST(CanonicalBinary, OtherTypes) {
  EXPECT_EQ(canonical_binary(25, "eu"), "eu");
  EXPECT_EQ(canonical_binary(16, "\1"), "true");
  EXPECT_EQ(canonical_binary(16, "\0"s), "false");
  EXPECT_EQ(canonical_binary(2950, std::string(16, '\xab')),
            std::string("ab", 2) + "abababababababababababababababab"s.substr(2));
  EXPECT_EQ(canonical_binary(1082, "\0\0\0\0"s), "2000-01-01");
  EXPECT_EQ(canonical_binary(1082, "\xff\xff\xff\xff"s), "1999-12-31");
  EXPECT_EQ(canonical_binary(1082, "\0\0\x22\x79"s), "2024-02-29");
}

TEST(CanonicalBinary, OfAnotherLengthIsNotRead) {
  for (const catalog::Oid type : {16u, 20u, 21u, 23u, 1082u, 2950u}) {
    for (std::size_t size = 0; size <= 17; ++size) {
      const bool right = size == (type == 16 ? 1u : type == 20 ? 8u : type == 21 ? 2u : type == 2950 ? 16u : 4u);
      EXPECT_EQ(canonical_binary(type, std::string(size, '\0')).has_value(), right) << type << " " << size;
    }
  }
  const std::string number = "\0\2\0\0\0\0\0\1\0\x2a\x13\x88"s;
  for (std::size_t size = 0; size < number.size(); ++size)
    EXPECT_FALSE(canonical_binary(1700, number.substr(0, size))) << size;
  EXPECT_FALSE(canonical_binary(1700, number + "x"));
  EXPECT_FALSE(canonical_binary(1700, "\0\0\0\0\xc0\0\0\0"s));              // NaN
  EXPECT_FALSE(canonical_binary(1700, "\0\1\0\0\0\0\0\0\x27\x10"s));        // a digit of 10 000
  EXPECT_FALSE(canonical_binary(1700, "\0\2\0\0\0\0\0\0\0\x2a\x13\x88"s));  // more digits than its scale
  EXPECT_FALSE(canonical_binary(701, std::string(8, '\0')));
}

TEST(Elements, OfText) {
  using testing::ElementsAre;
  using testing::Optional;
  EXPECT_THAT(elements_of("{}"), Optional(testing::IsEmpty()));
  EXPECT_THAT(elements_of("{42}"), Optional(ElementsAre(Element("42"))));
  EXPECT_THAT(elements_of("{42,NULL,null}"), Optional(ElementsAre(Element("42"), Element(), Element())));
  EXPECT_THAT(elements_of(R"({"a,b","NULL","q\"\\"})"),
              Optional(ElementsAre(Element("a,b"), Element("NULL"), Element("q\"\\"))));
  for (const char* text : {"", "{", "}", "42", "{42", "{42,}", "{,42}", "{{42}}", "[0:0]={42}", "{4 2}", "{ 42}",
                           "{\"a}", "{\"a\"b}", "{a\"b\"}", "{a\\b}", "{\"a\\", "{42}}", "{42} "}) {
    EXPECT_FALSE(elements_of(text)) << text;
  }
}

TEST(Elements, OfBinary) {
  const std::string one = "\0\0\0\1\0\0\0\0\0\0\0\x17\0\0\0\1\0\0\0\1\0\0\0\4\0\0\0\x2a"s;
  const auto array = binary_elements_of(one);
  ASSERT_TRUE(array);
  EXPECT_EQ(array->type, 23u);
  EXPECT_THAT(array->elements, testing::ElementsAre(Element("\0\0\0\x2a"s)));
  for (std::size_t size = 0; size < one.size(); ++size)
    EXPECT_FALSE(binary_elements_of(one.substr(0, size))) << size;
  EXPECT_FALSE(binary_elements_of(one + "x"));
  const auto null = binary_elements_of("\0\0\0\1\0\0\0\1\0\0\0\x17\0\0\0\1\0\0\0\1\xff\xff\xff\xff"s);
  ASSERT_TRUE(null);
  EXPECT_THAT(null->elements, testing::ElementsAre(Element()));
  EXPECT_TRUE(binary_elements_of("\0\0\0\0\0\0\0\0\0\0\0\x17"s));
  // Two dimensions, a number of elements beyond what is there.
  EXPECT_FALSE(binary_elements_of("\0\0\0\2\0\0\0\0\0\0\0\x17\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\4\0\0\0\x2a"s));
  EXPECT_FALSE(binary_elements_of("\0\0\0\1\0\0\0\0\0\0\0\x17\x7f\xff\xff\xff\0\0\0\1\0\0\0\4\0\0\0\x2a"s));
}

}  // namespace
}  // namespace dbgate::policy
