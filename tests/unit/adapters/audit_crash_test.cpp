#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <random>

#include "gateway/adapters/tail_file.h"
#include "tests/unit/adapters/audit_tail_lab.h"

// What a process leaves that ended somewhere between accepting a record and writing it to its segment.
namespace dbgate::adapters {
namespace {

using audit::verify_directory;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using tests::TempDirectory;

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
