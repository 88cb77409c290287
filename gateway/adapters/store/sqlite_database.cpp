#include "gateway/adapters/store/sqlite_database.h"

#include <condition_variable>
#include <mutex>

#include "gateway/adapters/store/sqlite_connection.h"

namespace dbgate::adapters::store {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using ConnectionPtr = std::unique_ptr<SqliteConnection>;

constexpr std::size_t most_readers = 4;
constexpr milliseconds migration_timeout{600'000};
// How often other processes are looked at.
constexpr milliseconds look_each{250};

const Result<> done = boost::system::in_place_value;

Error busy() {
  return Error(sqlstate::connection_failure, "the identity store cannot be reached: it is busy",
               "Try again in a moment.");
}

// What the process itself has announced.
struct Board {
  std::mutex mutex;
  std::condition_variable changed;
  std::uint64_t announced = 0;
  bool stopped = false;

  void announce() {
    const std::lock_guard lock(mutex);
    ++announced;
    changed.notify_all();
  }
  void stop() {
    const std::lock_guard lock(mutex);
    stopped = true;
    changed.notify_all();
  }
};

class SqliteTransaction : public SqlTransaction {
 public:
  explicit SqliteTransaction(SqliteConnection& connection) : connection_(connection) {}
  using SqlTransaction::run;
  Result<SqlResult> run(const char* sql, SqlValues values) override { return connection_.run(sql, values); }
  Result<> run_script(const std::string& sql) override { return connection_.run_script(sql); }
  Result<> announce(Channel) override {
    announced_ = true;
    return done;
  }
  bool announced() const noexcept { return announced_; }

 private:
  SqliteConnection& connection_;
  bool announced_ = false;
};

class SqliteSignal : public SqlSignal {
 public:
  SqliteSignal(ConnectionPtr connection, Board& board) : connection_(std::move(connection)), board_(board) {}

  Result<bool> wait(milliseconds limit) override {
    const auto until = Clock::now() + limit;
    while (true) {
      DBGATE_TRY(const bool seen, look());
      if (seen || Clock::now() >= until) return seen;
      std::unique_lock lock(board_.mutex);
      const auto woken = [this] { return board_.stopped || board_.announced != announced_; };
      board_.changed.wait_until(lock, std::min(until, Clock::now() + look_each), woken);
      if (!woken()) continue;
      announced_ = board_.announced;
      return true;
    }
  }
  Result<SqlResult> query(const char* sql) override { return connection_->run(sql, {}); }

 private:
  // data_version changes with every commit by another connection, of this process or another.
  Result<bool> look() {
    DBGATE_TRY(SqlResult result, connection_->run("PRAGMA data_version", {}));
    if (result.rows() != 1) return store_gone();
    const std::int64_t version = result.row(0).number();
    return std::exchange(version_, version) != version;
  }

  ConnectionPtr connection_;
  Board& board_;
  std::uint64_t announced_ = 0;
  std::int64_t version_ = 0;
};

class SqliteDatabase : public SqlDatabase {
 public:
  SqliteDatabase(std::string path, milliseconds timeout, ConnectionPtr writer)
      : path_(std::move(path)), timeout_(timeout), writer_(std::move(writer)) {}

  using SqlDatabase::query;
  Result<SqlResult> query(const char* sql, SqlValues values) override {
    DBGATE_TRY(ConnectionPtr reader, take());
    auto result = reader->run(sql, values);
    give(std::move(reader));
    return result;
  }
  Result<> snapshot(const Work& work) override {
    DBGATE_TRY(ConnectionPtr reader, take());
    auto outcome = transact(*reader, "BEGIN", work);
    give(std::move(reader));
    return outcome;
  }
  Result<> write(const Work& work) override {
    const auto until = Clock::now() + timeout_;
    const WritingTurn turn(*this, until);
    if (!turn.mine()) return busy();
    // Other processes get what this one has left of the time.
    writer_->wait_for_locks(std::chrono::ceil<milliseconds>(until - Clock::now()));
    return transact(*writer_, "BEGIN IMMEDIATE", work);
  }
  Result<> migrate(const Work& work) override {
    const WritingTurn turn(*this, Clock::now() + migration_timeout);
    if (!turn.mine()) return busy();
    writer_->wait_for_locks(migration_timeout);
    return transact(*writer_, "BEGIN EXCLUSIVE", work);
  }
  std::string_view text_type() const override { return "TEXT"; }
  // Every signal wakes for all channels: a look costs less than keeping them apart over processes.
  Result<std::unique_ptr<SqlSignal>> signal(Channel) override {
    DBGATE_TRY(ConnectionPtr connection, SqliteConnection::open(path_, timeout_));
    return std::unique_ptr<SqlSignal>(std::make_unique<SqliteSignal>(std::move(connection), board_));
  }
  void stop_signals() override { board_.stop(); }

 private:
  // One writer at a time. Not std::timed_mutex: the thread sanitizer does not know how that locks.
  class WritingTurn {
   public:
    WritingTurn(SqliteDatabase& database, Clock::time_point until) : database_(database) {
      std::unique_lock lock(database.mutex_);
      mine_ = database.written_.wait_until(lock, until, [&] { return !database.writing_; });
      if (mine_) database.writing_ = true;
    }
    ~WritingTurn() {
      if (!mine_) return;
      const std::lock_guard lock(database_.mutex_);
      database_.writing_ = false;
      database_.written_.notify_one();
    }
    WritingTurn(const WritingTurn&) = delete;
    WritingTurn& operator=(const WritingTurn&) = delete;
    bool mine() const noexcept { return mine_; }

   private:
    SqliteDatabase& database_;
    bool mine_ = false;
  };

  Result<> transact(SqliteConnection& connection, const char* begin, const Work& work);
  Result<ConnectionPtr> take();
  void give(ConnectionPtr reader);

  const std::string path_;
  const milliseconds timeout_;
  ConnectionPtr writer_;
  Board board_;
  std::mutex mutex_;  // of what follows
  std::condition_variable given_;
  std::vector<ConnectionPtr> idle_;
  std::size_t readers_ = 0;
  std::condition_variable written_;
  bool writing_ = false;
};

Result<> SqliteDatabase::transact(SqliteConnection& connection, const char* begin, const Work& work) {
  DBGATE_CHECK(connection.run(begin, {}));
  SqliteTransaction transaction(connection);
  const auto worked = work(transaction);
  const auto committed = worked ? connection.run("COMMIT", {}) : Result<SqlResult>(worked.error());
  if (committed) {
    if (transaction.announced()) board_.announce();
    return done;
  }
  // Some errors have rolled back already.
  if (connection.in_transaction()) static_cast<void>(connection.run_script("ROLLBACK"));
  return committed.error();
}

Result<ConnectionPtr> SqliteDatabase::take() {
  std::unique_lock lock(mutex_);
  const auto free = [this] { return !idle_.empty() || readers_ < most_readers; };
  if (!given_.wait_for(lock, timeout_, free)) return busy();
  if (!idle_.empty()) {
    ConnectionPtr reader = std::move(idle_.back());
    idle_.pop_back();
    return reader;
  }
  ++readers_;
  lock.unlock();
  auto opened = SqliteConnection::open(path_, timeout_);
  if (opened) return opened;
  lock.lock();
  --readers_;
  given_.notify_one();
  return opened;
}

void SqliteDatabase::give(ConnectionPtr reader) {
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(reader));
  given_.notify_one();
}

}  // namespace

Result<std::unique_ptr<SqlDatabase>> open_sqlite(const std::string& path, milliseconds timeout) {
  DBGATE_TRY(ConnectionPtr writer, SqliteConnection::open(path, timeout));
  return std::unique_ptr<SqlDatabase>(std::make_unique<SqliteDatabase>(path, timeout, std::move(writer)));
}

}  // namespace dbgate::adapters::store
