#include "gateway/queries/json_values.h"

#include <gtest/gtest.h>

namespace dbgate::queries {
namespace {

constexpr std::uint32_t bool_oid = 16, bytea_oid = 17, int8_oid = 20, int4_oid = 23, text_oid = 25, json_oid = 114,
                        float8_oid = 701, timestamptz_oid = 1184, numeric_oid = 1700;

std::string json(std::uint32_t type, std::optional<std::string_view> value) {
  std::string out;
  append_json_value(out, type, value);
  return out;
}

TEST(JsonValues, NullIsNotTheEmptyString) {
  EXPECT_EQ(json(text_oid, {}), "null");
  EXPECT_EQ(json(text_oid, ""), "\"\"");
  EXPECT_EQ(json(json_oid, "null"), "\"null\"");
}

TEST(JsonValues, IntegersAreNumbersAsLongAsEveryReaderHoldsThemExactly) {
  EXPECT_EQ(json(int4_oid, "-2147483648"), "-2147483648");
  EXPECT_EQ(json(int8_oid, "9007199254740991"), "9007199254740991");
  EXPECT_EQ(json(int8_oid, "9007199254740992"), "\"9007199254740992\"");
  EXPECT_EQ(json(int8_oid, "-9007199254740992"), "\"-9007199254740992\"");
  EXPECT_EQ(json(int8_oid, "-9223372036854775808"), "\"-9223372036854775808\"");
}

TEST(JsonValues, FloatsKeepTheDigitsOfTheServerAndSpecialsAreText) {
  EXPECT_EQ(json(float8_oid, "0.1"), "0.1");
  EXPECT_EQ(json(float8_oid, "-0"), "-0");
  EXPECT_EQ(json(float8_oid, "1e+20"), "1e+20");
  EXPECT_EQ(json(float8_oid, "NaN"), "\"NaN\"");
  EXPECT_EQ(json(float8_oid, "-Infinity"), "\"-Infinity\"");
}

TEST(JsonValues, WhatJsonCannotCarryIsTheServersText) {
  EXPECT_EQ(json(numeric_oid, "0.10"), "\"0.10\"");
  EXPECT_EQ(json(bytea_oid, "\\x00ff"), R"("\\x00ff")");
  EXPECT_EQ(json(timestamptz_oid, "2026-11-21 05:04:03.5+01"), "\"2026-11-21 05:04:03.5+01\"");
  EXPECT_EQ(json(600, "(1,2)"), "\"(1,2)\"");
  EXPECT_EQ(json(bool_oid, "t"), "true");
  EXPECT_EQ(json(bool_oid, "f"), "false");
}

// A masked value has the type of its column and the text of the mask.
TEST(JsonValues, ATextThatDoesNotLookLikeItsTypeIsAString) {
  for (const std::uint32_t type : {bool_oid, int4_oid, int8_oid, float8_oid})
    EXPECT_EQ(json(type, "***"), "\"***\"");
  EXPECT_EQ(json(int4_oid, "+1"), "\"+1\"");
  EXPECT_EQ(json(int4_oid, "007"), "\"007\"");
  EXPECT_EQ(json(int4_oid, ""), "\"\"");
  EXPECT_EQ(json(float8_oid, "1,\"admin\":true"), R"("1,\"admin\":true")");
}

TEST(JsonValues, NoBytesBreakTheDocument) {
  EXPECT_EQ(json(text_oid, std::string_view("a\0\"\\\n\x80", 6)), R"("a\u0000\"\\\n\ufffd")");
}

TEST(JsonValues, NumbersFollowRfc8259) {
  for (const char* const number : {"0", "-0", "10", "0.5", "1e5", "1E-05", "-12.5e+3"})
    EXPECT_TRUE(is_json_number(number)) << number;
  for (const char* const none : {"", "-", "01", ".5", "5.", "1e", "1e+", "+1", "0x1", "1 ", " 1", "--1", "Infinity"})
    EXPECT_FALSE(is_json_number(none)) << none;
}

}  // namespace
}  // namespace dbgate::queries
