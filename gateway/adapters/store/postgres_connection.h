#pragma once
#include <chrono>
#include <memory>
#include <string>

#include "gateway/adapters/pg_entry.h"
#include "gateway/adapters/store/postgres_place.h"
#include "gateway/adapters/store/sql_database.h"

namespace dbgate::adapters::store {

using Deadline = std::chrono::steady_clock::time_point;

/// One connection to a store on PostgreSQL. Never blocks beyond the deadlines, except in name look-ups. Used by one
/// thread at a time.
class PostgresConnection {
 public:
  /// Enters a server that can be written to, and sets the session up. Errors: 08006.
  static Result<std::unique_ptr<PostgresConnection>> open(const PostgresPlace& place, Deadline deadline);

  Result<SqlResult> run(const char* sql, SqlValues values, Deadline deadline);
  Result<> run_script(const std::string& sql, Deadline deadline);
  /// Until the server notifies or `wake_fd` can be read. Errors: 08006.
  Result<bool> wait_notified(int wake_fd, std::chrono::milliseconds limit);

  /// After an error: of no further use.
  bool broken() const { return broken_ || PQstatus(handle_.get()) != CONNECTION_OK; }
  /// Broken because nothing came back from the server: it is away, or too slow. False if it said what was wrong.
  bool silent() const noexcept { return silent_; }
  /// The server undid the transaction for another's sake (40P01): doing it again may succeed.
  bool deadlocked() const noexcept { return deadlocked_; }

 private:
  using ResultPtr = std::unique_ptr<PGresult, PgFree>;

  explicit PostgresConnection(PgHandle handle) : handle_(std::move(handle)) {}
  Result<> set_up(const PostgresPlace& place, Deadline deadline);
  Result<> flush(Deadline deadline);
  Result<SqlResult> collect(Deadline deadline);
  Error failed(const PGresult* result);
  Error lost();
  Error lost_silently();

  PgHandle handle_;
  bool broken_ = false;
  bool silent_ = false;
  bool deadlocked_ = false;
};

}  // namespace dbgate::adapters::store
