#include "gateway/adapters/pg_entry.h"

#include <poll.h>

#include <algorithm>

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

short events_of(PostgresPollingStatusType wanted) {
  return wanted == PGRES_POLLING_WRITING ? POLLOUT : POLLIN;
}

Result<> log_in(PGconn* connection, const config::Upstream& server, PgBounds bounds) {
  bounds.deadline = std::min(bounds.deadline, Clock::now() + server.connect_timeout);
  LoginGuard guard(server);
  for (auto wanted = PGRES_POLLING_WRITING; wanted != PGRES_POLLING_OK; wanted = PQconnectPoll(connection)) {
    const bool failed = wanted == PGRES_POLLING_FAILED || PQstatus(connection) == CONNECTION_BAD;
    if (failed) return Error(sqlstate::connection_failure, "the server could not be entered");
    DBGATE_CHECK(wait_for_server(connection, events_of(wanted), bounds));
    if (PQstatus(connection) != CONNECTION_AWAITING_RESPONSE) {
      if (PQstatus(connection) != CONNECTION_AUTH_OK) guard.start();  // sslmode allow, prefer: once more
      continue;
    }
    auto finding = guard.look(connection);
    for (; finding == LoginGuard::Finding::wait; finding = guard.look(connection)) {
      pollfd gone{PQsocket(connection), POLLRDHUP, 0};
      if (::poll(&gone, 1, static_cast<int>(moment.count())) > 0)
        return Error(sqlstate::connection_failure, "the connection to the server was lost");
      DBGATE_CHECK(wait_for_server(connection, 0, bounds));
    }
    if (finding == LoginGuard::Finding::fine) continue;
    return Error(sqlstate::connection_failure, "the server asks for a login that is not allowed",
                 "Configure scram-sha-256 for the upstream account.");
  }
  return done;
}

}  // namespace

std::string libpq_reason(const char* message, const std::string& password) {
  std::string text = message == nullptr ? "" : message;
  text = text.substr(0, std::min(text.find('\n'), longest_reason));
  if (!password.empty() && text.find(password) != std::string::npos) return "not shown";
  return text;
}

Result<PgHandle> enter_server(const config::Upstream& server, const std::string& database, const PgBounds& bounds,
                              const PgPurpose& purpose) {
  Error last(sqlstate::connection_failure, "there is no host to connect to");
  for (const config::HostPort& host : server.hosts) {
    DBGATE_TRY(const std::string parameters, libpq_parameters(server, host, database, purpose.application_name));
    PgHandle connection(PQconnectStart(parameters.c_str()));
    if (!connection) return Error(sqlstate::internal_error, "out of memory");
    PQsetNoticeReceiver(
        connection.get(), [](void*, const PGresult*) {}, nullptr);
    const auto entered = log_in(connection.get(), server, bounds);
    if (entered && PQsetnonblocking(connection.get(), 1) == 0) return connection;
    const std::string why = libpq_reason(PQerrorMessage(connection.get()), server.password);
    last = entered ? Error(sqlstate::connection_failure, "no non-blocking connection") : entered.error();
    log::warn(purpose.component, "cannot enter the server",
              {{"host", host.host}, {"why", last.message()}, {"err", why}});
    if (last.code() == sqlstate::admin_shutdown) return last;
  }
  return last;
}

Result<> wait_for_server(PGconn* connection, short events, const PgBounds& bounds) {
  while (true) {
    if (bounds.stop.stop_requested()) return Error(sqlstate::admin_shutdown, "dbgate is stopping");
    const auto left = std::chrono::duration_cast<milliseconds>(bounds.deadline - Clock::now());
    if (left <= milliseconds(0)) return Error(sqlstate::query_canceled, "the server did not answer in time");
    if (events == 0) return done;
    pollfd ready{PQsocket(connection), events, 0};
    if (::poll(&ready, 1, static_cast<int>(std::min(left, slice).count())) > 0) return done;
  }
}

}  // namespace dbgate::adapters
