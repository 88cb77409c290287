#pragma once
#include <libpq-fe.h>

#include <chrono>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "config/schema.h"
#include "gateway/base/error.h"

namespace dbgate::adapters {

/// How long one use of a connection may take.
struct PgBounds {
  std::chrono::steady_clock::time_point deadline;
  std::stop_token stop;
};

struct PgFree {
  void operator()(PGconn* connection) const { PQfinish(connection); }
  void operator()(PGresult* result) const { PQclear(result); }
};
using PgHandle = std::unique_ptr<PGconn, PgFree>;

/// What a control connection is for.
struct PgPurpose {
  std::string_view component;    ///< of log lines
  const char* application_name;  ///< as the server shows it
};

/// Enters the first host that takes the connection; it does not block from then on. Errors: 08006, 57014, 57P01; why
/// goes to the log.
Result<PgHandle> enter_server(const config::Upstream& server, const std::string& database, const PgBounds& bounds,
                              const PgPurpose& purpose);

/// Until the connection's socket is ready for `events`; without any: only looks whether there is time left.
/// Errors: 57014 the deadline has passed, 57P01 stopped; the connection is of no further use then.
Result<> wait_for_server(PGconn* connection, short events, const PgBounds& bounds);

/// libpq's words for the log: the first line, and nothing at all should `password` ever stand in it.
std::string libpq_reason(const char* message, const std::string& password = {});

/// Frees the process from the few variables that libpq reads whatever it is told. Before any thread is started.
void forget_libpq_environment();

/// The connection string for one host: says everything that libpq would look up elsewhere. Errors: 08006.
Result<std::string> libpq_parameters(const config::Upstream& server, const config::HostPort& host,
                                     const std::string& database, const char* application_name);

}  // namespace dbgate::adapters
