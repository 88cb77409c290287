#include "gateway/adapters/tail_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include "gateway/adapters/posix_file.h"
#include "gateway/audit/tail.h"
#include "tests/support/temp_directory.h"

namespace dbgate::adapters {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using tests::TempDirectory;
using tests::write_file;

std::vector<std::string> lines_of(const std::string& path) {
  return audit::read_tail(path, "w0").lines;
}

TEST(TailFile, TakesWhatThereIsRoomFor) {
  const TempDirectory directory;
  const std::string path = directory.file("audit-w0.tail");
  const auto tail = TailFile::create(path);
  ASSERT_TRUE(tail);
  EXPECT_THAT(lines_of(path), IsEmpty());
  EXPECT_TRUE((*tail)->take("first\n"));
  EXPECT_TRUE((*tail)->take(""));
  EXPECT_TRUE((*tail)->take("second\nthird\n"));
  EXPECT_THAT(lines_of(path), ElementsAre("first", "second", "third"));
  EXPECT_EQ((*tail)->unwritten(), "first\nsecond\nthird\n");
  (*tail)->wrote(6);
  EXPECT_EQ((*tail)->unwritten(), "second\nthird\n");
  const std::string large = std::string(TailFile::room_bytes - 20, 'x') + "\n";
  EXPECT_FALSE((*tail)->take(large + "\n"));
  EXPECT_TRUE((*tail)->take(large)) << "up to the last byte";
  EXPECT_FALSE((*tail)->take("x"));
  (*tail)->clear();
  EXPECT_THAT(lines_of(path), IsEmpty());
  EXPECT_EQ((*tail)->unwritten(), "");
  EXPECT_TRUE((*tail)->take("fourth\n"));
  EXPECT_THAT(lines_of(path), ElementsAre("fourth"));
}

TEST(TailFile, IsMadeAnew) {
  const TempDirectory directory;
  const std::string path = directory.file("audit-w0.tail");
  write_file(path, "something else");
  const auto tail = TailFile::create(path);
  ASSERT_TRUE(tail);
  EXPECT_THAT(lines_of(path), IsEmpty());
  EXPECT_FALSE(TailFile::create(directory.file("no/such/directory")));
}

// Whoever cuts the file short must not end the process.
TEST(TailFile, OutlivesItsFile) {
  const TempDirectory directory;
  const std::string path = directory.file("audit-w0.tail");
  const auto tail = TailFile::create(path);
  ASSERT_TRUE(tail);
  EXPECT_TRUE((*tail)->take("first\n"));
  std::filesystem::resize_file(path, 0);
  EXPECT_FALSE((*tail)->take("second\n"));
  EXPECT_FALSE((*tail)->take("third\n"));
  EXPECT_EQ((*tail)->unwritten().size(), 6u);
  (*tail)->clear();
  EXPECT_FALSE((*tail)->take("fourth\n"));
  std::filesystem::resize_file(path, sizeof(audit::TailHeader) + TailFile::room_bytes);
  (*tail)->clear();
  EXPECT_TRUE((*tail)->take("fifth\n")) << "the pages are there again";
}

// Other bus errors are none of its business.
TEST(TailFileDeathTest, LeavesOtherBusErrorsAlone) {
  const TempDirectory directory;
  const auto die = [&] {
    const auto tail = TailFile::create(directory.file("audit-w0.tail"));
    const File empty(::memfd_create("empty", 0));
    auto* const page = static_cast<volatile char*>(::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, empty.get(), 0));
    ::alarm(30);  // an access that is repeated for ever ends there, and not by the signal that is expected
    return page[0];
  };
  const auto of_it = [](int status) {
    return WIFSIGNALED(status) ? WTERMSIG(status) == SIGBUS : WEXITSTATUS(status) != 0;  // a sanitizer exits
  };
  EXPECT_EXIT(static_cast<void>(die()), of_it, "");
}

TEST(ReadTail, WhateverTheFileHolds) {
  const TempDirectory directory;
  const std::string path = directory.file("audit-w0.tail");
  EXPECT_THAT(lines_of(path), IsEmpty());
  audit::TailHeader header;
  const auto with = [&](std::uint64_t used, std::string_view text) {
    header.used = used;
    std::string content(sizeof header, '\0');
    std::memcpy(content.data(), &header, sizeof header);
    return content + std::string(text);
  };
  write_file(path, with(4, "a\nb\nc\n"));
  EXPECT_THAT(lines_of(path), ElementsAre("a", "b")) << "what was not accepted is not there";
  for (const std::uint64_t used : {std::uint64_t{7}, std::uint64_t{1000}}) {
    write_file(path, with(used, "a\nb\nc\n"));
    EXPECT_THAT(lines_of(path), ElementsAre("a", "b", "c"));
  }
  write_file(path, with(~std::uint64_t{0}, "a\n"));
  EXPECT_THAT(lines_of(path), IsEmpty());
  const std::string whole = with(2, "a\n");
  for (std::size_t length = 0; length < sizeof header; ++length) {
    write_file(path, whole.substr(0, length));
    EXPECT_THAT(lines_of(path), IsEmpty());
  }
  write_file(path, "x" + whole.substr(1));
  EXPECT_THAT(lines_of(path), IsEmpty());
  std::filesystem::remove(path);
  std::filesystem::create_directory(path);
  EXPECT_THAT(lines_of(path), IsEmpty());
  EXPECT_THAT(audit::read_tails(directory.path()), SizeIs(1));
}

}  // namespace
}  // namespace dbgate::adapters
