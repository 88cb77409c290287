#pragma once
#include "gateway/api/router.h"
#include "gateway/api/services.h"

namespace dbgate::api {

/// POST /login: a user name and a password for an access token.
Task<Response> login(Services& services, Request& request);
/// POST /logout: the token of the request is never accepted again.
Task<Response> logout(Services& services, Request& request);
/// GET /me: who the caller is.
Task<Response> show_me(Services& services, Request& request);

}  // namespace dbgate::api
