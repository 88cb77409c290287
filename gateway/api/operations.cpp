#include "gateway/api/operations.h"

#include "gateway/api/account.h"
#include "gateway/api/decisions.h"
#include "gateway/api/events.h"
#include "gateway/api/pages.h"
#include "gateway/api/queries.h"
#include "gateway/api/targets.h"

namespace dbgate::api {
namespace {

constexpr Access anybody = Access::anybody;

const Operation table[] = {
    // account.yaml
    {.method = "POST", .path = "/api/v1/login", .id = "login", .handler = login, .access = anybody},
    {.method = "POST", .path = "/api/v1/logout", .id = "logout", .handler = logout},
    {.method = "GET", .path = "/api/v1/me", .id = "showMe", .handler = show_me},
    // targets.yaml
    {.method = "GET", .path = "/api/v1/targets", .id = "listTargets", .handler = list_targets},
    {.method = "GET",
     .path = "/api/v1/targets/{name}/tunnel",
     .id = "openTunnel",
     .handler = open_tunnel,
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
     .demand = Demand::idempotency_key,
     .most_body_bytes = sql_body_bytes},
    {.method = "GET", .path = "/api/v1/queries/{id}", .id = "showQuery", .handler = show_query},
    {.method = "GET", .path = "/api/v1/queries/{id}/rows", .id = "listQueryRows", .handler = list_query_rows},
    {.method = "POST", .path = "/api/v1/queries/{id}/cancel", .id = "cancelQuery", .handler = cancel_query},
    {.method = "POST",
     .path = "/api/v1/queries/{id}/export",
     .id = "exportQuery",
     .handler = export_query,
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
