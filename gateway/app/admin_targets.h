#pragma once
#include "config/extension.h"
#include "gateway/app/admin_core.h"

namespace dbgate::app {

/// Targets in the store.
class AdminTargets final : public ports::TargetAdministration {
 public:
  explicit AdminTargets(AdminCore& core) : core_(core) {}

  Result<ports::TargetView> find_target(const std::string& name) override;
  Result<ports::Checked<ports::TargetView>> create_target(const ports::Actor& actor,
                                                          const ports::TargetWish& wish) override;
  Result<ports::Checked<ports::TargetView>> change_target(const ports::Actor& actor,
                                                          const ports::TargetWish& wish) override;
  Result<> remove_target(const ports::Actor& actor, const std::string& name, std::int64_t revision) override;
  Result<ports::TargetTest> test_target(const ports::Actor& actor, const std::string& name) override;
  Result<ports::TargetPreparation> preparation(const std::string& name) override;
  Result<> prepare_target(const ports::Actor& actor, const std::string& name, const std::string& database,
                          bool undo) override;

 private:
  Result<ports::store::Target> stored_target(const std::string& name);
  Result<config::Target> usable_target(const std::string& name);
  Result<config::Target> preparable_target(const std::string& name);

  AdminCore& core_;
};

/// Policies in the store.
class AdminPolicies final : public ports::PolicyAdministration {
 public:
  explicit AdminPolicies(AdminCore& core) : core_(core) {}

  Result<ports::store::PolicyVersion> active_policy() override;
  Result<std::vector<ports::TextProblem>> check_policy(const std::string& text) override;
  Result<std::vector<ports::store::PolicyVersion>> list_versions() override;
  Result<ports::store::PolicyVersion> find_version(std::int64_t number) override;
  Result<ports::Checked<ports::store::PolicyVersion>> add_version(const ports::Actor& actor, const std::string& text,
                                                                  const std::string& comment) override;
  Result<ports::Checked<ports::store::PolicyVersion>> activate(const ports::Actor& actor, std::int64_t number,
                                                               std::int64_t seen) override;

 private:
  AdminCore& core_;
};

}  // namespace dbgate::app
