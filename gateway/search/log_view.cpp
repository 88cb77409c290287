#include "gateway/search/log_view.h"

#include <algorithm>
#include <limits>

#include "gateway/search/record.h"

namespace dbgate::search {
namespace {

constexpr std::uint64_t first_look = 16u << 10;
constexpr std::size_t npos = std::string::npos;

// The line that begins at `start`, newline included; empty if it does not end before `end`.
std::string line_at(const std::string& path, std::uint64_t start, std::uint64_t end) {
  for (std::uint64_t bytes = first_look;; bytes *= 2) {
    const auto text = audit::read_part(path, start, std::min(bytes, end - start));
    if (!text) return {};
    const std::size_t newline = text->find('\n');
    if (newline != npos) return text->substr(0, newline + 1);
    if (bytes >= end - start || text->size() < bytes) return {};
  }
}

// Where a line begins at or behind `middle`; `end` if none does.
std::uint64_t line_start(const std::string& path, std::uint64_t middle, std::uint64_t end) {
  const std::string rest = line_at(path, middle, end);
  return rest.empty() ? end : middle + rest.size();
}

std::int64_t time_of(std::string_view line) {
  Record record;
  return read_record(line, record) ? record.time_us() : 0;
}

}  // namespace

LogView::LogView(const std::string& directory, bool with_tails, audit::SegmentSizes* sizes) {
  audit::SegmentSizes own;
  if (with_tails) tails_ = audit::read_tails(directory);  // before segments: see audit::Tail
  for (audit::SegmentFile& file : audit::list_segments(directory)) {
    const auto bytes = (sizes == nullptr ? own : *sizes).of(file.path);
    if (!bytes) continue;
    const auto before = segments_.find({file.chain, file.number - 1});
    if (before != segments_.end()) before->second.closed = true;
    segments_[{file.chain, file.number}] = {std::move(file.path), *bytes, false};
  }
}

const SegmentState* LogView::find(const std::string& chain, std::uint64_t number) const {
  const auto found = segments_.find({chain, number});
  return found == segments_.end() ? nullptr : &found->second;
}

// Within a segment time does not go back (base/clock.h), so its ends tell when it is of.
std::optional<Piece> LogView::bounded(Piece piece, const SegmentState& segment) const {
  const auto last = audit::last_line(segment.path, piece.start, piece.start + piece.bytes);
  if (!last || last->end == 0) return {};
  piece.bytes = last->end - piece.start;
  piece.first_us = time_of(line_at(segment.path, piece.start, last->end));
  piece.last_us = time_of(last->line);
  if (piece.last_us < piece.first_us) piece.first_us = 0;
  if (piece.last_us == 0) piece.last_us = std::numeric_limits<std::int64_t>::max();
  return piece;
}

std::vector<Piece> LogView::without(const std::vector<ports::IndexedSegment>& indexed) const {
  std::map<Key, std::uint64_t> known;
  for (const ports::IndexedSegment& segment : indexed)
    known[{segment.chain, segment.number}] = segment.bytes;
  std::vector<Piece> pieces;
  for (const auto& [key, segment] : segments_) {
    const auto found = known.find(key);
    const std::uint64_t start = found == known.end() ? 0 : found->second;
    if (start >= segment.bytes) continue;
    auto piece = bounded({key.first, key.second, start, segment.bytes - start, 0, 0}, segment);
    if (piece) pieces.push_back(std::move(*piece));
  }
  return pieces;
}

Result<std::string> LogView::read(const Piece& piece) const {
  const SegmentState* const segment = find(piece.chain, piece.segment);
  if (segment == nullptr) return Error(sqlstate::io_error, "a segment of the audit log has gone");
  return audit::read_part(segment->path, piece.start, piece.bytes);
}

std::vector<Piece> LogView::split(Piece piece) const {
  const SegmentState* const segment = find(piece.chain, piece.segment);
  const std::uint64_t end = piece.start + piece.bytes;
  const std::uint64_t middle = segment == nullptr ? end : line_start(segment->path, piece.start + piece.bytes / 2, end);
  const std::int64_t time = middle == end ? 0 : time_of(line_at(segment->path, middle, end));
  if (time == 0) return {std::move(piece)};
  Piece newer = piece;
  newer.start = middle;
  newer.bytes = end - middle;
  newer.first_us = time;
  piece.bytes = middle - piece.start;
  piece.last_us = time;
  return {std::move(newer), std::move(piece)};
}

}  // namespace dbgate::search
