#include "gateway/adapters/pg_probe.h"

#include "gateway/adapters/pg_entry.h"

namespace dbgate::adapters {
namespace {

constexpr int major = 10'000;  // PQserverVersion: 160002 is 16.2

}  // namespace

Result<PgProbe> probe_server(const config::Upstream& server, std::chrono::milliseconds timeout) {
  const PgBounds bounds{std::chrono::steady_clock::now() + timeout, {}};
  DBGATE_TRY(const PgHandle entered, enter_server(server, server.database, bounds, {"target test", "dbgate test"}));
  const int version = PQserverVersion(entered.get());
  return PgProbe{std::to_string(version / major) + "." + std::to_string(version % major),
                 PQsslInUse(entered.get()) != 0};
}

}  // namespace dbgate::adapters
