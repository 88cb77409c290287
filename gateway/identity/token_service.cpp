#include "gateway/identity/token_service.h"

#include <algorithm>
#include <boost/json/serialize.hpp>

#include "gateway/base/ids.h"
#include "gateway/base/log.h"
#include "gateway/identity/key_text.h"
#include "gateway/identity/strict_json.h"

namespace dbgate::identity {
namespace {

namespace json = boost::json;
namespace store = ports::store;

constexpr const char* issuer = "dbgate";
constexpr const char* audience = "dbgate-api";
constexpr const char* type = "at+jwt";  // RFC 9068 §2.1: no other token that these keys sign passes for one
constexpr std::int64_t second_us = 1'000'000;
constexpr std::int64_t leeway_s = 60;
constexpr std::int64_t key_kept_us = 60 * second_us;
constexpr std::size_t max_token_bytes = 4096;
constexpr std::size_t max_known_keys = 10'000;

Error refused() {
  return {sqlstate::invalid_authorization_specification, "the token is not valid"};
}

std::int64_t micros(std::chrono::milliseconds duration) {
  return std::chrono::microseconds(duration).count();
}

bool in_force(const json::object& claims, std::int64_t now_s) {
  const auto expires = time_member(claims, "exp");
  const auto begins = time_member(claims, "nbf");
  const auto issued = time_member(claims, "iat");
  return expires && begins && issued && *expires + leeway_s > now_s && *begins <= now_s + leeway_s &&
         *issued <= now_s + leeway_s;
}

}  // namespace

bool Bearer::may(std::string_view scope) const {
  return scopes.empty() || std::find(scopes.begin(), scopes.end(), scope) != scopes.end();
}

TokenService::TokenService(const config::Tokens& settings, store::Store& store, ports::Jose& jose,
                           std::function<bool(std::string_view)> may_enter)
    : settings_(settings), store_(store), jose_(jose), may_enter_(std::move(may_enter)), keys_(settings, store, jose) {}

Result<> TokenService::open(std::int64_t now_us) {
  return keys_.open(now_us);
}

std::int64_t TokenService::ended_since(std::int64_t now_us) const {
  return now_us - micros(settings_.access_ttl) - 2 * leeway_s * second_us;
}

void TokenService::follow(const store::Directory& directory) {
  std::set<std::string, std::less<>> ended;
  for (const auto& credential : directory.ended)
    ended.insert(credential.credential);
  for (const auto& token : directory.revoked_tokens)
    ended.insert(token.jti);
  const std::lock_guard lock(mutex_);
  ended_ = std::move(ended);
  follows_ = true;
}

Result<std::string> TokenService::access_token(const store::Login& login, std::int64_t now_us) {
  const std::int64_t now_s = now_us / second_us;
  json::object claims = {{"iss", issuer},          {"aud", audience},
                         {"sub", login.user},      {"sid", login.id},
                         {"iat", now_s},           {"nbf", now_s},
                         {"jti", make_id("tok_")}, {"exp", now_s + micros(settings_.access_ttl) / second_us}};
  DBGATE_TRY(const auto secrets, store_.sign_ins().sign_in_secrets(login.user));
  if (secrets.must_change_password) claims["scope"] = json::array{"account"};
  DBGATE_TRY(const auto key, keys_.signing(now_us));
  return jose_.sign(json::serialize(claims), key, type);
}

Result<TokenPair> TokenService::pair(const store::Login& login, std::string refresh_token, std::int64_t now_us) {
  TokenPair pair;
  DBGATE_TRY(pair.access_token, access_token(login, now_us));
  pair.expires_in_s = micros(settings_.access_ttl) / second_us;
  pair.refresh_token = std::move(refresh_token);
  const std::int64_t unused_us = micros(settings_.refresh_ttl);
  const std::int64_t left_us = login.expires_us == 0 ? unused_us : login.expires_us - now_us;
  pair.refresh_expires_in_s = std::min(unused_us, left_us) / second_us;
  pair.user = login.user;
  pair.login = login.id;
  return pair;
}

Result<TokenPair> TokenService::begin(const NewLogin& login, std::int64_t now_us) {
  store::Login stored;
  stored.user = login.user;
  stored.method = login.method;
  stored.client = login.client;
  stored.address = login.address;
  stored.expires_us = now_us + micros(settings_.login_ttl);
  std::string token = make_key(KeyKind::refresh_token);
  DBGATE_TRY(stored,
             store_.logins().create_login(stored, {key_hash(token), now_us + micros(settings_.refresh_ttl)}, now_us));
  return pair(stored, std::move(token), now_us);
}

Result<TokenPair> TokenService::refresh(std::string_view refresh_token, std::int64_t now_us) {
  if (kind_of_key(refresh_token) != KeyKind::refresh_token) return refused();
  std::string fresh = make_key(KeyKind::refresh_token);
  DBGATE_TRY(const auto rotated,
             store_.logins().rotate_refresh_token(key_hash(refresh_token),
                                                  {key_hash(fresh), now_us + micros(settings_.refresh_ttl)}, now_us));
  const store::Login& login = rotated.login;
  if (rotated.outcome == store::Rotation::reused) note_ended(login.id, now_us);
  if (rotated.outcome != store::Rotation::rotated) return refused();
  if (!may_enter_(login.user)) {
    DBGATE_TRY([[maybe_unused]] const bool ended, store_.logins().end_login(login.id, {"user_disabled", {}}, now_us));
    note_ended(login.id, now_us);
    return refused();
  }
  return pair(login, std::move(fresh), now_us);
}

Result<Bearer> TokenService::verify(std::string_view bearer, std::int64_t now_us) {
  if (bearer.size() > max_token_bytes) return refused();
  return bearer.starts_with("dbg_") ? verify_key(bearer, now_us) : verify_access_token(bearer, now_us);
}

Result<Bearer> TokenService::verify_access_token(std::string_view token, std::int64_t now_us) {
  const auto header_text = jose_.header(token);
  const auto header = header_text ? parse_object(*header_text) : std::nullopt;
  if (!header || text_member(*header, "typ") != type || header->contains("crit")) return refused();
  const std::string key = keys_.verifying(text_member(*header, "kid"), now_us);
  if (key.empty()) return refused();
  const auto payload = jose_.verify(token, key, "ES256");
  const auto claims = payload ? parse_object(*payload) : std::nullopt;
  if (!claims || text_member(*claims, "iss") != issuer || text_member(*claims, "aud") != audience) return refused();
  if (!in_force(*claims, now_us / second_us)) return refused();
  Bearer bearer;
  bearer.user = text_member(*claims, "sub");
  bearer.credential = text_member(*claims, "sid");
  bearer.token_id = text_member(*claims, "jti");
  bearer.scopes = texts_member(*claims, "scope");
  bearer.expires_us = *time_member(*claims, "exp") * second_us;
  const bool whole = !bearer.user.empty() && !bearer.credential.empty() && !bearer.token_id.empty() &&
                     (!claims->contains("scope") || !bearer.scopes.empty());
  if (!whole || has_ended(bearer.credential, bearer.token_id) || !may_enter_(bearer.user)) return refused();
  return bearer;
}

bool TokenService::has_ended(const std::string& credential, const std::string& token_id) {
  const std::lock_guard lock(mutex_);
  if (!follows_) return true;
  const auto listed = [this](const std::string& id) {
    return !id.empty() && (ended_.contains(id) || own_.contains(id));
  };
  return listed(credential) || listed(token_id);
}

// Until the directory says so too; and access tokens of it would have expired long before this is forgotten.
void TokenService::note_ended(const std::string& id, std::int64_t now_us) {
  const std::lock_guard lock(mutex_);
  std::erase_if(own_, [now_us](const auto& entry) { return entry.second <= now_us; });
  own_[id] = now_us + 2 * micros(settings_.access_ttl) + 2 * leeway_s * second_us;
}

Result<store::AccessKey> TokenService::find_key(std::string_view text, std::int64_t now_us) {
  const std::string hash = key_hash(text);
  {
    const std::lock_guard lock(mutex_);
    const auto known = known_keys_.find(hash);
    if (known != known_keys_.end() && now_us - known->second.read_us < key_kept_us) return known->second.key;
  }
  DBGATE_TRY(const auto found, store_.keys().find_access_key_by_hash(hash));
  if (!found) return refused();
  const auto noted = store_.keys().note_used(found->id, now_us);
  if (!noted) log::warn("identity", "cannot note that a key is used");
  const std::lock_guard lock(mutex_);
  if (known_keys_.size() >= max_known_keys) known_keys_.clear();
  known_keys_[hash] = {*found, now_us};
  return *found;
}

Result<Bearer> TokenService::verify_key(std::string_view text, std::int64_t now_us) {
  const auto kind = kind_of_key(text);
  if (kind != KeyKind::personal_token && kind != KeyKind::service_key) return refused();
  DBGATE_TRY(const store::AccessKey key, find_key(text, now_us));
  const bool personal = key.kind == store::KeyKind::personal;
  if (personal != (kind == KeyKind::personal_token)) return refused();
  const bool expired = key.expires_us != 0 && key.expires_us <= now_us;
  if (expired || key.revoked_us != 0 || key.scopes.empty()) return refused();
  if (has_ended(key.id, {}) || !may_enter_(key.user)) return refused();
  Bearer bearer;
  bearer.kind = personal ? Bearer::Kind::personal_token : Bearer::Kind::service_key;
  bearer.user = key.user;
  bearer.credential = key.id;
  bearer.scopes = key.scopes;
  bearer.expires_us = key.expires_us;
  return bearer;
}

Result<> TokenService::end(const Bearer& bearer, const store::Ending& why, std::int64_t now_us) {
  note_ended(bearer.credential, now_us);
  if (bearer.kind == Bearer::Kind::login) {
    DBGATE_TRY([[maybe_unused]] const bool live, store_.logins().end_login(bearer.credential, why, now_us));
  } else {
    DBGATE_TRY([[maybe_unused]] const bool live,
               store_.keys().revoke_access_key(bearer.user, bearer.credential, why, now_us));
  }
  return boost::system::in_place_value;
}

Result<> TokenService::revoke(const Bearer& bearer, std::int64_t now_us) {
  if (bearer.token_id.empty()) return Error(sqlstate::invalid_parameter_value, "only an access token can be revoked");
  note_ended(bearer.token_id, now_us);
  return store_.logins().revoke_token({bearer.token_id, bearer.expires_us + leeway_s * second_us}, now_us);
}

}  // namespace dbgate::identity
