#include "gateway/adapters/store/postgres_connection.h"

#include <poll.h>

#include <array>

#include "gateway/base/log.h"

namespace dbgate::adapters::store {
namespace {

constexpr PgPurpose purpose{"store", "dbgate store"};
// Types of parameters (pg_type.dat): said aloud, or the server would take a large number for a small one.
constexpr Oid int8_oid = 20;
constexpr Oid text_oid = 25;

const Result<> done = boost::system::in_place_value;

// Parameters as libpq wants them. Texts go in binary format, which is their bytes.
struct Parameters {
  explicit Parameters(SqlValues values) {
    texts.reserve(values.size());
    for (const SqlValue& value : values) {
      const std::int64_t* const number = value.number();
      texts.push_back(number != nullptr ? std::to_string(*number) : std::string(value.text()));
      pointers.push_back(texts.back().c_str());
      lengths.push_back(static_cast<int>(texts.back().size()));
      types.push_back(number != nullptr ? int8_oid : text_oid);
      formats.push_back(number != nullptr ? 0 : 1);
    }
  }
  std::vector<std::string> texts;
  std::vector<const char*> pointers;
  std::vector<int> lengths;
  std::vector<int> formats;
  std::vector<Oid> types;
};

bool starts(std::string_view code, std::initializer_list<std::string_view> prefixes) {
  for (const std::string_view prefix : prefixes) {
    if (code.starts_with(prefix)) return true;
  }
  return false;
}

}  // namespace

Result<std::unique_ptr<PostgresConnection>> PostgresConnection::open(const PostgresPlace& place, Deadline deadline) {
  const PgBounds bounds{deadline, {}};
  // One host at a time: one that only reads is none for us.
  for (const config::HostPort& host : place.server.hosts) {
    config::Upstream server = place.server;
    server.hosts = {host};
    auto entered = enter_server(server, server.database, bounds, purpose);
    if (!entered) continue;
    std::unique_ptr<PostgresConnection> connection(new PostgresConnection(std::move(*entered)));
    const auto ready = connection->set_up(place, deadline);
    if (ready) return connection;
  }
  return store_gone();
}

Result<> PostgresConnection::set_up(const PostgresPlace& place, Deadline deadline) {
  // Less than what the caller waits: the server says which statement takes too long, and is not taken for one that is
  // away.
  const std::string milliseconds = std::to_string(place.timeout.count() * 9 / 10);
  DBGATE_CHECK(run_script("SET search_path TO \"" + place.schema + "\"; SET statement_timeout TO " + milliseconds +
                              "; SET idle_in_transaction_session_timeout TO " + milliseconds,
                          deadline));
  DBGATE_TRY(SqlResult result, run("SHOW transaction_read_only", {}, deadline));
  if (result.rows() == 1 && result.row(0).text() == "off") return done;
  log::warn("store", "the server takes no changes", {{"host", place.server.hosts.front().host}});
  return store_gone();
}

Error PostgresConnection::lost() {
  broken_ = true;
  return store_gone();
}

Error PostgresConnection::lost_silently() {
  silent_ = true;
  return lost();
}

Error PostgresConnection::failed(const PGresult* result) {
  const char* const field = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  if (field == nullptr) return lost_silently();
  const std::string code = field;
  if (code == "23505") return Error(sqlstate::unique_violation, "there is such an object already");
  if (code == "22021" || code == "22P05")
    return Error(sqlstate::character_not_in_repertoire, "a text for the identity store is no valid UTF-8");
  deadlocked_ = code == "40P01";
  log::warn("store", "the database refused", {{"sqlstate", code}});
  // Connections, resources, an operator's doing, a server that has become read-only, statement_timeout.
  if (starts(code, {"08", "53", "57", "58", "25006", "25P03", "55P03"})) return lost();
  if (deadlocked_) return store_gone();
  return Error(sqlstate::internal_error, "the identity store refused a statement (SQLSTATE " + code + ")");
}

Result<> PostgresConnection::flush(Deadline deadline) {
  while (true) {
    const int left = PQflush(handle_.get());
    if (left == 0) return done;
    if (left < 0 || !wait_for_server(handle_.get(), POLLIN | POLLOUT, {deadline, {}})) return lost_silently();
    if (PQconsumeInput(handle_.get()) == 0) return lost_silently();
  }
}

// Takes every result; the first error is the outcome, else the last result.
Result<SqlResult> PostgresConnection::collect(Deadline deadline) {
  DBGATE_CHECK(flush(deadline));
  Result<SqlResult> outcome = SqlResult();
  while (true) {
    while (PQisBusy(handle_.get()) != 0) {
      if (!wait_for_server(handle_.get(), POLLIN, {deadline, {}})) return lost_silently();
      if (PQconsumeInput(handle_.get()) == 0) return lost_silently();
    }
    const ResultPtr result(PQgetResult(handle_.get()));
    if (!result) return outcome;
    if (!outcome) continue;
    const ExecStatusType status = PQresultStatus(result.get());
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
      outcome = failed(result.get());
      continue;
    }
    SqlResult rows;
    rows.columns = static_cast<std::size_t>(PQnfields(result.get()));
    rows.changed = std::atoll(PQcmdTuples(result.get()));
    for (int i = 0; i < PQntuples(result.get()); ++i) {
      for (int j = 0; j < PQnfields(result.get()); ++j)
        rows.cells.emplace_back(PQgetvalue(result.get(), i, j),
                                static_cast<std::size_t>(PQgetlength(result.get(), i, j)));
    }
    outcome = std::move(rows);
  }
}

Result<SqlResult> PostgresConnection::run(const char* sql, SqlValues values, Deadline deadline) {
  deadlocked_ = false;
  for (const SqlValue& value : values) {
    if (value.number() == nullptr && !storable_text(value.text()))
      return Error(sqlstate::character_not_in_repertoire, "a text for the identity store is no valid UTF-8");
  }
  const Parameters parameters(values);
  const int count = static_cast<int>(values.size());
  if (PQsendQueryParams(handle_.get(), sql, count, parameters.types.data(), parameters.pointers.data(),
                        parameters.lengths.data(), parameters.formats.data(), 0) == 0)
    return lost();
  return collect(deadline);
}

Result<> PostgresConnection::run_script(const std::string& sql, Deadline deadline) {
  if (PQsendQuery(handle_.get(), sql.c_str()) == 0) return lost();
  const auto result = collect(deadline);
  if (!result) return result.error();
  return done;
}

Result<bool> PostgresConnection::wait_notified(int wake_fd, std::chrono::milliseconds limit) {
  std::array<pollfd, 2> ready{pollfd{PQsocket(handle_.get()), POLLIN, 0}, pollfd{wake_fd, POLLIN, 0}};
  ::poll(ready.data(), ready.size(), static_cast<int>(limit.count()));
  if (PQconsumeInput(handle_.get()) == 0) return lost();
  bool notified = false;
  for (PGnotify* note = PQnotifies(handle_.get()); note != nullptr; note = PQnotifies(handle_.get())) {
    notified = true;
    PQfreemem(note);
  }
  return notified;
}

}  // namespace dbgate::adapters::store
