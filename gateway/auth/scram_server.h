#pragma once
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/auth/scram_verifier.h"
#include "gateway/base/error.h"

namespace dbgate::auth {

/// The server side of one SCRAM-SHA-256 exchange (RFC 5802, RFC 7677), with channel binding tls-server-end-point
/// (RFC 5929). Bytes in, bytes out. An exchange for a user that does not exist runs to its end and fails as a wrong
/// password does.
class ScramServer {
 public:
  /// @param keyring the user's passwords; not null. What an exchange costs depends on their number only.
  /// @param exists whether they are a real user's
  /// @param end_point hash of the server's certificate; empty without TLS: PLUS is then not offered
  ScramServer(std::shared_ptr<const ScramKeyring> keyring, bool exists, std::string end_point);
  /// Of a user with one password.
  ScramServer(const ScramVerifier& verifier, bool exists, std::string end_point);

  /// What may be chosen, the favourite first.
  std::vector<std::string_view> mechanisms() const;
  /// Takes the client's first message. @return the server's first message
  /// Errors: 08P01 malformed, 28000 a downgrade or a mechanism that was not offered.
  Result<std::string> start(std::string_view mechanism, std::string_view client_first);
  /// Takes the client's final message. @return the server's final message
  /// Errors: 08P01 malformed, 28P01 wrong password or unknown user.
  Result<std::string> finish(std::string_view client_final);
  /// Which of the keyring's passwords it was. Only after finish() has succeeded.
  std::size_t matched() const noexcept { return matched_; }

 private:
  bool try_all(std::string_view proof);

  std::shared_ptr<const ScramKeyring> keyring_;
  std::size_t matched_ = 0;
  bool exists_;
  std::string end_point_;
  std::string gs2_header_;
  bool plus_ = false;
  std::string nonce_;
  std::string auth_message_;  ///< grows: client-first-bare, server-first, client-final-without-proof
};

}  // namespace dbgate::auth
