#include "gateway/adapters/segment_archive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <random>

#include "gateway/audit/log_reader.h"
#include "gateway/audit/segment.h"
#include "gateway/audit/verify.h"
#include "gateway/proof/entries.h"
#include "tests/unit/proof/written_log.h"

namespace dbgate::adapters {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::atomic<bool> never{false};
namespace fs = std::filesystem;

// Two closed segments of several frames each, and one that grows.
class Archive : public ::testing::Test {
 protected:
  void SetUp() override {
    for (int i = 0; i < 2; ++i) {
      for (int n = 0; n < 12; ++n)
        log_.append("w0", "admin.change", ",\"object\":\"" + noise(40'000) + "\"");
      log_.turn("w0");
    }
    log_.add("w0", 3);
  }
  std::string noise(std::size_t bytes) {
    std::string text;
    while (text.size() < bytes)
      text += std::to_string(random_());
    return text;
  }
  std::string path(unsigned number) { return audit::segment_path(log_.directory(), "w0", number); }
  std::string packed(unsigned number) { return path(number) + ".zst"; }
  std::vector<std::string> problems() { return audit::verify_directory(log_.directory()).problems; }
  std::vector<std::string> lines() {
    std::vector<std::string> all;
    EXPECT_TRUE(audit::LogReader(log_.directory()).more([&](const std::string& line) { all.push_back(line); }));
    return all;
  }
  std::vector<std::string> entries() {
    std::vector<std::string> all;
    proof::Entries entries(log_.directory(), "w0", {});
    for (auto entry = entries.next(); entry && *entry; entry = entries.next())
      all.emplace_back((*entry)->line);
    return all;
  }

  proof::WrittenLog log_;
  std::minstd_rand random_{1};
};

TEST_F(Archive, EveryReaderSeesWhatWasWritten) {
  const auto before = lines();
  const std::string text = proof::read_file(path(1));
  const auto bytes = compress_segment(path(1), never);
  ASSERT_TRUE(bytes) << bytes.error().message();
  EXPECT_EQ(*bytes, fs::file_size(packed(1)));
  EXPECT_LT(*bytes, text.size());
  EXPECT_FALSE(fs::exists(path(1)));
  EXPECT_THAT(problems(), IsEmpty());
  EXPECT_EQ(lines(), before);
  EXPECT_EQ(entries(), before);
  audit::SegmentSizes sizes;
  EXPECT_EQ(*sizes.of(path(1)), text.size());
  EXPECT_EQ(*sizes.of(path(1)), text.size()) << "from memory";
  for (int i = 0; i < 200; ++i) {
    const std::size_t start = random_() % (text.size() + 10);
    const std::size_t count = random_() % 300'000;
    const auto part = audit::read_part(path(1), start, count);
    ASSERT_TRUE(part);
    EXPECT_EQ(*part, start < text.size() ? text.substr(start, count) : "");
  }
  const auto last = audit::last_line(path(1), 0, text.size());
  ASSERT_TRUE(last);
  EXPECT_EQ(last->end, text.size());
  EXPECT_EQ(last->line, before[11]);
}

TEST_F(Archive, AReaderGoesOnInACompressedSegment) {
  proof::Entries entries(log_.directory(), "w0", {});
  audit::LogReader reader(log_.directory());
  std::size_t read = 0;
  ASSERT_TRUE(reader.more([&read](const std::string&) { ++read; }));
  for (int i = 0; i < 5; ++i)
    ASSERT_TRUE(*entries.next());
  const proof::Place place = entries.place();
  ASSERT_TRUE(compress_segment(path(1), never));
  ASSERT_TRUE(compress_segment(path(2), never));
  ASSERT_TRUE(reader.more([&read](const std::string&) { ++read; }));
  EXPECT_EQ(read, 27U) << "each once";
  proof::Entries again(log_.directory(), "w0", place);
  for (std::uint64_t sequence = 6; sequence <= 27; ++sequence) {
    EXPECT_EQ((*entries.next())->sequence(), sequence) << "of the plain file, which it has open";
    EXPECT_EQ((*again.next())->sequence(), sequence);
  }
}

TEST_F(Archive, WhatACrashLeavesIsWhole) {
  const std::string text = proof::read_file(path(1));
  ASSERT_TRUE(compress_segment(path(1), never));
  const std::string compressed = proof::read_file(packed(1));
  // Between the new name and the end of the old one; the plain file counts, whatever the other has.
  for (const std::string& other : {compressed, compressed.substr(0, 100), std::string()}) {
    proof::write_file(path(1), text);
    proof::write_file(packed(1), other);
    EXPECT_THAT(problems(), IsEmpty());
    EXPECT_EQ(lines().size(), 27U) << "none twice";
    ASSERT_TRUE(compress_segment(path(1), never));
    EXPECT_FALSE(fs::exists(path(1)));
    EXPECT_EQ(proof::read_file(packed(1)), compressed);
  }
  // While it is written.
  proof::write_file(path(2) + ".zst.new", compressed.substr(0, 5000));
  EXPECT_THAT(problems(), IsEmpty());
  ASSERT_TRUE(compress_segment(path(2), never));
  EXPECT_FALSE(fs::exists(path(2) + ".zst.new"));
  EXPECT_THAT(problems(), IsEmpty());
}

TEST_F(Archive, IsLeftAsItIsWhenStopped) {
  const std::atomic<bool> stopped{true};
  const auto bytes = compress_segment(path(1), stopped);
  ASSERT_TRUE(bytes);
  EXPECT_EQ(*bytes, 0U);
  EXPECT_TRUE(fs::exists(path(1)));
  EXPECT_FALSE(fs::exists(path(1) + ".zst.new"));
}

TEST_F(Archive, WhatIsCompressedOrEmptyStaysSo) {
  ASSERT_TRUE(compress_segment(path(1), never));
  EXPECT_EQ(*compress_segment(path(1), never), 0U);
  log_.turn("w0");
  EXPECT_EQ(*compress_segment(path(4), never), 0U);
  EXPECT_TRUE(fs::exists(path(4)));
}

TEST_F(Archive, EveryDamageIsFound) {
  ASSERT_TRUE(compress_segment(path(1), never));
  const std::string good = proof::read_file(packed(1));
  for (std::size_t at = 0; at<good.size(); at += at> good.size() - 200 ? 1 : 997) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x10);
    proof::write_file(packed(1), bad);
    EXPECT_THAT(problems(), testing::Not(IsEmpty())) << "byte " << at;
  }
  for (std::size_t length = 0; length < good.size(); length += 997) {
    proof::write_file(packed(1), good.substr(0, length));
    EXPECT_THAT(problems(), testing::Not(IsEmpty())) << "cut to " << length;
    EXPECT_FALSE(audit::Segment::open(path(1)));
  }
  proof::write_file(packed(1), good + good);
  EXPECT_THAT(problems(), testing::Not(IsEmpty()));
  proof::write_file(packed(1), "");
  EXPECT_THAT(problems(), testing::Contains(HasSubstr("it has no seek table")));
  EXPECT_FALSE(audit::LogReader(log_.directory()).more([](const std::string&) {})) << "says so";
  proof::write_file(packed(1), good);
  EXPECT_THAT(problems(), IsEmpty());
}

TEST_F(Archive, SegmentsAreListedOnceByWhateverForm) {
  ASSERT_TRUE(compress_segment(path(1), never));
  proof::write_file(packed(3), "");
  std::vector<std::pair<std::uint64_t, bool>> found;
  for (const audit::SegmentFile& file : audit::list_segments(log_.directory()))
    found.emplace_back(file.number, file.plain);
  EXPECT_THAT(found, ElementsAre(std::pair(1, false), std::pair(2, true), std::pair(3, true)));
}

TEST_F(Archive, RemovesAllForms) {
  ASSERT_TRUE(compress_segment(path(1), never));
  for (const std::string& name : {path(1), path(1) + ".zst.new", path(1) + ".torn"})
    proof::write_file(name, "x");
  ASSERT_TRUE(remove_segment(path(1)));
  for (const auto& entry : fs::directory_iterator(log_.directory()))
    EXPECT_THAT(entry.path().string(), testing::Not(HasSubstr("000001")));
  EXPECT_TRUE(remove_segment(path(1))) << "as often as one likes";
}

}  // namespace
}  // namespace dbgate::adapters
