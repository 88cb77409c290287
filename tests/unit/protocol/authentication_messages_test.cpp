#include "protocol/postgres/authentication_messages.h"

#include <gtest/gtest.h>

#include <array>

#include "tests/unit/protocol/decoder_checks.h"

namespace dbgate::protocol {
namespace {

using namespace std::string_view_literals;

std::string method(int number, std::string_view data = {}) {
  return std::string("\0\0\0", 3) + static_cast<char>(number) + std::string(data);
}

TEST(PasswordMessage, Decoder) {
  check_decoder<frontend::PasswordMessage>("secret\0"sv);
  check_decoder<frontend::PasswordMessage>("\0"sv);
}

TEST(SASLInitialResponse, Decoder) {
  using Message = frontend::SASLInitialResponse;
  check_decoder<Message>("SCRAM-SHA-256\0\0\0\0\3n,,"sv);
  check_decoder<Message>("SCRAM-SHA-256\0\xff\xff\xff\xff"sv);
  check_decoder<Message>("SCRAM-SHA-256\0\0\0\0\0"sv);
  EXPECT_EQ(error_of<Message>("SCRAM-SHA-256\0\xff\xff\xff\xfe"sv), DecodeError::bad_length);
  EXPECT_EQ(error_of<Message>("SCRAM-SHA-256\0\x7f\xff\xff\xffn,,"sv), DecodeError::bad_length);
  const ExactCopy body("SCRAM-SHA-256\0\0\0\0\3n,,"sv);
  EXPECT_EQ(Message::decode(body.bytes())->mechanism, "SCRAM-SHA-256");
  EXPECT_EQ(as_text(*Message::decode(body.bytes())->response), "n,,");
}

TEST(SASLResponse, Decoder) {
  check_decoder<frontend::SASLResponse>("c=biws,r=x,p=y"sv, Envelope::typed, Ending::open);
}

TEST(GSSResponse, Decoder) {
  check_decoder<frontend::GSSResponse>("\x60\0token"sv, Envelope::typed, Ending::open);
}

template <class Message>
void check_bare(int number) {
  check_decoder<Message>(method(number));
  EXPECT_EQ(error_of<Message>(method(number + 1)), DecodeError::bad_value);
}

TEST(AuthenticationOk, Decoder) {
  check_bare<backend::AuthenticationOk>(0);
}

TEST(AuthenticationKerberosV5, Decoder) {
  check_bare<backend::AuthenticationKerberosV5>(2);
}

TEST(AuthenticationCleartextPassword, Decoder) {
  check_bare<backend::AuthenticationCleartextPassword>(3);
}

TEST(AuthenticationMD5Password, Decoder) {
  using Message = backend::AuthenticationMD5Password;
  check_decoder<Message>(method(5, "salt"));
  EXPECT_EQ(error_of<Message>(method(3, "salt")), DecodeError::bad_value);
  const ExactCopy body(method(5, "salt"));
  EXPECT_EQ(as_text(Message::decode(body.bytes())->salt), "salt");
}

TEST(AuthenticationSCMCredential, Decoder) {
  check_bare<backend::AuthenticationSCMCredential>(6);
}

TEST(AuthenticationGSS, Decoder) {
  check_bare<backend::AuthenticationGSS>(7);
}

TEST(AuthenticationGSSContinue, Decoder) {
  check_decoder<backend::AuthenticationGSSContinue>(method(8, "token"), Envelope::typed, Ending::open, 4);
}

TEST(AuthenticationSSPI, Decoder) {
  check_bare<backend::AuthenticationSSPI>(9);
}

TEST(AuthenticationSASL, Decoder) {
  using Message = backend::AuthenticationSASL;
  const std::string body = method(10, "SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"sv);
  check_decoder<Message>(body);
  check_decoder<Message>(method(10, "\0"sv));
  const std::array<std::string_view, 2> names{"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"};
  std::string storage;
  std::string encoded;
  Message{Repeated<std::string_view>::lay_out(names, storage)}.encode(encoded);
  EXPECT_EQ(encoded, with_envelope(Envelope::typed, 'R', body));
}

TEST(AuthenticationSASLContinue, Decoder) {
  check_decoder<backend::AuthenticationSASLContinue>(method(11, "r=x,s=y,i=4096"), Envelope::typed, Ending::open, 4);
}

TEST(AuthenticationSASLFinal, Decoder) {
  check_decoder<backend::AuthenticationSASLFinal>(method(12, "v=z"), Envelope::typed, Ending::open, 4);
  EXPECT_EQ(error_of<backend::AuthenticationSASLFinal>(method(11, "v=z")), DecodeError::bad_value);
}

TEST(AuthenticationMethod, TellsMessagesApart) {
  EXPECT_EQ(backend::decode_authentication_method(as_bytes(method(10, "x"))).value(), 10);
  EXPECT_FALSE(backend::decode_authentication_method(as_bytes("\0\0\0"sv)));
}

}  // namespace
}  // namespace dbgate::protocol
