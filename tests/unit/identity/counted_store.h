#pragma once
#include <cstdlib>

#include "tests/support/test_store.h"

namespace dbgate::tests {

namespace store = ports::store;

/// The real store, with its questions counted, that can be gone. What no test needs of it fails.
class CountedStore final : public store::Store,
                           public store::Users,
                           public store::SignIns,
                           public store::Logins,
                           public store::Keys {
 public:
  using Micros = store::Micros;
  bool lost = false;  ///< everything answers 08006
  int asked = 0;      ///< operations so far
  int notes = 0;      ///< failures noted

  store::Users& users() override { return *this; }
  store::SignIns& sign_ins() override { return *this; }
  store::Logins& logins() override { return *this; }
  store::Keys& keys() override { return *this; }
  store::Objects& objects() override { std::abort(); }
  store::Work& work() override { std::abort(); }
  store::Replicas& replicas() override { std::abort(); }
  store::Approvals& approvals() override { std::abort(); }
  store::Access& access() override { std::abort(); }
  Result<store::Directory> load_directory(Micros since_us, Micros now_us) override {
    return real_.load_directory(since_us, now_us);
  }
  Result<std::int64_t> generation() override { return unused(); }
  std::unique_ptr<store::Watch> watch(std::function<void(const store::Event&)>) override { return {}; }
  Result<std::int64_t> sweep(Micros) override { return unused(); }

  Result<store::User> create_user(const store::NewUser& user, Micros now_us) override {
    return through([&] { return real_.users().create_user(user, now_us); });
  }

  Result<store::SignInSecrets> sign_in_secrets(std::string_view user) override {
    return through([&] { return real_.sign_ins().sign_in_secrets(user); });
  }
  Result<> set_password(std::string_view user, const store::PasswordChange& change, Micros now_us) override {
    return through([&] { return real_.sign_ins().set_password(user, change, now_us); });
  }
  Result<store::Failures> failures(std::string_view key, Micros now_us) override {
    return through([&] { return real_.sign_ins().failures(key, now_us); });
  }
  Result<store::Failures> note_failure(std::string_view key, const store::LockRule& rule, Micros now_us) override {
    ++notes;
    return through([&] { return real_.sign_ins().note_failure(key, rule, now_us); });
  }
  Result<> clear_failures(std::string_view key) override {
    return through([&] { return real_.sign_ins().clear_failures(key); });
  }

  Result<store::Login> create_login(const store::Login& login, const store::RefreshToken& token,
                                    Micros now_us) override {
    return through([&] { return real_.logins().create_login(login, token, now_us); });
  }
  Result<std::optional<store::Login>> find_login(std::string_view id) override {
    return through([&] { return real_.logins().find_login(id); });
  }
  Result<store::Listed<store::Login>> list_logins(const store::LoginFilter& filter, const store::Page& page,
                                                  Micros now_us) override {
    return through([&] { return real_.logins().list_logins(filter, page, now_us); });
  }
  Result<store::Rotated> rotate_refresh_token(std::string_view old_hash, const store::RefreshToken& fresh,
                                              Micros now_us) override {
    return through([&] { return real_.logins().rotate_refresh_token(old_hash, fresh, now_us); });
  }
  Result<bool> end_login(std::string_view id, const store::Ending& why, Micros now_us) override {
    return through([&] { return real_.logins().end_login(id, why, now_us); });
  }

  Result<store::AccessKey> create_access_key(const store::AccessKey& key, Micros now_us) override {
    return through([&] { return real_.keys().create_access_key(key, now_us); });
  }
  Result<std::optional<store::AccessKey>> find_access_key_by_hash(std::string_view hash) override {
    return through([&] { return real_.keys().find_access_key_by_hash(hash); });
  }
  Result<bool> revoke_access_key(std::string_view user, std::string_view id, const store::Ending& why,
                                 Micros now_us) override {
    return through([&] { return real_.keys().revoke_access_key(user, id, why, now_us); });
  }
  Result<> note_used(std::string_view credential, Micros now_us) override {
    return through([&] { return real_.keys().note_used(credential, now_us); });
  }
  Result<std::vector<store::SigningKey>> signing_keys() override {
    return through([&] { return real_.keys().signing_keys(); });
  }
  Result<std::vector<store::SigningKey>> ensure_signing_key(const store::SigningKey& candidate,
                                                            Micros now_us) override {
    return through([&] { return real_.keys().ensure_signing_key(candidate, now_us); });
  }
  Result<> rotate_signing_key(const store::SigningKey& fresh, Micros now_us) override {
    return through([&] { return real_.keys().rotate_signing_key(fresh, now_us); });
  }
  Result<> remove_signing_keys_retired_before(Micros retired_us) override {
    return through([&] { return real_.keys().remove_signing_keys_retired_before(retired_us); });
  }

  Result<std::optional<store::User>> find_user(std::string_view) override { return unused(); }
  Result<std::optional<store::User>> find_user_of(std::string_view, std::string_view) override { return unused(); }
  Result<store::Listed<store::User>> list_users(const store::UserFilter&, const store::Page&) override {
    return unused();
  }
  void keep_administrator(std::function<store::FileAdministrators()>) override {}
  Result<store::User> update_user(const store::User&, const store::Ending&, Micros) override { return unused(); }
  Result<> remove_user(std::string_view, std::int64_t, const store::Ending&, Micros) override { return unused(); }
  Result<std::optional<store::Group>> find_group(std::string_view) override { return unused(); }
  Result<store::Listed<store::Group>> list_groups(const store::Page&) override { return unused(); }
  Result<store::Group> create_group(const store::Group&, Micros) override { return unused(); }
  Result<store::Group> update_group(const store::Group&, Micros) override { return unused(); }
  Result<> remove_group(std::string_view, std::int64_t, Micros) override { return unused(); }
  Result<std::vector<store::Membership>> memberships_of_user(std::string_view) override { return unused(); }
  Result<store::Listed<store::Membership>> list_members(std::string_view, const store::Page&) override {
    return unused();
  }
  Result<bool> add_member(std::string_view, std::string_view, Micros) override { return unused(); }
  Result<bool> remove_member(std::string_view, std::string_view, Micros) override { return unused(); }
  Result<bool> set_provider_groups(std::string_view, std::span<const std::string>, Micros) override { return unused(); }
  Result<std::vector<store::RoleGrant>> list_roles() override { return unused(); }
  Result<bool> grant_role(const store::RoleGrant&, Micros) override { return unused(); }
  Result<bool> revoke_role(const store::RoleGrant&, Micros) override { return unused(); }
  Result<std::vector<store::CertificateName>> certificate_names_of(std::string_view) override { return unused(); }
  Result<> add_certificate_name(const store::CertificateName&, Micros) override { return unused(); }
  Result<> remove_certificate_name(std::string_view, std::string_view, Micros) override { return unused(); }
  Result<> start_totp(std::string_view, std::string_view, Micros) override { return unused(); }
  Result<bool> confirm_totp(std::string_view, std::string_view, std::int64_t, std::span<const std::string>,
                            Micros) override {
    return unused();
  }
  Result<bool> remove_totp(std::string_view, Micros) override { return unused(); }
  Result<bool> use_totp_step(std::string_view, std::int64_t) override { return unused(); }
  Result<> replace_recovery_codes(std::string_view, std::span<const std::string>) override { return unused(); }
  Result<bool> use_recovery_code(std::string_view, std::string_view, Micros) override { return unused(); }
  Result<std::int64_t> recovery_codes_left(std::string_view) override { return unused(); }
  Result<> put_pending_login(const store::PendingLogin&) override { return unused(); }
  Result<std::optional<store::PendingLogin>> find_pending_login(std::string_view, std::string_view, Micros) override {
    return unused();
  }
  Result<bool> change_pending_login(const store::PendingLogin&, Micros) override { return unused(); }
  Result<std::optional<store::PendingLogin>> take_pending_login(std::string_view, std::string_view, Micros) override {
    return unused();
  }
  Result<std::optional<store::Login>> find_login_of_token(std::string_view) override { return unused(); }
  Result<std::int64_t> end_logins_of(std::string_view, std::string_view, const store::Ending&, Micros) override {
    return unused();
  }
  Result<> revoke_token(const store::RevokedToken&, Micros) override { return unused(); }
  Result<store::ScramSalt> scram_salt(std::string_view, const store::ScramSalt&, Micros) override { return unused(); }
  Result<store::DatabasePassword> create_database_password(const store::DatabasePassword&, Micros) override {
    return unused();
  }
  Result<std::optional<store::DatabasePassword>> find_database_password(std::string_view) override { return unused(); }
  Result<store::Listed<store::DatabasePassword>> list_database_passwords(std::string_view,
                                                                         const store::Page&) override {
    return unused();
  }
  Result<bool> revoke_database_password(std::string_view, std::string_view, const store::Ending&, Micros) override {
    return unused();
  }
  Result<std::optional<store::AccessKey>> find_access_key(std::string_view) override { return unused(); }
  Result<store::Listed<store::AccessKey>> list_access_keys(std::string_view, store::KeyKind,
                                                           const store::Page&) override {
    return unused();
  }

 private:
  template <class Call>
  auto through(Call call) -> decltype(call()) {
    ++asked;
    if (lost) return Error(sqlstate::connection_failure, "the identity store cannot be reached");
    return call();
  }
  static Error unused() { return {sqlstate::feature_not_supported, "not in this store"}; }

  TestStore real_;
};

}  // namespace dbgate::tests
