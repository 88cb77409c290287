#pragma once
#include "gateway/app/admin_core.h"
#include "gateway/app/admin_entries.h"
#include "gateway/app/admin_targets.h"
#include "gateway/app/admin_users.h"
#include "gateway/app/identity.h"

namespace dbgate::app {

/// The administration that the API reaches: all of it over one store.
class StoreAdministration final : public ports::Administration {
 public:
  StoreAdministration(Identity& identity, AdminCore::FileConfig file, std::string directory,
                      std::unique_ptr<ports::AuditChain> chain)
      : identity_(identity),
        core_(identity.store(), identity.passwords(), identity.hasher(), std::move(file), std::move(directory),
              std::move(chain)) {}

  ports::UserAdministration& users() override { return users_; }
  ports::TargetAdministration& targets() override { return targets_; }
  ports::PolicyAdministration& policies() override { return policies_; }
  ports::EntryAdministration& entries() override { return entries_; }
  ports::WorkAdministration& work() override { return work_; }
  Task<> run(std::function<void()> work) override {
    co_await run_only(std::move(work));
    co_await identity_.caught_up(patience);
  }
  Task<> run_only(std::function<void()> work) override {
    co_await net::run_on(identity_.blocking(), [&work]() -> Task<> {
      work();
      co_return;
    });
  }

 private:
  static constexpr std::chrono::milliseconds patience{2'000};

  Identity& identity_;
  AdminCore core_;
  AdminUsers users_{core_};
  AdminTargets targets_{core_};
  AdminPolicies policies_{core_};
  AdminEntries entries_{core_, users_};
  AdminWork work_{core_};
};

}  // namespace dbgate::app
