#include "gateway/adapters/pg_connection.h"

#include <poll.h>

#include <algorithm>
#include <string>

#include "gateway/adapters/pg_login.h"
#include "gateway/base/log.h"

namespace dbgate::adapters {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// How soon a request to stop is noticed.
constexpr milliseconds slice{50};
// For the rest of a message of which a part is there already: poll would not wait for it.
constexpr milliseconds moment{2};
constexpr std::size_t longest_reason = 300;

const boost::system::result<void, Error> done = boost::system::in_place_value;

// libpq's words for the log: its first line, and nothing at all should a password ever stand in it.
std::string reason(const char* message, const std::string& password) {
  std::string text = message == nullptr ? "" : message;
  text = text.substr(0, std::min(text.find('\n'), longest_reason));
  if (!password.empty() && text.find(password) != std::string::npos) return "not shown";
  return text;
}

short events_of(PostgresPollingStatusType wanted) {
  return wanted == PGRES_POLLING_WRITING ? POLLOUT : POLLIN;
}

}  // namespace

Result<PgConnection> PgConnection::open(const config::Upstream& server, const std::string& database, PgBounds bounds) {
  Error last(sqlstate::connection_failure, "there is no host to connect to");
  for (const config::HostPort& host : server.hosts) {
    DBGATE_TRY(const std::string parameters, libpq_parameters(server, host, database));
    PGconn* const started = PQconnectStart(parameters.c_str());
    if (started == nullptr) return Error(sqlstate::internal_error, "out of memory");
    PgConnection connection(started, bounds);
    PQsetNoticeReceiver(
        started, [](void*, const PGresult*) {}, nullptr);
    const auto entered = connection.log_in(server);
    if (entered && PQsetnonblocking(started, 1) == 0) return connection;
    const std::string why = reason(PQerrorMessage(started), server.password);
    last = entered ? Error(sqlstate::connection_failure, "no non-blocking connection") : entered.error();
    log::warn("catalog", "cannot enter the server", {{"host", host.host}, {"why", last.message()}, {"err", why}});
    if (last.code() == sqlstate::admin_shutdown) return last;
  }
  return last;
}

Result<> PgConnection::log_in(const config::Upstream& server) {
  const auto deadline = std::min(bounds_.deadline, Clock::now() + server.connect_timeout);
  LoginGuard guard(server);
  PGconn* const connection = connection_.get();
  for (auto wanted = PGRES_POLLING_WRITING; wanted != PGRES_POLLING_OK; wanted = PQconnectPoll(connection)) {
    const bool failed = wanted == PGRES_POLLING_FAILED || PQstatus(connection) == CONNECTION_BAD;
    if (failed) return Error(sqlstate::connection_failure, "the server could not be entered");
    DBGATE_CHECK(wait(events_of(wanted), deadline));
    if (PQstatus(connection) != CONNECTION_AWAITING_RESPONSE) {
      if (PQstatus(connection) != CONNECTION_AUTH_OK) guard.start();  // sslmode allow, prefer: once more
      continue;
    }
    auto finding = guard.look(connection);
    for (; finding == LoginGuard::Finding::wait; finding = guard.look(connection)) {
      pollfd gone{PQsocket(connection), POLLRDHUP, 0};
      if (::poll(&gone, 1, static_cast<int>(moment.count())) > 0) return lost();
      DBGATE_CHECK(wait(0, deadline));
    }
    if (finding == LoginGuard::Finding::fine) continue;
    return Error(sqlstate::connection_failure, "the server asks for a login that is not allowed",
                 "Configure scram-sha-256 for the upstream account.");
  }
  return done;
}

// Without events: only looks whether there is time left.
Result<> PgConnection::wait(short events, Clock::time_point deadline) {
  while (true) {
    if (bounds_.stop.stop_requested()) {
      broken_ = true;
      return Error(sqlstate::admin_shutdown, "dbgate is stopping");
    }
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - Clock::now());
    if (left <= milliseconds(0)) {
      broken_ = true;
      return Error(sqlstate::query_canceled, "the server did not answer in time");
    }
    if (events == 0) return done;
    pollfd ready{PQsocket(connection_.get()), events, 0};
    if (::poll(&ready, 1, static_cast<int>(std::min(left, slice).count())) > 0) return done;
  }
}

Error PgConnection::lost() {
  broken_ = true;
  return Error(sqlstate::connection_failure, "the connection to the server was lost");
}

Error PgConnection::failed(const PGresult* result) {
  const char* const code = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  if (code == nullptr) return lost();
  log::info("catalog", "the server refused a query",
            {{"sqlstate", code}, {"err", reason(PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY), {})}});
  return Error(SqlState::from(code), "the server refused to show a part of its catalog");
}

Result<> PgConnection::flush() {
  while (true) {
    const int left = PQflush(connection_.get());
    if (left == 0) return done;
    if (left < 0) return lost();
    DBGATE_CHECK(wait(POLLIN | POLLOUT, bounds_.deadline));
    if (PQconsumeInput(connection_.get()) == 0) return lost();
  }
}

Result<PgConnection::ResultPtr> PgConnection::next() {
  while (PQisBusy(connection_.get()) != 0) {
    const auto ready = wait(POLLIN, bounds_.deadline);
    if (!ready) return ready.error();
    if (PQconsumeInput(connection_.get()) == 0) return lost();
  }
  return ResultPtr(PQgetResult(connection_.get()));
}

Result<> PgConnection::visit(const PGresult* result, const Each& each) {
  for (int i = 0; i < PQntuples(result); ++i) {
    const PgRow row(result, i);
    each(row);
    if (!row.malformed()) continue;
    broken_ = true;
    return Error(sqlstate::protocol_violation, "the server sent a row of another shape");
  }
  return done;
}

// Takes every result of one statement; the first error is the outcome.
Result<> PgConnection::drain(const Each& each) {
  Result<> outcome = done;
  while (true) {
    DBGATE_TRY(const ResultPtr result, next());
    if (!result) return outcome;
    const ExecStatusType status = PQresultStatus(result.get());
    if (status == PGRES_COMMAND_OK || !outcome) continue;
    if (status != PGRES_SINGLE_TUPLE && status != PGRES_TUPLES_OK) {
      outcome = failed(result.get());
      continue;
    }
    DBGATE_CHECK(visit(result.get(), each));
  }
}

bool PgConnection::unconverted() const {
  const char* const encoding = PQparameterStatus(connection_.get(), "server_encoding");
  return encoding != nullptr && std::string_view(encoding) == "SQL_ASCII";
}

Result<> PgConnection::execute(const std::string& sql) {
  if (PQsendQuery(connection_.get(), sql.c_str()) == 0) return lost();
  DBGATE_CHECK(flush());
  return drain([](const PgRow&) {});
}

Result<> PgConnection::stream(const std::string& sql, const Each& each) {
  if (PQsendQueryParams(connection_.get(), sql.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 1) == 0) return lost();
  if (PQsetSingleRowMode(connection_.get()) == 0) return lost();
  DBGATE_CHECK(flush());
  return drain(each);
}

// Outside single-row mode a result that ends in an error has no rows.
Result<> PgConnection::all(const std::string& sql, const std::string& parameter, const Each& each) {
  const char* const values[] = {parameter.c_str()};
  if (PQsendQueryParams(connection_.get(), sql.c_str(), 1, nullptr, values, nullptr, nullptr, 1) == 0) return lost();
  DBGATE_CHECK(flush());
  return drain(each);
}

}  // namespace dbgate::adapters
