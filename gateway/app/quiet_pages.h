#pragma once
#include <boost/asio/steady_timer.hpp>
#include <chrono>
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

/// Lets go of code and constants of the program and its libraries. They stay in the system's page cache, and what is
/// used again is mapped again at its first use. Gives unused memory back as well.
void let_go_of_pages();

/// What a process has used so far.
struct Usage {
  std::chrono::nanoseconds cpu{0};
  std::uint64_t faults = 0;  ///< page faults without a disk: each maps some pages
};

/// Finds the moments at which letting go of pages is worth it: many have been mapped, and the process has become quiet.
/// Asked at even intervals.
class Quietness {
 public:
  static constexpr std::chrono::milliseconds most_work{20};  ///< CPU time of an interval in which it is quiet
  static constexpr std::uint64_t many_faults = 200;          ///< a few sign-ins, after everything was let go of
  static constexpr unsigned fewest_intervals = 5;            ///< between two such moments

  bool has_come(const Usage& usage);
  /// What was used up to here is not counted.
  void leave_out(const Usage& usage);

 private:
  Usage before_{};
  std::uint64_t faults_then_ = 0;
  unsigned intervals_ = fewest_intervals;
};

/// Lets go of pages at these moments: most of what is resident then only starting, signing in and the like have needed.
class QuietPages {
 public:
  explicit QuietPages(boost::asio::io_context& context) : timer_(context) {}
  void start();
  void stop() { timer_.cancel(); }

 private:
  static constexpr std::chrono::seconds interval{2};

  boost::asio::steady_timer timer_;
  Quietness quietness_;
};

}  // namespace dbgate::app
