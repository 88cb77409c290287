#include "gateway/session/read_batch.h"

#include <gtest/gtest.h>

#include <memory>

#include "protocol/postgres/field_writer.h"

namespace dbgate::session {
namespace {

namespace frontend = protocol::frontend;

std::string parse(std::string_view name = {}) {
  return protocol::encoded(frontend::Parse{name, "SELECT $1", {}});
}
std::string bind(std::string_view portal = {}, std::string_view name = {}) {
  std::string message;
  protocol::FieldWriter writer(message);
  writer.begin_message('B');
  writer.string(portal);
  writer.string(name);
  message.append("\0\0\0\1\0\0\0\2ab\0\0", 12);  // no formats, one value, no formats
  writer.end_message();
  return message;
}
std::string describe(frontend::NameKind kind = frontend::NameKind::portal) {
  return protocol::encoded(frontend::Describe{kind, {}});
}
std::string execute(std::int32_t rows = 0) {
  return protocol::encoded(frontend::Execute{{}, rows});
}
const std::string sync = protocol::encoded(frontend::Sync{});

/// In a buffer of exactly that size, so that a sanitizer sees one byte too many.
std::size_t bytes_of(const std::string& input) {
  const auto exact = std::make_unique<std::byte[]>(input.size());
  std::copy(input.begin(), input.end(), reinterpret_cast<char*>(exact.get()));
  const auto batch = ReadBatch::read({exact.get(), input.size()});
  return batch ? batch->bytes : 0;
}

TEST(ReadBatch, WhatItConsistsOf) {
  const std::string input = parse() + bind() + describe() + execute() + sync;
  const auto batch = ReadBatch::read(protocol::as_bytes(input));
  ASSERT_TRUE(batch);
  ASSERT_TRUE(batch->parse);
  EXPECT_EQ(batch->parse->query, "SELECT $1");
  EXPECT_TRUE(batch->described);
  EXPECT_EQ(batch->values, std::string_view("\0\0\0\1\0\0\0\2ab\0\0", 12));
  EXPECT_EQ(batch->bytes, input.size());
  const std::string named = bind("", "name") + execute() + sync + "and what comes next";
  const auto other = ReadBatch::read(protocol::as_bytes(named));
  ASSERT_TRUE(other);
  EXPECT_FALSE(other->parse);
  EXPECT_FALSE(other->described);
  EXPECT_EQ(other->statement, "name");
  EXPECT_EQ(other->values, batch->values);
  EXPECT_EQ(other->bytes, named.size() - 19);
}

TEST(ReadBatch, NotBeforeAllOfItIsThere) {
  const std::string input = parse() + bind() + describe() + execute() + sync;
  for (std::size_t size = 0; size < input.size(); ++size)
    EXPECT_EQ(bytes_of(input.substr(0, size)), 0u) << size;
  EXPECT_EQ(bytes_of(input), input.size());
  EXPECT_EQ(bytes_of(input + input), input.size());
}

TEST(ReadBatch, OtherShapes) {
  for (const std::string& input :
       {parse("named") + bind("", "named") + execute() + sync, parse() + bind("", "named") + execute() + sync,
        bind("portal") + execute() + sync, bind() + describe(frontend::NameKind::prepared_statement) + execute() + sync,
        bind() + execute(1) + sync, bind() + execute() + execute() + sync, bind() + sync, parse() + sync,
        bind() + bind() + execute() + sync, bind() + describe() + describe() + execute() + sync, execute() + sync, sync,
        bind() + execute() + protocol::encoded(frontend::Flush{}) + sync, std::string("P\0\0\0\0", 5),
        std::string("B\xff\xff\xff\xff\0\0", 7)}) {
    EXPECT_EQ(bytes_of(input), 0u) << input;
  }
}

}  // namespace
}  // namespace dbgate::session
