#include "gateway/search/indexer.h"

#include <algorithm>
#include <optional>

#include "gateway/base/log.h"

namespace dbgate::search {
namespace {

// In one transaction.
constexpr std::size_t most_blocks = 16;
// No record is so long; what is was not written by dbgate.
constexpr std::uint64_t most_block_bytes = 64u << 20;

bool same_log(const SegmentState* segment, const ports::IndexedSegment& indexed) {
  if (segment == nullptr || segment->bytes < indexed.bytes) return false;
  const auto last = audit::last_line(segment->path, 0, indexed.bytes);
  return last && last->end == indexed.bytes && last_hash(last->line) == indexed.last_hash;
}

// The next whole lines of a segment, about a block; empty if there is not enough for one.
Result<std::string> next_lines(const SegmentState& segment, std::uint64_t start) {
  for (std::uint64_t bytes = Indexer::block_bytes; segment.bytes - start >= bytes || segment.closed; bytes *= 2) {
    auto text = audit::read_part(segment.path, start, std::min(bytes, segment.bytes - start));
    // Damage there is none of the index.
    if (!text) return Error(sqlstate::io_error, text.error().message());
    const std::size_t end = text->rfind('\n');
    if (end != std::string::npos) {
      text->resize(end + 1);
      return text;
    }
    if (text->size() < bytes) break;
    if (bytes >= most_block_bytes) return text;
  }
  return std::string();
}

}  // namespace

Result<> Indexer::open(const LogView& log) {
  DBGATE_TRY(index_, place_.open());
  builder_ = std::make_unique<BlockBuilder>(index_->key());
  known_.clear();
  DBGATE_TRY(const auto segments, index_->segments());
  for (const ports::IndexedSegment& segment : segments) {
    if (same_log(log.find(segment.chain, segment.number), segment)) {
      known_[{segment.chain, segment.number}] = segment;
    } else {
      DBGATE_CHECK(index_->remove(segment.chain, segment.number));
    }
  }
  ++generation_;
  return boost::system::in_place_value;
}

Result<> Indexer::forget_others(const LogView& log) {
  for (auto at = known_.begin(); at != known_.end();) {
    const SegmentState* const segment = log.find(at->first.first, at->first.second);
    if (segment != nullptr && segment->bytes >= at->second.bytes) {
      ++at;
      continue;
    }
    DBGATE_CHECK(index_->remove(at->first.first, at->first.second));
    at = known_.erase(at);
  }
  return boost::system::in_place_value;
}

Result<std::size_t> Indexer::follow_segment(const LogView::Key& key, const SegmentState& segment,
                                            const std::atomic<bool>& stop) {
  ports::IndexedSegment& known = known_[key];
  known.chain = key.first;
  known.number = key.second;
  std::size_t added = 0;
  while (!stop && known.bytes < segment.bytes) {
    ports::IndexedSegment next = known;
    std::vector<ports::LogBlock> blocks;
    while (!stop && blocks.size() < most_blocks && next.bytes < segment.bytes) {
      DBGATE_TRY(const std::string lines, next_lines(segment, next.bytes));
      if (lines.empty()) break;
      blocks.push_back(builder_->build(key.first, key.second, next.bytes, lines));
      next.bytes += lines.size();
      next.last_hash = last_hash(lines);
    }
    if (blocks.empty()) break;
    DBGATE_CHECK(index_->add(next, blocks));
    known = std::move(next);
    added += blocks.size();
  }
  return added;
}

Result<std::size_t> Indexer::follow(const LogView& log, const std::atomic<bool>& stop) {
  std::vector<LogView::Key> behind;
  for (const auto& [key, segment] : log.segments()) {
    const auto found = known_.find(key);
    const std::uint64_t done = found == known_.end() ? 0 : found->second.bytes;
    if (segment.bytes - done >= (segment.closed ? 1 : block_bytes)) behind.push_back(key);
  }
  // What was written last is asked for most.
  std::sort(behind.begin(), behind.end(),
            [](const auto& left, const auto& right) { return left.second > right.second; });
  Result<std::size_t> added = std::size_t{0};
  std::optional<Error> failed;
  for (const LogView::Key& key : behind) {
    if (stop) break;
    const auto more = follow_segment(key, *log.find(key.first, key.second), stop);
    if (more) {
      *added += *more;
    } else if (more.error().code() == sqlstate::io_error) {
      failed = more.error();  // a segment that cannot be read keeps no other from being found
    } else {
      return more.error();
    }
  }
  return failed ? Result<std::size_t>(*failed) : added;
}

Result<std::size_t> Indexer::update(const std::atomic<bool>& stop) {
  const LogView log(directory_, false, &sizes_);
  for (bool anew = distrusted_.exchange(false);;) {
    if (anew) {
      log::warn("audit", "the index of the audit log is made anew");
      index_.reset();
      place_.remove();
    }
    const auto opened = index_ ? forget_others(log) : open(log);
    auto added = opened ? follow(log, stop) : Result<std::size_t>(opened.error());
    if (added) return added;
    const Error why = added.error();
    index_.reset();
    if (why.code() != sqlstate::data_corrupted || anew) return why;
    anew = true;
  }
}

}  // namespace dbgate::search
