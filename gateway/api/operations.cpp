#include "gateway/api/operations.h"

#include "gateway/api/account.h"
#include "gateway/api/decisions.h"
#include "gateway/api/events.h"
#include "gateway/api/pages.h"
#include "gateway/api/queries.h"
#include "gateway/api/sign_in.h"
#include "gateway/api/targets.h"

namespace dbgate::api {
namespace {

constexpr Access anybody = Access::anybody;
constexpr std::string_view any_scope;
constexpr std::string_view account = "account";

const Operation table[] = {
    // sign_in.yaml
    {.method = "POST", .path = "/api/v1/login", .id = "login", .handler = login, .access = anybody},
    {.method = "POST",
     .path = "/api/v1/login/second-factor",
     .id = "answerSecondFactor",
     .handler = answer_second_factor,
     .access = anybody},
    {.method = "GET",
     .path = "/api/v1/login/methods",
     .id = "showLoginMethods",
     .handler = show_login_methods,
     .access = anybody},
    {.method = "POST",
     .path = "/api/v1/login/oidc",
     .id = "startOidcLogin",
     .handler = start_oidc_login,
     .access = anybody},
    {.method = "GET",
     .path = "/api/v1/login/oidc/callback",
     .id = "finishOidcLogin",
     .handler = finish_oidc_login,
     .access = anybody},
    {.method = "POST",
     .path = "/api/v1/login/device",
     .id = "startDeviceLogin",
     .handler = start_device_login,
     .access = anybody},
    {.method = "POST", .path = "/api/v1/token", .id = "exchangeToken", .handler = exchange_token, .access = anybody},
    {.method = "GET", .path = "/.well-known/jwks.json", .id = "showJwks", .handler = show_jwks, .access = anybody},
    // account.yaml
    {.method = "POST", .path = "/api/v1/logout", .id = "logout", .handler = logout, .scope = any_scope},
    {.method = "GET", .path = "/api/v1/me", .id = "showMe", .handler = show_me, .scope = any_scope},
    {.method = "POST",
     .path = "/api/v1/me/password",
     .id = "changeMyPassword",
     .handler = change_my_password,
     .scope = account},
    {.method = "POST", .path = "/api/v1/me/totp", .id = "startMyTotp", .handler = start_my_totp, .scope = account},
    {.method = "DELETE", .path = "/api/v1/me/totp", .id = "removeMyTotp", .handler = remove_my_totp, .scope = account},
    {.method = "POST",
     .path = "/api/v1/me/totp/confirm",
     .id = "confirmMyTotp",
     .handler = confirm_my_totp,
     .scope = account},
    {.method = "GET", .path = "/api/v1/me/logins", .id = "listMyLogins", .handler = list_my_logins, .scope = account},
    {.method = "DELETE",
     .path = "/api/v1/me/logins/{id}",
     .id = "endMyLogin",
     .handler = end_my_login,
     .scope = account},
    {.method = "GET", .path = "/api/v1/me/tokens", .id = "listMyTokens", .handler = list_my_tokens, .scope = account},
    {.method = "POST",
     .path = "/api/v1/me/tokens",
     .id = "createMyToken",
     .handler = create_my_token,
     .scope = account,
     .demand = Demand::idempotency_key},
    {.method = "DELETE",
     .path = "/api/v1/me/tokens/{id}",
     .id = "revokeMyToken",
     .handler = revoke_my_token,
     .scope = account},
    {.method = "GET",
     .path = "/api/v1/me/database-passwords",
     .id = "listMyDatabasePasswords",
     .handler = list_my_database_passwords,
     .scope = account},
    {.method = "POST",
     .path = "/api/v1/me/database-passwords",
     .id = "createMyDatabasePassword",
     .handler = create_my_database_password,
     .scope = account,
     .demand = Demand::idempotency_key},
    {.method = "DELETE",
     .path = "/api/v1/me/database-passwords/{id}",
     .id = "revokeMyDatabasePassword",
     .handler = revoke_my_database_password,
     .scope = account},
    // targets.yaml
    {.method = "GET", .path = "/api/v1/targets", .id = "listTargets", .handler = list_targets},
    {.method = "GET",
     .path = "/api/v1/targets/{name}/tunnel",
     .id = "openTunnel",
     .handler = open_tunnel,
     .scope = "connect",
     .demand = Demand::websocket},
    {.method = "POST",
     .path = "/api/v1/decisions",
     .id = "decide",
     .handler = decide,
     .most_body_bytes = sql_body_bytes},
    // queries.yaml
    {.method = "POST",
     .path = "/api/v1/targets/{name}/queries",
     .id = "createQuery",
     .handler = create_query,
     .scope = "query",
     .demand = Demand::idempotency_key,
     .most_body_bytes = sql_body_bytes},
    {.method = "GET", .path = "/api/v1/queries/{id}", .id = "showQuery", .handler = show_query},
    {.method = "GET",
     .path = "/api/v1/queries/{id}/rows",
     .id = "listQueryRows",
     .handler = list_query_rows,
     .scope = "query"},
    {.method = "POST",
     .path = "/api/v1/queries/{id}/cancel",
     .id = "cancelQuery",
     .handler = cancel_query,
     .scope = "query"},
    {.method = "POST",
     .path = "/api/v1/queries/{id}/export",
     .id = "exportQuery",
     .handler = export_query,
     .scope = "query",
     .demand = Demand::idempotency_key},
    {.method = "GET", .path = "/api/v1/targets/{name}/schema", .id = "showSchema", .handler = show_schema},
    // events.yaml
    {.method = "GET", .path = "/api/v1/events", .id = "streamEvents", .handler = stream_events},
    {.method = "GET",
     .path = "/api/v1/events/ws",
     .id = "openEvents",
     .handler = open_events,
     .demand = Demand::websocket},
    // about.yaml
    {.method = "GET", .path = "/api/v1/openapi.json", .id = "showOpenapi", .handler = show_openapi, .access = anybody},
    {.method = "GET", .path = "/api/v1/docs", .id = "showDocs", .handler = show_docs, .access = anybody},
    {.method = "GET", .path = "/problems/{code}", .id = "showProblem", .handler = show_problem, .access = anybody},
};

}  // namespace

std::span<const Operation> operations() noexcept {
  return table;
}

}  // namespace dbgate::api
