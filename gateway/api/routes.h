#pragma once
#include <optional>
#include <string>

#include "gateway/api/exchange.h"
#include "gateway/base/task.h"
#include "gateway/ports/gateway_service.h"
#include "gateway/ports/tokens.h"

namespace dbgate::api {

/// The operations of /api/v1 (docs/api.md). Knows neither sockets nor HTTP's syntax.
class Routes {
 public:
  Routes(ports::GatewayService& service, ports::Tokens& tokens) : service_(service), tokens_(tokens) {}

  Task<Response> handle(Request request);

  // GET /api/v1/targets/{name}/tunnel, which may be upgraded.
  /// Whether the path is a tunnel's. Then open_tunnel() says who asks for what, or why not.
  static bool is_tunnel(const Request& request);
  Result<ports::TunnelRequest> open_tunnel(const Request& request, Response& refused);
  ports::GatewayService& service() { return service_; }

 private:
  std::optional<ports::TokenClaims> caller(const Request& request);
  Task<Response> login(const Request& request);
  Response logout(const Request& request, const ports::TokenClaims& claims);
  Response me(const ports::TokenClaims& claims);
  Response targets(const ports::TokenClaims& claims);

  ports::GatewayService& service_;
  ports::Tokens& tokens_;
};

/// An RFC 9457 answer. `code` is stable; `title` fits all problems of the code, `detail` this one.
Response problem(const Request& request, unsigned status, const char* code, const char* title,
                 const std::string& detail);

}  // namespace dbgate::api
