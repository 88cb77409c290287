#pragma once
#include <sys/types.h>
#include <string>

#include "tests/support/temp_directory.h"

namespace dbgate::tests {

/// A PostgreSQL server of its own, behind a Unix socket only. Dies with the test.
class PostgresServer {
 public:
  PostgresServer();
  ~PostgresServer();

  /// Directory of the socket; its port is 5432.
  const std::string& directory() const noexcept { return directory_.path(); }
  /// Of the superuser "postgres".
  static constexpr const char* password = "a password of tests";
  /// For the store, in a schema of the caller's choice.
  std::string url(const std::string& schema) const;
  /// Runs statements as superuser. @return the first cell of the last result
  std::string sql(const std::string& statements) const;

  void start();
  /// As a crash does.
  void stop();
  /// Stands still: takes connections, answers nothing.
  void freeze();
  void thaw();

 private:
  void signal_all(int signal) const;
  TempDirectory directory_;
  pid_t server_ = -1;
};

}  // namespace dbgate::tests
