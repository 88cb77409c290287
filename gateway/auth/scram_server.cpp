#include "gateway/auth/scram_server.h"

#include "gateway/auth/digests.h"
#include "gateway/auth/random.h"
#include "gateway/auth/scram_text.h"

namespace dbgate::auth {
namespace {

constexpr std::string_view plain_mechanism = "SCRAM-SHA-256";
constexpr std::string_view plus_mechanism = "SCRAM-SHA-256-PLUS";
constexpr std::size_t nonce_bytes = 18;
constexpr std::size_t proof_bytes = 32;

Error malformed() {
  return {sqlstate::protocol_violation, "malformed SCRAM message"};
}
Error downgraded() {
  return {sqlstate::invalid_authorization_specification,
          "SCRAM channel binding negotiation error: the client thinks that the server does not support it"};
}

}  // namespace

ScramServer::ScramServer(std::shared_ptr<const ScramKeyring> keyring, bool exists, std::string end_point)
    : keyring_(std::move(keyring)), exists_(exists), end_point_(std::move(end_point)) {}

ScramServer::ScramServer(const ScramVerifier& verifier, bool exists, std::string end_point)
    : ScramServer(std::make_shared<const ScramKeyring>(verifier), exists, std::move(end_point)) {}

std::vector<std::string_view> ScramServer::mechanisms() const {
  if (end_point_.empty()) return {plain_mechanism};
  return {plus_mechanism, plain_mechanism};
}

Result<std::string> ScramServer::start(std::string_view mechanism, std::string_view client_first) {
  plus_ = mechanism == plus_mechanism && !end_point_.empty();
  if (!plus_ && mechanism != plain_mechanism) {
    return Error(sqlstate::invalid_authorization_specification,
                 "client selected an invalid SASL authentication mechanism");
  }
  std::string_view left = client_first;
  // gs2-header: n,, without binding; y,, "you do not support it"; p=name,, with binding.
  const auto flag = scram_cut(left, ',');
  const auto authzid = scram_cut(left, ',');
  if (!flag || !authzid || !authzid->empty()) return malformed();
  if (plus_ != flag->starts_with("p=")) return malformed();
  if (plus_ && *flag != "p=tls-server-end-point") return malformed();
  if (!plus_ && *flag == "y" && !end_point_.empty()) return downgraded();
  if (!plus_ && *flag != "n" && *flag != "y") return malformed();
  gs2_header_ = client_first.substr(0, client_first.size() - left.size());
  auth_message_ = left;
  const auto user = scram_attribute(left, 'n');
  const auto nonce = user ? scram_attribute(left, 'r') : user;
  if (!nonce || !scram_printable(*nonce)) return malformed();
  nonce_ = *nonce + base64_encode(random_bytes(nonce_bytes));
  std::string server_first =
      "r=" + nonce_ + ",s=" + base64_encode(keyring_->salt) + ",i=" + std::to_string(keyring_->iterations);
  auth_message_ += "," + server_first;
  return server_first;
}

Result<std::string> ScramServer::finish(std::string_view client_final) {
  std::string_view left = client_final;
  const auto binding = scram_attribute(left, 'c');
  const auto nonce = binding ? scram_attribute(left, 'r') : binding;
  const std::size_t proof_at = client_final.rfind(",p=");
  if (!nonce || proof_at == std::string_view::npos) return malformed();
  const std::string proof = base64_decode(client_final.substr(proof_at + 3));
  if (proof.size() != proof_bytes || *nonce != nonce_) return malformed();
  if (base64_decode(*binding) != gs2_header_ + (plus_ ? end_point_ : std::string())) {
    return Error(sqlstate::invalid_authorization_specification, "SCRAM channel binding check failed");
  }
  auth_message_ += ",";
  auth_message_ += client_final.substr(0, proof_at);
  const bool right = try_all(proof);
  if (!right || !exists_) return Error(sqlstate::invalid_password, "password authentication failed");
  return "v=" + base64_encode(hmac_sha256(keyring_->keys[matched_].server_key, auth_message_));
}

// Each of them to the end and without a branch on the outcome: how long it takes does not tell which one it was, nor
// whether it was any.
bool ScramServer::try_all(std::string_view proof) {
  std::size_t found = 0;
  bool any = false;
  for (std::size_t i = 0; i < keyring_->keys.size(); ++i) {
    const std::string& stored_key = keyring_->keys[i].stored_key;
    const std::string client_key = exclusive_or(proof, hmac_sha256(stored_key, auth_message_));
    const bool right = equal_constant_time(sha256(client_key), stored_key);
    const std::size_t chosen = std::size_t{0} - static_cast<std::size_t>(right);
    found = (found & ~chosen) | (i & chosen);
    any |= right;
  }
  matched_ = found;
  return any;
}

}  // namespace dbgate::auth
