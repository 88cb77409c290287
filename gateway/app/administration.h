#pragma once
#include "gateway/app/admin_core.h"
#include "gateway/app/admin_entries.h"
#include "gateway/app/admin_targets.h"
#include "gateway/app/admin_users.h"
#include "gateway/net/stream.h"

namespace dbgate::app {

/// The administration that the API reaches: all of it over one store.
class StoreAdministration final : public ports::Administration {
 public:
  /// @param blocking  runs what blocks
  StoreAdministration(ports::store::Store& store, identity::PasswordSignIn& passwords, ports::PasswordHasher& hasher,
                      AdminCore::FileConfig file, std::string directory, std::unique_ptr<ports::AuditChain> chain,
                      net::Executor blocking)
      : core_(store, passwords, hasher, std::move(file), std::move(directory), std::move(chain)),
        blocking_(std::move(blocking)) {}

  ports::UserAdministration& users() override { return users_; }
  ports::TargetAdministration& targets() override { return targets_; }
  ports::PolicyAdministration& policies() override { return policies_; }
  ports::EntryAdministration& entries() override { return entries_; }
  ports::WorkAdministration& work() override { return work_; }
  Task<> run(std::function<void()> work) override {
    co_await net::run_on(blocking_, [&work]() -> Task<> {
      work();
      co_return;
    });
  }

 private:
  AdminCore core_;
  AdminUsers users_{core_};
  AdminTargets targets_{core_};
  AdminPolicies policies_{core_};
  AdminEntries entries_{core_, users_};
  AdminWork work_{core_};
  net::Executor blocking_;
};

}  // namespace dbgate::app
