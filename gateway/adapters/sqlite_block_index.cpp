#include "gateway/adapters/sqlite_block_index.h"

#include <sqlite3.h>
#include <unistd.h>

#include <cstring>
#include <functional>
#include <string_view>
#include <utility>

#include "gateway/auth/random.h"

namespace dbgate::adapters {
namespace {

using ports::IndexedSegment;
using ports::LogBlock;

// Another number where blocks, terms or their filter become others: an index of another number is made anew.
constexpr std::int64_t format = 1;
constexpr int busy_ms = 1000;

const Result<> done = boost::system::in_place_value;

// Pages have room for some filters each: a search looks at many of them.
constexpr const char* settings =
    "PRAGMA page_size = 16384; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA trusted_schema = OFF; "
    "PRAGMA cache_size = -4096;"
    "PRAGMA temp_store = MEMORY";
constexpr const char* tables =
    "CREATE TABLE IF NOT EXISTS about (format INTEGER NOT NULL, key_first INTEGER NOT NULL, key_second INTEGER NOT "
    "NULL);"
    "CREATE TABLE IF NOT EXISTS segments (chain TEXT NOT NULL, number INTEGER NOT NULL, bytes INTEGER NOT NULL,"
    " last_hash TEXT NOT NULL, PRIMARY KEY (chain, number));"
    "CREATE TABLE IF NOT EXISTS blocks (chain TEXT NOT NULL, segment INTEGER NOT NULL, start INTEGER NOT NULL,"
    " bytes INTEGER NOT NULL, records INTEGER NOT NULL, first_us INTEGER NOT NULL, last_us INTEGER NOT NULL,"
    " terms BLOB NOT NULL, seal INTEGER NOT NULL);"
    "CREATE INDEX IF NOT EXISTS blocks_last ON blocks (last_us);"
    "CREATE UNIQUE INDEX IF NOT EXISTS blocks_place ON blocks (chain, segment, start)";

struct Close {
  void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Handle = std::unique_ptr<sqlite3, Close>;

std::int64_t number(std::uint64_t value) {
  return static_cast<std::int64_t>(value);
}

Error damaged() {
  return {sqlstate::data_corrupted, "the index of the audit log is damaged"};
}

Error failed(int code) {
  switch (code) {
    case SQLITE_ERROR:  // no such table or column
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_MISMATCH:
    case SQLITE_CONSTRAINT:
      return damaged();
    default:
      return {sqlstate::io_error, std::string("the index of the audit log: ") + sqlite3_errstr(code)};
  }
}

/// A prepared statement with its values, in order.
class Statement {
 public:
  Statement(sqlite3* handle, std::string_view sql) {
    sqlite3_stmt* made = nullptr;
    code_ = sqlite3_prepare_v2(handle, sql.data(), static_cast<int>(sql.size()), &made, nullptr);
    statement_.reset(made);
  }

  Statement& with(std::int64_t value) {
    if (code_ == SQLITE_OK) code_ = sqlite3_bind_int64(statement_.get(), ++bound_, value);
    return *this;
  }
  Statement& with(const std::string& text) {
    if (code_ == SQLITE_OK) {
      code_ = sqlite3_bind_text64(statement_.get(), ++bound_, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
    }
    return *this;
  }
  Statement& with_bytes(const std::string& bytes) {
    if (code_ == SQLITE_OK) {
      code_ = sqlite3_bind_blob64(statement_.get(), ++bound_, bytes.data(), bytes.size(), SQLITE_TRANSIENT);
    }
    return *this;
  }
  /// @return whether there is a row
  Result<bool> step() {
    const int code = code_ == SQLITE_OK ? sqlite3_step(statement_.get()) : code_;
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    return failed(code);
  }
  Result<> run() {
    const auto stepped = step();
    if (!stepped) return stepped.error();
    sqlite3_reset(statement_.get());
    bound_ = 0;
    return done;
  }
  std::int64_t integer(int column) { return sqlite3_column_int64(statement_.get(), column); }
  std::uint64_t natural(int column) { return static_cast<std::uint64_t>(integer(column)); }
  std::string text(int column) {
    const void* const bytes = sqlite3_column_blob(statement_.get(), column);
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column));
    return bytes == nullptr ? std::string() : std::string(static_cast<const char*>(bytes), size);
  }

