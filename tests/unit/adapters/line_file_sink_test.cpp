#include "gateway/adapters/line_file_sink.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include "gateway/base/ids.h"
#include "tests/support/full_disk.h"

namespace dbgate::adapters {
namespace {

class LineFileSink : public ::testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directory(directory_); }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  ports::Delivery send(const std::vector<std::string>& lines) {
    std::vector<ports::SinkRecord> records;
    for (const std::string& line : lines)
      records.push_back({"w0", records.size() + 1, line});
    return sink_->send(records, {});
  }
  std::string text() const {
    std::ostringstream all;
    all << std::ifstream(path_).rdbuf();
    return all.str();
  }

  const std::filesystem::path directory_ = std::filesystem::temp_directory_path() / make_id("sink_");
  const std::string path_ = directory_ / "out";
  std::unique_ptr<ports::AuditSink> sink_ = make_line_file_sink(path_);
};

TEST_F(LineFileSink, AddsLines) {
  EXPECT_EQ(send({"a", "b"}).delivered, 2u);
  EXPECT_EQ(send({"c"}).delivered, 1u);
  EXPECT_TRUE(sink_->settle({}));
  EXPECT_EQ(text(), "a\nb\nc\n");
  struct stat status {};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777u, 0600u);
}

TEST_F(LineFileSink, EndsALineThatWasCutOff) {
  std::ofstream(path_) << "a\nhalf of";
  EXPECT_EQ(send({"b"}).delivered, 1u);
  EXPECT_EQ(text(), "a\nhalf of\nb\n");
}

TEST_F(LineFileSink, LetsGoOfAFileThatWasRenamed) {
  EXPECT_EQ(send({"a"}).delivered, 1u);
  std::filesystem::rename(path_, path_ + ".1");
  EXPECT_EQ(send({"b"}).delivered, 1u);
  EXPECT_EQ(text(), "b\n");
}

TEST_F(LineFileSink, GoesOnWithinALine) {
  ports::Delivery cut;
  {
    const tests::FullDisk full(7);
    cut = send({"one", "two two", "three"});
  }
  EXPECT_EQ(cut.delivered, 1u);
  EXPECT_EQ(cut.why, "cannot write " + path_ + ": File too large");
  EXPECT_EQ(text(), "one\ntwo");
  EXPECT_EQ(send({"two two", "three"}).delivered, 2u);
  EXPECT_EQ(text(), "one\ntwo two\nthree\n");
}

// The log may have left the record out meanwhile.
TEST_F(LineFileSink, EndsALineThatDoesNotComeAgain) {
  {
    const tests::FullDisk full(3);
    EXPECT_EQ(send({"one", "two"}).delivered, 0u);
  }
  EXPECT_EQ(send({"two"}).delivered, 1u);
  EXPECT_EQ(text(), "one\ntwo\n");
}

TEST_F(LineFileSink, AFifoNeedsAReader) {
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  EXPECT_NE(send({"a"}).why, "");
  const int reader = ::open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  ASSERT_GE(reader, 0);
  EXPECT_EQ(send({"b"}).delivered, 1u);
  char got[8] = {};
  EXPECT_EQ(::read(reader, got, sizeof got), 2);
  EXPECT_EQ(std::string(got), "b\n");
  ::close(reader);
}

TEST_F(LineFileSink, SaysWhatItCannotOpen) {
  std::filesystem::create_directory(path_);
  EXPECT_EQ(send({"a"}).why, "cannot open " + path_ + ": Is a directory");
}

}  // namespace
}  // namespace dbgate::adapters
