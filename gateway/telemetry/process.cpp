#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "gateway/telemetry/families.h"

namespace dbgate::telemetry {
namespace {

/// /proc/self/stat from its third field on (proc(5)).
struct Stat {
  double cpu_ticks = 0, start_ticks = 0, virtual_bytes = 0, resident_pages = 0;
};

Stat read_stat() {
  std::ifstream file("/proc/self/stat");
  std::string line;
  std::getline(file, line);
  // The name of the program stands in parentheses and may contain anything.
  std::istringstream fields(line.substr(std::min(line.size(), line.rfind(')') + 2)));
  std::array<std::string, 22> values;
  for (std::string& value : values)
    fields >> value;
  const auto number = [&values](std::size_t field) { return std::strtod(values[field - 3].c_str(), nullptr); };
  return {number(14) + number(15), number(22), number(23), number(24)};
}

double boot_time() {
  std::ifstream file("/proc/stat");
  std::string word;
  while (file >> word) {
    double seconds = 0;
    if (word == "btime" && file >> seconds) return seconds;
  }
  return 0;
}

double open_descriptors() {
  std::error_code failed;
  double count = 0;
  for (std::filesystem::directory_iterator at("/proc/self/fd", failed), end; !failed && at != end; at.increment(failed))
    ++count;
  return count > 0 ? count - 1 : 0;  // without the one that is used to look
}

}  // namespace

Families process_families() {
  const Stat stat = read_stat();
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  const auto page = static_cast<double>(::sysconf(_SC_PAGESIZE));
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  Families families;
  const auto add = [&families](const char* name, const char* help, FamilyType type, double value) {
    families.push_back({name, help, type, {{{}, value}}});
  };
  add("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.", FamilyType::counter,
      stat.cpu_ticks / ticks);
  add("process_resident_memory_bytes", "Resident memory size in bytes.", FamilyType::gauge, stat.resident_pages * page);
  add("process_virtual_memory_bytes", "Virtual memory size in bytes.", FamilyType::gauge, stat.virtual_bytes);
  add("process_open_fds", "Number of open file descriptors.", FamilyType::gauge, open_descriptors());
  add("process_max_fds", "Maximum number of open file descriptors.", FamilyType::gauge,
      static_cast<double>(files.rlim_cur));
  add("process_start_time_seconds", "Start time of the process since unix epoch in seconds.", FamilyType::gauge,
      boot_time() + stat.start_ticks / ticks);
  return families;
}

}  // namespace dbgate::telemetry