 private:
  std::unique_ptr<sqlite3_stmt, Close> statement_;
  int code_ = SQLITE_OK;  // of what was done before it is stepped
  int bound_ = 0;
};

constexpr const char* all_blocks =
    "SELECT chain, segment, start, bytes, records, first_us, last_us, terms, seal FROM blocks";

LogBlock block_of(Statement& row) {
  return {row.text(0),    row.natural(1), row.natural(2), row.natural(3),
          row.natural(4), row.integer(5), row.integer(6), row.text(7)};
}

std::int64_t seal_of(const HashKey& key, const LogBlock& block) {
  std::string all = block.chain + '|' + std::to_string(block.segment) + '|' + std::to_string(block.start) + '|' +
                    std::to_string(block.bytes) + '|' + std::to_string(block.records) + '|' +
                    std::to_string(block.first_us) + '|' + std::to_string(block.last_us) + '|';
  all += block.terms;
  return number(keyed_hash(key, all));
}

class SqliteBlockIndex;

class SqliteBlockCursor final : public ports::BlockCursor {
 public:
  SqliteBlockCursor(SqliteBlockIndex& index, std::int64_t since_us, std::int64_t until_us);
  ~SqliteBlockCursor() override;
  Result<std::optional<LogBlock>> next() override;

 private:
  SqliteBlockIndex& index_;
  std::optional<Statement> statement_;
};

class SqliteBlockIndex final : public ports::BlockIndex {
 public:
  explicit SqliteBlockIndex(Handle handle) : handle_(std::move(handle)) {}

  Result<> prepare(bool to_write);
  const HashKey& key() const noexcept override { return key_; }
  Result<std::vector<IndexedSegment>> segments() override;
  Result<> add(const IndexedSegment& segment, const std::vector<LogBlock>& blocks) override;
  Result<> remove(const std::string& chain, std::uint64_t segment) override;
  Result<std::unique_ptr<ports::BlockCursor>> newest_first(std::int64_t since_us, std::int64_t until_us) override;

  sqlite3* handle() noexcept { return handle_.get(); }
  void cursor_ended() noexcept {
    if (--cursors_ == 0) sqlite3_exec(handle(), "ROLLBACK", nullptr, nullptr, nullptr);
  }

 private:
  Result<> script(const char* sql);
  Result<> transact(const std::function<Result<>()>& work);
  Result<> read_key();
  Result<> check();
  Result<> add_blocks(const IndexedSegment& segment, const std::vector<LogBlock>& blocks);

