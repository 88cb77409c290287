#pragma once
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "config/schema.h"
#include "gateway/identity/password_sign_in.h"
#include "gateway/ports/administration.h"
#include "gateway/ports/audit_log.h"
#include "gateway/ports/store.h"

namespace dbgate::app {

/// Writes `admin.change` and commits. Errors: 58030.
Result<> append_change(ports::AuditChain& chain, const ports::Actor& actor, const std::string& change,
                       const std::string& object, const std::vector<std::pair<std::string, std::string>>& more);

/// What a store needs to know of the file so that somebody stays administrator.
ports::store::FileAdministrators administrators_of(const config::Config& file);

/// What all administration rests on: the store, the configuration file, the audit log, and who may what. Any thread.
class AdminCore {
 public:
  using FileConfig = std::function<std::shared_ptr<const config::Config>()>;

  /// @param file  the configuration file as it was loaded last, without what the store adds
  /// @param chain  of the audit log, for this alone
  AdminCore(ports::store::Store& store, identity::PasswordSignIn& passwords, ports::PasswordHasher& hasher,
            FileConfig file, std::string directory, std::unique_ptr<ports::AuditChain> chain)
      : store_(store),
        passwords_(passwords),
        hasher_(hasher),
        file_(std::move(file)),
        directory_(std::move(directory)),
        chain_(std::move(chain)) {
    store_.users().keep_administrator([file = file_] { return administrators_of(*file()); });
  }

  ports::store::Store& store() noexcept { return store_; }
  identity::PasswordSignIn& passwords() noexcept { return passwords_; }
  ports::PasswordHasher& hasher() noexcept { return hasher_; }
  std::shared_ptr<const config::Config> file() const { return file_(); }
  /// Of the configuration file; what its relative names start from.
  const std::string& directory() const noexcept { return directory_; }

  Result<> record(const ports::Actor& actor, const std::string& change, const std::string& object,
                  const std::vector<std::pair<std::string, std::string>>& more = {});

  bool file_has_user(const std::string& name) const;
  bool file_has_group(const std::string& name) const;
  bool file_has_target(const std::string& name) const;
  /// Roles by the store and the file, by groups too.
  Result<std::set<std::string>> roles_of_user(const std::string& name);
  Result<std::set<std::string>> roles_of_group(const std::string& name);
  /// Errors: 42501 unless the actor holds all of them.
  static Result<> may_give(const ports::Actor& actor, const std::set<std::string>& roles);
  /// Errors: 42501 if the user holds a role that the actor does not.
  Result<> may_touch(const ports::Actor& actor, const std::string& user);

 private:
  ports::store::Store& store_;
  identity::PasswordSignIn& passwords_;
  ports::PasswordHasher& hasher_;
  FileConfig file_;
  std::string directory_;
  std::mutex writing_;
  std::unique_ptr<ports::AuditChain> chain_;
};

/// Microseconds since 1970 UTC.
std::int64_t wall_us();
Error managed_by_configuration(const std::string& what);
/// A store's list, from its first item to the last. @param one_page  asks for one page
template <class T, class Ask>
Result<std::vector<T>> whole_list(Ask&& one_page) {
  constexpr std::size_t page_items = 500;
  std::vector<T> all;
  ports::store::Page page;
  page.limit = page_items;
  for (;;) {
    DBGATE_TRY(auto listed, one_page(page));
    for (T& item : listed.items)
      all.push_back(std::move(item));
    if (!listed.next) return all;
    page.after = std::move(listed.next);
  }
}

}  // namespace dbgate::app
