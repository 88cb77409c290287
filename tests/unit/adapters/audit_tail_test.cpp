#include "tests/unit/adapters/audit_tail_lab.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "tests/support/full_disk.h"

// Records between their acceptance and their segment.
namespace dbgate::adapters {
namespace {

using audit::verify_directory;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using tests::FullDisk;

TEST_F(AuditTailTest, ACommitIsInTheTailAndThenInTheSegment) {
  const auto log = open();
  auto w0 = chain(*log);
  std::string fields;
  ASSERT_TRUE(w0->append("e", fields));
  EXPECT_THAT(lines_of(tail_), IsEmpty()) << "not accepted yet";
  ASSERT_TRUE(w0->commit());
  write(*w0, "b");
  EXPECT_THAT(lines_of(tail_), SizeIs(2));
  EXPECT_EQ(read_file(segment(1)), "");
  EXPECT_EQ(records(), 2u);
  EXPECT_THAT(problems(), IsEmpty());
  ASSERT_TRUE(w0->write_out());
  EXPECT_THAT(lines_of(tail_), IsEmpty());
  const std::string text = read_file(segment(1));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2);
  EXPECT_EQ(records(), 2u);
  ASSERT_TRUE(w0->append("e", fields));
  ASSERT_TRUE(w0->write_out());
  EXPECT_EQ(records(), 3u) << "it commits, too";
  write(*w0, "d");
  w0.reset();
  EXPECT_FALSE(std::filesystem::exists(tail_));
  EXPECT_EQ(records(), 4u);
  EXPECT_THAT(problems(), IsEmpty());
}

TEST_F(AuditTailTest, IsForStatementsThatNeedNotBeFlushed) {
  options_.sync = true;
  const auto log = open();
  const auto w0 = chain(*log);
  write(*w0, "a");
  EXPECT_FALSE(std::filesystem::exists(tail_));
  EXPECT_THAT(read_file(segment(1)), HasSubstr("\"a\""));
}

TEST_F(AuditTailTest, MoreThanItHolds) {
  options_.segment_bytes = 100'000;
  const auto log = open();
  auto w0 = chain(*log);
  const std::string large(300'000, 'x');
  std::vector<std::string> expected;
  for (int i = 0; i < 2000; ++i) {
    expected.push_back(i % 500 == 77 ? large : std::to_string(i));
    write(*w0, expected.back());
  }
  EXPECT_EQ(texts(), expected);
  EXPECT_THAT(problems(), IsEmpty());
  w0.reset();
  EXPECT_EQ(texts(), expected);
  EXPECT_THAT(problems(), IsEmpty());
}

// At every place: before anything is in the segment, half-way through a line, when all of it is.
// A machine that crashed may have written the header and not the lines.
// Two reads of a log that grows: each record once, from wherever it comes first.
TEST_F(AuditTailTest, IsReadOnce) {
  const auto log = open();
  const auto w0 = chain(*log);
  audit::LogReader reader(directory_.path());
  write(*w0, "a");
  EXPECT_THAT(texts_of(reader), ElementsAre("a"));
  EXPECT_THAT(texts_of(reader), IsEmpty());
  ASSERT_TRUE(w0->write_out());
  EXPECT_THAT(texts_of(reader), IsEmpty());
  write(*w0, "b");
  ASSERT_TRUE(w0->write_out());
  write(*w0, "c");
  EXPECT_THAT(texts_of(reader), ElementsAre("b", "c"));
  ASSERT_TRUE(w0->write_out());
  write(*w0, "d");
  EXPECT_THAT(texts_of(reader), ElementsAre("d"));
}

// Whoever reads while it is written to finds a whole log, and every record once.
TEST_F(AuditTailTest, IsReadWhileItIsWritten) {
  options_.segment_bytes = 3 << 20;
  const auto log = open();
  auto w0 = chain(*log);
  write(*w0, "0");
  std::atomic<bool> enough{false};
  std::thread writer([&] {
    for (int i = 1; !enough; ++i)
      write(*w0, std::to_string(i) + std::string(i % 3 == 0 ? 2000 : 20, ' '));
  });
  audit::LogReader reader(directory_.path());
  int next = 0;
  std::vector<std::string> problems;
  // Until the tail has been written out some times under the eyes of the readers.
  for (int reads = 0; problems.empty() && (reads < 40 || !std::filesystem::exists(segment(2))); ++reads) {
    for (const std::string& text : texts_of(reader)) {
      if (std::stoi(text) != next++) problems.push_back("read " + text);
    }
    if (reads % 8 == 0) problems = verify_directory(directory_.path()).problems;
  }
  enough = true;
  writer.join();
  EXPECT_THAT(problems, IsEmpty());
}

TEST_F(AuditTailTest, AFullDisk) {
  const auto log = open();
  auto w0 = chain(*log);
  write(*w0, "a");
  ASSERT_TRUE(w0->write_out());
  const std::size_t size = read_file(segment(1)).size();
  {
    const FullDisk full(size + 50);
    write(*w0, "b");  // there is room in the tail
    const auto failed = w0->write_out();
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code().text(), "58030");
    EXPECT_FALSE(w0->append("e", ""));
    EXPECT_FALSE(w0->commit());
    EXPECT_EQ(read_file(segment(1)).size(), size + 50);
    EXPECT_THAT(problems(), IsEmpty()) << "what was accepted is there";
  }
  ASSERT_TRUE(w0->write_out());
  write(*w0, "c");
  EXPECT_THAT(texts(), ElementsAre("a", "b", "-", "c"));
  w0.reset();
  EXPECT_THAT(texts(), ElementsAre("a", "b", "-", "c"));
  EXPECT_THAT(problems(), IsEmpty());
}

TEST_F(AuditTailTest, AFullDiskAtTheEnd) {
  {
    const auto log = open();
    auto w0 = chain(*log);
    const FullDisk full(10);
    write(*w0, "a");
    w0.reset();
  }
  EXPECT_THAT(lines_of(tail_), SizeIs(1)) << "accepted, so not lost";
  EXPECT_THAT(problems(), IsEmpty());
  {
    const FullDisk full(10);
    const auto log = open_file_audit(options_);
    ASSERT_FALSE(log);
    EXPECT_EQ(log.error().code().text(), "58030");
    EXPECT_THAT(lines_of(tail_), SizeIs(1));
  }
  const auto log = open();
  EXPECT_THAT(texts(), ElementsAre("a"));
  EXPECT_THAT(problems(), IsEmpty());
}

TEST_F(AuditTailTest, AFullDiskAtTheStart) {
  const FullDisk full(1000);
  const auto log = open();
  const auto refused = log->open_chain("w0", Pace::steady);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code().text(), "58030");
  EXPECT_THAT(refused.error().message(), HasSubstr("cannot write " + tail_));
}

