#pragma once
#include <cstdint>
#include <functional>
#include <ios>
#include <map>
#include <string>

namespace dbgate::audit {

/// Reads the records of a directory, also of one that is written to: segments by chain and number, and what is in their
/// tails only.
class LogReader {
 public:
  explicit LogReader(std::string directory) : directory_(std::move(directory)) {}

  /// Gives all whole lines that came since the last call, each once. Not verified; a line need not be a record.
  void more(const std::function<void(const std::string& line)>& take);

 private:
  struct Chain {
    std::uint64_t in_segments = 0;  ///< the last sequence number that was read there
    std::uint64_t in_tail = 0;
  };
  void read_segment(const std::string& path, Chain& chain, const std::function<void(const std::string& line)>& take);

  std::string directory_;
  std::map<std::string, std::streamoff> read_;  ///< bytes, by path
  std::map<std::string, Chain> chains_;
};

}  // namespace dbgate::audit
