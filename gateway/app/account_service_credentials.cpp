#include <algorithm>

#include "gateway/app/account_service.h"
#include "gateway/base/clock.h"
#include "gateway/base/ids.h"
#include "gateway/identity/key_service.h"
#include "gateway/identity/second_factor.h"

// What people change of their own account: recorded before it happens, so that nothing is changed that the audit log
// does not know of.
namespace dbgate::app {
namespace {

namespace store = ports::store;

Error none_of(std::string_view what, const std::string& id) {
  return {sqlstate::undefined_object, "you have no " + std::string(what) + " \"" + id + "\""};
}

Error wrong_proof() {
  return {sqlstate::invalid_password, "the password or the code is wrong"};
}

// What it must not be that a key makes one that outlives it: its end would end nothing.
Result<> refuse_to_outlive(const ports::AccountCaller& caller, std::int64_t lasts_s, std::int64_t now_us) {
  const bool key = caller.credential.starts_with("key_");
  if (!key || caller.expires == 0 || now_us / 1'000'000 + lasts_s <= caller.expires) {
    return boost::system::in_place_value;
  }
  return Error(sqlstate::invalid_parameter_value, "it cannot last longer than the token that makes it");
}

Result<> proved(Identity& identity, const ports::AccountCaller& caller, const ports::PasswordProof& proof) {
  const std::int64_t now = wall_clock_us();
  const auto too_many = [](std::int64_t) {
    return Error(sqlstate::configuration_limit_exceeded, "too many attempts", "try again later");
  };
  if (proof.password.empty()) {
    DBGATE_TRY(const auto secrets, identity.store().sign_ins().sign_in_secrets(caller.user));
    DBGATE_TRY(const auto checked, identity::check_second_factor(identity.store(), caller.user, secrets,
                                                                 {proof.otp, proof.recovery_code}, now));
    if (checked.outcome == identity::FactorOutcome::limited) return too_many(checked.retry_after_s);
    if (checked.outcome == identity::FactorOutcome::wrong) return wrong_proof();
    return boost::system::in_place_value;
  }
  DBGATE_TRY(const auto result, identity.passwords().attempt({caller.user, proof.password, {}, caller.address}, now));
  if (result.outcome == identity::SignInOutcome::limited) return too_many(result.retry_after_s);
  if (result.outcome == identity::SignInOutcome::refused) return wrong_proof();
  return boost::system::in_place_value;
}

}  // namespace

Task<Result<>> AccountService::change_password(ports::AccountCaller caller, std::string current, std::string next) {
  DBGATE_CO_TRY([[maybe_unused]] const auto place, identity_.passwords().enter(caller.user, caller.address));
  const auto change = co_await on<store::PasswordChange>(identity_.sign_ins(), [&] {
    return identity_.passwords().prepare_change({caller.user, current, {}, caller.address}, next, caller.credential,
                                                wall_clock_us());
  });
  if (!change) {
    const Error why = change.error();
    if (why.code() == sqlstate::invalid_password) {
      DBGATE_CO_CHECK(record_sign_in(false, caller.user, "password", caller.credential, caller.address));
    }
    co_return why;
  }
  DBGATE_CO_CHECK(record_change(caller, "password.change", caller.user));
  co_return co_await on<void>(identity_.blocking(), [&] {
    return identity_.store().sign_ins().set_password(caller.user, *change, wall_clock_us());
  });
}

Task<Result<ports::TotpStart>> AccountService::start_totp(ports::AccountCaller caller) {
  const auto started = co_await on<identity::StartedTotp>(
      identity_.blocking(), [&] { return identity::start_totp(identity_.store(), caller.user, wall_clock_us()); });
  if (!started) co_return started.error();
  co_return ports::TotpStart{started->secret, started->uri};
}

Task<Result<std::vector<std::string>>> AccountService::confirm_totp(ports::AccountCaller caller, std::string otp) {
  const auto checked = co_await on<identity::CheckedTotp>(identity_.blocking(), [&] {
    return identity::check_started_totp(identity_.store(), caller.user, otp, wall_clock_us());
  });
  if (!checked) co_return checked.error();
  DBGATE_CO_CHECK(record_change(caller, "second_factor.enable", caller.user));
  co_return co_await on<std::vector<std::string>>(identity_.blocking(), [&] {
    return identity::confirm_totp(identity_.store(), caller.user, *checked, wall_clock_us());
  });
}

Task<Result<>> AccountService::remove_totp(ports::AccountCaller caller, ports::PasswordProof proof) {
  DBGATE_CO_TRY([[maybe_unused]] const auto place, identity_.passwords().enter(caller.user, caller.address));
  const Error none(sqlstate::undefined_object, "you have no second factor");
  const auto is_proved = co_await on<void>(identity_.sign_ins(), [&]() -> Result<> {
    DBGATE_CHECK(proved(identity_, caller, proof));
    DBGATE_TRY(const auto secrets, identity_.store().sign_ins().sign_in_secrets(caller.user));
    if (secrets.totp_secret.empty()) return none;
    return boost::system::in_place_value;
  });
  if (!is_proved) {
    const Error why = is_proved.error();
    if (why.code() == sqlstate::invalid_password) {
      DBGATE_CO_CHECK(record_sign_in(false, caller.user, "password", caller.credential, caller.address));
    }
    co_return why;
  }
  DBGATE_CO_CHECK(record_change(caller, "second_factor.disable", caller.user));
  co_return co_await on<void>(identity_.blocking(), [&]() -> Result<> {
    DBGATE_TRY(const bool was, identity_.store().sign_ins().remove_totp(caller.user, wall_clock_us()));
    if (!was) return none;
    return boost::system::in_place_value;
  });
}

Task<Result<store::Listed<store::Login>>> AccountService::logins(std::string user, store::Page page) {
  auto listed = co_await on<store::Listed<store::Login>>(identity_.blocking(), [&] {
    return identity_.store().logins().list_logins({user, true}, page, wall_clock_us());
  });
  co_return listed;
}

Task<Result<>> AccountService::end_login(ports::AccountCaller caller, std::string id) {
  const auto own = co_await on<void>(identity_.blocking(), [&]() -> Result<> {
    DBGATE_TRY(const auto login, identity_.store().logins().find_login(id));
    if (!login || login->user != caller.user || !login->live(wall_clock_us())) return none_of("login", id);
    return boost::system::in_place_value;
  });
  if (!own) co_return own.error();
  DBGATE_CO_CHECK(record_change(caller, "login.end", id));
  co_return co_await on<void>(identity_.blocking(), [&] {
    identity::Bearer bearer;
    bearer.user = caller.user;
    bearer.credential = id;
    return identity_.tokens().end(bearer, {"revoked", caller.user}, wall_clock_us());
  });
}

Task<Result<store::Listed<store::AccessKey>>> AccountService::tokens(std::string user, store::Page page) {
  auto listed = co_await on<store::Listed<store::AccessKey>>(identity_.blocking(), [&] {
    return identity_.store().keys().list_access_keys(user, store::KeyKind::personal, page);
  });
  co_return listed;
}

// Recorded first, with the id that it will have: nobody gets a way in that the audit log does not know of.
Task<Result<ports::CreatedToken>> AccountService::create_token(ports::AccountCaller caller, ports::NewToken wanted) {
  DBGATE_CO_CHECK(refuse_to_outlive(caller, wanted.lasts_s, wall_clock_us()));
  const std::string id = make_id("key_");
  DBGATE_CO_CHECK(record_change(caller, "personal_token.create", id, wanted.name));
  const auto made = co_await on<identity::IssuedKey>(identity_.blocking(), [&] {
    return identity::issue_key(identity_.store(),
                               {caller.user, store::KeyKind::personal, wanted.name, wanted.scopes, wanted.lasts_s, id},
                               wall_clock_us());
  });
  if (!made) co_return made.error();
  co_return ports::CreatedToken{made->text, made->record};
}

Task<Result<>> AccountService::revoke_token(ports::AccountCaller caller, std::string id) {
  const auto own = co_await on<void>(identity_.blocking(), [&]() -> Result<> {
    DBGATE_TRY(const auto key, identity_.store().keys().find_access_key(id));
    const bool theirs =
        key && key->user == caller.user && key->kind == store::KeyKind::personal && key->revoked_us == 0;
    if (!theirs) return none_of("personal token", id);
    return boost::system::in_place_value;
  });
  if (!own) co_return own.error();
  DBGATE_CO_CHECK(record_change(caller, "personal_token.revoke", id));
  co_return co_await on<void>(identity_.blocking(), [&] {
    identity::Bearer bearer;
    bearer.kind = identity::Bearer::Kind::personal_token;
    bearer.user = caller.user;
    bearer.credential = id;
    return identity_.tokens().end(bearer, {"revoked", caller.user}, wall_clock_us());
  });
}

Task<Result<store::Listed<store::DatabasePassword>>> AccountService::database_passwords(std::string user,
                                                                                        store::Page page) {
  auto listed = co_await on<store::Listed<store::DatabasePassword>>(
      identity_.blocking(), [&] { return identity_.store().keys().list_database_passwords(user, page); });
  co_return listed;
}

Task<Result<ports::CreatedPassword>> AccountService::create_database_password(ports::AccountCaller caller,
                                                                              ports::NewPassword wanted) {
  DBGATE_CO_CHECK(refuse_to_outlive(caller, wanted.lasts_s, wall_clock_us()));
  const std::string id = make_id("dpw_");
  DBGATE_CO_CHECK(record_change(caller, "database_password.create", id, wanted.name));
  const auto made = co_await on<identity::IssuedPassword>(identity_.blocking(), [&] {
    return identity::issue_database_password(identity_.store(),
                                             {caller.user, wanted.name, wanted.target, wanted.lasts_s, id,
                                              identity_.file_verifier(caller.user).value_or(auth::ScramVerifier())},
                                             wall_clock_us());
  });
  if (!made) co_return made.error();
  co_return ports::CreatedPassword{made->text, made->record};
}

Task<Result<>> AccountService::revoke_database_password(ports::AccountCaller caller, std::string id) {
  const Error none = none_of("database password", id);
  const auto own = co_await on<void>(identity_.blocking(), [&]() -> Result<> {
    DBGATE_TRY(const auto password, identity_.store().keys().find_database_password(id));
    const bool theirs = password && password->user == caller.user && password->revoked_us == 0;
    if (!theirs) return none;
    return boost::system::in_place_value;
  });
  if (!own) co_return own.error();
  DBGATE_CO_CHECK(record_change(caller, "database_password.revoke", id));
  co_return co_await on<void>(identity_.blocking(), [&]() -> Result<> {
    DBGATE_TRY(const bool was, identity_.store().keys().revoke_database_password(
                                   caller.user, id, {"revoked", caller.user}, wall_clock_us()));
    if (!was) return none;
    return boost::system::in_place_value;
  });
}

}  // namespace dbgate::app
