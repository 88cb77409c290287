#include "tests/unit/adapters_store/store_lab.h"

#include <atomic>

#include "gateway/adapters/store/open_store.h"

namespace dbgate::adapters::store {

tests::PostgresServer& postgres_server() {
  static tests::PostgresServer server;
  return server;
}

StoreLab::StoreLab(Dialect dialect) {
  config.state_dir = directory.file("state");
  config.store.url = "sqlite:" + config.state_dir + "/dbgate.db";
  if (dialect == Dialect::sqlite) return;
  static std::atomic<int> count = 0;
  schema = "store_" + std::to_string(++count);
  config.store.url = postgres_server().url(schema);
  config.store.password = tests::PostgresServer::password;
  config.encryption_keys = {{"k1", std::string(64, '1')}};
}

StoreLab::~StoreLab() {
  if (!schema.empty()) postgres_server().sql("DROP SCHEMA IF EXISTS " + schema + " CASCADE");
}

Result<std::unique_ptr<Store>> StoreLab::try_open() const {
  return open_store(config);
}

std::unique_ptr<Store> StoreLab::open() const {
  return got(try_open());
}

void EventLog::operator()(const Event& event) {
  const std::lock_guard lock(mutex_);
  events_.push_back(event);
  changed_.notify_all();
}

}  // namespace dbgate::adapters::store
