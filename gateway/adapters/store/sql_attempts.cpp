#include <algorithm>

#include "gateway/adapters/store/sql_parts.h"

// Failed attempts, and steps of signing in that await the next.
namespace dbgate::adapters::store {
namespace {

// How long `count` failures lock, by the rule.
Micros lock_of(const LockRule& rule, std::int64_t count) {
  if (count < rule.most) return 0;
  Micros lock = rule.lock_us;
  for (std::int64_t i = rule.most; i < count && lock < rule.longest_us; ++i)
    lock *= 2;
  return std::min(lock, rule.longest_us);
}

std::string pending_place(std::string_view kind, std::string_view hash) {
  return place("pending_logins.sealed_data", std::string(kind).append("/").append(hash));
}

}  // namespace

Result<Failures> SqlSignIns::failures(std::string_view key, Micros now_us) {
  DBGATE_TRY(SqlResult result, core_.database.query("SELECT attempts, locked_until_us FROM failures "
                                                    "WHERE key = $1 AND forget_us > $2",
                                                    {key, now_us}));
  Failures failures;
  if (result.rows() == 0) return failures;
  SqlRow row = result.row(0);
  failures.count = row.number();
  failures.locked_until_us = row.number();
  return failures;
}

Result<Failures> SqlSignIns::note_failure(std::string_view key, const LockRule& rule, Micros now_us) {
  return core_.write<Failures>([&](SqlTransaction& transaction) -> Result<Failures> {
    // The first statement locks the row: attempts at the same time are counted one after the other. A counter that is
    // to be forgotten begins anew.
    DBGATE_TRY(SqlResult result,
               transaction.run("INSERT INTO failures (key, started_us, forget_us, attempts, locked_until_us) "
                               "VALUES ($1, $2, $3, 1, 0) ON CONFLICT (key) DO UPDATE SET "
                               "attempts = CASE WHEN failures.forget_us <= $2 THEN 1 ELSE failures.attempts + 1 END, "
                               "started_us = CASE WHEN failures.forget_us <= $2 THEN $2 ELSE failures.started_us END "
                               "RETURNING attempts",
                               {key, now_us, now_us + rule.window_us}));
    Failures failures;
    failures.count = result.row(0).number();
    const Micros lock = lock_of(rule, failures.count);
    failures.locked_until_us = lock == 0 ? 0 : now_us + lock;
    // The memory outlasts the lock by a window: whoever comes back at once is locked longer.
    const Micros forget = std::max(now_us, failures.locked_until_us) + rule.window_us;
    DBGATE_CHECK(transaction.run("UPDATE failures SET locked_until_us = $2, forget_us = $3 WHERE key = $1",
                                 {key, failures.locked_until_us, forget}));
    return failures;
  });
}

Result<> SqlSignIns::clear_failures(std::string_view key) {
  // Mostly there is nothing to clear, and reading is cheap.
  DBGATE_TRY(const SqlResult found, core_.database.query("SELECT 1 FROM failures WHERE key = $1", {key}));
  if (found.rows() == 0) return done;
  return core_.database.write([&](SqlTransaction& transaction) -> Result<> {
    DBGATE_CHECK(transaction.run("DELETE FROM failures WHERE key = $1", {key}));
    return done;
  });
}

Result<> SqlSignIns::put_pending_login(const PendingLogin& pending) {
  const std::string sealed = core_.sealing.seal(pending.data, pending_place(pending.kind, pending.hash));
  return core_.database.write([&](SqlTransaction& transaction) -> Result<> {
    const auto added =
        transaction.run("INSERT INTO pending_logins (kind, hash, sealed_data, expires_us) VALUES ($1, $2, $3, $4)",
                        {pending.kind, pending.hash, sealed, pending.expires_us});
    if (!added) return taken(added.error(), "pending login");
    return done;
  });
}

// What a query of sealed_data and expires_us found.
Result<std::optional<PendingLogin>> SqlSignIns::opened(SqlResult result, std::string_view kind,
                                                       std::string_view hash) const {
  if (result.rows() == 0) return std::optional<PendingLogin>();
  SqlRow row = result.row(0);
  PendingLogin pending;
  pending.kind = kind;
  pending.hash = hash;
  DBGATE_TRY(pending.data, core_.sealing.open(row.text(), pending_place(kind, hash)));
  pending.expires_us = row.number();
  return std::optional<PendingLogin>(std::move(pending));
}

Result<std::optional<PendingLogin>> SqlSignIns::find_pending_login(std::string_view kind, std::string_view hash,
                                                                   Micros now_us) {
  DBGATE_TRY(SqlResult result, core_.database.query("SELECT sealed_data, expires_us FROM pending_logins "
                                                    "WHERE kind = $1 AND hash = $2 AND expires_us > $3",
                                                    {kind, hash, now_us}));
  return opened(std::move(result), kind, hash);
}

Result<bool> SqlSignIns::change_pending_login(const PendingLogin& pending, Micros now_us) {
  const std::string sealed = core_.sealing.seal(pending.data, pending_place(pending.kind, pending.hash));
  return core_.write<bool>([&](SqlTransaction& transaction) -> Result<bool> {
    DBGATE_TRY(const SqlResult changed,
               transaction.run("UPDATE pending_logins SET sealed_data = $3, expires_us = $4 "
                               "WHERE kind = $1 AND hash = $2 AND expires_us > $5",
                               {pending.kind, pending.hash, sealed, pending.expires_us, now_us}));
    return changed.changed > 0;
  });
}

Result<std::optional<PendingLogin>> SqlSignIns::take_pending_login(std::string_view kind, std::string_view hash,
                                                                   Micros now_us) {
  SqlResult taken_row;
  DBGATE_CHECK(core_.database.write([&](SqlTransaction& transaction) -> Result<> {
    DBGATE_TRY(taken_row, transaction.run("DELETE FROM pending_logins WHERE kind = $1 AND hash = $2 "
                                          "AND expires_us > $3 RETURNING sealed_data, expires_us",
                                          {kind, hash, now_us}));
    return done;
  }));
  return opened(std::move(taken_row), kind, hash);
}

}  // namespace dbgate::adapters::store
