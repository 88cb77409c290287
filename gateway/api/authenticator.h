#pragma once
#include "gateway/api/exchange.h"
#include "gateway/ports/gateway_service.h"
#include "gateway/ports/tokens.h"

namespace dbgate::api {

/// Says whose request it is.
class Authenticator {
 public:
  virtual ~Authenticator() = default;
  /// Errors: 28000 if it is nobody's: no credential, or one that is not good (any more); the message says nothing about
  /// why. 08006 if that cannot be found out now.
  virtual Task<Result<Caller>> authenticate(const Request& request) = 0;
};

/// By access tokens alone.
class TokenAuthenticator final : public Authenticator {
 public:
  TokenAuthenticator(ports::Tokens& tokens, ports::GatewayService& gateway) : tokens_(tokens), gateway_(gateway) {}
  Task<Result<Caller>> authenticate(const Request& request) override;

 private:
  ports::Tokens& tokens_;
  ports::GatewayService& gateway_;
};

}  // namespace dbgate::api
