#pragma once
#include <sqlite3.h>

#include <chrono>
#include <memory>
#include <string>
#include <unordered_map>

#include "gateway/adapters/store/sql_database.h"

namespace dbgate::adapters::store {

/// One connection to a file, with its prepared statements. Used by one thread at a time.
class SqliteConnection {
 public:
  /// @param busy  how long to wait for the locks of others
  static Result<std::unique_ptr<SqliteConnection>> open(const std::string& path, std::chrono::milliseconds busy);

  /// @param sql  kept as the key of its prepared statement
  Result<SqlResult> run(const std::string& sql, SqlValues values);
  Result<> run_script(const std::string& sql);
  void wait_for_locks(std::chrono::milliseconds busy);
  bool in_transaction() const noexcept { return sqlite3_get_autocommit(handle_.get()) == 0; }

 private:
  struct Close {
    void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  using Statement = std::unique_ptr<sqlite3_stmt, Close>;

  explicit SqliteConnection(sqlite3* handle) : handle_(handle) {}
  Result<sqlite3_stmt*> prepared(const std::string& sql);
  Result<> bind(sqlite3_stmt* statement, SqlValues values);
  Result<SqlResult> collect(sqlite3_stmt* statement);
  Error failed();

  std::unique_ptr<sqlite3, Close> handle_;
  std::unordered_map<std::string, Statement> statements_;  // before the handle in death
};

}  // namespace dbgate::adapters::store
