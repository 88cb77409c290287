#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "gateway/policy/limits.h"

namespace dbgate::session {

/// What one result has given the client so far: of a statement, or of a portal or cursor over all its fetches.
struct Meter {
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;
  bool started = false;  ///< of a portal: has been executed once
  bool gathers = false;  ///< its rows may hold many: see gathers_rows()
};

/// Where a statement stands between the BEGIN and the COMMIT that dbgate puts around it, so that what a limit stops
/// is undone. Replies to dbgate's own statements are not the client's.
enum class Guard : std::uint8_t {
  none,
  opening,     ///< the replies to BEGIN are due
  running,     ///< the statement's own replies
  committing,  ///< the replies to COMMIT are due
  undoing      ///< the replies to ROLLBACK, or to the statement that fails in its place
};

/// Rows that a statement may change, and the rule that says so.
struct RowCap {
  std::size_t rows = 0;  ///< 0: any number
  std::string rule;
};

/// A message under way, of a principal with limits, or of a statement whose changes are limited. All others have none
/// of this.
struct UnderLimits {
  static constexpr auto never = std::chrono::steady_clock::time_point::max();

  std::shared_ptr<const policy::LimitSet> limits;          ///< never null
  std::chrono::steady_clock::time_point deadline = never;  ///< counts once the server has come to it
  Guard guard = Guard::none;
  bool held = false;        ///< nothing may follow it before it is over
  bool admitted = false;    ///< has a place among the statements that run at once
  bool stopped = false;     ///< passed a limit: the client has been told, and hears nothing more of it
  bool error_seen = false;  ///< the server has failed it, and with it the transaction
  bool overdue = false;     ///< was cancelled for its time
  unsigned reminders = 0;
  std::vector<RowCap> row_caps;  ///< by statement of the text; empty: it may change any number of rows
  std::string last_tag;          ///< guarded: the CommandComplete that is true once COMMIT is
};

}  // namespace dbgate::session
