#pragma once
#include <memory>
#include <string>

#include "config/schema.h"
#include "gateway/ports/store.h"
#include "tests/support/postgres_server.h"
#include "tests/support/temp_directory.h"

namespace dbgate::tests {

enum class Dialect { sqlite, postgresql };

/// What this run of tests is about, if they do not say it themselves: DBGATE_TEST_STORE=postgresql, else SQLite.
Dialect dialect_of_run();
/// The server of the whole run; started by the first test that needs it.
PostgresServer& postgres_server();

/// The place of a store of its own: a file, or a schema.
class StoreLab {
 public:
  explicit StoreLab(Dialect dialect = dialect_of_run());
  ~StoreLab();
  StoreLab(const StoreLab&) = delete;
  StoreLab& operator=(const StoreLab&) = delete;
  /// One more gateway on it. Throws what is wrong.
  std::unique_ptr<ports::store::Store> open() const;
  Result<std::unique_ptr<ports::store::Store>> try_open() const;

  config::Config config;
  TempDirectory directory;
  std::string schema;  ///< PostgreSQL only
};

/// An identity store of its own.
class TestStore {
 public:
  operator ports::store::Store&() { return *store_; }  // NOLINT: it is one
  ports::store::Store* operator->() { return store_.get(); }
  ports::store::Users& users() { return store_->users(); }
  ports::store::SignIns& sign_ins() { return store_->sign_ins(); }
  ports::store::Logins& logins() { return store_->logins(); }
  ports::store::Keys& keys() { return store_->keys(); }
  Result<ports::store::Directory> load_directory(std::int64_t since_us, std::int64_t now_us) {
    return store_->load_directory(since_us, now_us);
  }

 private:
  StoreLab lab_;
  std::unique_ptr<ports::store::Store> store_ = lab_.open();
};

}  // namespace dbgate::tests
