#pragma once
#include "gateway/api/router.h"
#include "gateway/api/services.h"

// Signing in: what nobody needs a credential for.
namespace dbgate::api {

/// POST /login: a user name and a password, perhaps with a second factor, for tokens.
Task<Response> login(Services& services, Request& request);
/// POST /login/second-factor: what was missing.
Task<Response> answer_second_factor(Services& services, Request& request);
/// GET /login/methods
Task<Response> show_login_methods(Services& services, Request& request);
/// POST /login/oidc: where to send the browser.
Task<Response> start_oidc_login(Services& services, Request& request);
/// GET /login/oidc/callback: where the provider sends the browser; sends it on to the application.
Task<Response> finish_oidc_login(Services& services, Request& request);
/// POST /login/device (RFC 8628 §3.1)
Task<Response> start_device_login(Services& services, Request& request);
/// POST /token (RFC 6749 §3.2)
Task<Response> exchange_token(Services& services, Request& request);
/// GET /.well-known/jwks.json (RFC 7517 §5)
Task<Response> show_jwks(Services& services, Request& request);

}  // namespace dbgate::api
