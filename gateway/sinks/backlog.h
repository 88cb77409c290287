#pragma once
#include <cstdint>
#include <map>
#include <string>

#include "gateway/audit/segment.h"
#include "gateway/sinks/positions.h"

namespace dbgate::sinks {

/// What is in a log and not delivered.
struct Behind {
  std::uint64_t bytes = 0;
  std::uint64_t records = 0;
};

/// Measures how far sinks are behind a log. Used by one thread.
class Backlog {
 public:
  explicit Backlog(std::string directory) : directory_(std::move(directory)) {}
  /// Looks at the log as it is now.
  void look();
  Behind behind(const Positions& positions) const;
  Behind behind_in(const std::string& chain, const Position& at) const;
  /// Where the log ends.
  Positions ends() const;

 private:
  struct Chain {
    std::map<std::uint64_t, std::uint64_t> bytes;  ///< of segments, by number
    std::uint64_t last_sequence = 0;
  };
  std::string directory_;
  audit::SegmentSizes sizes_;
  std::map<std::string, Chain, std::less<>> chains_;
};

}  // namespace dbgate::sinks
