#include "gateway/identity/id_token.h"

#include <algorithm>

#include "gateway/auth/digests.h"
#include "gateway/identity/strict_json.h"

namespace dbgate::identity {
namespace {

namespace json = boost::json;

constexpr std::int64_t leeway_s = 60;
constexpr std::size_t max_subject_bytes = 255;  // OpenID Connect Core 1.0 §2

Error refused(const std::string& what) {
  return {sqlstate::invalid_authorization_specification, "the identity provider's token is refused: " + what};
}

// The payload, if one of the provider's keys has signed it.
Result<std::string> verified(OidcProviderFacts& facts, ports::Jose& jose, const IdTokenQuestion& question) {
  DBGATE_TRY(const std::string header_text, jose.header(question.token));
  const auto header = parse_object(header_text);
  if (!header || header->contains("crit")) return refused("its header");
  const std::string algorithm = text_member(*header, "alg");
  if (!is_id_token_algorithm(algorithm)) return refused("its algorithm");
  DBGATE_TRY(const auto keys, facts.keys(text_member(*header, "kid"), algorithm, question.now_us));
  for (const OidcKey& key : keys) {
    auto payload = jose.verify(question.token, key.json, algorithm);
    if (payload) return std::move(*payload);
  }
  return refused("its signature");
}

// Exactly for us: with further audiences the authorized party must be us (OpenID Connect Core 1.0 §3.1.3.7, 3 to 5).
bool is_for(const std::string& client, const json::object& claims) {
  const auto audience = texts_member(claims, "aud");
  const std::string party = text_member(claims, "azp");
  if (std::find(audience.begin(), audience.end(), client) == audience.end()) return false;
  return claims.contains("azp") ? party == client : audience.size() == 1;
}

bool in_time(const json::object& claims, std::int64_t now_s) {
  const auto expires = time_member(claims, "exp");
  const auto issued = time_member(claims, "iat");
  const auto not_before = time_member(claims, "nbf");
  if (claims.contains("nbf") && (!not_before || *not_before > now_s + leeway_s)) return false;
  return expires && issued && *expires > now_s - leeway_s && *issued <= now_s + leeway_s;
}

// The left half of the access token's hash (§3.1.3.6).
bool hash_fits(const json::object& claims, const std::string& access_token) {
  if (!claims.contains("at_hash")) return true;
  const std::string half = auth::sha256(access_token).substr(0, 16);
  return auth::equal_constant_time(text_member(claims, "at_hash"), base64url(half));
}

}  // namespace

Result<json::object> check_id_token(const config::OidcProvider& settings, OidcProviderFacts& facts, ports::Jose& jose,
                                    const IdTokenQuestion& question) {
  DBGATE_TRY(const std::string payload, verified(facts, jose, question));
  auto claims = parse_object(payload);
  if (!claims) return refused("its claims");
  if (text_member(*claims, "iss") != settings.issuer) return refused("its issuer");
  if (!is_for(settings.client_id, *claims)) return refused("its audience");
  if (!in_time(*claims, question.now_us / 1'000'000)) return refused("its time");
  const bool same = auth::equal_constant_time(text_member(*claims, "nonce"), question.nonce);
  if (!question.nonce.empty() && !same) return refused("its nonce");
  if (!hash_fits(*claims, question.access_token)) return refused("its at_hash");
  const std::string subject = text_member(*claims, "sub");
  if (subject.empty() || subject.size() > max_subject_bytes) return refused("its subject");
  return std::move(*claims);
}

}  // namespace dbgate::identity
