#include "protocol/postgres/copy_messages.h"

#include <gtest/gtest.h>

#include "tests/unit/protocol/decoder_checks.h"

namespace dbgate::protocol {
namespace {

using namespace std::string_view_literals;

template <class Message>
void check_response() {
  check_decoder<Message>("\1\0\2\0\1\0\1"sv);
  check_decoder<Message>("\0\0\0"sv);
  EXPECT_EQ(error_of<Message>("\2\0\0"sv), DecodeError::bad_value);
  EXPECT_EQ(error_of<Message>("\0\xff\xff\0\0"sv), DecodeError::bad_length);
  const ExactCopy body("\1\0\2\0\1\0\1"sv);
  EXPECT_TRUE(Message::decode(body.bytes())->binary);
  EXPECT_EQ(Message::decode(body.bytes())->column_formats.size(), 2u);
}

TEST(CopyData, Decoder) {
  check_decoder<CopyData>("1\tone\n"sv, Envelope::typed, Ending::open);
}

TEST(CopyDone, Decoder) {
  check_decoder<CopyDone>("");
}

TEST(CopyFail, Decoder) {
  check_decoder<frontend::CopyFail>("why not\0"sv);
}

TEST(CopyInResponse, Decoder) {
  check_response<backend::CopyInResponse>();
}

TEST(CopyOutResponse, Decoder) {
  check_response<backend::CopyOutResponse>();
}

TEST(CopyBothResponse, Decoder) {
  check_response<backend::CopyBothResponse>();
}

}  // namespace
}  // namespace dbgate::protocol
