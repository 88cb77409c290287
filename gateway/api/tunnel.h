#pragma once
#include "gateway/api/exchange.h"
#include "gateway/ports/gateway_service.h"

namespace dbgate::api {

/// Carries the bytes of one database connection between a WebSocket and the gateway's end of a socket pair, until
/// either side ends.
Task<> run_tunnel(ports::GatewayService& gateway, ports::TunnelRequest request, WebSocket& socket);

}  // namespace dbgate::api
