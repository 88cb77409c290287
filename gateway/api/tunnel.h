#pragma once
#include "gateway/api/exchange.h"
#include "gateway/ports/gateway_service.h"

namespace dbgate::api {

/// Carries the bytes of one database connection between a WebSocket and the gateway's end of a socket pair, until
/// either side ends.
/// @param database  target, or target/database
Task<> run_tunnel(ports::GatewayService& gateway, std::string user, std::string database, std::string address,
                  WebSocket& socket);

}  // namespace dbgate::api
