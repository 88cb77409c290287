#pragma once
#include <string>
#include <string_view>

#include "gateway/base/error.h"

namespace dbgate::ports {

/// A key pair as JSON Web Keys (RFC 7517), JSON texts that name their `kid`.
struct JsonWebKeyPair {
  std::string kid;
  std::string private_key;
  std::string public_key;
};

/// Signed JSON (JWS, RFC 7515, compact form). Safe to use from any thread; blocks for a fraction of a millisecond.
class Jose {
 public:
  virtual ~Jose() = default;

  /// A new key for ES256.
  virtual Result<JsonWebKeyPair> make_key() = 0;
  /// Signs with ES256. `type` becomes the header `typ`. Errors: XX000.
  virtual Result<std::string> sign(std::string_view payload, const JsonWebKeyPair& key, const std::string& type) = 0;
  /// The header's JSON text, which nobody has verified: what it says of keys is a question, never an answer.
  /// Errors: 28000 for what is no token.
  virtual Result<std::string> header(std::string_view token) = 0;
  /// The payload, if `public_key` has signed it with `algorithm` and the header says so too. The algorithm comes from
  /// the caller (RFC 8725 §3.1), and must be one of the key's type: keys for signatures never serve as HMAC secrets.
  /// Knows ES256, RS256 and PS256. Errors: 28000, always the same.
  virtual Result<std::string> verify(std::string_view token, std::string_view public_key,
                                     std::string_view algorithm) = 0;
};

}  // namespace dbgate::ports
