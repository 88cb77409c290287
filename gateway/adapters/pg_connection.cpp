#include "gateway/adapters/pg_connection.h"

#include <poll.h>

#include "gateway/base/log.h"

namespace dbgate::adapters {
namespace {

const boost::system::result<void, Error> done = boost::system::in_place_value;

}  // namespace

Result<PgConnection> PgConnection::open(const config::Upstream& server, const std::string& database, PgBounds bounds,
                                        const PgPurpose& purpose) {
  DBGATE_TRY(PgHandle entered, enter_server(server, database, bounds, purpose));
  return PgConnection(std::move(entered), std::move(bounds), purpose);
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
  log::info(purpose_.component, "the server refused a query",
            {{"sqlstate", code}, {"err", libpq_reason(PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY))}});
  return Error(SqlState::from(code), "the server refused a query");
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
Result<> PgConnection::drain_results(const std::function<Result<>(const PGresult*)>& take) {
  Result<> outcome = done;
  while (true) {
    DBGATE_TRY(const ResultPtr result, next());
    if (!result) return outcome;
    const ExecStatusType status = PQresultStatus(result.get());
    if (!outcome) continue;
    if (status != PGRES_COMMAND_OK && status != PGRES_SINGLE_TUPLE && status != PGRES_TUPLES_OK) {
      outcome = failed(result.get());
      continue;
    }
    DBGATE_CHECK(take(result.get()));
  }
}

Result<> PgConnection::drain(const Each& each) {
  return drain_results([&](const PGresult* result) -> Result<> {
    return PQresultStatus(result) == PGRES_COMMAND_OK ? done : visit(result, each);
  });
}

bool PgConnection::unconverted() const {
  const char* const encoding = PQparameterStatus(connection_.get(), "server_encoding");
  return encoding != nullptr && std::string_view(encoding) == "SQL_ASCII";
}

bool PgConnection::speaks_utf8() const {
  const char* const encoding = PQparameterStatus(connection_.get(), "server_encoding");
  return encoding != nullptr && std::string_view(encoding) == "UTF8";
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

Result<std::string> PgConnection::literal(const std::string& text) {
  const std::unique_ptr<char, decltype(&PQfreemem)> quoted(PQescapeLiteral(connection_.get(), text.data(), text.size()),
                                                           &PQfreemem);
  if (!quoted) return Error(sqlstate::invalid_parameter_value, "a setting is not valid in the server's encoding");
  return std::string(quoted.get());
}

Result<int> PgConnection::prepare(const std::string& name, const std::string& sql) {
  if (PQsendPrepare(connection_.get(), name.c_str(), sql.c_str(), 0, nullptr) == 0) return lost();
  DBGATE_CHECK(flush());
  DBGATE_CHECK(drain_results([](const PGresult*) { return done; }));
  if (PQsendDescribePrepared(connection_.get(), name.c_str()) == 0) return lost();
  DBGATE_CHECK(flush());
  int parameters = 0;
  DBGATE_CHECK(drain_results([&parameters](const PGresult* result) {
    parameters = PQnparams(result);
    return done;
  }));
  return parameters;
}

Result<> PgConnection::all_text(const std::string& sql, const EachText& each) {
  if (PQsendQuery(connection_.get(), sql.c_str()) == 0) return lost();
  DBGATE_CHECK(flush());
  return drain_results([&each](const PGresult* result) {
    for (int i = 0; i < PQntuples(result); ++i)
      each({PQgetvalue(result, i, 0), static_cast<std::size_t>(PQgetlength(result, i, 0))});
    return done;
  });
}

}  // namespace dbgate::adapters
