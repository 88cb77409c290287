#include "gateway/queries/parquet_values.h"

#include <gtest/gtest.h>

namespace dbgate::queries {
namespace {

std::string hex(const std::array<char, decimal_bytes>& bytes) {
  std::string text;
  for (const char c : bytes) {
    constexpr const char* digits = "0123456789abcdef";
    text += digits[static_cast<unsigned char>(c) >> 4];
    text += digits[static_cast<unsigned char>(c) & 15];
  }
  return text;
}

TEST(ParquetValues, Dates) {
  EXPECT_EQ(days_of("1970-01-01"), 0);
  EXPECT_EQ(days_of("1969-12-31"), -1);
  EXPECT_EQ(days_of("2000-02-29"), 11'016);
  EXPECT_EQ(days_of("0001-01-01"), -719'162);
  EXPECT_EQ(days_of("0001-12-31 BC"), -719'163);
  EXPECT_EQ(days_of("4714-11-24 BC"), -2'440'588);     // Julian day 0
  EXPECT_EQ(days_of("5874897-12-31"), 2'145'042'905);  // the last date of PostgreSQL
  for (const char* const none : {"", "infinity", "2026-13-01", "2026-00-10", "21.11.2026", "2026-11-21 ", "2026-11"})
    EXPECT_FALSE(days_of(none)) << none;
}

TEST(ParquetValues, Timestamps) {
  EXPECT_EQ(microseconds_of("1970-01-01 00:00:00", false), 0);
  EXPECT_EQ(microseconds_of("1969-12-31 23:59:59.999999", false), -1);
  EXPECT_EQ(microseconds_of("1970-01-01 00:00:01.5", false), 1'500'000);
  EXPECT_EQ(microseconds_of("1970-01-01 01:00:00+01", true), 0);
  EXPECT_EQ(microseconds_of("1969-12-31 20:30:00-03:30", true), 0);
  EXPECT_EQ(microseconds_of("1970-01-01 00:19:32+00:19:32", true), 0);
  EXPECT_EQ(microseconds_of("0001-12-31 23:59:59+00 BC", true), -719'162ll * 86'400'000'000 - 1'000'000);
  EXPECT_FALSE(microseconds_of("1970-01-01 00:00:00", true));
  EXPECT_FALSE(microseconds_of("1970-01-01 00:00:00+00", false));
  EXPECT_FALSE(microseconds_of("infinity", true));
  EXPECT_FALSE(microseconds_of("1970-01-01", false));
}

TEST(ParquetValues, Decimals) {
  EXPECT_EQ(hex(*decimal_of("1.23", 2)), "0000000000000000000000000000007b");
  EXPECT_EQ(hex(*decimal_of("-1.23", 2)), "ffffffffffffffffffffffffffffff85");
  EXPECT_EQ(hex(*decimal_of("5", 2)), "000000000000000000000000000001f4");
  EXPECT_EQ(hex(*decimal_of("99999999999999999999999999999999999999", 0)), "4b3b4ca85a86c47a098a223fffffffff");
  EXPECT_EQ(hex(*decimal_of("-99999999999999999999999999999999999999", 0)), "b4c4b357a5793b85f675ddc000000001");
  EXPECT_FALSE(decimal_of("100000000000000000000000000000000000000", 0));
  EXPECT_FALSE(decimal_of("1.234", 2));
  for (const char* const none : {"", "-", "NaN", "1e5", "1.2.3", "Infinity", " 1"})
    EXPECT_FALSE(decimal_of(none, 2)) << none;
}

TEST(ParquetValues, PrecisionIsThatOfTheColumn) {
  EXPECT_EQ(precision_of((10 << 16 | 2) + 4).digits, 10);
  EXPECT_EQ(precision_of((10 << 16 | 2) + 4).scale, 2);
  EXPECT_EQ(precision_of(-1).digits, 0);
  EXPECT_EQ(precision_of((39 << 16 | 2) + 4).digits, 0);
  EXPECT_EQ(precision_of((2 << 16 | 5) + 4).digits, 0);             // numeric(2,5)
  EXPECT_EQ(precision_of((5 << 16 | (-2 & 0x7ff)) + 4).digits, 0);  // numeric(5,-2)
}

TEST(ParquetValues, Bytes) {
  EXPECT_EQ(bytes_of("\\x00ff"), std::string("\0\xff", 2));
  EXPECT_EQ(bytes_of("\\x"), "");
  for (const char* const none : {"", "\\x0", "\\x0g", "00ff", "\\xAB"})
    EXPECT_FALSE(bytes_of(none)) << none;
}

}  // namespace
}  // namespace dbgate::queries
