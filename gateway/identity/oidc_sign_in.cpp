#include "gateway/identity/oidc_sign_in.h"

#include <boost/json/serialize.hpp>

#include "gateway/identity/key_text.h"
#include "gateway/identity/strict_json.h"

namespace dbgate::identity {
namespace {

namespace json = boost::json;
namespace store = ports::store;

constexpr std::int64_t second_us = 1'000'000;
constexpr std::int64_t start_lasts_us = 600 * second_us;  // for a person at a provider's page, with a second factor
constexpr std::int64_t code_lasts_us = 60 * second_us;
constexpr std::size_t secret_characters = 43;  // 256 bits; also the least that PKCE allows
constexpr std::size_t max_state_bytes = 512;
constexpr std::size_t challenge_bytes = 43;  // base64url of a SHA-256
constexpr std::int64_t slow_down_s = 5;      // RFC 8628 §3.5

constexpr const char* kind_start = "oidc";
constexpr const char* kind_code = "oidc_code";
constexpr const char* kind_device = "oidc_device";

Error unknown() {
  return {sqlstate::invalid_authorization_specification, "this sign-in is unknown or has expired", "start again"};
}

Error malformed(const char* what) {
  return {sqlstate::invalid_parameter_value, what};
}

std::string with_query(const std::string& uri, const std::string& query) {
  return uri + (uri.find('?') == std::string::npos ? "?" : "&") + query;
}

}  // namespace

OidcSignIn::OidcSignIn(const std::vector<config::OidcProvider>& providers, store::Store& store, ports::HttpClient& http,
                       ports::Jose& jose, std::function<bool(std::string_view)> in_file)
    : store_(store), in_file_(std::move(in_file)) {
  for (const config::OidcProvider& provider : providers)
    clients_.push_back(std::make_unique<OidcClient>(provider, http, jose));
}

std::vector<std::string> OidcSignIn::providers() const {
  std::vector<std::string> names;
  for (const auto& client : clients_)
    names.push_back(client->settings().name);
  return names;
}

Result<OidcClient*> OidcSignIn::client(std::string_view name) {
  for (const auto& client : clients_) {
    if (client->settings().name == name) return client.get();
  }
  return Error(sqlstate::invalid_catalog_name, "there is no such identity provider");
}

Result<std::string> OidcSignIn::start(const OidcStart& start, std::int64_t now_us) {
  DBGATE_TRY(OidcClient* const provider, client(start.provider));
  if (!is_loopback_redirect(start.redirect_uri)) {
    return malformed("the redirect URI is not http://127.0.0.1:<port>/… or http://[::1]:<port>/…");
  }
  if (start.code_challenge.size() != challenge_bytes) return malformed("the code challenge is none of S256");
  if (start.state.size() > max_state_bytes) return malformed("the state is too long");
  CodeRequest request;
  request.callback = start.callback;
  request.state = random_base62(secret_characters);
  request.nonce = random_base62(secret_characters);
  request.verifier = random_base62(secret_characters);
  DBGATE_TRY(std::string url, provider->authorization_url(request, now_us));
  const json::object data = {{"provider", start.provider},        {"redirect_uri", start.redirect_uri},
                             {"challenge", start.code_challenge}, {"state", start.state},
                             {"callback", start.callback},        {"nonce", request.nonce},
                             {"verifier", request.verifier}};
  DBGATE_CHECK(store_.sign_ins().put_pending_login(
      {key_hash(request.state), kind_start, json::serialize(data), now_us + start_lasts_us}));
  return url;
}

Result<std::string> OidcSignIn::finish(const OidcCallback& callback, std::int64_t now_us) {
  DBGATE_TRY(const auto taken, store_.sign_ins().take_pending_login(kind_start, key_hash(callback.state), now_us));
  const auto pending = taken ? parse_object(taken->data) : std::nullopt;
  if (!pending) return unknown();
  DBGATE_TRY(OidcClient* const provider, client(text_member(*pending, "provider")));
  const std::string back =
      with_query(text_member(*pending, "redirect_uri"), "state=" + percent_encoded(text_member(*pending, "state")));
  DBGATE_TRY(const bool ours, provider->answers(callback.issuer, now_us));
  if (!ours || !callback.error.empty()) return back + "&error=access_denied";
  CodeRequest request;
  request.callback = text_member(*pending, "callback");
  request.nonce = text_member(*pending, "nonce");
  request.verifier = text_member(*pending, "verifier");
  const auto claims = provider->redeem(callback.code, request, now_us);
  const auto user = claims ? enter(*provider, *claims, now_us) : Result<std::string>(claims.error());
  if (!user) {
    const Error why = user.error();
    const bool theirs = why.code() == sqlstate::connection_failure;
    return back + (theirs ? "&error=temporarily_unavailable" : "&error=access_denied") +
           "&error_description=" + percent_encoded(why.message());
  }
  DBGATE_TRY(const std::string code, one_time_code(*user, *pending, now_us));
  return back + "&code=" + code;
}

Result<std::string> OidcSignIn::one_time_code(const std::string& user, const json::object& pending,
                                              std::int64_t now_us) {
  std::string code = random_base62(secret_characters);
  const json::object data = {{"user", user},
                             {"redirect_uri", text_member(pending, "redirect_uri")},
                             {"challenge", text_member(pending, "challenge")}};
  DBGATE_CHECK(
      store_.sign_ins().put_pending_login({key_hash(code), kind_code, json::serialize(data), now_us + code_lasts_us}));
  return code;
}

Result<std::string> OidcSignIn::redeem(std::string_view code, std::string_view verifier, std::string_view redirect_uri,
                                       std::int64_t now_us) {
  DBGATE_TRY(const auto taken, store_.sign_ins().take_pending_login(kind_code, key_hash(code), now_us));
  const auto pending = taken ? parse_object(taken->data) : std::nullopt;
  if (!pending || text_member(*pending, "redirect_uri") != redirect_uri) return unknown();
  if (!verifier_fits(verifier, text_member(*pending, "challenge"))) return unknown();
  return text_member(*pending, "user");
}

Result<std::string> OidcSignIn::enter(OidcClient& client, const json::object& claims, std::int64_t now_us) {
  DBGATE_TRY(const OidcPerson person, person_of(client.settings(), claims));
  DBGATE_TRY(std::string user, user_for(client, person, now_us));
  DBGATE_TRY([[maybe_unused]] const bool changed, store_.users().set_provider_groups(user, person.groups, now_us));
  return user;
}

// The account is found by issuer and subject alone. A name that somebody else has is never taken over, whatever a
// provider says: only an account that an administrator has made for this provider, and that nobody has used, is bound.
Result<std::string> OidcSignIn::user_for(OidcClient& client, const OidcPerson& person, std::int64_t now_us) {
  DBGATE_TRY(auto found, store_.users().find_user_of(person.issuer, person.subject));
  if (!found) {
    DBGATE_TRY(const auto named, store_.users().find_user(person.name));
    if (in_file_(person.name) || (named && (named->source != store::Source::oidc || named->issuer != person.issuer ||
                                            !named->subject.empty()))) {
      return Error(sqlstate::insufficient_privilege, "the name \"" + person.name + "\" is somebody else's here");
    }
    store::User user = named.value_or(store::User{});
    user.issuer = person.issuer;
    user.subject = person.subject;
    if (named) {
      DBGATE_TRY(found, store_.users().update_user(user, {"bound", {}}, now_us));
    } else if (!client.settings().auto_create) {
      return Error(sqlstate::insufficient_privilege, "\"" + person.name + "\" has no account here",
                   "ask an administrator for one");
    } else {
      user.name = person.name;
      user.source = store::Source::oidc;
      user.email = person.email;
      user.display_name = person.display_name;
      DBGATE_TRY(found, store_.users().create_user({user, {}, false, {}, {}}, now_us));
    }
  }
  if (in_file_(found->name) || found->state != store::UserState::active) {
    return Error(sqlstate::insufficient_privilege, "the account \"" + found->name + "\" is not active");
  }
  return found->name;
}

Result<DeviceCodes> OidcSignIn::start_device(const std::string& provider, std::int64_t now_us) {
  DBGATE_TRY(OidcClient* const asked, client(provider));
  DBGATE_TRY(DeviceCodes codes, asked->start_device(now_us));
  const std::string ours = random_base62(secret_characters);
  const json::object data = {{"provider", provider},
                             {"device_code", codes.device_code},
                             {"interval", codes.interval_s},
                             {"next_us", now_us + codes.interval_s * second_us}};
  DBGATE_CHECK(store_.sign_ins().put_pending_login(
      {key_hash(ours), kind_device, json::serialize(data), now_us + codes.expires_in_s * second_us}));
  codes.device_code = ours;
  return codes;
}

Result<DevicePoll> OidcSignIn::poll_device(std::string_view device_code, std::int64_t now_us) {
  auto& pending_logins = store_.sign_ins();
  DBGATE_TRY(auto found, pending_logins.find_pending_login(kind_device, key_hash(device_code), now_us));
  auto pending = found ? parse_object(found->data) : std::nullopt;
  if (!pending) return DevicePoll{DeviceState::expired, {}};
  DBGATE_TRY(OidcClient* const provider, client(text_member(*pending, "provider")));
  const bool early = pending->at("next_us").to_number<std::int64_t>() > now_us;
  std::int64_t interval = pending->at("interval").to_number<std::int64_t>();
  // Who asks too often waits longer, and the provider does not hear of it.
  DeviceAnswer answer{DeviceState::slow_down, {}};
  if (!early) {
    DBGATE_TRY(answer, provider->ask_device(text_member(*pending, "device_code"), now_us));
  }
  if (answer.state == DeviceState::pending || answer.state == DeviceState::slow_down) {
    if (answer.state == DeviceState::slow_down) interval += slow_down_s;
    (*pending)["interval"] = interval;
    (*pending)["next_us"] = now_us + interval * second_us;
    found->data = json::serialize(*pending);
    DBGATE_TRY([[maybe_unused]] const bool there, pending_logins.change_pending_login(*found, now_us));
    return DevicePoll{answer.state, {}};
  }
  DBGATE_TRY(const auto taken, pending_logins.take_pending_login(kind_device, key_hash(device_code), now_us));
  if (!taken) return DevicePoll{DeviceState::expired, {}};
  if (answer.state != DeviceState::done) return DevicePoll{answer.state, {}};
  DBGATE_TRY(std::string user, enter(*provider, answer.claims, now_us));
  return DevicePoll{DeviceState::done, std::move(user)};
}

}  // namespace dbgate::identity
