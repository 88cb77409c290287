#include "gateway/adapters/pg_connection.h"

#include <poll.h>

#include "gateway/base/log.h"

namespace dbgate::adapters {
namespace {

constexpr PgPurpose purpose{"catalog", "dbgate catalog"};

const boost::system::result<void, Error> done = boost::system::in_place_value;

}  // namespace

Result<PgConnection> PgConnection::open(const config::Upstream& server, const std::string& database, PgBounds bounds) {
  DBGATE_TRY(PgHandle entered, enter_server(server, database, bounds, purpose));
  return PgConnection(std::move(entered), std::move(bounds));
}

Result<> PgConnection::wait(short events) {
  const auto ready = wait_for_server(connection_.get(), events, bounds_);
  if (!ready) broken_ = true;
  return ready;
}

Error PgConnection::lost() {
  broken_ = true;
  return Error(sqlstate::connection_failure, "the connection to the server was lost");
}

Error PgConnection::failed(const PGresult* result) {
  const char* const code = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  if (code == nullptr) return lost();
  log::info("catalog", "the server refused a query",
            {{"sqlstate", code}, {"err", libpq_reason(PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY))}});
  return Error(SqlState::from(code), "the server refused to show a part of its catalog");
}

Result<> PgConnection::flush() {
  while (true) {
    const int left = PQflush(connection_.get());
    if (left == 0) return done;
    if (left < 0) return lost();
    DBGATE_CHECK(wait(POLLIN | POLLOUT));
    if (PQconsumeInput(connection_.get()) == 0) return lost();
  }
}

Result<PgConnection::ResultPtr> PgConnection::next() {
  while (PQisBusy(connection_.get()) != 0) {
    const auto ready = wait(POLLIN);
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
