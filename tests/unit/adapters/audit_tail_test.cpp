#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <map>
#include <random>
#include <thread>

#include "gateway/adapters/file_audit.h"
#include "gateway/adapters/tail_file.h"
#include "gateway/audit/chain.h"
#include "gateway/audit/json.h"
#include "gateway/audit/log_reader.h"
#include "gateway/audit/tail.h"
#include "gateway/audit/verify.h"
#include "tests/support/temp_directory.h"

// Records between their acceptance and their segment.
namespace dbgate::adapters {
namespace {

using audit::verify_directory;
using ports::AuditChain;
using ports::AuditLog;
using ports::Pace;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using tests::read_file;
using tests::TempDirectory;
using tests::write_file;

std::vector<std::string> lines_of(const std::string& path) {
  return audit::read_tail(path, "w0").lines;
}

class AuditTailTest : public testing::Test {
 protected:
  std::unique_ptr<AuditLog> open() {
    auto log = open_file_audit(options_);
    EXPECT_TRUE(log) << log.error().message();
    return log ? std::move(*log) : nullptr;
  }
  static std::unique_ptr<AuditChain> chain(AuditLog& log, Pace pace = Pace::steady) {
    auto opened = log.open_chain("w0", pace);
    EXPECT_TRUE(opened);
    return opened ? std::move(*opened) : nullptr;
  }
  static void write(AuditChain& chain, std::string_view text) {
    std::string fields;
    audit::append_field(fields, "text", text);
    EXPECT_TRUE(chain.append("e", fields));
    EXPECT_TRUE(chain.commit());
  }
  std::string segment(int number) const {
    return directory_.file("audit-w0-00000" + std::to_string(number) + ".jsonl");
  }
  // What a process leaves that is killed: its files as they are now.
  void crash(std::unique_ptr<AuditChain>& chain) {
    std::map<std::string, std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(directory_.path())) {
      if (entry.is_regular_file()) files[entry.path()] = read_file(entry.path());
    }
    chain.reset();
    for (const auto& entry : std::filesystem::directory_iterator(directory_.path())) {
      if (entry.is_regular_file() && !files.contains(entry.path())) std::filesystem::remove(entry.path());
    }
    for (const auto& [path, content] : files)
      write_file(path, content);
  }
  std::vector<std::string> problems() const { return verify_directory(directory_.path()).problems; }
  std::uint64_t records() const { return verify_directory(directory_.path()).records; }
  // What a reader of the log sees of the texts that were written.
  std::vector<std::string> texts() const {
    audit::LogReader reader(directory_.path());
    return texts_of(reader);
  }
  static std::vector<std::string> texts_of(audit::LogReader& reader) {
    std::vector<std::string> texts;
    reader.more([&](const std::string& line) {
      constexpr std::string_view key = "\"text\":\"";
      const std::size_t at = line.find(key);
      if (at == std::string::npos) return texts.push_back("-");
      const std::size_t start = at + key.size();
      texts.push_back(line.substr(start, line.find('"', start) - start));
    });
    return texts;
  }

