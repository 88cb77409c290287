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

std::string recorded(BindRecords& records, const Texts& texts, const std::vector<std::int16_t>& formats = {},
                     std::string_view portal = "") {
  records.take(portal, protocol::as_bytes(bind_body(texts, formats)));
  return std::string(records.of(portal));
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

TEST(BindRecords, ByPortal) {
  BindRecords records(ParameterRecord::values);
  EXPECT_EQ(recorded(records, {"a"}, {}, "p"), R"(["a"])");
  EXPECT_EQ(recorded(records, {"b"}, {}, ""), R"(["b"])");
  EXPECT_EQ(records.of("p"), R"(["a"])");
  EXPECT_EQ(recorded(records, {"c"}, {}, "p"), R"(["c"])") << "bound anew";
  EXPECT_EQ(records.of("other"), "");
  records.forget_named();
  EXPECT_EQ(records.of("p"), "");
  EXPECT_EQ(records.of(""), R"(["b"])");
}

TEST(BindRecords, WhatIsNoBind) {
  BindRecords records(ParameterRecord::values);
  EXPECT_EQ(recorded(records, {"a"}), R"(["a"])");
  const std::string body = bind_body({"a"}, {});
  for (std::size_t length = 0; length < body.size(); ++length) {
    records.take("", protocol::as_bytes(body.substr(0, length)));
    EXPECT_EQ(records.of(""), "") << length;
  }
}

TEST(BindRecords, InParts) {
  BindRecords records(ParameterRecord::values);
  const std::string body(100'000, 'x');
  records.begin("p", protocol::as_bytes(body).first(10), body.size());
  EXPECT_TRUE(records.streaming());
  records.more(protocol::as_bytes(body).subspan(10, 50'000), body.size() - 50'010);
  records.more(protocol::as_bytes(body).subspan(50'010), 0);
  EXPECT_FALSE(records.streaming());
  EXPECT_EQ(records.of("p"), R"({"sha256":")" + audit::sha256_hex(body) + R"(","bytes":100000})");
}

}  // namespace
}  // namespace dbgate::session
