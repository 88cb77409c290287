#pragma once
#include <string>
#include <string_view>

#include "gateway/auth/digests.h"

namespace dbgate::auth {

/// The answer to AuthenticationMD5Password (PostgreSQL docs ch. 55.2.1): "md5" and the digest of the digest.
inline std::string md5_response(std::string_view password, std::string_view user, std::string_view salt) {
  std::string inner(password);
  inner += user;
  std::string outer = md5_hex(inner);
  outer += salt;
  return "md5" + md5_hex(outer);
}

}  // namespace dbgate::auth
