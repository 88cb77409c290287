#include "protocol/postgres/frontend_messages.h"

#include <gtest/gtest.h>

#include <array>

#include "tests/unit/protocol/decoder_checks.h"

namespace dbgate::protocol::frontend {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view bind_body =
    "portal\0stmt\0"
    "\0\x2\0\0\0\1"
    "\0\x3\0\0\0\1x\xff\xff\xff\xff\0\0\0\0"
    "\0\1\0\1"sv;

TEST(Bind, Decoder) {
  check_decoder<Bind>(bind_body);
  check_decoder<Bind>("\0\0\0\0\0\0\0\0"sv);
}

TEST(Bind, Fields) {
  const ExactCopy body(bind_body);
  const auto bind = Bind::decode(body.bytes());
  ASSERT_TRUE(bind);
  EXPECT_EQ(bind->portal, "portal");
  EXPECT_EQ(bind->statement, "stmt");
  const std::vector<std::int16_t> formats(bind->parameter_formats.begin(), bind->parameter_formats.end());
  EXPECT_EQ(formats, (std::vector<std::int16_t>{0, 1}));
  ASSERT_EQ(bind->parameters.size(), 3u);
  auto value = bind->parameters.begin();
  EXPECT_EQ(as_text((*value).value()), "x");
  EXPECT_FALSE(*++value);
  EXPECT_EQ((*++value)->size(), 0u);
  EXPECT_EQ(++value, bind->parameters.end());
  EXPECT_EQ(*bind->result_formats.begin(), 1);
}

TEST(Bind, CountsAndLengthsPromiseNothing) {
  EXPECT_EQ(error_of<Bind>(with_count16(bind_body, 12, 0xffff)), DecodeError::bad_length);
  EXPECT_EQ(error_of<Bind>(with_count16(bind_body, 18, 0xffff)), DecodeError::bad_length);
  // A length of -2, and one that would wrap if it were added to anything.
  EXPECT_EQ(error_of<Bind>("\0\0\0\0\0\1\xff\xff\xff\xfe\0\0"sv), DecodeError::bad_length);
  EXPECT_EQ(error_of<Bind>("\0\0\0\0\0\1\x7f\xff\xff\xff\0\0"sv), DecodeError::bad_length);
}

TEST(Bind, AsManyParametersAsTheCountCanSay) {
  std::string body("\0\0\0\0\xff\xff"sv);
  for (int i = 0; i < 0xffff; ++i)
    body += "\xff\xff\xff\xff"sv;
  body += "\0\0"sv;
  EXPECT_TRUE(decodes<Bind>(body, Envelope::typed));
  const ExactCopy copy(body);
  EXPECT_EQ(Bind::decode(copy.bytes())->parameters.size(), 0xffffu);
}

TEST(Bind, LaidOutByHand) {
  const std::array<std::int16_t, 2> formats{0, 1};
  const std::array<Value, 3> values{as_bytes("x"), Value(), as_bytes("")};
  const std::array<std::int16_t, 1> results{1};
  std::string storage[3];
  Bind bind{"portal", "stmt", Repeated<std::int16_t>::lay_out(formats, storage[0]),
            Repeated<Value>::lay_out(values, storage[1]), Repeated<std::int16_t>::lay_out(results, storage[2])};
  std::string encoded;
  bind.encode(encoded);
  EXPECT_EQ(encoded, with_envelope(Envelope::typed, 'B', bind_body));
}

TEST(Close, Decoder) {
  check_decoder<Close>("Sname\0"sv);
  check_decoder<Close>("P\0"sv);
  EXPECT_EQ(error_of<Close>("sname\0"sv), DecodeError::bad_value);
  EXPECT_EQ(error_of<Close>("\0\0"sv), DecodeError::bad_value);
}

TEST(Describe, Decoder) {
  check_decoder<Describe>("Pname\0"sv);
  check_decoder<Describe>("S\0"sv);
  EXPECT_EQ(error_of<Describe>("Xname\0"sv), DecodeError::bad_value);
  const ExactCopy body("Pname\0"sv);
  EXPECT_EQ(Describe::decode(body.bytes())->kind, NameKind::portal);
  EXPECT_EQ(Describe::decode(body.bytes())->name, "name");
}

TEST(Execute, Decoder) {
  check_decoder<Execute>("c1\0\0\0\0\x64"sv);
  check_decoder<Execute>("\0\0\0\0\0"sv);
  const ExactCopy body("c1\0\0\0\0\x64"sv);
  EXPECT_EQ(Execute::decode(body.bytes())->portal, "c1");
  EXPECT_EQ(Execute::decode(body.bytes())->max_rows, 100);
}

TEST(Flush, Decoder) {
  check_decoder<Flush>("");
}

TEST(FunctionCall, Decoder) {
  constexpr std::string_view body = "\0\0\3\xb9\0\1\0\1\0\2\0\0\0\4abcd\xff\xff\xff\xff\0\1"sv;
  check_decoder<FunctionCall>(body);
  const ExactCopy copy(body);
  const auto call = FunctionCall::decode(copy.bytes());
  ASSERT_TRUE(call);
  EXPECT_EQ(call->function_oid, 953u);
  EXPECT_EQ(call->arguments.size(), 2u);
  EXPECT_EQ(as_text((*call->arguments.begin()).value()), "abcd");
  EXPECT_EQ(call->result_format, 1);
  EXPECT_EQ(error_of<FunctionCall>(with_count16(body, 8, 0xffff)), DecodeError::bad_length);
}

TEST(Parse, Decoder) {
  constexpr std::string_view body = "s1\0SELECT $1\0\0\2\0\0\0\x17\0\0\0\0"sv;
  check_decoder<Parse>(body);
  check_decoder<Parse>("\0\0\0\0"sv);
  const ExactCopy copy(body);
  const auto parse = Parse::decode(copy.bytes());
  ASSERT_TRUE(parse);
  EXPECT_EQ(parse->statement, "s1");
  EXPECT_EQ(parse->query, "SELECT $1");
  EXPECT_EQ(*parse->parameter_types.begin(), 23u);
  EXPECT_EQ(error_of<Parse>(with_count16(body, 13, 0xffff)), DecodeError::bad_length);
}

TEST(Query, Decoder) {
  check_decoder<Query>("SELECT 1\0"sv);
  check_decoder<Query>("\0"sv);
  // What stands behind the first NUL was not looked at, so it must not go along.
  EXPECT_EQ(error_of<Query>("SELECT 1\0DROP TABLE t\0"sv), DecodeError::trailing_bytes);
  EXPECT_EQ(error_of<Query>("SELECT 1"sv), DecodeError::unterminated_string);
}

TEST(Sync, Decoder) {
  check_decoder<Sync>("");
}

TEST(Terminate, Decoder) {
  check_decoder<Terminate>("");
}

}  // namespace
}  // namespace dbgate::protocol::frontend
