#include "gateway/show/table.h"

#include <gtest/gtest.h>

namespace dbgate::show {
namespace {

// Of a DataRow with one column: the bytes of its value.
std::string value(Type type, const Cell& cell, std::int16_t format) {
  std::string message;
  encode_row({{"x", type}}, {cell}, {format}, message);
  const auto row = protocol::backend::DataRow::decode(protocol::as_bytes(message).subspan(5));
  EXPECT_TRUE(row);
  const protocol::Value found = *row->columns.begin();
  return found ? std::string(protocol::as_text(*found)) : "NULL";
}

std::string bytes(std::initializer_list<int> list) {
  std::string out;
  for (const int byte : list)
    out += static_cast<char>(byte);
  return out;
}

TEST(Table, NumbersAsText) {
  EXPECT_EQ(value(Type::int4, std::uint64_t{0}, 0), "0");
  EXPECT_EQ(value(Type::numeric, std::uint64_t{1'234'567'890'123}, 0), "1234567890123");
  EXPECT_EQ(value(Type::text, std::string("ä"), 0), "ä");
  EXPECT_EQ(value(Type::text, {}, 0), "NULL");
}

TEST(Table, NumbersAsBinary) {
  EXPECT_EQ(value(Type::int4, std::uint64_t{258}, 1), bytes({0, 0, 1, 2}));
  EXPECT_EQ(value(Type::int8, std::uint64_t{258}, 1), bytes({0, 0, 0, 0, 0, 0, 1, 2}));
  EXPECT_EQ(value(Type::text, std::string("x"), 1), "x");
  EXPECT_EQ(value(Type::int4, {}, 1), "NULL");
}

// As numeric_send() of PostgreSQL 15 has them.
TEST(Table, NumericAsBinary) {
  EXPECT_EQ(value(Type::numeric, std::uint64_t{0}, 1), bytes({0, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(value(Type::numeric, std::uint64_t{1}, 1), bytes({0, 1, 0, 0, 0, 0, 0, 0, 0, 1}));
  EXPECT_EQ(value(Type::numeric, std::uint64_t{10'000}, 1), bytes({0, 1, 0, 1, 0, 0, 0, 0, 0, 1}));
  EXPECT_EQ(value(Type::numeric, std::uint64_t{123'456'789}, 1),
            bytes({0, 3, 0, 2, 0, 0, 0, 0, 0, 1, 0x09, 0x29, 0x1a, 0x85}));
}

TEST(Table, WhatDoesNotFitIsTheLargest) {
  EXPECT_EQ(value(Type::int4, std::uint64_t{1} << 40, 0), "2147483647");
  EXPECT_EQ(value(Type::int8, ~std::uint64_t{0}, 0), "9223372036854775807");
}

TEST(Table, ColumnsAreDescribedInTheirFormats) {
  std::string message;
  describe({{"a", Type::text}, {"b", Type::numeric}}, {0, 1}, message);
  const auto described = protocol::backend::RowDescription::decode(protocol::as_bytes(message).subspan(5));
  ASSERT_TRUE(described);
  std::vector<protocol::backend::ColumnDescription> columns(described->columns.begin(), described->columns.end());
  ASSERT_EQ(columns.size(), 2u);
  EXPECT_EQ(columns[0].name, "a");
  EXPECT_EQ(columns[0].type_oid, 25u);
  EXPECT_EQ(columns[0].format, 0);
  EXPECT_EQ(columns[1].type_oid, 1700u);
  EXPECT_EQ(columns[1].format, 1);
}

}  // namespace
}  // namespace dbgate::show
