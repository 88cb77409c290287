#pragma once
#include <cstdint>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "gateway/ports/block_index.h"
#include "gateway/search/log_view.h"
#include "gateway/search/record.h"
#include "gateway/search/walk.h"

namespace dbgate::search {

/// What became of a statement, as its record says.
struct Outcome {
  std::int64_t ended_us = 0;
  std::string outcome, sqlstate, limit;
  bool from_cache = false;
  std::uint64_t rows = 0, rows_affected = 0, bytes = 0, duration_us = 0;
};

/// Outcomes by the query_id of their statement.
class Outcomes {
 public:
  /// Keeps it if it is an outcome.
  void take(const Record& record);
  /// Null if none was taken.
  const Outcome* find(const std::string& query) const;
  /// Looks for outcomes that are not in what was read: of statements that ended in another part of the log than they
  /// began. Reads no more than the budget. @param index  null: without one
  /// @param earliest_us  when the oldest of them was decided. Errors: XX001, the index.
  Result<> look_up(const LogView& log, ports::BlockIndex* index, std::unordered_set<std::string> queries,
                   std::int64_t earliest_us, Budget budget);

 private:
  std::unordered_map<std::string, Outcome> found_;
};

}  // namespace dbgate::search
