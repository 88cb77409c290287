#include "gateway/search/walk.h"

#include <string.h>

#include <algorithm>
#include <limits>

#include "gateway/search/terms.h"

namespace dbgate::search {
namespace {

// What is not in the index is read in such parts, so that a search of what came last does not read all of it.
constexpr std::uint64_t most_piece_bytes = 1u << 20;
constexpr std::int64_t forever = std::numeric_limits<std::int64_t>::max();

bool older(const Piece& left, const Piece& right) {
  return left.last_us < right.last_us;
}

}  // namespace

Result<> Walk::begin(const std::optional<ports::AuditPosition>& before) {
  before_ = before;
  until_us_ = matcher_.until_us();
  if (before) until_us_ = std::min(until_us_, before->time_us == forever ? forever : before->time_us + 1);
  std::vector<ports::IndexedSegment> indexed;
  if (index_ != nullptr) {
    terms_ = matcher_.terms(index_->key());
    query_ = matcher_.query_term(index_->key());
    DBGATE_TRY(cursor_, index_->newest_first(matcher_.since_us(), until_us_));
    DBGATE_TRY(indexed, index_->segments());
    DBGATE_CHECK(fetch());
  }
  for (Piece& piece : log_.without(indexed))
    if (piece.last_us >= matcher_.since_us() && piece.first_us < until_us_) pieces_.push_back(std::move(piece));
  std::make_heap(pieces_.begin(), pieces_.end(), older);
  for (const audit::Tail& tail : log_.tails())
    for (const std::string& line : tail.lines)
      look_at(line);
  return boost::system::in_place_value;
}

bool Walk::may_fit(const ports::LogBlock& block) const {
  if (log_.find(block.chain, block.segment) == nullptr) return false;
  if (!matcher_.may_be_decided_in(block) && !may_have(block.terms, query_)) return false;
  return std::all_of(terms_.begin(), terms_.end(), [&block](Term term) { return may_have(block.terms, term); });
}

Result<> Walk::fetch() {
  do {
    DBGATE_TRY(block_, cursor_->next());
  } while (block_ && !may_fit(*block_));
  return boost::system::in_place_value;
}

std::int64_t Walk::newest_left() const noexcept {
  const std::int64_t indexed = block_ ? block_->last_us : -1;
  return pieces_.empty() ? indexed : std::max(indexed, pieces_.front().last_us);
}

Result<> Walk::read_next() {
  Piece piece;
  if (block_ && block_->last_us == newest_left()) {
    piece = {block_->chain, block_->segment, block_->start, block_->bytes, block_->first_us, block_->last_us};
    DBGATE_CHECK(fetch());
  } else {
    std::pop_heap(pieces_.begin(), pieces_.end(), older);
    piece = std::move(pieces_.back());
    pieces_.pop_back();
    if (piece.bytes > most_piece_bytes) {
      auto parts = log_.split(piece);
      if (parts.size() > 1) {
        for (Piece& part : parts) {
          if (part.first_us >= until_us_ || part.last_us < matcher_.since_us()) continue;
          pieces_.push_back(std::move(part));
          std::push_heap(pieces_.begin(), pieces_.end(), older);
        }
        return boost::system::in_place_value;
      }
    }
  }
  read_bytes_ += piece.bytes;
  // A segment that has gone meanwhile has nothing to show any more.
  const auto lines = log_.read(piece);
  if (lines) scan(*lines);
  return boost::system::in_place_value;
}

void Walk::scan(std::string_view lines) {
  const std::string& needle = matcher_.needle();
  std::size_t at = 0;
  while (at < lines.size()) {
    const auto* const place =
        static_cast<const char*>(::memmem(lines.data() + at, lines.size() - at, needle.data(), needle.size()));
    if (place == nullptr) return;
    const auto found = static_cast<std::size_t>(place - lines.data());
    const std::size_t before = found == 0 ? std::string_view::npos : lines.rfind('\n', found - 1);
    const std::size_t start = before == std::string_view::npos ? 0 : before + 1;
    const std::size_t end = lines.find('\n', found);
    if (end == std::string_view::npos) return;
    look_at(lines.substr(start, end - start));
    at = end + 1;
  }
}

void Walk::look_at(std::string_view line) {
  Record record;
  if (!read_record(line, record)) return;
  if (also) also(record);
  if (!matcher_.matches(record)) return;
  const std::int64_t time = record.time_us();
  if (time < matcher_.since_us() || time >= until_us_) return;
  ports::AuditPosition position{time, std::string(record.chain), record.sequence};
  if (before_ && !(position < *before_)) return;
  hits_.push_back({std::move(position), std::string(line)});
  std::push_heap(hits_.begin(), hits_.end());
}

Result<std::optional<Hit>> Walk::next() {
  for (;;) {
    const std::int64_t left = newest_left();
    if (!hits_.empty() && hits_.front().position.time_us > left) {
      std::pop_heap(hits_.begin(), hits_.end());
      Hit hit = std::move(hits_.back());
      hits_.pop_back();
      // What moved from a tail to its segment meanwhile is seen in both.
      if (last_.line == hit.line) continue;
      last_ = hit;
      return std::optional<Hit>(std::move(hit));
    }
    if (left < 0) return std::optional<Hit>();
    // The next search has to begin earlier than this one, or it would read the same again.
    if (read_bytes_ >= budget_.bytes && left < forever && (!before_ || left + 1 < before_->time_us)) {
      cut_ = ports::AuditPosition{left + 1, "", 0};
      return std::optional<Hit>();
    }
    DBGATE_CHECK(read_next());
  }
}

}  // namespace dbgate::search
