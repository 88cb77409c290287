#include "protocol/postgres/backend_messages.h"

#include <gtest/gtest.h>

#include <array>

#include "tests/unit/protocol/decoder_checks.h"

namespace dbgate::protocol::backend {
namespace {

using namespace std::string_view_literals;

TEST(BackendKeyData, Decoder) {
  check_decoder<BackendKeyData>("\0\0\1\0key!"sv, Envelope::typed, Ending::open, 8);
  const std::string process("\0\0\1\0"sv);
  EXPECT_TRUE(decodes<BackendKeyData>(process + std::string(256, 'k'), Envelope::typed));
  EXPECT_EQ(error_of<BackendKeyData>(process + std::string(257, 'k')), DecodeError::bad_length);
  EXPECT_EQ(error_of<BackendKeyData>(process + "key"), DecodeError::bad_length);
}

TEST(BindComplete, Decoder) {
  check_decoder<BindComplete>("");
}

TEST(CloseComplete, Decoder) {
  check_decoder<CloseComplete>("");
}

TEST(CommandComplete, Decoder) {
  check_decoder<CommandComplete>("INSERT 0 1\0"sv);
}

TEST(DataRow, Decoder) {
  constexpr std::string_view body = "\0\3\0\0\0\2ab\xff\xff\xff\xff\0\0\0\0"sv;
  check_decoder<DataRow>(body);
  check_decoder<DataRow>("\0\0"sv);
  const ExactCopy copy(body);
  const auto row = DataRow::decode(copy.bytes());
  ASSERT_TRUE(row);
  auto column = row->columns.begin();
  EXPECT_EQ(as_text((*column).value()), "ab");
  EXPECT_FALSE(*++column);
  EXPECT_EQ((*++column)->size(), 0u);
  EXPECT_EQ(error_of<DataRow>(with_count16(body, 0, 0xffff)), DecodeError::bad_length);
  EXPECT_EQ(error_of<DataRow>("\0\1\x80\0\0\0"sv), DecodeError::bad_length);
}

TEST(EmptyQueryResponse, Decoder) {
  check_decoder<EmptyQueryResponse>("");
}

constexpr std::string_view error_body = "SERROR\0C42501\0Mno\0H\0\0"sv;

TEST(ErrorResponse, Decoder) {
  check_decoder<ErrorResponse>(error_body);
  check_decoder<ErrorResponse>("\0"sv);
  EXPECT_EQ(error_of<ErrorResponse>("SERROR"sv), DecodeError::unterminated_string);
}

TEST(ErrorResponse, Fields) {
  const ExactCopy copy(error_body);
  const auto error = ErrorResponse::decode(copy.bytes());
  ASSERT_TRUE(error);
  EXPECT_EQ(error->fields.size(), 4u);
  EXPECT_EQ(find_field(error->fields, 'C'), "42501");
  EXPECT_EQ(find_field(error->fields, 'H'), "");
  EXPECT_EQ(find_field(error->fields, 'D'), "");
}

TEST(ErrorHead, IsReadFromTheBeginning) {
  constexpr std::string_view whole = "SFEHLER\0VERROR\0C42501\0Mno\0\0"sv;
  constexpr std::size_t known = 22;  // up to the NUL of the SQLSTATE
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    const ExactCopy copy(whole.substr(0, size));
    const ErrorHead head = ErrorHead::read(copy.bytes());
    EXPECT_EQ(head.sqlstate, size >= known ? "42501" : "") << size;
    EXPECT_EQ(head.severity, size < 8 ? "" : size < 15 ? "FEHLER" : "ERROR") << size;
  }
  const ErrorHead old = ErrorHead::read(as_bytes("SFATAL\0C57P01\0Mbye\0\0VERROR\0"sv));
  EXPECT_EQ(old.severity, "FATAL");
  EXPECT_EQ(old.sqlstate, "57P01");
  EXPECT_EQ(ErrorHead::read(as_bytes("\0SERROR\0"sv)).severity, "");
}

TEST(FunctionCallResponse, Decoder) {
  check_decoder<FunctionCallResponse>("\0\0\0\4abcd"sv);
  check_decoder<FunctionCallResponse>("\xff\xff\xff\xff"sv);
}

TEST(NegotiateProtocolVersion, Decoder) {
  constexpr std::string_view body = "\0\3\0\2\0\0\0\2_pq_.a\0_pq_.b\0"sv;
  check_decoder<NegotiateProtocolVersion>(body);
  check_decoder<NegotiateProtocolVersion>("\0\3\0\0\0\0\0\0"sv);
  // Counts of two thousand million, and of minus one.
  EXPECT_EQ(error_of<NegotiateProtocolVersion>("\0\3\0\2\x7f\xff\xff\xff_pq_.a\0"sv), DecodeError::unterminated_string);
  EXPECT_EQ(error_of<NegotiateProtocolVersion>("\0\3\0\2\xff\xff\xff\xff_pq_.a\0"sv), DecodeError::bad_length);
}

TEST(NoData, Decoder) {
  check_decoder<NoData>("");
}

TEST(NoticeResponse, Decoder) {
  check_decoder<NoticeResponse>("SWARNING\0VWARNING\0C01000\0Mwell\0\0"sv);
}

TEST(NotificationResponse, Decoder) {
  check_decoder<NotificationResponse>("\0\0\x10\0channel\0payload\0"sv);
}

TEST(ParameterDescription, Decoder) {
  check_decoder<ParameterDescription>("\0\2\0\0\0\x17\0\0\0\x19"sv);
  EXPECT_EQ(error_of<ParameterDescription>("\xff\xff\0\0\0\x17"sv), DecodeError::bad_length);
}

TEST(ParameterStatus, Decoder) {
  check_decoder<ParameterStatus>("client_encoding\0UTF8\0"sv);
}

TEST(ParseComplete, Decoder) {
  check_decoder<ParseComplete>("");
}

TEST(PortalSuspended, Decoder) {
  check_decoder<PortalSuspended>("");
}

TEST(ReadyForQuery, Decoder) {
  for (const std::string_view status : {"I"sv, "T"sv, "E"sv})
    check_decoder<ReadyForQuery>(status);
  EXPECT_EQ(error_of<ReadyForQuery>("X"sv), DecodeError::bad_value);
  EXPECT_EQ(error_of<ReadyForQuery>("\0"sv), DecodeError::bad_value);
}

TEST(RowDescription, Decoder) {
  constexpr std::string_view body = "\0\1id\0\0\0\x40\0\0\1\0\0\0\x17\0\4\xff\xff\xff\xff\0\1"sv;
  check_decoder<RowDescription>(body);
  check_decoder<RowDescription>("\0\0"sv);
  const ExactCopy copy(body);
  const auto description = RowDescription::decode(copy.bytes());
  ASSERT_TRUE(description);
  const ColumnDescription column = *description->columns.begin();
  EXPECT_EQ(column.name, "id");
  EXPECT_EQ(column.table_oid, 0x4000u);
  EXPECT_EQ(column.attribute, 1);
  EXPECT_EQ(column.type_oid, 23u);
  EXPECT_EQ(column.type_size, 4);
  EXPECT_EQ(column.type_modifier, -1);
  EXPECT_EQ(column.format, 1);
  EXPECT_EQ(error_of<RowDescription>(with_count16(body, 0, 0xffff)), DecodeError::unterminated_string);
  std::string storage;
  std::string encoded;
  RowDescription{Repeated<ColumnDescription>::lay_out(std::array{column}, storage)}.encode(encoded);
  EXPECT_EQ(encoded, with_envelope(Envelope::typed, 'T', body));
}

}  // namespace
}  // namespace dbgate::protocol::backend
