#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/audit/segment.h"
#include "gateway/audit/tail.h"
#include "gateway/base/error.h"
#include "gateway/ports/block_index.h"

namespace dbgate::search {

/// A part of a segment: whole lines.
struct Piece {
  std::string chain;
  std::uint64_t segment = 0;
  std::uint64_t start = 0;
  std::uint64_t bytes = 0;
  std::int64_t first_us = 0;  ///< nothing in it is older
  std::int64_t last_us = 0;   ///< or newer
};

/// A segment as it was when the directory was looked at.
struct SegmentState {
  std::string path;         ///< as audit::Segment takes it
  std::uint64_t bytes = 0;  ///< as it was written
  bool closed = false;      ///< there is one behind it: it grows no more
};

/// The files of a log directory as of one moment. Whatever was in the log by then is in its tails or in the first bytes
/// of its segments.
class LogView {
 public:
  using Key = std::pair<std::string, std::uint64_t>;  // chain and number

  /// @param with_tails  false: of no interest. @param sizes  what is known already, for whoever looks often
  explicit LogView(const std::string& directory, bool with_tails = true, audit::SegmentSizes* sizes = nullptr);

  const std::map<Key, SegmentState>& segments() const noexcept { return segments_; }
  const std::vector<audit::Tail>& tails() const noexcept { return tails_; }
  /// Null if there is none (any more).
  const SegmentState* find(const std::string& chain, std::uint64_t number) const;
  /// What is in segments and not in the index.
  std::vector<Piece> without(const std::vector<ports::IndexedSegment>& indexed) const;
  /// Errors: 58030, also where the segment has gone meanwhile.
  Result<std::string> read(const Piece& piece) const;
  /// The piece cut into two at a line near its middle, the newer one first. A piece that is one line stays whole.
  std::vector<Piece> split(Piece piece) const;

 private:
  std::optional<Piece> bounded(Piece piece, const SegmentState& segment) const;

  std::vector<audit::Tail> tails_;
  std::map<Key, SegmentState> segments_;
};

}  // namespace dbgate::search
