#pragma once
#include "gateway/api/router.h"
#include "gateway/api/services.h"

namespace dbgate::api {

/// GET /events: what happens, as Server-Sent Events (WHATWG HTML §9.2).
Task<Response> stream_events(Services& services, Request& request);
/// GET /events/ws: the same as text messages of a WebSocket.
Task<Response> open_events(Services& services, Request& request);

}  // namespace dbgate::api
