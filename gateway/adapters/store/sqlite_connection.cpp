#include "gateway/adapters/store/sqlite_connection.h"

#include <fcntl.h>

#include <cerrno>
#include <cstring>

#include "gateway/adapters/posix_file.h"
#include "gateway/base/log.h"

namespace dbgate::adapters::store {
namespace {

const Result<> done = boost::system::in_place_value;

// Lists make texts of their own; there are few of them, and a bound all the same.
constexpr std::size_t most_statements = 300;

// synchronous: an answer that a client has seen survives a loss of power. secure_delete: nor does a deleted secret stay
// in free pages. trusted_schema: whoever could change the file still has no say in what runs here.
constexpr const char* settings =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON;"
    "PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY";

int milliseconds_of(std::chrono::milliseconds time) {
  return static_cast<int>(time.count());
}

// SQLite gives the log and the index the mode of the file. An existing one is not opened: closing any descriptor of a
// file gives up all locks that this process, and so SQLite, has on it (fcntl(2)), and another process would take the
// log of the living store away.
Result<> ensure_file(const std::string& path) {
  const File made(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (made.get() >= 0 || errno == EEXIST) return boost::system::in_place_value;
  const std::string why = std::strerror(errno);
  return Error(sqlstate::connection_failure, "the identity store " + path + " cannot be opened: " + why,
               "Set store.url, or make its directory writable.");
}

}  // namespace

Result<std::unique_ptr<SqliteConnection>> SqliteConnection::open(const std::string& path,
                                                                 std::chrono::milliseconds busy) {
  DBGATE_CHECK(ensure_file(path));
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  std::unique_ptr<SqliteConnection> connection(new SqliteConnection(handle));
  if (code != SQLITE_OK) return connection->failed();
  sqlite3_extended_result_codes(handle, 1);
  connection->wait_for_locks(busy);
  DBGATE_CHECK(connection->run_script(settings));
  return connection;
}

void SqliteConnection::wait_for_locks(std::chrono::milliseconds busy) {
  sqlite3_busy_timeout(handle_.get(), milliseconds_of(busy));
}

Error SqliteConnection::failed() {
  const int code = handle_ ? sqlite3_extended_errcode(handle_.get()) : SQLITE_NOMEM;
  switch (code) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
      return Error(sqlstate::unique_violation, "there is such an object already");
    default:
      break;
  }
  log::warn("store", "the database refused", {{"code", std::to_string(code)}, {"err", sqlite3_errstr(code)}});
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_FULL:
    case SQLITE_READONLY:
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Error(sqlstate::connection_failure,
                   "the identity store cannot be reached: " + std::string(sqlite3_errstr(code & 0xff)));
    default:
      return Error(sqlstate::internal_error, "the identity store refused a statement");
  }
}

Result<sqlite3_stmt*> SqliteConnection::prepared(const std::string& sql) {
  const auto found = statements_.find(sql);
  if (found != statements_.end()) return found->second.get();
  if (statements_.size() >= most_statements) statements_.clear();
  sqlite3_stmt* statement = nullptr;
  const int length = static_cast<int>(sql.size());
  if (sqlite3_prepare_v3(handle_.get(), sql.data(), length, SQLITE_PREPARE_PERSISTENT, &statement, nullptr) !=
      SQLITE_OK)
    return failed();
  statements_.emplace(sql, statement);
  return statement;
}

// "$1" is a name to SQLite, which numbers parameters as it meets them.
Result<> SqliteConnection::bind(sqlite3_stmt* statement, SqlValues values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::string name = "$" + std::to_string(i + 1);
    const int index = sqlite3_bind_parameter_index(statement, name.c_str());
    if (index == 0) continue;
    const std::int64_t* const number = values[i].number();
    if (number == nullptr && !storable_text(values[i].text()))
      return Error(sqlstate::character_not_in_repertoire, "a text for the identity store is no valid UTF-8");
    // A view without address would be NULL.
    const std::string_view text = number != nullptr || values[i].text().empty() ? "" : values[i].text();
    const int code = number != nullptr
                         ? sqlite3_bind_int64(statement, index, *number)
                         : sqlite3_bind_text64(statement, index, text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8);
    if (code != SQLITE_OK) return failed();
  }
  return done;
}

Result<SqlResult> SqliteConnection::collect(sqlite3_stmt* statement) {
  SqlResult result;
  result.columns = static_cast<std::size_t>(sqlite3_column_count(statement));
  int code = sqlite3_step(statement);
  for (; code == SQLITE_ROW; code = sqlite3_step(statement)) {
    for (int i = 0; i < static_cast<int>(result.columns); ++i) {
      const auto* const text = reinterpret_cast<const char*>(sqlite3_column_text(statement, i));
      result.cells.emplace_back(text == nullptr ? "" : text,
                                static_cast<std::size_t>(sqlite3_column_bytes(statement, i)));
    }
  }
  if (code != SQLITE_DONE) return failed();
  if (sqlite3_stmt_readonly(statement) == 0) result.changed = sqlite3_changes64(handle_.get());
  return result;
}

Result<SqlResult> SqliteConnection::run(const std::string& sql, SqlValues values) {
  DBGATE_TRY(sqlite3_stmt* const statement, prepared(sql));
  const auto bound = bind(statement, values);
  auto result = bound ? collect(statement) : Result<SqlResult>(bound.error());
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
  return result;
}

Result<> SqliteConnection::run_script(const std::string& sql) {
  if (sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) return failed();
  return done;
}

}  // namespace dbgate::adapters::store
