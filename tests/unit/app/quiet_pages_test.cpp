#include "gateway/app/quiet_pages.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>

namespace dbgate::app {
namespace {

std::string mapping(const std::string& head, int anonymous_kb) {
  return head + "\nSize:   4 kB\nRss:    4 kB\nAnonymous:    " + std::to_string(anonymous_kb) +
         " kB\nVmFlags: rd mr mw me\n";
}

TEST(QuietPages, OnlyWhatComesBackFromItsFile) {
  std::istringstream smaps(
      mapping("1000-2000 r-xp 00000000 fe:00 17   /usr/lib/code.so", 0) +
      mapping("2000-3000 r--p 00001000 fe:00 17   /usr/lib/relocated.so", 4) +
      mapping("3000-4000 rw-p 00001000 fe:00 17   /usr/lib/data.so", 0) +
      mapping("4000-5000 r--s 00000000 fe:00 18   /var/lib/dbgate/audit.tail", 0) +
      mapping("5000-6000 r-xp 00000000 00:00 0    [vdso]", 0) + mapping("6000-7000 r--p 00000000 00:00 0 ", 0) +
      mapping("7000-8000 ---p 00000000 fe:00 17   /usr/lib/guard.so", 0) +
      mapping("7f0000008000-7f000000a000 r--p 00000000 fe:00 19   /opt/a directory/constants (deleted)", 0) +
      "b000-c000 r-xp 00000000 fe:00 17   /usr/lib/cut.so\nRss: 4 kB\n");
  EXPECT_EQ(pages_of_files(smaps), (std::vector<Mapping>{{0x1000, 0x2000}, {0x7f0000008000, 0x7f000000a000}}));
  std::istringstream nothing;
  EXPECT_TRUE(pages_of_files(nothing).empty());
}

TEST(QuietPages, TheProcessGoesOn) {
  // A private mapping that was written to and is read-only now, as relocated data of libraries is.
  const int file = ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  ASSERT_GE(file, 0);
  void* const region = ::mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
  ASSERT_NE(region, MAP_FAILED);
  ::close(file);
  auto* const bytes = static_cast<char*>(region);
  bytes[0] = 'x';
  bytes[5000] = 'y';
  ASSERT_EQ(::mprotect(region, 8192, PROT_READ), 0);
  std::ifstream smaps("/proc/self/smaps");
  ASSERT_GT(pages_of_files(smaps).size(), 3u);
  let_go_of_pages();
  EXPECT_EQ(bytes[0], 'x');
  EXPECT_EQ(bytes[5000], 'y');
  EXPECT_EQ(bytes[1], 'E') << "of the file";
  ::munmap(region, 8192);
}

TEST(QuietPages, WhenItIsWorthIt) {
  using namespace std::chrono_literals;
  Quietness quietness;
  EXPECT_FALSE(quietness.has_come({300ms, 2000})) << "it starts";
  EXPECT_TRUE(quietness.has_come({310ms, 2010}));
  quietness.leave_out({400ms, 2020});
  for (unsigned i = 1; i < Quietness::fewest_intervals; ++i)
    EXPECT_FALSE(quietness.has_come({401ms, 3000})) << "not again so soon";
  EXPECT_TRUE(quietness.has_come({402ms, 3000}));
  EXPECT_FALSE(quietness.has_come({502ms, 3000})) << "it works";
  EXPECT_TRUE(quietness.has_come({503ms, 3000}));
  quietness.leave_out({600ms, 3000});
  for (unsigned i = 0; i < 2 * Quietness::fewest_intervals; ++i)
    EXPECT_FALSE(quietness.has_come({600ms, 3100})) << "there is little";
}

}  // namespace
}  // namespace dbgate::app
