#include "gateway/session/bind_records.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "gateway/audit/chain.h"
#include "protocol/postgres/frame.h"
#include "protocol/postgres/frontend_messages.h"

namespace dbgate::session {
namespace {

using Texts = std::vector<std::optional<std::string>>;

std::string bind_body(const Texts& texts, const std::vector<std::int16_t>& formats) {
  std::vector<protocol::Value> values;
  for (const auto& text : texts)
    values.push_back(text ? protocol::Value(protocol::as_bytes(*text)) : protocol::Value());
  std::string format_storage;
  std::string value_storage;
  protocol::frontend::Bind bind;
  bind.parameter_formats = protocol::Repeated<std::int16_t>::lay_out(formats, format_storage);
  bind.parameters = protocol::Repeated<protocol::Value>::lay_out(values, value_storage);
  return protocol::encoded(bind).substr(protocol::MessageHeader::bytes);
}

std::string recorded(BindRecords& records, const Texts& texts, const std::vector<std::int16_t>& formats = {}) {
  records.take(protocol::as_bytes(bind_body(texts, formats)));
  return std::string(parameters_in(records.latest()));
}

TEST(BindRecords, ValuesByTheirFormats) {
  BindRecords records(ParameterRecord::values);
  EXPECT_EQ(recorded(records, {}), "");
  EXPECT_EQ(recorded(records, {"1"}), R"(["1"])");
  EXPECT_EQ(recorded(records, {"a\"b", std::nullopt, ""}), R"(["a\"b",null,""])");
  const std::string binary("\x00\x0f\xff", 3);
  EXPECT_EQ(recorded(records, {binary}, {1}), R"([{"hex":"000fff"}])");
  EXPECT_EQ(recorded(records, {"a", std::nullopt, "b"}, {1}), R"([{"hex":"61"},null,{"hex":"62"}])");
  EXPECT_EQ(recorded(records, {"a", "b", "c"}, {1, 0, 1}), R"([{"hex":"61"},"b",{"hex":"63"}])");
  EXPECT_EQ(recorded(records, {"a", "b", "c"}, {0, 1}), R"(["a",{"hex":"62"},"c"])") << "the server refuses it";
}

TEST(BindRecords, LongValuesAndHashes) {
  BindRecords values(ParameterRecord::values);
  const auto hash_of = [](const std::string& text) {
    return R"({"sha256":")" + audit::sha256_hex(text) + R"(","bytes":)" + std::to_string(text.size()) + "}";
  };
  const std::string longest(4096, 'x');
  EXPECT_EQ(recorded(values, {longest}), "[\"" + longest + "\"]");
  EXPECT_EQ(recorded(values, {longest + "y", "z"}), "[" + hash_of(longest + "y") + ",\"z\"]");
  BindRecords hashes(ParameterRecord::hashes);
  EXPECT_EQ(recorded(hashes, {"one", std::nullopt}), "[" + hash_of("one") + ",null]");
}

TEST(BindRecords, WhatWasTakenStays) {
  BindRecords records(ParameterRecord::values);
  EXPECT_EQ(recorded(records, {"a"}), R"(["a"])");
  const auto first = records.latest();
  EXPECT_EQ(recorded(records, {"b"}), R"(["b"])");
  EXPECT_EQ(parameters_in(first), R"(["a"])");
  EXPECT_EQ(recorded(records, {}), "");
  EXPECT_EQ(parameters_in(first), R"(["a"])");
}

TEST(BindRecords, WhatIsNoBind) {
  BindRecords records(ParameterRecord::values);
  EXPECT_EQ(recorded(records, {"a"}), R"(["a"])");
  const std::string body = bind_body({"a"}, {});
  for (std::size_t length = 0; length < body.size(); ++length) {
    records.take(protocol::as_bytes(body.substr(0, length)));
    EXPECT_EQ(parameters_in(records.latest()), "") << length;
  }
}

TEST(BindRecords, InParts) {
  BindRecords records(ParameterRecord::values);
  const std::string body(100'000, 'x');
  records.begin(protocol::as_bytes(body).first(10), body.size());
  const auto taken = records.latest();
  EXPECT_TRUE(records.streaming());
  records.more(protocol::as_bytes(body).subspan(10, 50'000), body.size() - 50'010);
  records.more(protocol::as_bytes(body).subspan(50'010), 0);
  EXPECT_FALSE(records.streaming());
  EXPECT_EQ(parameters_in(taken), R"({"sha256":")" + audit::sha256_hex(body) + R"(","bytes":100000})");
}

// What has to be looked at as a whole comes again when all of it is there.
TEST(BindRecords, WholeAfterItsBeginning) {
  BindRecords records(ParameterRecord::values);
  const std::string body = bind_body({"a"}, {});
  records.begin(protocol::as_bytes(body).first(2), body.size());
  EXPECT_TRUE(records.streaming());
  EXPECT_EQ(recorded(records, {"a"}), R"(["a"])");
  EXPECT_FALSE(records.streaming());
}

}  // namespace
}  // namespace dbgate::session
