#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "gateway/base/error.h"

namespace dbgate::audit {

/// Reads the records of a directory, also of one that is written to: segments by chain and number, and what is in their
/// tails only.
class LogReader {
 public:
  explicit LogReader(std::string directory) : directory_(std::move(directory)) {}

  /// Gives all whole lines that came since the last call, each once. Not verified; a line need not be a record.
  /// Errors: 58030, XX001 of the first segment that cannot be read; what the others have was given.
  Result<> more(const std::function<void(const std::string& line)>& take);

 private:
  struct Chain {
    std::uint64_t in_segments = 0;  ///< the last sequence number that was read there
    std::uint64_t in_tail = 0;
  };
  Result<> read_segment(const std::string& path, Chain& chain,
                        const std::function<void(const std::string& line)>& take);

  std::string directory_;
  std::map<std::string, std::uint64_t> read_;  ///< bytes, by path
  std::map<std::string, Chain> chains_;
};

}  // namespace dbgate::audit
