#pragma once
#include <cstdint>
#include <istream>
#include <vector>

namespace dbgate::app {

/// Addresses of one mapping.
struct Mapping {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
  bool operator==(const Mapping&) const = default;
};

/// What of a process can be unmapped without losing anything: private, read-only mappings of files, of which no page
/// was ever written to (relocated data was), so that each comes back from its file when it is touched.
/// @param smaps  /proc/PID/smaps
std::vector<Mapping> pages_of_files(std::istream& smaps);

/// Lets go of code and constants that only starting has needed: most of what libraries have resident. They stay in the
/// system's page cache, and what is used again is mapped again at its first use. Gives unused memory back as well.
void let_go_of_startup_pages();

}  // namespace dbgate::app
