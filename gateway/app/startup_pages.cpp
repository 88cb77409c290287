#include "gateway/app/startup_pages.h"

#include <malloc.h>
#include <sys/mman.h>

#include <fstream>
#include <sstream>
#include <string>

namespace dbgate::app {

// Each mapping begins with a line "begin-end rwxp offset device inode path", and "Name: value" lines follow
// (proc_pid_smaps(5)).
std::vector<Mapping> pages_of_files(std::istream& smaps) {
  std::vector<Mapping> found;
  Mapping current;
  bool candidate = false;
  for (std::string line; std::getline(smaps, line);) {
    std::istringstream words(line);
    std::string first;
    words >> first;
    if (!first.ends_with(':')) {
      std::string rights, offset, device, inode, path;
      char dash = 0;
      std::istringstream range(first);
      range >> std::hex >> current.begin >> dash >> current.end;
      words >> rights >> offset >> device >> inode >> path;
      const bool read_only = rights.size() == 4 && rights[0] == 'r' && rights[1] == '-' && rights[3] == 'p';
      candidate = range && dash == '-' && read_only && path.starts_with('/');
    } else if (first == "Anonymous:") {
      std::size_t written = 1;
      words >> written;
      if (candidate && words && written == 0) found.push_back(current);
    }
  }
  return found;
}

void let_go_of_startup_pages() {
  std::ifstream smaps("/proc/self/smaps");
  for (const Mapping& mapping : pages_of_files(smaps))
    ::madvise(reinterpret_cast<void*>(mapping.begin), mapping.end - mapping.begin, MADV_DONTNEED);
  ::malloc_trim(0);
}

}  // namespace dbgate::app
