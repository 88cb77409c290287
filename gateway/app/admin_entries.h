#pragma once
#include "gateway/app/admin_users.h"
#include "gateway/identity/attempts.h"

namespace dbgate::app {

/// Invitations, registrations and logins in the store.
class AdminEntries final : public ports::EntryAdministration {
 public:
  AdminEntries(AdminCore& core, AdminUsers& users)
      : core_(core), users_(users), attempts_(core.file()->sign_in, core.store()) {}

  Result<std::vector<ports::store::Invitation>> list_invitations() override;
  Result<ports::CreatedInvitation> create_invitation(const ports::Actor& actor,
                                                     const ports::InvitationWish& wish) override;
  Result<> revoke_invitation(const ports::Actor& actor, const std::string& id) override;
  Result<ports::store::User> enroll(const ports::Registration& wish, const std::string& address) override;
  Result<std::vector<ports::UserView>> list_registrations() override;
  Result<ports::UserView> approve(const ports::Actor& actor, const std::string& name,
                                  const std::vector<std::string>& groups,
                                  const std::vector<std::string>& roles) override;
  Result<> deny(const ports::Actor& actor, const std::string& name) override;
  Result<ports::store::Listed<ports::store::Login>> list_logins(const ports::store::LoginFilter& filter,
                                                                const ports::store::Page& page) override;
  Result<> end_login(const ports::Actor& actor, const std::string& id) override;

 private:
  /// Without an invitation; by one. @param key  what attempts are counted by
  Result<ports::store::User> apply(const ports::Registration& wish, const std::string& address, const std::string& key);
  Result<ports::store::User> come_in(const ports::Registration& wish, const std::string& address,
                                     const std::string& key);
  Result<ports::UserView> waiting(const std::string& name);

  AdminCore& core_;
  AdminUsers& users_;
  identity::Attempts attempts_;
};

/// Saved queries in the store.
class AdminWork final : public ports::WorkAdministration {
 public:
  explicit AdminWork(AdminCore& core) : core_(core) {}

  Result<std::vector<ports::store::SavedQuery>> list_saved(const std::string& user) override;
  Result<ports::store::SavedQuery> find_saved(const std::string& user, const std::string& id) override;
  Result<ports::store::SavedQuery> create_saved(const ports::store::SavedQuery& wish) override;
  Result<ports::store::SavedQuery> change_saved(const ports::store::SavedQuery& wish) override;
  Result<> remove_saved(const std::string& user, const std::string& id, std::int64_t revision) override;

 private:
  Result<ports::store::SavedQuery> own(const std::string& user, const std::string& id);

  AdminCore& core_;
};

}  // namespace dbgate::app
