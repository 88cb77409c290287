#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "gateway/sql/facts.h"

namespace dbgate::session {

/// What a session has set its search_path to: each value that it may have now, as the statements wrote it. Follows
/// statements that have succeeded, and transactions as the server reports them.
class PathWatch {
 public:
  using Paths = std::vector<std::vector<std::string>>;

  /// @param tag  what the server said: ROLLBACK for COMMIT of a transaction that has failed
  void follow(const sql::Statement& statement, std::string_view tag);
  /// ReadyForQuery. @param failed  there was an error since the last one
  void on_ready(char status, bool failed);
  /// None: it is what it was at the login. One that nothing is equal to stands for what is not known.
  const Paths& paths() const noexcept { return now_; }

 private:
  void set(Paths paths, bool local);
  void end(bool commits);

  // … and what is left of it after the transaction if that commits or rolls back, and all of it so far.
  Paths now_, after_commit_, after_rollback_, so_far_;
};

}  // namespace dbgate::session
