#include "gateway/adapters/file_audit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <condition_variable>
#include <filesystem>
#include <mutex>

#include "gateway/audit/chain.h"
#include "gateway/audit/json.h"
#include "gateway/audit/verify.h"
#include "tests/support/full_disk.h"
#include "tests/support/temp_directory.h"

namespace dbgate::adapters {
namespace {

using audit::verify_directory;
using ports::AuditChain;
using ports::AuditLog;
using ports::Pace;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using tests::FullDisk;
using tests::read_file;
using tests::TempDirectory;
using tests::write_file;

// Directories that were made durable, by path.
std::mutex flushed_mutex;
std::vector<std::string> flushed_directories;

std::vector<std::string> take_flushed() {
  const std::lock_guard lock(flushed_mutex);
  return std::exchange(flushed_directories, {});
}

}  // namespace
}  // namespace dbgate::adapters

// Stands in front of the C library's, to see what is flushed.
extern "C" int fsync(int descriptor) {
  struct stat facts {};
  if (::fstat(descriptor, &facts) == 0 && S_ISDIR(facts.st_mode)) {
    std::error_code ignored;
    const auto path = std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(descriptor), ignored);
    const std::lock_guard lock(dbgate::adapters::flushed_mutex);
    dbgate::adapters::flushed_directories.push_back(path);
  }
  return static_cast<int>(::syscall(SYS_fsync, descriptor));
}

namespace dbgate::adapters {
namespace {

class FileAuditTest : public testing::Test {
 protected:
  std::unique_ptr<AuditLog> open() {
    auto log = open_file_audit(options_);
    EXPECT_TRUE(log) << log.error().message();
    return log ? std::move(*log) : nullptr;
  }
  static std::unique_ptr<AuditChain> chain(AuditLog& log, const std::string& name = "w0", Pace pace = Pace::rare) {
    auto opened = log.open_chain(name, pace);
    EXPECT_TRUE(opened);
    return opened ? std::move(*opened) : nullptr;
  }
  static AuditChain::Ticket write(AuditChain& chain, std::string_view text) {
    std::string fields;
    audit::append_field(fields, "text", text);
    EXPECT_TRUE(chain.append("e", fields));
    const auto ticket = chain.commit();
    EXPECT_TRUE(ticket);
    return ticket ? *ticket : 0;
  }
  std::string segment(int number, const std::string& name = "w0") const {
    return directory_.file("audit-" + name + "-00000" + std::to_string(number) + ".jsonl");
  }
  std::vector<std::string> problems() const { return verify_directory(directory_.path()).problems; }
  std::uint64_t records() const { return verify_directory(directory_.path()).records; }

