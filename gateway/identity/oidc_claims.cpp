#include "gateway/identity/oidc_claims.h"

#include <algorithm>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <cctype>
#include <set>

#include "gateway/auth/digests.h"
#include "gateway/identity/strict_json.h"
#include "gateway/ports/store_records.h"

namespace dbgate::identity {
namespace {

namespace json = boost::json;

constexpr std::size_t max_email_bytes = 254;
constexpr std::size_t max_name_bytes = 200;
constexpr std::size_t least_verifier = 43;  // RFC 7636 §4.1
constexpr std::size_t most_verifier = 128;

Error refused(const std::string& what) {
  return {sqlstate::insufficient_privilege, what};
}

// The address, if the provider has seen that it is the person's.
std::string verified_email(const json::object& claims) {
  const json::value* const verified = claims.if_contains("email_verified");
  const bool is_true = verified != nullptr && ((verified->is_bool() && verified->as_bool()) ||
                                               (verified->is_string() && verified->as_string() == "true"));
  std::string email = text_member(claims, "email");
  return is_true && email.size() <= max_email_bytes ? email : std::string();
}

bool same_domain(std::string_view email, std::string_view domain) {
  const std::size_t at = email.rfind('@');
  if (at == std::string_view::npos) return false;
  const std::string_view of = email.substr(at + 1);
  return std::equal(of.begin(), of.end(), domain.begin(), domain.end(),
                    [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); });
}

}  // namespace

Result<OidcPerson> person_of(const config::OidcProvider& settings, const json::object& claims) {
  OidcPerson person;
  person.issuer = settings.issuer;
  person.subject = text_member(claims, "sub");
  person.email = verified_email(claims);
  person.name = settings.username_claim == "email" ? person.email : text_member(claims, settings.username_claim);
  person.display_name = text_member(claims, "name");
  if (person.display_name.size() > max_name_bytes) person.display_name.clear();
  const auto& domains = settings.allowed_domains;
  const bool enters = domains.empty() || std::any_of(domains.begin(), domains.end(), [&](const std::string& domain) {
                        return same_domain(person.email, domain);
                      });
  if (!enters) return refused("the identity provider knows no verified address of a domain that may enter");
  if (!ports::store::valid_name(person.name)) {
    return refused("the identity provider's claim \"" + settings.username_claim + "\" is no name that dbgate can use");
  }
  std::set<std::string> groups;
  for (const std::string& theirs : texts_member(claims, settings.groups_claim)) {
    const auto mapped = settings.group_map.find(theirs);
    if (mapped != settings.group_map.end()) groups.insert(mapped->second);
  }
  person.groups.assign(groups.begin(), groups.end());
  return person;
}

std::string code_challenge(std::string_view verifier) {
  return base64url(auth::sha256(verifier));
}

bool verifier_fits(std::string_view verifier, std::string_view challenge) {
  if (verifier.size() < least_verifier || verifier.size() > most_verifier) return false;
  return auth::equal_constant_time(code_challenge(verifier), challenge);
}

bool is_loopback_redirect(std::string_view uri) {
  const auto parsed = boost::urls::parse_uri(uri);
  if (!parsed || parsed->scheme() != "http" || parsed->has_userinfo() || parsed->has_fragment()) return false;
  const auto host = parsed->encoded_host();
  return (host == "127.0.0.1" || host == "[::1]") && parsed->has_port() && parsed->port_number() != 0;
}

}  // namespace dbgate::identity
