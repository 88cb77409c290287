#pragma once
#include <libpq-fe.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/options.h"

namespace dbgate::cli {

/// What became of a statement that was run again.
struct Ran {
  std::string sqlstate;  ///< 00000: it succeeded
  std::string message;   ///< the server's, of an error
  std::string tags;      ///< command tags, as the gateway records them: "BEGIN; SELECT 3"
  std::uint64_t rows = 0, rows_affected = 0;
  std::optional<std::uint64_t> bytes;  ///< of its results, as a Query is answered; without: cannot be told
  double elapsed_ms = 0;
};

/// A value of a parameter, without one: NULL.
struct BoundValue {
  std::optional<std::string> bytes;
  bool binary = false;
};

/// The server on which a session runs again, over libpq. Rows are counted and let go of.
class OtherServer {
 public:
  /// @param conninfo  keywords or a URI, as psql takes them; what it does not say is libpq's to look up
  /// Throws Problem (usage) for what is none, and for a password in it; (unreachable) if there is no way in.
  static OtherServer open(const Options& options, const std::string& conninfo);

  /// One statement; the server refuses a text that has several.
  Ran run_one(const std::string& sql, const std::vector<BoundValue>& values, std::chrono::seconds limit);
  /// A text with any number of statements, as one Query.
  Ran run_script(const std::string& sql, std::chrono::seconds limit);
  /// From now on, until a statement changes that: the transaction at hand, or the next ones, only read.
  void only_read();
  /// Whether texts are read as dbgate reads them.
  bool reads_literals_as_we_do() const;
  bool lost() const { return PQstatus(connection_.get()) != CONNECTION_OK; }

 private:
  struct Free {
    void operator()(PGconn* connection) const { PQfinish(connection); }
  };
  explicit OtherServer(PGconn* connection) : connection_(connection) {}
  Ran collect(bool sent, std::chrono::seconds limit);
  PGresult* next(std::optional<std::chrono::steady_clock::time_point>& deadline);
  void take(PGresult* result, Ran& ran, bool& described,
            std::optional<std::chrono::steady_clock::time_point>& deadline);
  void take_copy(std::optional<std::chrono::steady_clock::time_point>& deadline);
  void wait(std::optional<std::chrono::steady_clock::time_point>& deadline);

  std::unique_ptr<PGconn, Free> connection_;
};

}  // namespace dbgate::cli
