#pragma once
#include <string>

#include "cli/api_client.h"
#include "cli/table/verb.h"

// The ways to sign in. Each returns the gateway's answer with the tokens.
namespace dbgate::cli {

boost::json::value sign_in_with_password(Api& api, const Call& call);
/// Authorization code with PKCE (RFC 7636); the browser comes back to a listener on loopback (RFC 8252 §7.3).
boost::json::value sign_in_with_browser(Api& api, const std::string& provider, bool open_browser);
/// A code that is typed in on any device (RFC 8628).
boost::json::value sign_in_with_device(Api& api, const std::string& provider);

/// Whether a browser could show itself to whoever typed the command.
bool has_display();

}  // namespace dbgate::cli
