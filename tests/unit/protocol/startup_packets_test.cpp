#include "protocol/postgres/startup_packets.h"

#include <gtest/gtest.h>

#include "tests/unit/protocol/decoder_checks.h"

namespace dbgate::protocol::frontend {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view startup_body = "\0\3\0\2user\0ann\0database\0shop\0_pq_.fast\0on\0\0"sv;

TEST(StartupMessage, Decoder) {
  check_decoder<StartupMessage>(startup_body, Envelope::startup);
  check_decoder<StartupMessage>("\0\3\0\0\0"sv, Envelope::startup);
  check_decoder<StartupMessage>("\0\3\0\0options\0\0\0"sv, Envelope::startup);
}

TEST(StartupMessage, Fields) {
  const ExactCopy body(startup_body);
  const auto startup = StartupMessage::decode(body.bytes());
  ASSERT_TRUE(startup);
  EXPECT_EQ(startup->minor_version(), 2);
  EXPECT_EQ(startup->find("user"), "ann");
  EXPECT_EQ(startup->find("database"), "shop");
  EXPECT_EQ(startup->find("nothing"), "");
  std::string options;
  for (const StartupParameter parameter : startup->parameters) {
    if (parameter.is_protocol_option()) options += parameter.name;
  }
  EXPECT_EQ(options, "_pq_.fast");
}

TEST(StartupMessage, OnlyProtocol3InAnyMinorVersion) {
  EXPECT_TRUE(decodes<StartupMessage>("\0\3\x27\x0f\0"sv, Envelope::startup));
  EXPECT_EQ(error_of<StartupMessage>("\0\2\0\0\0"sv), DecodeError::unsupported_version);
  EXPECT_EQ(error_of<StartupMessage>("\0\4\0\0\0"sv), DecodeError::unsupported_version);
  EXPECT_EQ(error_of<StartupMessage>("\x4\xd2\x16\x2f\0"sv), DecodeError::unsupported_version);
}

TEST(StartupMessage, NoParameterTwice) {
  EXPECT_EQ(error_of<StartupMessage>("\0\3\0\0user\0a\0user\0b\0\0"sv), DecodeError::duplicate_parameter);
  EXPECT_EQ(error_of<StartupMessage>("\0\3\0\0DateStyle\0a\0x\0y\0datestyle\0a\0\0"sv),
            DecodeError::duplicate_parameter);
}

TEST(StartupMessage, NamesWhatStandsTwice) {
  EXPECT_EQ(duplicate_parameter_of(as_bytes("\0\3\0\0x\0y\0DateStyle\0a\0datestyle\0b\0\0"sv)), "DateStyle");
  EXPECT_EQ(duplicate_parameter_of(as_bytes(startup_body)), "");
  EXPECT_EQ(duplicate_parameter_of(as_bytes("\0\3\0\0user\0a\0user\0b\0"sv)), "");
  EXPECT_EQ(duplicate_parameter_of({}), "");
}

TEST(StartupMessage, NoLargerThanPostgresTakes) {
  std::string body("\0\3\0\0user\0"sv);
  body.append(max_startup_body - body.size() - 2, 'u');
  body += "\0\0"sv;
  EXPECT_TRUE(decodes<StartupMessage>(body, Envelope::startup));
  body.insert(9, "u");
  EXPECT_EQ(error_of<StartupMessage>(body), DecodeError::message_too_large);
}

TEST(SSLRequest, Decoder) {
  check_decoder<SSLRequest>("\x4\xd2\x16\x2f"sv, Envelope::startup);
  EXPECT_EQ(error_of<SSLRequest>("\x4\xd2\x16\x30"sv), DecodeError::bad_value);
}

TEST(GSSENCRequest, Decoder) {
  check_decoder<GSSENCRequest>("\x4\xd2\x16\x30"sv, Envelope::startup);
  EXPECT_EQ(error_of<GSSENCRequest>("\x4\xd2\x16\x2f"sv), DecodeError::bad_value);
}

TEST(CancelRequest, Decoder) {
  const std::string start("\x4\xd2\x16\x2e\0\0\1\0"sv);
  check_decoder<CancelRequest>(start + "key!", Envelope::startup, Ending::open, 12);
  check_decoder<CancelRequest>(start + std::string(255, 'k'), Envelope::startup, Ending::open, 12);
  EXPECT_TRUE(decodes<CancelRequest>(start + std::string(256, 'k'), Envelope::startup));
  EXPECT_EQ(error_of<CancelRequest>(start + std::string(257, 'k')), DecodeError::bad_length);
  const ExactCopy body(start + "a longer key");
  EXPECT_EQ(CancelRequest::decode(body.bytes())->process_id, 256);
  EXPECT_EQ(as_text(CancelRequest::decode(body.bytes())->secret_key), "a longer key");
}

TEST(StartupLength, CountsWhatFollows) {
  EXPECT_EQ(decode_startup_length(as_bytes("\0\0\0\x08"sv)).value(), 4u);
  EXPECT_EQ(decode_startup_length(as_bytes("\0\0\x27\x14"sv)).value(), max_startup_body);
  EXPECT_EQ(decode_startup_length(as_bytes("\0\0\x27\x15"sv)).error(), DecodeError::message_too_large);
  EXPECT_EQ(decode_startup_length(as_bytes("\xff\xff\xff\xff"sv)).error(), DecodeError::message_too_large);
  for (const std::string_view length : {"\0\0\0\x07"sv, "\0\0\0\0"sv, "\0\0\0"sv})
    EXPECT_EQ(decode_startup_length(as_bytes(length)).error(), DecodeError::bad_length);
}

TEST(StartupCode, TellsPacketsApart) {
  EXPECT_EQ(decode_startup_code(as_bytes("\x4\xd2\x16\x2f"sv)).value(), SSLRequest::code);
  EXPECT_EQ(decode_startup_code(as_bytes("\x4\xd2\x16\x30"sv)).value(), GSSENCRequest::code);
  EXPECT_EQ(decode_startup_code(as_bytes("\x4\xd2\x16\x2e"sv)).value(), CancelRequest::code);
  EXPECT_FALSE(decode_startup_code(as_bytes("\x4\xd2\x16"sv)));
}

}  // namespace
}  // namespace dbgate::protocol::frontend
