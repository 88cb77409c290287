#pragma once
#include <string>
#include <string_view>

#include "gateway/base/error.h"

namespace dbgate::auth {

/// The client side of one SCRAM-SHA-256 exchange (RFC 5802, RFC 7677). The server proves at the end that it knows the
/// verifier; nonce, salt and iteration count of a hostile server are capped.
class ScramClient {
 public:
  /// @param end_point hash of the server's certificate to bind to (PLUS), or empty: no binding
  /// @param could_bind whether the connection could bind although the server did not offer it: it is told so ("y")
  ScramClient(std::string password, std::string end_point, bool could_bind);

  std::string_view mechanism() const noexcept { return end_point_.empty() ? "SCRAM-SHA-256" : "SCRAM-SHA-256-PLUS"; }
  std::string client_first();
  /// Errors: 08006 for what a server may not say.
  Result<std::string> on_server_first(std::string_view server_first);
  Result<> on_server_final(std::string_view server_final) const;

 private:
  std::string password_;
  std::string end_point_;
  std::string gs2_header_;
  std::string nonce_;
  std::string first_bare_;
  std::string server_signature_;
};

}  // namespace dbgate::auth
