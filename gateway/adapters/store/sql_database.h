#pragma once
#include <charconv>
#include <chrono>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "gateway/base/error.h"

// What the identity store needs of a database: statements with parameters $1, $2, …, of the types TEXT and BIGINT, that
// mean the same to SQLite and PostgreSQL.
namespace dbgate::adapters::store {

/// A parameter. Texts are not owned: they must outlive the call.
class SqlValue {
 public:
  SqlValue(std::int64_t number) : value_(number) {}                      // NOLINT: as in a call
  SqlValue(int number) : value_(std::int64_t{number}) {}                 // NOLINT
  SqlValue(bool flag) : value_(std::int64_t{flag ? 1 : 0}) {}            // NOLINT
  SqlValue(std::string_view text) : value_(text) {}                      // NOLINT
  SqlValue(const std::string& text) : value_(std::string_view(text)) {}  // NOLINT
  SqlValue(const char* text) : value_(std::string_view(text)) {}         // NOLINT

  const std::int64_t* number() const noexcept { return std::get_if<std::int64_t>(&value_); }
  /// Of a text.
  std::string_view text() const noexcept { return std::get<std::string_view>(value_); }

 private:
  std::variant<std::int64_t, std::string_view> value_;
};

using SqlValues = std::span<const SqlValue>;

/// One row of a result, read from left to right.
class SqlRow {
 public:
  explicit SqlRow(std::span<std::string> cells) : cells_(cells) {}

  std::string text() { return std::move(cells_[next_++]); }
  std::int64_t number() {
    const std::string& cell = cells_[next_++];
    std::int64_t value = 0;
    std::from_chars(cell.data(), cell.data() + cell.size(), value);
    return value;
  }
  bool flag() { return number() != 0; }

 private:
  std::span<std::string> cells_;
  std::size_t next_ = 0;
};

/// What a statement answers. Every cell is text; NULL reads as empty.
struct SqlResult {
  std::size_t columns = 0;
  std::vector<std::string> cells;
  std::int64_t changed = 0;  ///< rows inserted, updated or deleted

  std::size_t rows() const noexcept { return columns == 0 ? 0 : cells.size() / columns; }
  SqlRow row(std::size_t index) { return SqlRow(std::span(cells).subspan(index * columns, columns)); }
};

/// Who is told that something was committed: those who follow the directory, gateways that talk to each other, or those
/// who wait for approvals.
enum class Channel : std::uint8_t { directory, replicas, approvals };

/// A transaction under way. Used by the one thread that runs it.
class SqlTransaction {
 public:
  virtual ~SqlTransaction() = default;
  /// One statement. Errors: 23505 for a row that is there already, 08006 if the database is gone or too slow, 22021 for
  /// text that is no UTF-8 or holds a NUL, XX000 for what should not happen.
  virtual Result<SqlResult> run(const char* sql, SqlValues values) = 0;
  Result<SqlResult> run(const char* sql, std::initializer_list<SqlValue> values = {}) {
    return run(sql, SqlValues(values.begin(), values.size()));
  }
  /// Several statements without parameters, for migrations.
  virtual Result<> run_script(const std::string& sql) = 0;
  /// Once committed, the signals of everybody on this channel of the database wake.
  virtual Result<> announce(Channel channel) = 0;
};

/// Tells when another connection, of any process, may have committed something. Its thread waits; any may wake it.
class SqlSignal {
 public:
  virtual ~SqlSignal() = default;
  /// Returns when something was announced, `limit` has passed or signals were stopped. @return whether something may
  /// have been announced. Errors: 08006 the connection is lost.
  virtual Result<bool> wait(std::chrono::milliseconds limit) = 0;
  /// A statement on the connection of this very signal, which shows that it still works.
  virtual Result<SqlResult> query(const char* sql) = 0;
};

/// A database, usable from any thread. Every call is over within the time that the database was opened with.
class SqlDatabase {
 public:
  using Work = std::function<Result<>(SqlTransaction&)>;

  virtual ~SqlDatabase() = default;
  /// One statement that reads.
  virtual Result<SqlResult> query(const char* sql, SqlValues values) = 0;
  Result<SqlResult> query(const char* sql, std::initializer_list<SqlValue> values = {}) {
    return query(sql, SqlValues(values.begin(), values.size()));
  }
  /// Statements that read, as of one moment.
  virtual Result<> snapshot(const Work& work) = 0;
  /// Commits if `work` succeeds, else nothing has happened. `work` may run twice: should the database have undone it.
  virtual Result<> write(const Work& work) = 0;
  /// The same while nobody else migrates, in minutes if need be.
  virtual Result<> migrate(const Work& work) = 0;

  /// What a column's definition that says TEXT has to say here, so that texts sort by bytes.
  virtual std::string_view text_type() const = 0;
  /// With a connection of its own. Must not outlive the database.
  virtual Result<std::unique_ptr<SqlSignal>> signal(Channel channel) = 0;
  /// Ends the waiting of all signals, now and from now on.
  virtual void stop_signals() = 0;
};

/// Whether a text can be stored: valid UTF-8 (RFC 3629) without NUL.
bool storable_text(std::string_view text) noexcept;

inline Error store_gone() {
  return Error(sqlstate::connection_failure, "the identity store cannot be reached", "Try again in a moment.");
}

}  // namespace dbgate::adapters::store
