#include "gateway/adapters/pg_row_versions.h"

#include "gateway/adapters/pg_connection.h"

namespace dbgate::adapters {
namespace {

constexpr PgPurpose purpose{"approvals", "dbgate gate"};
constexpr std::size_t most_bytes = 64u << 20;

using Rows = std::vector<std::string>;

Result<Rows> ask(const config::Upstream& server, const ports::VersionsRequest& request, const PgBounds& bounds) {
  DBGATE_TRY(PgConnection connection, PgConnection::open(server, request.database, bounds, purpose));
  DBGATE_CHECK(connection.execute(request.settings));
  Rows rows;
  std::size_t bytes = 0;
  for (const std::string& question : request.questions) {
    DBGATE_CHECK(connection.all_text(question, [&](std::string_view row) {
      bytes += row.size();
      if (bytes <= most_bytes) rows.emplace_back(row);
    }));
    if (bytes > most_bytes) return Error(sqlstate::program_limit_exceeded, "transaction changes too many rows");
    if (rows.empty() || !rows.front().starts_with(request.here)) break;
  }
  return rows;
}

class PgRowVersions final : public ports::RowVersions {
 public:
  Result<Rows> read(const ports::VersionsRequest& request) override {
    const PgBounds bounds{std::chrono::steady_clock::now() + request.timeout, {}};
    Result<Rows> last = Error(sqlstate::connection_failure, "the target has no hosts");
    for (const config::HostPort& host : request.server.hosts) {
      config::Upstream one = request.server;
      one.hosts = {host};
      one.session_attrs = config::SessionAttrs::any;
      last = ask(one, request, bounds);
      if (last && !last->empty() && last->front().starts_with(request.here)) break;
    }
    return last;
  }
};

}  // namespace

std::unique_ptr<ports::RowVersions> make_pg_row_versions() {
  return std::make_unique<PgRowVersions>();
}

}  // namespace dbgate::adapters
