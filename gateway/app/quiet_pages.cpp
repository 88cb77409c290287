#include "gateway/app/quiet_pages.h"

#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <fstream>
#include <span>
#include <sstream>
#include <string>
#include <utility>

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

namespace {

// While it is called nothing is loaded or unloaded (dl_iterate_phdr(3)): what is there belongs to `object`, whatever
// has stood at these addresses when smaps was read. Segments that may be written to keep their pages.
int let_go_of(dl_phdr_info* object, std::size_t, void* data) {
  const auto& clean = *static_cast<const std::vector<Mapping>*>(data);
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  for (const auto& segment : std::span(object->dlpi_phdr, object->dlpi_phnum)) {
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0) continue;
    const std::uintptr_t begin = (object->dlpi_addr + segment.p_vaddr) / page * page;
    const std::uintptr_t end = (object->dlpi_addr + segment.p_vaddr + segment.p_memsz + page - 1) / page * page;
    for (const Mapping& mapping : clean) {
      const bool inside = mapping.begin >= begin && mapping.end <= end;
      if (inside) ::madvise(reinterpret_cast<void*>(mapping.begin), mapping.end - mapping.begin, MADV_DONTNEED);
    }
  }
  return 0;
}

Usage used_so_far() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto time = [](const timeval& of) {
    return std::chrono::seconds(of.tv_sec) + std::chrono::microseconds(of.tv_usec);
  };
  return {time(used.ru_utime) + time(used.ru_stime), static_cast<std::uint64_t>(used.ru_minflt)};
}

}  // namespace

void let_go_of_pages() {
  std::ifstream smaps("/proc/self/smaps");
  std::vector<Mapping> clean = pages_of_files(smaps);
  ::dl_iterate_phdr(let_go_of, &clean);
  ::malloc_trim(0);
}

bool Quietness::has_come(const Usage& usage) {
  const bool works = usage.cpu - std::exchange(before_, usage).cpu > most_work;
  ++intervals_;
  return !works && intervals_ >= fewest_intervals && usage.faults - faults_then_ >= many_faults;
}

void Quietness::leave_out(const Usage& usage) {
  before_ = usage;
  faults_then_ = usage.faults;
  intervals_ = 0;
}

void QuietPages::start() {
  timer_.expires_after(interval);
  timer_.async_wait([this](const boost::system::error_code& cancelled) {
    if (cancelled) return;
    if (quietness_.has_come(used_so_far())) {
      let_go_of_pages();
      quietness_.leave_out(used_so_far());
    }
    start();
  });
}

}  // namespace dbgate::app