  TempDirectory directory_;
  FileAuditOptions options_{.directory = directory_.path()};
};

TEST_F(FileAuditTest, NamesAreDurableBeforeTheyAreReliedOn) {
  options_.sync = true;
  options_.segment_bytes = 300;
  take_flushed();
  const auto log = open();
  const std::string parent = std::filesystem::path(directory_.path()).parent_path();
  EXPECT_THAT(take_flushed(), ElementsAre(directory_.path(), parent)) << "the directories themselves";
  const auto w0 = chain(*log);
  EXPECT_THAT(take_flushed(), ElementsAre(directory_.path())) << "the first segment";
  write(*w0, "x");
  EXPECT_THAT(take_flushed(), IsEmpty());
  write(*w0, std::string(200, 'x'));
  EXPECT_THAT(take_flushed(), ElementsAre(directory_.path())) << "a full segment, and a new one";
  ASSERT_TRUE(w0->store_text("a long text"));
  EXPECT_THAT(take_flushed(), ElementsAre(directory_.file("blobs"))) << "a text";
  ASSERT_TRUE(w0->store_text("a long text"));
  EXPECT_THAT(take_flushed(), IsEmpty()) << "known already";
}

TEST_F(FileAuditTest, NothingIsFlushedUnlessAskedFor) {
  options_.segment_bytes = 300;
  const auto log = open();
  const auto w0 = chain(*log);
  write(*w0, std::string(400, 'x'));
  ASSERT_TRUE(w0->store_text("a long text"));
  EXPECT_THAT(take_flushed(), IsEmpty());
}

TEST_F(FileAuditTest, NothingIsWrittenBeforeCommit) {
  const auto log = open();
  const auto w0 = chain(*log);
  std::string fields;
  ASSERT_TRUE(w0->append("a", fields));
  ASSERT_TRUE(w0->append("b", fields));
  EXPECT_EQ(read_file(segment(1)), "");
  const auto ticket = w0->commit();
  ASSERT_TRUE(ticket);
  EXPECT_EQ(*ticket, 2u);
  const std::string text = read_file(segment(1));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2);
  EXPECT_THAT(problems(), IsEmpty());
}

TEST_F(FileAuditTest, GoesOnInANewSegment) {
  for (int run = 1; run <= 3; ++run) {
    const auto log = open();
    const auto w0 = chain(*log);
    const auto w1 = chain(*log, "w1");
    write(*w0, "x");
    write(*w1, "y");
    EXPECT_TRUE(std::filesystem::exists(segment(run)));
    EXPECT_TRUE(std::filesystem::exists(segment(run, "w1")));
  }
  const auto report = verify_directory(directory_.path());
  EXPECT_THAT(report.problems, IsEmpty());
  EXPECT_EQ(report.records, 6u);
  EXPECT_EQ(report.chains, 2u);
  EXPECT_EQ(report.segments, 6u);
}

TEST_F(FileAuditTest, NotesItsHead) {
  std::string hash;
  {
    const auto log = open();
    const auto w0 = chain(*log);
    write(*w0, "x");
    write(*w0, "y");
  }
  const audit::Head head = audit::read_head(directory_.file("audit-w0.head"));
  ASSERT_TRUE(head.valid);
  EXPECT_EQ(head.sequence, 2u);
  std::filesystem::remove(segment(1));
  write_file(segment(1), "");
  EXPECT_THAT(problems(), ElementsAre("audit-w0.head: record 2 was written, but the log ends at 0"));
}

TEST_F(FileAuditTest, TurnsToANewSegmentWhenOneIsFull) {
  options_.segment_bytes = 1000;
  const auto log = open();
  const auto w0 = chain(*log);
  for (int i = 0; i < 20; ++i)
    write(*w0, "some text that takes room");
  const auto report = verify_directory(directory_.path());
  EXPECT_THAT(report.problems, IsEmpty());
  EXPECT_EQ(report.records, 20u);
  EXPECT_GT(report.segments, 4u);
  for (const audit::SegmentFile& file : audit::list_segments(directory_.path()))
    EXPECT_LT(std::filesystem::file_size(file.path), 1500u);
}

TEST_F(FileAuditTest, AnOldSegmentIsFollowedByAnother) {
  options_.segment_max_age = std::chrono::milliseconds(1);
  const auto log = open();
  const auto w0 = chain(*log);
  ASSERT_TRUE(w0->write_out());
  EXPECT_FALSE(std::filesystem::exists(segment(2))) << "not for its own age: it has no record";
  int records = 0;
  while (!std::filesystem::exists(segment(3)) && ++records < 1'000'000)
    write(*w0, "x");
  EXPECT_THAT(problems(), IsEmpty());
  EXPECT_NE(read_file(segment(2)), "");
}

TEST_F(FileAuditTest, ATextThatIsUsedAgainSaysWhen) {
  const auto log = open();
  const auto w0 = chain(*log);
  const auto hash = w0->store_text("text");
  ASSERT_TRUE(hash);
  const std::string path = directory_.file("blobs/" + *hash);
  const auto old = std::filesystem::file_time_type::clock::now() - std::chrono::hours(48);
  std::filesystem::last_write_time(path, old);
  ASSERT_TRUE(w0->store_text("text"));
  EXPECT_GT(std::filesystem::last_write_time(path), old + std::chrono::hours(24));
  std::filesystem::remove(path);
  ASSERT_TRUE(w0->store_text("text"));
  EXPECT_EQ(read_file(path), "text");
}

// Every place where a crash can cut the last write off.
TEST_F(FileAuditTest, RecoversFromACutOffLine) {
  {
    const auto log = open();
    const auto w0 = chain(*log);
    write(*w0, "first");
    write(*w0, "second");
  }
  const std::string whole = read_file(segment(1));
  const std::size_t second = whole.find('\n') + 1;
  for (std::size_t length = second + 1; length < whole.size(); length += 7) {
    const TempDirectory other;
    options_.directory = other.path();
    write_file(other.file("audit-w0-000001.jsonl"), whole.substr(0, length));  // no head: it was not reached
    {
      const auto log = open();
      const auto w0 = chain(*log);
      write(*w0, "after the crash");
    }
    const auto report = verify_directory(other.path());
    ASSERT_THAT(report.problems, IsEmpty()) << length;
    EXPECT_EQ(report.records, 3u);  // the first, the gap, the one after
    EXPECT_EQ(read_file(other.file("audit-w0-000001.jsonl")), whole.substr(0, second));
    EXPECT_EQ(read_file(other.file("audit-w0-000001.jsonl.torn")), whole.substr(second, length - second) + "\n");
    const std::string next = read_file(other.file("audit-w0-000002.jsonl"));
    EXPECT_THAT(next, HasSubstr("\"seq\":2,"));
    EXPECT_THAT(next, HasSubstr("\"event\":\"audit.gap\""));
    EXPECT_THAT(next, HasSubstr("\"bytes\":" + std::to_string(length - second) + ","));
  }
}

TEST_F(FileAuditTest, RecoversFromACutOffFirstLine) {
  write_file(segment(1), "{\"v\":1,\"chain\":\"w0\"");
  {
    const auto log = open();
    const auto w0 = chain(*log);
    write(*w0, "x");
  }
  EXPECT_THAT(problems(), IsEmpty());
  EXPECT_EQ(records(), 2u);
}

TEST_F(FileAuditTest, SkipsEmptySegments) {
  for (int run = 0; run < 3; ++run) {
    const auto log = open();
    const auto w0 = chain(*log);
    if (run != 1) write(*w0, "x");
  }
  EXPECT_THAT(problems(), IsEmpty());
  EXPECT_EQ(records(), 2u);
}

// A restart must not turn a log whose end is missing into a whole one.
TEST_F(FileAuditTest, ARestartDoesNotHideAMissingEnd) {
  for (const bool all : {false, true}) {
    const TempDirectory other;
    options_.directory = other.path();
    {
      const auto log = open();
      const auto w0 = chain(*log);
      write(*w0, "first");
      write(*w0, "second");
    }
    const std::string path = other.file("audit-w0-000001.jsonl");
    const std::string text = read_file(path);
    write_file(path, all ? "" : text.substr(0, text.find('\n') + 1));
    {
      const auto log = open();
      const auto w0 = chain(*log);
      write(*w0, "third");
    }
    EXPECT_THAT(
        verify_directory(other.path()).problems,
        ElementsAre("audit-w0-000002.jsonl:1: record " + std::string(all ? "1" : "2") + " is missing; this is 3"));
    EXPECT_THAT(read_file(other.file("audit-w0-000002.jsonl")), HasSubstr("\"event\":\"audit.gap\""));
  }
}

TEST_F(FileAuditTest, ARestartDoesNotHideAChangedEnd) {
  {
    const auto log = open();
    const auto w0 = chain(*log);
    write(*w0, "first");
  }
  std::string line = read_file(segment(1));
  line.replace(line.find("first"), 5, "FIRST");
  const std::string covered = line.substr(0, line.rfind(",\"hash\":\""));
  write_file(segment(1), covered + ",\"hash\":\"" + audit::sha256_hex(covered) + "\"}\n");
  {
    const auto log = open();
    const auto w0 = chain(*log);
    write(*w0, "second");
  }
  EXPECT_THAT(problems(), ElementsAre("audit-w0-000002.jsonl:1: does not follow the record before it"));
}

TEST_F(FileAuditTest, RefusesASecondProcess) {
  const auto first = open();
  const auto again = open_file_audit(options_);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code().text(), "58030");
  EXPECT_THAT(again.error().message(), HasSubstr("is in use by another dbgate-gateway"));
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) ::_exit(open_file_audit(options_) ? 1 : 0);
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST_F(FileAuditTest, TheLockGoesWithTheLog) {
  { const auto first = open(); }
  const auto second = open();
  EXPECT_NE(second, nullptr);
}

