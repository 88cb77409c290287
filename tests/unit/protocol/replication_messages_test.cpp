#include "protocol/postgres/replication_messages.h"

#include <gtest/gtest.h>

#include "tests/unit/protocol/decoder_checks.h"

namespace dbgate::protocol {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view time_text = "\0\2\xb0\x1a\0\0\0\1"sv;
constexpr std::string_view position = "\0\0\0\1\x16\xb3\x74\x28"sv;

std::string joined(std::initializer_list<std::string_view> parts) {
  std::string text;
  for (const std::string_view part : parts)
    text += part;
  return text;
}

TEST(XLogData, Decoder) {
  using Message = backend::XLogData;
  const std::string payload = joined({"w", position, position, time_text, "data"});
  check_decoder<Message>(payload, Envelope::none, Ending::open, 25);
  const ExactCopy copy(payload);
  EXPECT_EQ(Message::decode(copy.bytes())->start, 0x116b37428u);
  EXPECT_EQ(as_text(Message::decode(copy.bytes())->data), "data");
  EXPECT_EQ(error_of<Message>(joined({"k", position, position, time_text, "data"})), DecodeError::bad_value);
}

TEST(PrimaryKeepalive, Decoder) {
  using Message = backend::PrimaryKeepalive;
  const std::string payload = joined({"k", position, time_text, "\1"});
  check_decoder<Message>(payload, Envelope::none);
  EXPECT_EQ(error_of<Message>(joined({"k", position, time_text, "\2"})), DecodeError::bad_value);
  const ExactCopy copy(payload);
  EXPECT_TRUE(Message::decode(copy.bytes())->reply_wanted);
}

TEST(StandbyStatusUpdate, Decoder) {
  using Message = frontend::StandbyStatusUpdate;
  const std::string payload = joined({"r", position, position, position, time_text, "\0"sv});
  check_decoder<Message>(payload, Envelope::none);
  const ExactCopy copy(payload);
  EXPECT_EQ(Message::decode(copy.bytes())->applied, 0x116b37428u);
  EXPECT_EQ(Message::decode(copy.bytes())->sent_at, 0x0002b01a00000001);
}

TEST(HotStandbyFeedback, Decoder) {
  using Message = frontend::HotStandbyFeedback;
  const std::string payload = joined({"h", time_text, "\0\0\2\x5b\0\0\0\0\0\0\2\x58\0\0\0\1"sv});
  check_decoder<Message>(payload, Envelope::none);
  const ExactCopy copy(payload);
  EXPECT_EQ(Message::decode(copy.bytes())->xmin, 603u);
  EXPECT_EQ(Message::decode(copy.bytes())->catalog_xmin, 600u);
  EXPECT_EQ(Message::decode(copy.bytes())->catalog_xmin_epoch, 1u);
}

}  // namespace
}  // namespace dbgate::protocol
