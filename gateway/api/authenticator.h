#pragma once
#include "gateway/api/exchange.h"

namespace dbgate::api {

/// Says whose request it is.
class Authenticator {
 public:
  virtual ~Authenticator() = default;
  /// Errors: 28000 if it is nobody's: no credential, or one that is not good (any more); the message says nothing about
  /// why. 08006 if that cannot be found out now.
  virtual Task<Result<Caller>> authenticate(const Request& request) = 0;
};

}  // namespace dbgate::api
