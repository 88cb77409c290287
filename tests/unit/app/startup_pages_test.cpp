#include "gateway/app/startup_pages.h"

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

TEST(StartupPages, OnlyWhatComesBackFromItsFile) {
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

TEST(StartupPages, TheProcessGoesOn) {
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
  let_go_of_startup_pages();
  EXPECT_EQ(bytes[0], 'x');
  EXPECT_EQ(bytes[5000], 'y');
  EXPECT_EQ(bytes[1], 'E') << "of the file";
  ::munmap(region, 8192);
}

}  // namespace
}  // namespace dbgate::app