  Handle handle_;
  HashKey key_;
  int cursors_ = 0;
};

Result<> SqliteBlockIndex::script(const char* sql) {
  const int code = sqlite3_exec(handle(), sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return failed(code);
  return done;
}

Result<> SqliteBlockIndex::transact(const std::function<Result<>()>& work) {
  DBGATE_CHECK(script("BEGIN IMMEDIATE"));
  auto worked = work();
  if (worked) worked = script("COMMIT");
  if (!worked) sqlite3_exec(handle(), "ROLLBACK", nullptr, nullptr, nullptr);
  return worked;
}

Result<> SqliteBlockIndex::read_key() {
  Statement about(handle(), "SELECT format, key_first, key_second FROM about");
  DBGATE_TRY(const bool found, about.step());
  if (!found || about.integer(0) != format) return damaged();
  key_ = {about.natural(1), about.natural(2)};
  return done;
}

Result<> SqliteBlockIndex::prepare(bool to_write) {
  sqlite3_busy_timeout(handle(), busy_ms);
  if (!to_write) return read_key();
  DBGATE_CHECK(script(settings));
  DBGATE_CHECK(transact([this]() -> Result<> {
    DBGATE_CHECK(script(tables));
    Statement about(handle(), "SELECT 1 FROM about");
    DBGATE_TRY(const bool found, about.step());
    if (found) return done;
    HashKey key;
    std::memcpy(&key, auth::random_bytes(sizeof key).data(), sizeof key);
    return Statement(handle(), "INSERT INTO about VALUES (?, ?, ?)")
        .with(format)
        .with(number(key.first))
        .with(number(key.second))
        .run();
  }));
  DBGATE_CHECK(read_key());
  return check();
}

// SQLite notices a file that is no database, not a bit that was flipped inside a row, which would hide records.
Result<> SqliteBlockIndex::check() {
  // Of a segment, blocks that stand one behind the other from its start to where it says that it is known to.
  Statement holes(
      handle(),
      "SELECT 1 FROM segments LEFT JOIN (SELECT chain, segment, sum(bytes) AS bytes, max(start + bytes) AS "
      "until FROM blocks GROUP BY chain, segment) AS found ON found.chain = segments.chain AND found.segment "
      "= number WHERE found.bytes IS NOT segments.bytes OR until IS NOT segments.bytes LIMIT 1");
  DBGATE_TRY(const bool hole, holes.step());
  if (hole) return damaged();
  Statement rows(handle(), all_blocks);
  for (;;) {
    DBGATE_TRY(const bool found, rows.step());
    if (!found) return done;
    if (seal_of(key_, block_of(rows)) != rows.integer(8)) return damaged();
  }
}

Result<std::vector<IndexedSegment>> SqliteBlockIndex::segments() {
  Statement rows(handle(), "SELECT chain, number, bytes, last_hash FROM segments");
  std::vector<IndexedSegment> segments;
  for (;;) {
    DBGATE_TRY(const bool found, rows.step());
    if (!found) return segments;
    segments.push_back({rows.text(0), rows.natural(1), rows.natural(2), rows.text(3)});
  }
}

Result<> SqliteBlockIndex::add_blocks(const IndexedSegment& segment, const std::vector<LogBlock>& blocks) {
  Statement insert(handle(), "INSERT INTO blocks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
  for (const LogBlock& block : blocks) {
    DBGATE_CHECK(insert.with(block.chain)
                     .with(number(block.segment))
                     .with(number(block.start))
                     .with(number(block.bytes))
                     .with(number(block.records))
                     .with(block.first_us)
                     .with(block.last_us)
                     .with_bytes(block.terms)
                     .with(seal_of(key_, block))
                     .run());
  }
  return Statement(handle(), "INSERT OR REPLACE INTO segments VALUES (?, ?, ?, ?)")
      .with(segment.chain)
      .with(number(segment.number))
      .with(number(segment.bytes))
      .with(segment.last_hash)
      .run();
}

Result<> SqliteBlockIndex::add(const IndexedSegment& segment, const std::vector<LogBlock>& blocks) {
  return transact([&] { return add_blocks(segment, blocks); });
}

Result<> SqliteBlockIndex::remove(const std::string& chain, std::uint64_t segment) {
  return transact([&]() -> Result<> {
    DBGATE_CHECK(Statement(handle(), "DELETE FROM blocks WHERE chain = ? AND segment = ?")
                     .with(chain)
                     .with(number(segment))
                     .run());
    return Statement(handle(), "DELETE FROM segments WHERE chain = ? AND number = ?")
        .with(chain)
        .with(number(segment))
        .run();
  });
}

Result<std::unique_ptr<ports::BlockCursor>> SqliteBlockIndex::newest_first(std::int64_t since_us,
                                                                           std::int64_t until_us) {
  if (cursors_ == 0) {
    DBGATE_CHECK(script("BEGIN"));
    // The moment is that of the first look.
    const auto looked = Statement(handle(), "SELECT 1 FROM about").step();
    if (!looked) {
      sqlite3_exec(handle(), "ROLLBACK", nullptr, nullptr, nullptr);
      return looked.error();
    }
  }
  ++cursors_;
  return std::unique_ptr<ports::BlockCursor>(std::make_unique<SqliteBlockCursor>(*this, since_us, until_us));
}

SqliteBlockCursor::SqliteBlockCursor(SqliteBlockIndex& index, std::int64_t since_us, std::int64_t until_us)
    : index_(index) {
  statement_.emplace(index_.handle(),
                     std::string(all_blocks) + " WHERE last_us >= ? AND first_us < ? ORDER BY last_us DESC");
  statement_->with(since_us).with(until_us);
}

SqliteBlockCursor::~SqliteBlockCursor() {
  statement_.reset();
  index_.cursor_ended();
}

Result<std::optional<LogBlock>> SqliteBlockCursor::next() {
  DBGATE_TRY(const bool found, statement_->step());
  if (!found) return std::optional<LogBlock>();
  LogBlock block{statement_->text(0),    statement_->natural(1), statement_->natural(2), statement_->natural(3),
                 statement_->natural(4), statement_->integer(5), statement_->integer(6), statement_->text(7)};
  if (seal_of(index_.key(), block) != statement_->integer(8)) return damaged();
  return std::optional<LogBlock>(std::move(block));
}

}  // namespace

Result<std::unique_ptr<ports::BlockIndex>> open_block_index(const std::string& path, bool to_write) {
  sqlite3* opened = nullptr;
  const int flags =
      (to_write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READWRITE) | SQLITE_OPEN_NOMUTEX;
  const int code = sqlite3_open_v2(path.c_str(), &opened, flags, nullptr);
  Handle handle(opened);
  if (code != SQLITE_OK) return failed(code);
  auto index = std::make_unique<SqliteBlockIndex>(std::move(handle));
  DBGATE_CHECK(index->prepare(to_write));
  return std::unique_ptr<ports::BlockIndex>(std::move(index));
}

void remove_block_index(const std::string& path) {
  for (const char* const suffix : {"", "-wal", "-shm"})
    ::unlink((path + suffix).c_str());
}

}  // namespace dbgate::adapters
