#include "gateway/adapters/store/open_store.h"

#include <sys/stat.h>

#include <algorithm>

#include "gateway/adapters/pg_entry.h"
#include "gateway/adapters/store/migrations.h"
#include "gateway/adapters/store/own_key.h"
#include "gateway/adapters/store/postgres_database.h"
#include "gateway/adapters/store/postgres_place.h"
#include "gateway/adapters/store/sql_store.h"
#include "gateway/adapters/store/sqlite_database.h"

namespace dbgate::adapters::store {
namespace {

const Result<> done = boost::system::in_place_value;
constexpr std::string_view sqlite_scheme = "sqlite:";

std::string path_of(const config::Store& store) {
  return store.url.substr(sqlite_scheme.size());
}

Result<PostgresPlace> place_of(const config::Store& store) {
  DBGATE_TRY(PostgresPlace place, parse_postgres_url(store.url, store.password));
  place.timeout = store.timeout;
  place.server.connect_timeout = store.timeout;
  place.connections = store.connections;
  return place;
}

bool there(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && info.st_size > 0;
}

// The configured keys, and behind them the key that dbgate made for itself before any was configured.
Result<identity::Sealing> sealing_of(const config::Config& config) {
  std::vector<identity::SealingKey> keys;
  for (const config::EncryptionKey& key : config.encryption_keys) {
    auto bytes = identity::parse_sealing_key(key.key);
    if (!bytes) return Error(sqlstate::invalid_parameter_value, "encryption key \"" + key.id + "\" is no key");
    keys.push_back({key.id, std::move(*bytes)});
  }
  const std::string path = config.state_dir + "/store.key";
  DBGATE_TRY(auto own, load_own_key(path));
  if (!own && keys.empty() && there(path_of(config.store))) {
    return Error(sqlstate::data_corrupted, "the identity store is there, but not its key, " + path,
                 "Bring the file back, or set encryption.keys.");
  }
  if (!own && keys.empty()) {
    DBGATE_TRY(own, make_own_key(path));
  }
  const auto same = [](const identity::SealingKey& key) { return key.id == own_key_id; };
  if (own && std::none_of(keys.begin(), keys.end(), same)) keys.push_back(std::move(*own));
  return identity::Sealing::make(std::move(keys));
}

Result<std::unique_ptr<SqlDatabase>> open_database(const config::Config& config) {
  if (!config.store.shared()) return open_sqlite(path_of(config.store), config.store.timeout);
  DBGATE_TRY(PostgresPlace place, place_of(config.store));
  forget_libpq_environment();
  return open_postgres(std::move(place));
}

}  // namespace

Result<> check_store(const config::Store& store) {
  if (store.shared()) DBGATE_CHECK(place_of(store));
  return done;
}

Result<std::unique_ptr<ports::store::Store>> open_store(const config::Config& config) {
  ::mkdir(config.state_dir.c_str(), 0700);
  DBGATE_TRY(auto sealing, sealing_of(config));
  DBGATE_TRY(auto database, open_database(config));
  return make_sql_store(std::move(database), std::move(sealing));
}

Result<std::int64_t> rotate_keys(const config::Config& config) {
  ::mkdir(config.state_dir.c_str(), 0700);
  DBGATE_TRY(auto sealing, sealing_of(config));
  DBGATE_TRY(const auto database, open_database(config));
  DBGATE_CHECK(migrate(*database, known_migrations()));
  return rewrap_all(*database, sealing);
}

}  // namespace dbgate::adapters::store
