#include "gateway/app/account_service.h"

#include "gateway/audit/json.h"
#include "gateway/base/clock.h"
#include "gateway/identity/key_text.h"
#include "gateway/session/audit_trail.h"

// Signing in with a password, and staying signed in.
namespace dbgate::app {
namespace {

namespace store = ports::store;

constexpr std::chrono::milliseconds patience{2'000};
// A client that has waited for longer may have given up, and those behind it would wait for nothing.
constexpr std::chrono::seconds longest_queue{5};

ports::IssuedTokens issued(const identity::TokenPair& pair) {
  ports::IssuedTokens tokens;
  tokens.access_token = pair.access_token;
  tokens.expires_in_s = pair.expires_in_s;
  tokens.refresh_token = pair.refresh_token;
  tokens.refresh_expires_in_s = pair.refresh_expires_in_s;
  tokens.user = pair.user;
  return tokens;
}

identity::SecondFactor factor_of(const ports::PasswordProof& proof) {
  return {proof.otp, proof.recovery_code};
}

}  // namespace

Result<> AccountService::record_sign_in(bool succeeded, const std::string& user, const std::string& method,
                                        const std::string& credential, const std::string& address) {
  session::SessionInfo info;
  info.user = user;
  info.auth_method = method;
  info.client.host = address;
  info.credential.id = credential;
  DBGATE_CHECK(chain_.append(succeeded ? "auth.ok" : "auth.fail", session::sign_in_fields(info)));
  const auto written = chain_.commit();
  if (!written) return written.error();
  return boost::system::in_place_value;
}

Result<> AccountService::record_change(const ports::AccountCaller& caller, std::string_view change,
                                       const std::string& object, const std::string& name) {
  std::string fields;
  const auto add = [&fields](std::string_view key, std::string_view value) {
    if (!value.empty()) audit::append_field(fields, key, value);
  };
  add("user.name", caller.user);
  add("auth.credential", caller.credential);
  add("client.address", caller.address);
  add("change", change);
  add("object", object);
  add("object.name", name);
  add("object.user", caller.user);
  DBGATE_CHECK(chain_.append("admin.change", fields));
  const auto written = chain_.commit();
  if (!written) return written.error();
  return boost::system::in_place_value;
}

// The login is recorded before anybody can use its tokens: without the record it ends again.
Task<Result<ports::IssuedTokens>> AccountService::begin(std::string user, std::string method, ports::Device device) {
  const auto pair = co_await on<identity::TokenPair>(identity_.blocking(), [&] {
    return identity_.tokens().begin({user, method, device.client, device.address}, wall_clock_us());
  });
  if (!pair) co_return pair.error();
  // An identity provider may have brought a user, or groups, of whom this gateway is about to hear.
  co_await identity_.caught_up(patience);
  const Error unknown(sqlstate::connection_failure, "the account is not in force yet", "Try again in a moment.");
  const auto recorded =
      identity_.known(user) ? record_sign_in(true, user, method, pair->login, device.address) : Result<>(unknown);
  if (recorded) co_return issued(*pair);
  const auto ended = co_await on<bool>(identity_.blocking(), [&] {
    return identity_.store().logins().end_login(pair->login, {"not_begun", {}}, wall_clock_us());
  });
  co_return ended ? recorded.error() : ended.error();
}

Task<Result<ports::SignInAnswer>> AccountService::conclude(identity::SignInResult result, std::string user,
                                                           std::string method, ports::Device device) {
  ports::SignInAnswer answer;
  answer.challenge = std::move(result.challenge);
  answer.retry_after_s = result.retry_after_s;
  switch (result.outcome) {
    case identity::SignInOutcome::limited:
      answer.state = ports::SignInState::limited;
      co_return answer;
    case identity::SignInOutcome::second_factor_needed:
      answer.state = ports::SignInState::second_factor_needed;
      co_return answer;
    case identity::SignInOutcome::refused:
      DBGATE_CO_CHECK(record_sign_in(false, user, method, {}, device.address));
      co_return answer;
    case identity::SignInOutcome::signed_in:
      break;
  }
  auto tokens = co_await begin(result.user, method, std::move(device));
  if (!tokens) co_return tokens.error();
  answer.state = ports::SignInState::signed_in;
  answer.tokens = std::move(*tokens);
  answer.tokens.must_change_password = result.must_change_password;
  co_return answer;
}

Task<Result<ports::SignInAnswer>> AccountService::sign_in(ports::PasswordProof proof, ports::Device device) {
  ports::SignInAnswer later;
  later.state = ports::SignInState::limited;
  later.retry_after_s = 1;
  const auto place = identity_.passwords().enter(proof.user, device.address);
  if (!place) {
    const Error why = place.error();
    if (why.code() == sqlstate::configuration_limit_exceeded) co_return later;
    co_return why;
  }
  // Whoever has to wait hears so at once, however many passwords are being checked.
  const auto wait_s = co_await on<std::int64_t>(
      identity_.blocking(), [&] { return identity_.passwords().wait_s(proof.user, device.address, wall_clock_us()); });
  if (!wait_s) co_return wait_s.error();
  later.retry_after_s = *wait_s;
  if (*wait_s > 0) co_return later;
  // Of somebody whom another process has made a moment ago this one may not have heard yet. Asked for every name: that
  // it takes longer must not tell who exists.
  co_await identity_.caught_up(patience);
  const auto since = std::chrono::steady_clock::now();
  auto result = co_await on<identity::SignInResult>(identity_.sign_ins(), [&]() -> Result<identity::SignInResult> {
    if (std::chrono::steady_clock::now() - since > longest_queue) {
      return Error(sqlstate::too_many_connections, "too many passwords are being checked");
    }
    return identity_.passwords().attempt({proof.user, proof.password, factor_of(proof), device.address},
                                         wall_clock_us());
  });
  if (!result) co_return result.error();
  auto answer = co_await conclude(std::move(*result), proof.user, "password", std::move(device));
  co_return answer;
}

Task<Result<ports::SignInAnswer>> AccountService::answer_challenge(std::string challenge, ports::PasswordProof proof,
                                                                   ports::Device device) {
  auto result = co_await on<identity::SignInResult>(
      identity_.blocking(), [&] { return identity_.passwords().answer(challenge, factor_of(proof), wall_clock_us()); });
  if (!result) co_return result.error();
  const std::string user = result->user;
  auto answer = co_await conclude(std::move(*result), user, "password", std::move(device));
  co_return answer;
}

// Nothing of a refresh is recorded but a token that comes again, which ends its login: a thief was there.
Task<Result<ports::IssuedTokens>> AccountService::refresh(std::string refresh_token, std::string address) {
  const auto pair = co_await on<identity::TokenPair>(
      identity_.blocking(), [&] { return identity_.tokens().refresh(refresh_token, wall_clock_us()); });
  if (pair) co_return issued(*pair);
  const Error why = pair.error();
  if (why.code() != sqlstate::invalid_authorization_specification) co_return why;
  const auto login = co_await on<std::optional<store::Login>>(identity_.blocking(), [&] {
    return identity_.store().logins().find_login_of_token(identity::key_hash(refresh_token));
  });
  if (!login) co_return login.error();
  if (*login) {
    DBGATE_CO_CHECK(record_sign_in(false, (*login)->user, "refresh_token", (*login)->id, address));
  }
  co_return why;
}

Task<Result<std::string>> AccountService::jwks() {
  auto keys = co_await on<std::string>(identity_.blocking(), [&] { return identity_.tokens().jwks(wall_clock_us()); });
  co_return keys;
}

Task<Result<>> AccountService::sign_out(ports::AccountCaller caller, bool all) {
  DBGATE_CO_CHECK(record_change(caller, all ? "logout.all" : "logout", caller.credential));
  co_return co_await on<void>(identity_.blocking(), [&]() -> Result<> {
    const std::int64_t now = wall_clock_us();
    const store::Ending why{"logout", caller.user};
    identity::Bearer bearer;
    const bool key = caller.credential.starts_with("key_");
    bearer.kind = key ? identity::Bearer::Kind::personal_token : identity::Bearer::Kind::login;
    bearer.user = caller.user;
    bearer.credential = caller.credential;
    if (!caller.credential.starts_with("cert:")) DBGATE_CHECK(identity_.tokens().end(bearer, why, now));
    if (!all) return boost::system::in_place_value;
    DBGATE_TRY([[maybe_unused]] const auto count, identity_.store().logins().end_logins_of(caller.user, {}, why, now));
    return boost::system::in_place_value;
  });
}

}  // namespace dbgate::app
