#include "tests/support/test_store.h"

#include <atomic>
#include <cstdlib>
#include <stdexcept>

#include "gateway/adapters/store/open_store.h"

namespace dbgate::tests {

Dialect dialect_of_run() {
  const char* const wanted = std::getenv("DBGATE_TEST_STORE");
  return wanted != nullptr && std::string_view(wanted) == "postgresql" ? Dialect::postgresql : Dialect::sqlite;
}

PostgresServer& postgres_server() {
  static PostgresServer server;
  return server;
}

StoreLab::StoreLab(Dialect dialect) {
  config.state_dir = directory.file("state");
  config.store.url = "sqlite:" + config.state_dir + "/dbgate.db";
  if (dialect == Dialect::sqlite) return;
  static std::atomic<int> count = 0;
  schema = "store_" + std::to_string(++count);
  config.store.url = postgres_server().url(schema);
  config.store.password = PostgresServer::password;
  config.encryption_keys = {{"k1", std::string(64, '1')}};
}

StoreLab::~StoreLab() {
  if (!schema.empty()) postgres_server().sql("DROP SCHEMA IF EXISTS " + schema + " CASCADE");
}

Result<std::unique_ptr<ports::store::Store>> StoreLab::try_open() const {
  return adapters::store::open_store(config);
}

std::unique_ptr<ports::store::Store> StoreLab::open() const {
  auto opened = try_open();
  if (opened) return std::move(*opened);
  const Error why = opened.error();
  throw std::runtime_error(std::string(why.code().text()) + ": " + why.message());
}

}  // namespace dbgate::tests
