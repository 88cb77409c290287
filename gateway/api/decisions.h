#pragma once
#include "gateway/api/exchange.h"
#include "gateway/base/task.h"
#include "gateway/ports/gateway_service.h"

namespace dbgate::api {

/// POST /decisions: what would be decided about one text, or several, and why; nothing runs.
/// @param user who asks
Task<Response> decide(ports::GatewayService& service, const Request& request, const std::string& user);

}  // namespace dbgate::api
