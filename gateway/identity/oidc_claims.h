#pragma once
#include <boost/json/object.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "config/identity.h"
#include "gateway/base/error.h"

namespace dbgate::identity {

/// Who signed in at an identity provider, in dbgate's words.
struct OidcPerson {
  std::string issuer;
  std::string subject;  ///< the only thing that names the account for ever
  std::string name;     ///< what the user will be called
  std::string email;    ///< empty unless the provider has verified it
  std::string display_name;
  std::vector<std::string> groups;  ///< of dbgate, by the group map; sorted, each once
};

/// Errors: 42501 that says what is missing: a name that dbgate can use, or a verified address of a domain that may
/// enter.
Result<OidcPerson> person_of(const config::OidcProvider& settings, const boost::json::object& claims);

/// Whether a code challenge (RFC 7636, S256) is this verifier's.
bool verifier_fits(std::string_view verifier, std::string_view challenge);
/// The challenge of a verifier.
std::string code_challenge(std::string_view verifier);
/// Where a sign-in may end: plain HTTP to a port of the person's own machine, by number (RFC 8252 §7.3).
bool is_loopback_redirect(std::string_view uri);

}  // namespace dbgate::identity