TEST_F(FileAuditTest, SaysWhatCannotBeOpened) {
  write_file(directory_.file("file"), "");
  options_.directory = directory_.file("file");
  const auto log = open_file_audit(options_);
  ASSERT_FALSE(log);
  EXPECT_EQ(log.error().code().text(), "58030");
  EXPECT_THAT(log.error().message(), HasSubstr("cannot create " + directory_.file("file")));
}

// Records hold statement text, so nobody else may read them.
TEST_F(FileAuditTest, IsPrivate) {
  const auto log = open();
  const auto w0 = chain(*log);
  write(*w0, "x");
  ASSERT_TRUE(w0->store_text("text"));
  struct stat info {};
  ASSERT_EQ(::stat(directory_.path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
  for (const std::string& path : {segment(1), directory_.file("blobs/" + audit::sha256_hex("text"))}) {
    ASSERT_EQ(::stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600u) << path;
  }
}

TEST_F(FileAuditTest, KeepsLargeTextsByTheirHash) {
  for (const bool sync : {false, true}) {
    options_.sync = sync;
    const auto log = open();
    const auto w0 = chain(*log);
    const std::string text(3'000'000, 'x');
    const auto hash = w0->store_text(text);
    ASSERT_TRUE(hash);
    EXPECT_EQ(*hash, audit::sha256_hex(text));
    EXPECT_EQ(read_file(directory_.file("blobs/" + *hash)), text);
    EXPECT_EQ(*w0->store_text(text), *hash);
    const auto files = std::filesystem::directory_iterator(directory_.file("blobs"));
    EXPECT_EQ(std::distance(begin(files), end(files)), 1);
  }
}

/// Counts calls from another thread.
class Calls {
 public:
  void operator()() {
    const std::lock_guard lock(mutex_);
    ++count_;
    changed_.notify_all();
  }
  bool wait_for(int count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(30), [&] { return count_ >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int count_ = 0;
};

TEST_F(FileAuditTest, WithoutSyncACommitIsAcceptance) {
  const auto log = open();
  EXPECT_FALSE(chain(*log)->sync_required());
}

TEST_F(FileAuditTest, WithSyncDurabilityIsAcceptance) {
  options_.sync = true;
  Calls calls;
  const auto log = open();
  const auto w0 = chain(*log);
  EXPECT_TRUE(w0->sync_required());
  const auto first = write(*w0, "x");
  EXPECT_FALSE(w0->is_durable(first));
  w0->when_durable(first, [&] { calls(); });
  ASSERT_TRUE(calls.wait_for(1));
  EXPECT_TRUE(w0->is_durable(first));
  const auto second = write(*w0, "y");
  EXPECT_FALSE(w0->is_durable(second));
  w0->when_durable(second, [&] { calls(); });
  ASSERT_TRUE(calls.wait_for(2));
  EXPECT_TRUE(w0->is_durable(second));
}

// A segment may be full, or its chain closed, while the flusher is still busy with it.
TEST_F(FileAuditTest, SegmentsMayTurnWhileTheyAreFlushed) {
  options_.sync = true;
  options_.segment_bytes = 300;
  constexpr int rounds = 200;
  Calls calls;
  const auto log = open();
  auto w0 = chain(*log);
  auto w1 = chain(*log, "w1");
  for (int i = 0; i < rounds; ++i) {
    for (AuditChain* each : {w0.get(), w1.get()})
      each->when_durable(write(*each, "x"), [&] { calls(); });
  }
  ASSERT_TRUE(calls.wait_for(2 * rounds));
  EXPECT_TRUE(w0->is_durable(rounds));
  EXPECT_TRUE(w1->is_durable(rounds));
  for (AuditChain* each : {w0.get(), w1.get()})
    each->when_durable(write(*each, "x"), [&] { calls(); });
  w0.reset();
  w1.reset();
  ASSERT_TRUE(calls.wait_for(2 * rounds + 2));
  EXPECT_THAT(problems(), IsEmpty());
}

// While the disk is full nothing is accepted; afterwards the log goes on, whole, and says that there was a gap.
TEST_F(FileAuditTest, AFullDisk) {
  const auto log = open();
  const auto w0 = chain(*log);
  write(*w0, "before");
  const std::size_t size = read_file(segment(1)).size();
  {
    const FullDisk full(size + 50);  // in the middle of a record
    ASSERT_TRUE(w0->append("e", ""));
    const auto failed = w0->commit();
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code().text(), "58030");
    EXPECT_FALSE(w0->append("e", ""));
    EXPECT_FALSE(w0->append("e", ""));
    EXPECT_FALSE(w0->commit());
    const auto text = w0->store_text(std::string(10'000, 'x'));
    ASSERT_FALSE(text);
    EXPECT_EQ(text.error().code().text(), "58030");
    EXPECT_EQ(read_file(segment(1)).size(), size + 50);
  }
  write(*w0, "after");
  EXPECT_THAT(problems(), IsEmpty());
  EXPECT_EQ(records(), 4u);  // before, the one that had to wait, the gap, after
  EXPECT_THAT(read_file(segment(1)), HasSubstr("\"event\":\"audit.gap\""));
}

// The end of a process on a full disk must not look like a log that was cut.
TEST_F(FileAuditTest, AFullDiskAtTheEnd) {
  {
    const auto log = open();
    auto w0 = chain(*log);
    write(*w0, "before");
    const FullDisk full(read_file(segment(1)).size());
    ASSERT_TRUE(w0->append("e", ""));
    EXPECT_FALSE(w0->commit());
    w0.reset();
  }
  EXPECT_THAT(problems(), IsEmpty());
  EXPECT_EQ(records(), 1u);
}

// What a crash leaves of a text that was being stored is not taken for the text.
TEST_F(FileAuditTest, AHalfStoredText) {
  const std::string text(100'000, 'x');
  {
    const auto log = open();
    const auto w0 = chain(*log);
    const FullDisk full(50'000);
    EXPECT_FALSE(w0->store_text(text));
  }
  const auto log = open();
  const auto w0 = chain(*log);
  const auto hash = w0->store_text(text);
  ASSERT_TRUE(hash);
  EXPECT_EQ(read_file(directory_.file("blobs/" + *hash)), text);
}

}  // namespace
}  // namespace dbgate::adapters
