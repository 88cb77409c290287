#include "gateway/audit/chain.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "gateway/audit/json.h"

namespace dbgate::audit {
namespace {

const std::string zeros(64, '0');

std::string fields(std::string_view text) {
  std::string out;
  append_field(out, "db.query.text", text);
  return out;
}

TEST(Sha256Hex, KnownAnswers) {
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Chain, SealsWhatItReads) {
  Chain chain("w0");
  std::string out = "what stood in the buffer before";
  const std::size_t start = out.size();
  chain.seal(out, "statement.decided", fields("SELECT 'a\nb', \"c\" \xff"));
  const std::string line = out.substr(start);
  ASSERT_EQ(line.find('\n'), line.size() - 1);
  const SealedLine sealed = read_sealed(line);
  ASSERT_TRUE(sealed.valid);
  EXPECT_EQ(sealed.sequence, 1u);
  EXPECT_EQ(sealed.chain, "w0");
  EXPECT_EQ(sealed.prev_hash, zeros);
  EXPECT_EQ(sealed.hash, chain.hash());
  EXPECT_EQ(sha256_hex(sealed.covered), chain.hash());
  // The recipe of the manual: everything in front of ,"hash":
  EXPECT_EQ(sealed.covered, std::string_view(line).substr(0, line.rfind(",\"hash\":")));
  const boost::json::object record = boost::json::parse(line).as_object();
  EXPECT_EQ(record.at("v").as_int64(), 1);
  EXPECT_EQ(record.at("seq").as_int64(), 1);
  EXPECT_EQ(record.at("event").as_string(), "statement.decided");
  EXPECT_EQ(record.at("db.query.text").as_string(), "SELECT 'a\nb', \"c\" \xef\xbf\xbd");
  EXPECT_EQ(read_sealed(line.substr(0, line.size() - 1)).valid, true);  // as getline gives it
}

// What is hashed once ends anywhere within a block of the hash, and stands for as many records as one likes.
TEST(Chain, WhatRecordsStartWithIsPartOfTheirHash) {
  Chain chain("w0");
  for (std::size_t length = 0; length < 3 * Sha256::block_bytes; ++length) {
    const RecordStart start = chain.start("statement.decided", fields(std::string(length, 'x')));
    EXPECT_EQ(start.event(), "statement.decided");
    EXPECT_EQ(start.fields(), fields(std::string(length, 'x')));
    for (const std::string_view more : {"", ",\"a\":1"}) {
      std::string line;
      chain.seal(line, start, more);
      const SealedLine sealed = read_sealed(line);
      ASSERT_TRUE(sealed.valid);
      EXPECT_EQ(sha256_hex(sealed.covered), sealed.hash);
      EXPECT_EQ(sealed.sequence, chain.sequence());
      EXPECT_TRUE(sealed.covered.starts_with(start.text()));
      EXPECT_NE(sealed.covered.find(more), std::string_view::npos);
      EXPECT_TRUE(boost::json::parse(line).is_object());
    }
  }
}

TEST(Chain, EachRecordNamesTheOneBefore) {
  Chain chain("w0");
  std::string before = zeros;
  for (std::uint64_t i = 1; i <= 3; ++i) {
    std::string line;
    chain.seal(line, "e", "");
    const SealedLine sealed = read_sealed(line);
    ASSERT_TRUE(sealed.valid);
    EXPECT_EQ(sealed.sequence, i);
    EXPECT_EQ(sealed.prev_hash, before);
    before = sealed.hash;
  }
  EXPECT_EQ(chain.sequence(), 3u);
}

TEST(Chain, ResumesBehindARecord) {
  Chain chain("w0");
  chain.resume(41, std::string(64, 'a'));
  std::string line;
  chain.seal(line, "e", "");
  const SealedLine sealed = read_sealed(line);
  EXPECT_EQ(sealed.sequence, 42u);
  EXPECT_EQ(sealed.prev_hash, std::string(64, 'a'));
}

// A client chooses the text of a statement; it must not be able to write the keys that verification reads.
TEST(Chain, TextsCannotPassForKeys) {
  Chain chain("w0");
  std::string line;
  const std::string forged = R"(x","chain":"w9","seq":77,"prev_hash":")" + zeros + R"(","hash":")" + zeros + "\"}";
  chain.seal(line, "e", fields(forged));
  const SealedLine sealed = read_sealed(line);
  ASSERT_TRUE(sealed.valid);
  EXPECT_EQ(sealed.chain, "w0");
  EXPECT_EQ(sealed.sequence, 1u);
  EXPECT_EQ(sealed.hash, chain.hash());
  EXPECT_EQ(boost::json::parse(line).as_object().at("db.query.text").as_string(), forged);
}

// Nothing that differs in a byte counts as the same record, and no prefix counts as a record.
TEST(Chain, Damage) {
  Chain chain("w0");
  std::string line;
  chain.seal(line, "e", fields("SELECT 1"));
  line.pop_back();
  for (std::size_t length = 0; length < line.size(); ++length)
    EXPECT_FALSE(read_sealed(line.substr(0, length)).valid) << length;
  for (std::size_t at = 0; at < line.size(); ++at) {
    for (int bits = 1; bits < 256; ++bits) {
      std::string damaged = line;
      damaged[at] = static_cast<char>(static_cast<unsigned char>(line[at]) ^ bits);
      const SealedLine sealed = read_sealed(damaged);
      EXPECT_FALSE(sealed.valid && sha256_hex(sealed.covered) == sealed.hash) << damaged;
    }
  }
  for (const std::string& other : {line + " ", line + "\n\n", " " + line, line + line, std::string(), std::string("{}"),
                                   std::string(R"({"v":1,"hash":""})"), R"({"v":1,)" + std::string(300, 'x') + "\"}"})
    EXPECT_FALSE(read_sealed(other).valid && sha256_hex(read_sealed(other).covered) == read_sealed(other).hash)
        << other;
}

}  // namespace
}  // namespace dbgate::audit
