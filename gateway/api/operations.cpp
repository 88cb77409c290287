#include "gateway/api/operations.h"

#include "gateway/api/account.h"
#include "gateway/api/decisions.h"
#include "gateway/api/events.h"
#include "gateway/api/pages.h"
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
