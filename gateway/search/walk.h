#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gateway/ports/audit_search.h"
#include "gateway/ports/block_index.h"
#include "gateway/search/log_view.h"
#include "gateway/search/matcher.h"

namespace dbgate::search {

/// How much one search may read.
struct Budget {
  std::uint64_t bytes = 64u << 20;
};

struct Hit {
  ports::AuditPosition position;
  std::string line;
  friend bool operator<(const Hit& left, const Hit& right) { return left.position < right.position; }
};

/// The records of a log that fit, the newest first.
///
/// Blocks of different chains overlap in time. The one that may have the newest record is read next, until what was
/// found is newer than all that is left.
class Walk {
 public:
  /// @param index  null: without one. All of these must outlive the walk.
  Walk(const LogView& log, ports::BlockIndex* index, const Matcher& matcher, Budget budget)
      : log_(log), index_(index), matcher_(matcher), budget_(budget) {}

  /// What else is told of records in what is read: whichever have the matcher's needle in them, in no order.
  std::function<void(const Record&)> also;

  /// @param before  only what stands before it; empty: from the end. Errors: XX001, the index; it must be made anew
  Result<> begin(const std::optional<ports::AuditPosition>& before);
  /// Without a value: there is no more, or cut(). Errors: XX001, as begin().
  Result<std::optional<Hit>> next();
  /// Whether it ended because so much was read.
  bool cut() const noexcept { return cut_.has_value(); }
  /// Where to go on after a walk that was cut.
  const std::optional<ports::AuditPosition>& rest() const noexcept { return cut_; }

 private:
  Result<> fetch();
  bool may_fit(const ports::LogBlock& block) const;
  Result<> read_next();
  void scan(std::string_view lines);
  void look_at(std::string_view line);
  std::int64_t newest_left() const noexcept;

  const LogView& log_;
  ports::BlockIndex* index_;
  const Matcher& matcher_;
  Budget budget_;
  std::optional<ports::AuditPosition> before_;
  std::int64_t until_us_ = 0;  // nothing from then on is wanted
  std::vector<Term> terms_;
  Term query_ = 0;
  std::unique_ptr<ports::BlockCursor> cursor_;
  std::optional<ports::LogBlock> block_;  // the next of the index
  std::vector<Piece> pieces_;             // of what is not in the index; a heap, the newest first
  std::vector<Hit> hits_;                 // a heap, the newest first
  Hit last_;
  std::uint64_t read_bytes_ = 0;
  std::optional<ports::AuditPosition> cut_;
};

}  // namespace dbgate::search
