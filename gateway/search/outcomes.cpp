#include "gateway/search/outcomes.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <vector>

#include "gateway/search/terms.h"

namespace dbgate::search {
namespace {

constexpr std::uint64_t most_piece_bytes = 1u << 20;
constexpr std::string_view done = "statement.done";

std::uint64_t number_of(std::string_view text) {
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// "12.345" ms, as the log writes it.
std::uint64_t microseconds_of(std::string_view milliseconds) {
  const std::size_t dot = milliseconds.find('.');
  const std::uint64_t whole = number_of(milliseconds.substr(0, dot));
  return 1000 * whole + (dot == std::string_view::npos ? 0 : number_of(milliseconds.substr(dot + 1)));
}

bool newer(const Piece& left, const Piece& right) {
  return left.first_us > right.first_us;
}

/// Reads what may have the outcomes that are looked for.
class LookUp {
 public:
  LookUp(const LogView& log, std::unordered_set<std::string> queries, std::int64_t earliest_us, Budget budget,
         Outcomes& outcomes)
      : log_(log), queries_(std::move(queries)), earliest_us_(earliest_us), budget_(budget), outcomes_(outcomes) {}

  Result<> in_index(ports::BlockIndex& index, std::vector<ports::IndexedSegment>& indexed) {
    std::vector<Term> terms;
    for (const std::string& query : queries_)
      terms.push_back(term_of(index.key(), ports::AuditField::query, query));
    DBGATE_TRY(const auto cursor, index.newest_first(earliest_us_, std::numeric_limits<std::int64_t>::max()));
    DBGATE_TRY(indexed, index.segments());
    while (wanted()) {
      DBGATE_TRY(const auto block, cursor->next());
      if (!block) break;
      const bool fits =
          std::any_of(terms.begin(), terms.end(), [&block](Term term) { return may_have(block->terms, term); });
      if (fits) read({block->chain, block->segment, block->start, block->bytes, 0, 0});
    }
    return boost::system::in_place_value;
  }

  // The oldest first: most statements end soon.
  void in_pieces(std::vector<Piece> pieces) {
    std::erase_if(pieces, [this](const Piece& piece) { return piece.last_us < earliest_us_; });
    std::make_heap(pieces.begin(), pieces.end(), newer);
    while (wanted() && !pieces.empty()) {
      std::pop_heap(pieces.begin(), pieces.end(), newer);
      std::vector<Piece> parts{std::move(pieces.back())};
      pieces.pop_back();
      if (parts.front().bytes > most_piece_bytes) parts = log_.split(std::move(parts.front()));
      if (parts.size() == 1) {
        read(parts.front());
        continue;
      }
      for (Piece& part : parts) {
        if (part.last_us < earliest_us_) continue;
        pieces.push_back(std::move(part));
        std::push_heap(pieces.begin(), pieces.end(), newer);
      }
    }
  }

 private:
  bool wanted() const { return !queries_.empty() && read_bytes_ < budget_.bytes; }

  void read(const Piece& piece) {
    read_bytes_ += piece.bytes;
    const auto lines = log_.read(piece);
    if (!lines) return;
    std::string_view rest = *lines;
    Record record;
    for (std::string_view line; take_line(rest, line);) {
      if (line.find(done) == std::string_view::npos || !read_record(line, record)) continue;
      if (record.event != done || queries_.erase(std::string(record.query)) == 0) continue;
      outcomes_.take(record);
    }
  }

  const LogView& log_;
  std::unordered_set<std::string> queries_;
  std::int64_t earliest_us_;
  Budget budget_;
  Outcomes& outcomes_;
  std::uint64_t read_bytes_ = 0;
};

}  // namespace

void Outcomes::take(const Record& record) {
  if (record.event != done) return;
  Outcome& outcome = found_[std::string(record.query)];
  outcome.ended_us = record.time_us();
  for (Members members(record.line); members.next();) {
    const std::string_view key = members.key();
    const std::string_view value = members.value();
    if (key == "outcome") outcome.outcome = value;
    if (key == "db.response.status_code") outcome.sqlstate = value;
    if (key == "limit") outcome.limit = value;
    if (key == "served_from") outcome.from_cache = value == "cache";
    if (key == "db.response.returned_rows") outcome.rows = number_of(value);
    if (key == "rows_affected") outcome.rows_affected = number_of(value);
    if (key == "bytes") outcome.bytes = number_of(value);
    if (key == "duration_ms") outcome.duration_us = microseconds_of(value);
  }
}

const Outcome* Outcomes::find(const std::string& query) const {
  const auto found = found_.find(query);
  return found == found_.end() ? nullptr : &found->second;
}

Result<> Outcomes::look_up(const LogView& log, ports::BlockIndex* index, std::unordered_set<std::string> queries,
                           std::int64_t earliest_us, Budget budget) {
  if (queries.empty()) return boost::system::in_place_value;
  LookUp look(log, std::move(queries), earliest_us, budget, *this);
  std::vector<ports::IndexedSegment> indexed;
  if (index != nullptr) DBGATE_CHECK(look.in_index(*index, indexed));
  look.in_pieces(log.without(indexed));
  return boost::system::in_place_value;
}

}  // namespace dbgate::search
