#include "gateway/auth/sasl_server.h"

#include <utility>

#include "protocol/postgres/authentication_messages.h"
#include "protocol/postgres/field_writer.h"
#include "protocol/postgres/frame.h"

namespace dbgate::auth {
namespace {

namespace frontend = protocol::frontend;
namespace backend = protocol::backend;
using protocol::encoded;

constexpr std::size_t max_response_bytes = 4096;

Error violation(const char* what) {
  return {sqlstate::protocol_violation, what};
}

}  // namespace

SaslServer::SaslServer(std::shared_ptr<const ScramKeyring> keyring, bool exists, std::string end_point)
    : scram_(std::move(keyring), exists, std::move(end_point)) {}

SaslServer::SaslServer(const ScramVerifier& verifier, bool exists, std::string end_point)
    : scram_(verifier, exists, std::move(end_point)) {}

std::string SaslServer::offer() const {
  const std::vector<std::string_view> names = scram_.mechanisms();
  std::string storage;
  backend::AuthenticationSASL request;
  request.mechanisms = protocol::Repeated<std::string_view>::lay_out(names, storage);
  return encoded(request);
}

Result<std::size_t> SaslServer::response_length(protocol::Bytes header) {
  const auto decoded = protocol::decode_header(header);
  if (!decoded || decoded->type != frontend::SASLResponse::type || decoded->body_length > max_response_bytes) {
    return violation("expected a password response");
  }
  return decoded->body_length;
}

Result<std::string> SaslServer::on_response(protocol::Bytes body) {
  const Step step = std::exchange(step_, Step::failed);
  if (step == Step::initial) {
    const auto chosen = frontend::SASLInitialResponse::decode(body);
    if (!chosen || !chosen->response) return violation("malformed SASLInitialResponse");
    method_ = chosen->mechanism == "SCRAM-SHA-256-PLUS" ? "scram-sha-256-plus" : "scram-sha-256";
    DBGATE_TRY(const std::string first, scram_.start(chosen->mechanism, protocol::as_text(*chosen->response)));
    step_ = Step::final;
    return encoded(backend::AuthenticationSASLContinue{protocol::as_bytes(first)});
  }
  if (step != Step::final) return violation("a password response that nobody asked for");
  const auto response = frontend::SASLResponse::decode(body);
  DBGATE_TRY(const std::string last, scram_.finish(protocol::as_text(response->data)));
  step_ = Step::finished;
  return encoded(backend::AuthenticationSASLFinal{protocol::as_bytes(last)});
}

}  // namespace dbgate::auth