// Somebody cuts the tail short under a running process: it goes on without, or refuses.
TEST_F(AuditTailTest, IsTakenAway) {
  const auto log = open();
  auto w0 = chain(*log);
  std::filesystem::resize_file(tail_, 0);
  write(*w0, "a");
  write(*w0, "b");
  EXPECT_THAT(texts(), ElementsAre("a", "b"));
  EXPECT_THAT(problems(), IsEmpty());
}

TEST_F(AuditTailTest, IsTakenAwayWithRecordsInIt) {
  const auto log = open();
  auto w0 = chain(*log);
  write(*w0, "a");
  std::filesystem::resize_file(tail_, 0);
  ASSERT_TRUE(w0->append("e", ""));
  const auto failed = w0->commit();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code().text(), "58030");
  EXPECT_FALSE(w0->append("e", ""));
}

// A process that writes as fast as it can is killed somewhere. All that it was told to be accepted is there.
}  // namespace

// A handover: the process before still writes its chains, in the same directory and under the same lock.
TEST_F(AuditTailTest, TheNextProcessLeavesTheTailsOfTheOneBeforeAlone) {
  const auto lock = lock_file_audit(options_);
  ASSERT_TRUE(lock);
  options_.lock = *lock;
  const auto before = open();
  auto old_chain = chain(*before);
  write(*old_chain, "one");
  options_.shares = true;
  options_.chain_suffix = ".1";
  const auto after = open();
  auto new_chain = chain(*after);
  write(*new_chain, "three");
  write(*old_chain, "two");
  EXPECT_EQ(audit::read_tail(audit::tail_path(directory_.path(), "w0"), "w0").lines.size(), 2u);
  EXPECT_EQ(audit::read_tail(audit::tail_path(directory_.path(), "w0.1"), "w0.1").lines.size(), 1u);
  old_chain.reset();
  new_chain.reset();
  const auto verified = audit::verify_directory(directory_.path());
  EXPECT_TRUE(verified.problems.empty());
  EXPECT_EQ(verified.records, 3u);
}

}  // namespace dbgate::adapters
