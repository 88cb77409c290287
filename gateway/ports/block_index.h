#pragma once
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gateway/base/error.h"
#include "gateway/base/keyed_hash.h"

namespace dbgate::ports {

/// A part of a segment of the audit log: whole lines, and what stands in them.
struct LogBlock {
  std::string chain;
  std::uint64_t segment = 0;
  std::uint64_t start = 0;  ///< bytes from the start of the segment
  std::uint64_t bytes = 0;
  std::uint64_t records = 0;
  std::int64_t first_us = 0;  ///< time of the oldest record, since 1970 UTC
  std::int64_t last_us = 0;   ///< and of the newest
  std::string terms;          ///< a filter over the terms of its records (search/term_filter.h)
};

/// How far a segment is in the index.
struct IndexedSegment {
  std::string chain;
  std::uint64_t number = 0;
  std::uint64_t bytes = 0;  ///< from its start; whole blocks, one behind the other
  std::string last_hash;    ///< of the last record of these, by which one sees that it is the same log
};

/// Blocks, the newest first, as of one moment. The index must outlive it.
class BlockCursor {
 public:
  virtual ~BlockCursor() = default;
  /// By falling last_us. Without a value: there are no more. Errors: XX001.
  virtual Result<std::optional<LogBlock>> next() = 0;
};

/// The index of a log. It says nothing that the log does not: whoever finds it missing, older or damaged makes it anew.
/// Used by one thread; several may have the same file open, one of them to write. All of it blocks.
///
/// Errors: XX001 it is damaged; 58030 for all else.
class BlockIndex {
 public:
  virtual ~BlockIndex() = default;
  /// What terms are hashed with: of this index alone.
  virtual const HashKey& key() const noexcept = 0;
  virtual Result<std::vector<IndexedSegment>> segments() = 0;
  /// Adds blocks behind those that their segment has, and says how far it is now: all or nothing.
  virtual Result<> add(const IndexedSegment& segment, const std::vector<LogBlock>& blocks) = 0;
  /// Forgets a segment.
  virtual Result<> remove(const std::string& chain, std::uint64_t number) = 0;
  /// As long as there is a cursor, segments() and further cursors are of its moment.
  /// @param since_us  only blocks whose newest record is not older
  /// @param until_us  only blocks whose oldest record is older
  virtual Result<std::unique_ptr<BlockCursor>> newest_first(std::int64_t since_us, std::int64_t until_us) = 0;
};

}  // namespace dbgate::ports
