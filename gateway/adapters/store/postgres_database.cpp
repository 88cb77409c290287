#include "gateway/adapters/store/postgres_database.h"

#include <sys/eventfd.h>

#include <atomic>
#include <condition_variable>
#include <mutex>

#include "gateway/adapters/posix_file.h"
#include "gateway/adapters/store/postgres_connection.h"

namespace dbgate::adapters::store {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using ConnectionPtr = std::unique_ptr<PostgresConnection>;

constexpr milliseconds migration_timeout{600'000};
// Of a whole transaction that the server undid for another's sake.
constexpr int most_tries = 3;
// Any number that nobody else has: "dbgate" in ASCII.
constexpr const char* lock_migrations = "SELECT pg_advisory_xact_lock(110386840822885)";

const Result<> done = boost::system::in_place_value;

const char* name_of(Channel channel) {
  constexpr const char* names[] = {"dbgate_directory", "dbgate_replicas", "dbgate_approvals"};
  return names[static_cast<std::size_t>(channel)];
}

class PostgresTransaction : public SqlTransaction {
 public:
  PostgresTransaction(PostgresConnection& connection, Deadline deadline)
      : connection_(connection), deadline_(deadline) {}
  using SqlTransaction::run;
  Result<SqlResult> run(const char* sql, SqlValues values) override { return connection_.run(sql, values, deadline_); }
  Result<> run_script(const std::string& sql) override { return connection_.run_script(sql, deadline_); }
  Result<> announce(Channel channel) override {
    return connection_.run_script(std::string("NOTIFY ") + name_of(channel), deadline_);
  }

 private:
  PostgresConnection& connection_;
  const Deadline deadline_;
};

// Callers do not wait for a server of which one has waited in vain: they fail at once until somebody who looks for it
// has found it again. That is the thread behind the signal (store_watch.h), which looks several times a second.
class Breaker {
 public:
  explicit Breaker(milliseconds timeout) : timeout_(timeout) {}
  /// A call has failed, and nothing came from the server: if that took its whole time, the next need not try. Waits are
  /// in milliseconds and may end a little early.
  void failed(Deadline deadline) {
    if (Clock::now() + timeout_ / looks_in_a_timeout >= deadline) open_ = true;
  }
  bool is_open() const { return open_; }
  /// How long one look for the server may take. Mostly short once it is away: a look that has gone into a void would
  /// not notice that the server is back. Now and then as long as a call, or one that is slow would never be found.
  Deadline look() {
    const bool away = away_ || open_;
    const bool brief = away && ++looks_ % looks_for_a_long_one != 0;
    return Clock::now() + (brief ? timeout_ / looks_in_a_timeout : timeout_);
  }
  void found(bool there) {
    away_ = !there;
    if (there) open_ = false;
  }

 private:
  static constexpr int looks_in_a_timeout = 8;
  static constexpr unsigned looks_for_a_long_one = 4;

  const milliseconds timeout_;
  std::atomic<bool> open_{false};
  std::atomic<bool> away_{false};
  std::atomic<unsigned> looks_{0};
};

class PostgresSignal : public SqlSignal {
 public:
  PostgresSignal(ConnectionPtr connection, int wake_fd, Breaker& breaker)
      : connection_(std::move(connection)), wake_fd_(wake_fd), breaker_(breaker) {}
  Result<bool> wait(milliseconds limit) override { return connection_->wait_notified(wake_fd_, limit); }
  Result<SqlResult> query(const char* sql) override {
    auto result = connection_->run(sql, {}, breaker_.look());
    breaker_.found(result.has_value());
    return result;
  }

 private:
  ConnectionPtr connection_;
  const int wake_fd_;
  Breaker& breaker_;
};

class PostgresDatabase : public SqlDatabase {
 public:
  explicit PostgresDatabase(PostgresPlace place)
      : place_(std::move(place)), wake_(::eventfd(0, EFD_CLOEXEC)), breaker_(place_.timeout) {}

  using SqlDatabase::query;
  Result<SqlResult> query(const char* sql, SqlValues values) override;
  Result<> snapshot(const Work& work) override {
    return transact("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", work, Clock::now() + place_.timeout);
  }
  Result<> write(const Work& work) override { return transact("BEGIN", work, Clock::now() + place_.timeout); }
  Result<> migrate(const Work& work) override;
  std::string_view text_type() const override { return "TEXT COLLATE \"C\""; }
  Result<std::unique_ptr<SqlSignal>> signal(Channel channel) override {
    auto connection = listening(channel);
    if (!connection) breaker_.found(false);
    if (!connection) return connection.error();
    return std::unique_ptr<SqlSignal>(std::make_unique<PostgresSignal>(std::move(*connection), wake_.get(), breaker_));
  }
  void stop_signals() override { ::eventfd_write(wake_.get(), 1); }

 private:
  // A connection in use; `kept`: it had been opened earlier, and may have died since.
  struct Lease {
    ConnectionPtr connection;
    bool kept = false;
  };
  Result<ConnectionPtr> listening(Channel channel) {
    const Deadline deadline = breaker_.look();
    DBGATE_TRY(ConnectionPtr connection, PostgresConnection::open(place_, deadline));
    DBGATE_CHECK(connection->run_script(std::string("LISTEN ") + name_of(channel), deadline));
    return connection;
  }
  Result<> transact(const char* begin, const Work& work, Deadline deadline);
  /// What a call has come to know of the server by failing.
  void note_failure(bool silent, Deadline deadline);
  Result<Lease> begin(const char* sql, Deadline deadline);
  Result<Lease> take(Deadline deadline);
  void give(ConnectionPtr connection);

  const PostgresPlace place_;
  const File wake_;
  Breaker breaker_;
  std::mutex mutex_;  // of what follows
  std::condition_variable given_;
  std::vector<ConnectionPtr> idle_;
  std::size_t open_ = 0;  // with those in use
};

Result<PostgresDatabase::Lease> PostgresDatabase::take(Deadline deadline) {
  std::unique_lock lock(mutex_);
  const auto free = [this] { return breaker_.is_open() || !idle_.empty() || open_ < place_.connections; };
  if (!given_.wait_until(lock, deadline, free) || breaker_.is_open()) return store_gone();
  if (!idle_.empty()) {
    Lease lease{std::move(idle_.back()), true};
    idle_.pop_back();
    return lease;
  }
  ++open_;
  lock.unlock();
  auto opened = PostgresConnection::open(place_, deadline);
  if (opened) return Lease{std::move(*opened), false};
  note_failure(true, deadline);
  give(nullptr);
  return opened.error();
}

void PostgresDatabase::note_failure(bool silent, Deadline deadline) {
  if (silent) breaker_.failed(deadline);
}

// Null or broken: there is room for a new one, and what lies idle is likely to be dead as well.
void PostgresDatabase::give(ConnectionPtr connection) {
  std::vector<ConnectionPtr> dead;
  const std::lock_guard lock(mutex_);
  if (connection && !connection->broken()) {
    idle_.push_back(std::move(connection));
  } else {
    open_ -= idle_.size() + 1;
    dead.swap(idle_);
  }
  given_.notify_all();
}

// A kept connection that turns out to be dead costs another try, not an error: nothing has been done on it yet.
Result<PostgresDatabase::Lease> PostgresDatabase::begin(const char* sql, Deadline deadline) {
  while (true) {
    DBGATE_TRY(Lease lease, take(deadline));
    const auto begun = lease.connection->run(sql, {}, deadline);
    if (begun) return lease;
    const bool again = lease.kept && lease.connection->broken() && Clock::now() < deadline;
    note_failure(lease.connection->silent(), deadline);
    give(std::move(lease.connection));
    if (!again) return begun.error();
  }
}

Result<SqlResult> PostgresDatabase::query(const char* sql, SqlValues values) {
  const Deadline deadline = Clock::now() + place_.timeout;
  while (true) {
    DBGATE_TRY(Lease lease, take(deadline));
    auto result = lease.connection->run(sql, values, deadline);
    const bool again = !result && lease.kept && lease.connection->broken() && Clock::now() < deadline;
    note_failure(lease.connection->silent(), deadline);
    give(std::move(lease.connection));
    if (!again) return result;
  }
}

Result<> PostgresDatabase::transact(const char* sql, const Work& work, Deadline deadline) {
  for (int tries = 1;; ++tries) {
    DBGATE_TRY(Lease lease, begin(sql, deadline));
    PostgresConnection& connection = *lease.connection;
    PostgresTransaction transaction(connection, deadline);
    const auto worked = work(transaction);
    const bool deadlocked = !worked && connection.deadlocked();
    const auto ended =
        connection.broken() ? Result<>(store_gone()) : connection.run_script(worked ? "COMMIT" : "ROLLBACK", deadline);
    note_failure(connection.silent(), deadline);
    give(std::move(lease.connection));
    if (deadlocked && tries < most_tries) continue;
    if (!worked) return worked.error();
    return ended;
  }
}

Result<> PostgresDatabase::migrate(const Work& work) {
  const auto locked = [&](SqlTransaction& transaction) -> Result<> {
    const std::string schema = "\"" + place_.schema + "\"";
    DBGATE_CHECK(transaction.run_script("SET LOCAL statement_timeout TO 0"));
    DBGATE_CHECK(transaction.run(lock_migrations));
    const char* const sql = "SELECT count(*) FROM pg_catalog.pg_namespace WHERE nspname = $1";
    DBGATE_TRY(SqlResult found, transaction.run(sql, {place_.schema}));
    // Not IF NOT EXISTS: that asks for the right to make one, which an account may lack once it is there.
    if (found.row(0).number() == 0) DBGATE_CHECK(transaction.run_script("CREATE SCHEMA " + schema));
    return work(transaction);
  };
  return transact("BEGIN", locked, Clock::now() + migration_timeout);
}

}  // namespace

Result<std::unique_ptr<SqlDatabase>> open_postgres(PostgresPlace place) {
  auto database = std::make_unique<PostgresDatabase>(std::move(place));
  const auto reached = database->query("SELECT 1");
  if (!reached) return reached.error();
  return std::unique_ptr<SqlDatabase>(std::move(database));
}

}  // namespace dbgate::adapters::store
