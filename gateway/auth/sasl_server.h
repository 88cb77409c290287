#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "gateway/auth/scram_server.h"
#include "protocol/postgres/bytes.h"

namespace dbgate::auth {

/// The server's part of PostgreSQL's SASL dialogue (docs ch. 55.3) over SCRAM: whole Authentication messages out,
/// bodies of the frontend's answers in. Whoever uses it moves the bytes:
///
///   send offer(); then until finished(): read a header, response_length() of it, read that many bytes,
///   send what on_response() returns.
class SaslServer {
 public:
  /// See ScramServer.
  SaslServer(std::shared_ptr<const ScramKeyring> keyring, bool exists, std::string end_point);
  SaslServer(const ScramVerifier& verifier, bool exists, std::string end_point);

  /// AuthenticationSASL.
  std::string offer() const;
  /// How long the body of an answer is, by its header.
  /// Errors: 08P01 for any other message, and for more than SCRAM ever needs.
  static Result<std::size_t> response_length(protocol::Bytes header);
  /// Takes the body of an answer. @return AuthenticationSASLContinue, then AuthenticationSASLFinal
  /// Errors: those of ScramServer; 08P01 for an answer after the last.
  Result<std::string> on_response(protocol::Bytes body);
  /// Whether the frontend has proved who it is; AuthenticationOk may follow AuthenticationSASLFinal.
  bool finished() const noexcept { return step_ == Step::finished; }
  /// See ScramServer. Only once finished.
  std::size_t matched() const noexcept { return scram_.matched(); }
  /// What the frontend chose, in the words of the audit log: "scram-sha-256", "scram-sha-256-plus"; empty before.
  std::string_view method() const noexcept { return method_; }

 private:
  enum class Step : std::uint8_t { initial, final, finished, failed };

  ScramServer scram_;
  Step step_ = Step::initial;
  std::string_view method_;
};

}  // namespace dbgate::auth
