#include "gateway/adapters/pg_script.h"

#include "gateway/adapters/pg_connection.h"

namespace dbgate::adapters {
namespace {

constexpr PgPurpose purpose{"targets", "dbgate prepare"};

}  // namespace

Result<> run_script(const config::Upstream& server, const std::string& database, const std::string& sql,
                    std::chrono::milliseconds limit) {
  const PgBounds bounds{std::chrono::steady_clock::now() + limit, {}};
  config::Upstream primary = server;
  // What it changes reaches the standbys from there.
  if (server.chooses()) primary.session_attrs = config::SessionAttrs::primary;
  DBGATE_TRY(auto connection, PgConnection::open(primary, database, bounds, purpose));
  const auto ran = connection.execute(sql);
  if (ran || connection.broken()) return ran;
  const Error why = ran.error();
  return Error(sqlstate::object_not_in_prerequisite_state,
               "the server has refused it with SQLSTATE " + std::string(why.code().text()));
}

}  // namespace dbgate::adapters