  TempDirectory directory_;
  const std::string tail_ = directory_.file("audit-w0.tail");
  FileAuditOptions options_{.directory = directory_.path()};
};

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
TEST_F(AuditTailTest, ACrashWhileItIsWrittenOut) {
  std::string accepted;
  {
    const auto log = open();
    const auto w0 = chain(*log);
    write(*w0, "a");
    ASSERT_TRUE(w0->write_out());
    for (const char* text : {"b", "c", "d"})
      write(*w0, text);
    for (const std::string& line : lines_of(tail_))
      accepted += line + "\n";
  }
  const std::string whole = read_file(segment(1));
  for (std::size_t length = whole.size() - accepted.size(); length <= whole.size(); length += 11) {
    const TempDirectory other;
    options_.directory = other.path();
    const std::string first = other.file("audit-w0-000001.jsonl");
    {
      const auto log = open();
      auto w0 = chain(*log);
    }
    write_file(first, whole.substr(0, length));
    const auto tail = TailFile::create(other.file("audit-w0.tail"));
    ASSERT_TRUE(tail);
    ASSERT_TRUE((*tail)->take(accepted));
    const auto before = verify_directory(other.path());
    ASSERT_THAT(before.problems, IsEmpty()) << length;
    ASSERT_EQ(before.records, 4u);
    {
      const auto log = open();
      const auto w0 = chain(*log);
      write(*w0, "e");
    }
    const auto after = verify_directory(other.path());
    ASSERT_THAT(after.problems, IsEmpty()) << length;
    ASSERT_EQ(after.records, 5u) << "no gap: nothing is missing";
    EXPECT_FALSE(std::filesystem::exists(first + ".torn"));
    EXPECT_FALSE(std::filesystem::exists(other.file("audit-w0.tail")));
  }
}

TEST_F(AuditTailTest, IsTakenOverByWhateverComesNext) {
  for (const Pace pace : {Pace::steady, Pace::rare}) {
    for (const bool sync : {false, true}) {
      const auto before = records();
      options_.sync = false;
      {
        const auto log = open();
        auto w0 = chain(*log);
        write(*w0, "a");
        crash(w0);
      }
      EXPECT_EQ(records(), before + 1) << "verified where they are";
      options_.sync = sync;
      {
        const auto log = open();
        EXPECT_FALSE(std::filesystem::exists(tail_)) << "also if nobody opens the chain";
        EXPECT_EQ(records(), before + 1);
        write(*chain(*log, pace), "b");
      }
      EXPECT_EQ(records(), before + 2);
      EXPECT_THAT(problems(), IsEmpty());
    }
  }
}

// A machine that crashed may have written the header and not the lines.
TEST_F(AuditTailTest, LinesThatAreNone) {
  {
    const auto log = open();
    auto w0 = chain(*log);
    for (const char* text : {"a", "b", "c"})
      write(*w0, text);
    crash(w0);
  }
  std::string content = read_file(tail_);
  content.replace(content.find("\"text\":\"b\""), 10, "\"text\":\"B\"");
  write_file(tail_, content);
  EXPECT_THAT(problems(), ElementsAre("audit-w0.tail:2: the record was changed: its hash does not fit"));
  const auto lines = lines_of(tail_);
  {
    const auto log = open();
    const auto w0 = chain(*log);
    write(*w0, "d");
  }
  EXPECT_THAT(problems(), IsEmpty());
  EXPECT_THAT(texts(), ElementsAre("a", "-", "d"));
  EXPECT_THAT(read_file(segment(2)), HasSubstr("\"event\":\"audit.gap\""));
  EXPECT_EQ(read_file(tail_ + ".torn"), lines[1] + "\n" + lines[2] + "\n");
}

TEST_F(AuditTailTest, AMissingSegmentIsNotHidden) {
  {
    const auto log = open();
    auto w0 = chain(*log);
    write(*w0, "a");
    ASSERT_TRUE(w0->write_out());
    write(*w0, "b");
    crash(w0);
  }
  write_file(segment(1), "");
  const auto log = open();
  EXPECT_THAT(problems(), ElementsAre("audit-w0-000002.jsonl:1: record 1 is missing; this is 2"));
}

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
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const rlimit full{read_file(segment(1)).size() + 50, before.rlim_max};
  auto* const handler = ::signal(SIGXFSZ, SIG_IGN);
  ::setrlimit(RLIMIT_FSIZE, &full);
  write(*w0, "b");  // there is room in the tail
  const auto failed = w0->write_out();
  const auto refused = w0->append("e", "");
  const auto again = w0->commit();
  ::setrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, handler);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code().text(), "58030");
  EXPECT_FALSE(refused);
  EXPECT_FALSE(again);
  EXPECT_EQ(read_file(segment(1)).size(), full.rlim_cur);
  EXPECT_THAT(problems(), IsEmpty()) << "what was accepted is there";
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
    rlimit before{};
    ::getrlimit(RLIMIT_FSIZE, &before);
    const rlimit full{10, before.rlim_max};
    auto* const handler = ::signal(SIGXFSZ, SIG_IGN);
    ::setrlimit(RLIMIT_FSIZE, &full);
    write(*w0, "a");
    w0.reset();
    ::setrlimit(RLIMIT_FSIZE, &before);
    ::signal(SIGXFSZ, handler);
  }
  EXPECT_THAT(lines_of(tail_), SizeIs(1)) << "accepted, so not lost";
  EXPECT_THAT(problems(), IsEmpty());
  const auto log = open();
  EXPECT_THAT(read_file(segment(2)), HasSubstr("\"text\":\"a\""));
  EXPECT_THAT(problems(), IsEmpty());
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
TEST_F(AuditTailTest, Kill) {
  options_.segment_bytes = 1 << 20;
  std::mt19937 random(17);
  std::uint64_t expected = 0;
  for (int round = 0; round < 12; ++round) {
    int accepted[2];
    ASSERT_EQ(::pipe(accepted), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      const auto log = open_file_audit(options_);
      auto w0 = log ? (*log)->open_chain("w0", Pace::steady) : log.error();
      if (!w0) ::_exit(1);
      const std::string text(300, 'x');
      for (std::uint64_t i = 0;; ++i) {
        std::string fields;
        audit::append_field(fields, "text", text);
        if (!(*w0)->append("e", fields)) ::_exit(1);
        const auto ticket = (*w0)->commit();
        if (!ticket || ::write(accepted[1], &*ticket, sizeof *ticket) != sizeof *ticket) ::_exit(1);
        if (i % 57 == 0 && !(*w0)->write_out()) ::_exit(1);
      }
    }
    ::close(accepted[1]);
    std::uint64_t last = 0;
    const std::uint64_t enough = expected + 1 + random() % 1000;
    while (last < enough && ::read(accepted[0], &last, sizeof last) == sizeof last) {
    }
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    while (::read(accepted[0], &last, sizeof last) == sizeof last) {
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    ::close(accepted[0]);
    ASSERT_GE(last, enough);
    const auto report = verify_directory(directory_.path());
    ASSERT_THAT(report.problems, IsEmpty()) << round;
    ASSERT_GE(report.records, last);
    ASSERT_LE(report.records, last + 1) << "the one whose ticket was still on its way";
    expected = report.records;
  }
  { const auto log = open(); }
  EXPECT_THAT(problems(), IsEmpty());
  EXPECT_EQ(records(), expected);
}

}  // namespace
}  // namespace dbgate::adapters
