#pragma once
#include "gateway/api/router.h"
#include "gateway/api/services.h"

// What people do with their own account.
namespace dbgate::api {

/// POST /logout: the login or key of the request ends; with "all" every login of its user.
Task<Response> logout(Services& services, Request& request);
/// GET /me: who the caller is.
Task<Response> show_me(Services& services, Request& request);
/// POST /me/password
Task<Response> change_my_password(Services& services, Request& request);
/// POST /me/totp: a secret for an authenticator, not in force yet.
Task<Response> start_my_totp(Services& services, Request& request);
/// POST /me/totp/confirm: puts it in force by a code of it.
Task<Response> confirm_my_totp(Services& services, Request& request);
/// DELETE /me/totp
Task<Response> remove_my_totp(Services& services, Request& request);

/// GET /me/logins, DELETE /me/logins/{id}
Task<Response> list_my_logins(Services& services, Request& request);
Task<Response> end_my_login(Services& services, Request& request);
/// GET and POST /me/tokens, DELETE /me/tokens/{id}
Task<Response> list_my_tokens(Services& services, Request& request);
Task<Response> create_my_token(Services& services, Request& request);
Task<Response> revoke_my_token(Services& services, Request& request);
/// GET and POST /me/database-passwords, DELETE /me/database-passwords/{id}
Task<Response> list_my_database_passwords(Services& services, Request& request);
Task<Response> create_my_database_password(Services& services, Request& request);
Task<Response> revoke_my_database_password(Services& services, Request& request);

}  // namespace dbgate::api
