#pragma once
#include <memory>

#include "gateway/adapters/store/open_store.h"
#include "tests/support/temp_directory.h"

namespace dbgate::tests {

/// The identity store over SQLite in a directory of its own.
class SqliteStore {
 public:
  SqliteStore() : store_(open(directory_.path())) {}
  operator ports::store::Store&() { return *store_; }  // NOLINT: it is one
  ports::store::Users& users() { return store_->users(); }
  ports::store::SignIns& sign_ins() { return store_->sign_ins(); }
  ports::store::Logins& logins() { return store_->logins(); }
  ports::store::Keys& keys() { return store_->keys(); }
  Result<ports::store::Directory> load_directory(std::int64_t since_us, std::int64_t now_us) {
    return store_->load_directory(since_us, now_us);
  }

 private:
  static std::unique_ptr<ports::store::Store> open(const std::string& directory) {
    config::Config config;
    config.state_dir = directory;
    config.store.url = "sqlite:" + directory + "/dbgate.db";
    return adapters::store::open_store(config).value();
  }
  TempDirectory directory_;
  std::unique_ptr<ports::store::Store> store_;
};

}  // namespace dbgate::tests
