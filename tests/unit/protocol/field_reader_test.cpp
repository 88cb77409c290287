#include "protocol/postgres/field_reader.h"

#include <gtest/gtest.h>

#include "protocol/postgres/field_writer.h"
#include "protocol/postgres/frame.h"
#include "tests/unit/protocol/decoder_checks.h"

namespace dbgate::protocol {
namespace {

using namespace std::string_view_literals;

TEST(FieldReader, IntegersAreInNetworkByteOrder) {
  std::string out;
  FieldWriter writer(out);
  writer.int8(-2);
  writer.int16(-2);
  writer.int32(-2);
  writer.int64(-2);
  writer.uint64(0x0102030405060708);
  EXPECT_EQ(out.substr(out.size() - 8), "\1\2\3\4\5\6\7\10"sv);
  const ExactCopy copy(out);
  FieldReader reader(copy.bytes());
  EXPECT_EQ(reader.int8().value(), -2);
  EXPECT_EQ(reader.int16().value(), -2);
  EXPECT_EQ(reader.int32().value(), -2);
  EXPECT_EQ(reader.int64().value(), -2);
  EXPECT_EQ(reader.uint64().value(), 0x0102030405060708u);
  EXPECT_TRUE(reader.finish());
}

TEST(FieldReader, AFailedReadTakesNothing) {
  const ExactCopy copy("abc");
  FieldReader reader(copy.bytes());
  EXPECT_FALSE(reader.int32());
  EXPECT_FALSE(reader.int64());
  EXPECT_FALSE(reader.string());
  EXPECT_FALSE(reader.bytes(4));
  EXPECT_EQ(reader.remaining(), 3u);
  EXPECT_FALSE(reader.finish());
  EXPECT_EQ(as_text(reader.rest()), "abc");
  EXPECT_FALSE(reader.uint8());
  EXPECT_FALSE(reader.string());
  EXPECT_FALSE(reader.at_zero());
}

TEST(FieldReader, StringsMayBeEmpty) {
  const ExactCopy copy("\0x\0"sv);
  FieldReader reader(copy.bytes());
  EXPECT_TRUE(reader.at_zero());
  EXPECT_EQ(reader.string().value(), "");
  EXPECT_EQ(reader.string().value(), "x");
  EXPECT_TRUE(reader.finish());
}

TEST(Header, EverySplitPoint) {
  constexpr std::string_view message = "Q\0\0\0\x0dSELECT 1\0"sv;
  for (std::size_t split = 0; split <= message.size(); ++split) {
    const ExactCopy copy(message.substr(0, split));
    const auto header = decode_header(copy.bytes());
    ASSERT_EQ(header.has_value(), split >= MessageHeader::bytes) << split;
    if (!header) {
      EXPECT_EQ(header.error(), DecodeError::incomplete);
    } else {
      EXPECT_EQ(header->type, 'Q');
      EXPECT_EQ(header->body_length, 9u);
    }
  }
}

TEST(Header, LengthsThatNoMessageHas) {
  for (const std::string_view bytes : {"Q\0\0\0\3"sv, "Q\0\0\0\0"sv, "Q\x80\0\0\0"sv, "Q\xff\xff\xff\xff"sv}) {
    const auto header = decode_header(as_bytes(bytes));
    ASSERT_FALSE(header);
    EXPECT_EQ(header.error(), DecodeError::bad_length);
  }
  EXPECT_EQ(decode_header(as_bytes("Q\x7f\xff\xff\xff"sv))->body_length, 0x7ffffffbu);
  EXPECT_EQ(decode_header(as_bytes("S\0\0\0\4"sv))->body_length, 0u);
}

}  // namespace
}  // namespace dbgate::protocol
