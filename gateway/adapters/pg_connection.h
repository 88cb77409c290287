#pragma once
#include <libpq-fe.h>

#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/schema.h"
#include "gateway/adapters/pg_entry.h"
#include "gateway/base/error.h"

namespace dbgate::adapters {

/// One row of a result in binary format. A field that is NULL reads as zero or empty; one that is not of the type asked
/// for does too, and makes the row malformed.
class PgRow {
 public:
  PgRow(const PGresult* result, int row) : result_(result), row_(row) {}

  std::uint32_t oid(int column) const { return static_cast<std::uint32_t>(number(column, 4)); }
  std::int16_t int16(int column) const { return static_cast<std::int16_t>(number(column, 2)); }
  std::int32_t int32(int column) const { return static_cast<std::int32_t>(number(column, 4)); }
  std::int64_t int64(int column) const { return static_cast<std::int64_t>(number(column, 8)); }
  double float8(int column) const;
  bool flag(int column) const { return number(column, 1) != 0; }
  char letter(int column) const { return static_cast<char>(number(column, 1)); }
  std::string_view text(int column) const;
  std::vector<std::uint32_t> oids(int column) const;
  std::vector<std::string_view> texts(int column) const;
  bool malformed() const noexcept { return malformed_; }

 private:
  std::uint64_t number(int column, std::size_t bytes) const;

  const PGresult* result_;
  int row_;
  mutable bool malformed_ = false;
};

/// A control connection over libpq. Never blocks beyond its bounds, except in name look-ups; the environment, service
/// files and password files have no say. Used by one thread.
class PgConnection {
 public:
  using Each = std::function<void(const PgRow&)>;

  using EachText = std::function<void(std::string_view)>;

  /// Enters the first host that takes the connection. Errors: 08006, 57014, 57P01; why goes to the log.
  static Result<PgConnection> open(const config::Upstream& server, const std::string& database, PgBounds bounds,
                                   const PgPurpose& purpose);

  int server_version() const { return PQserverVersion(connection_.get()); }
  /// Whether names may hold any bytes: the server converts nothing, and would refuse to send what is no UTF-8.
  bool unconverted() const;
  /// Whether the database's encoding is UTF8.
  bool speaks_utf8() const;
  /// Statements without results.
  Result<> execute(const std::string& sql);
  /// Calls `each` for every row as it arrives. Errors: the server's SQLSTATE; what came before it has been visited.
  Result<> stream(const std::string& sql, const Each& each);
  /// The same, but `each` sees nothing unless everything came. @param parameter  $1 of the statement, as text
  Result<> all(const std::string& sql, const std::string& parameter, const Each& each);
  /// As a constant in a statement's text, quotes included.
  Result<std::string> literal(const std::string& text);
  /// One statement under a name. @return how many parameters it has
  Result<int> prepare(const std::string& name, const std::string& sql);
  /// Calls `each` for the first column of every row, as text, once everything came.
  Result<> all_text(const std::string& sql, const EachText& each);
  /// After an error: the connection is of no further use.
  bool broken() const { return broken_ || PQstatus(connection_.get()) != CONNECTION_OK; }

 private:
  using ResultPtr = std::unique_ptr<PGresult, PgFree>;

  PgConnection(PgHandle connection, PgBounds bounds, const PgPurpose& purpose)
      : connection_(std::move(connection)), bounds_(std::move(bounds)), purpose_(purpose) {}
  Result<> wait(short events);
  Result<> flush();
  Result<ResultPtr> next();
  Result<> drain(const Each& each);
  Result<> drain_results(const std::function<Result<>(const PGresult*)>& take);
  Result<> visit(const PGresult* result, const Each& each);
  Error failed(const PGresult* result);
  Error lost();

  PgHandle connection_;
  PgBounds bounds_;
  PgPurpose purpose_;
  bool broken_ = false;
};

}  // namespace dbgate::adapters
