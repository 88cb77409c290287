#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "gateway/ports/block_index.h"
#include "gateway/search/block_builder.h"
#include "gateway/search/log_view.h"

namespace dbgate::search {

struct IndexPlace {
  /// Opens the index, or makes it. Errors: XX001 it is damaged, or of another kind.
  std::function<Result<std::unique_ptr<ports::BlockIndex>>()> open;
  /// Takes it away, in whatever state it is.
  std::function<void()> remove;
};

/// Keeps the index of a log up to date. Used by one thread.
class Indexer {
 public:
  /// What a search has to read at least; 0.2 ms.
  static constexpr std::uint64_t block_bytes = 256u << 10;

  Indexer(std::string directory, IndexPlace place) : directory_(std::move(directory)), place_(std::move(place)) {}

  /// Brings into the index what the log has in whole blocks by now, the newest segments first, and takes out what is
  /// not there any more. An index that is damaged, or of another log, is made anew.
  /// @param stop  looked at now and then. @return blocks that were added
  /// Errors: 58030.
  Result<std::size_t> update(const std::atomic<bool>& stop);
  /// Makes the index anew with the next update(). Any thread.
  void distrust() noexcept { distrusted_ = true; }
  /// Another number whenever the index has been opened, maybe another one; 0: there is none yet. Any thread.
  std::uint64_t generation() const noexcept { return generation_; }

 private:
  Result<> open(const LogView& log);
  Result<> forget_others(const LogView& log);
  Result<std::size_t> follow(const LogView& log, const std::atomic<bool>& stop);
  Result<std::size_t> follow_segment(const LogView::Key& key, const SegmentState& segment,
                                     const std::atomic<bool>& stop);

  std::string directory_;
  IndexPlace place_;
  std::unique_ptr<ports::BlockIndex> index_;  // null: to be opened
  std::unique_ptr<BlockBuilder> builder_;
  std::map<LogView::Key, ports::IndexedSegment> known_;
  audit::SegmentSizes sizes_;
  std::atomic<bool> distrusted_{false};
  std::atomic<std::uint64_t> generation_{0};
};

}  // namespace dbgate::search
