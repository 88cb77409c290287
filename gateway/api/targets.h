#pragma once
#include "gateway/api/router.h"
#include "gateway/api/services.h"

namespace dbgate::api {

/// GET /targets: what the caller may use.
Task<Response> list_targets(Services& services, Request& request);
/// GET /targets/{name}/tunnel: carries the bytes of one database connection over a WebSocket.
Task<Response> open_tunnel(Services& services, Request& request);

}  // namespace dbgate::api
