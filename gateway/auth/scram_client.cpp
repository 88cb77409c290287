#include "gateway/auth/scram_client.h"

#include <charconv>

#include "gateway/auth/digests.h"
#include "gateway/auth/random.h"
#include "gateway/auth/scram_text.h"

namespace dbgate::auth {
namespace {

constexpr std::size_t nonce_bytes = 18;
constexpr std::size_t max_salt_bytes = 256;
constexpr int max_iterations = 100'000;  // 4096 is PostgreSQL's default; this bounds a hostile server to about 50 ms

Error invalid(const char* what) {
  return {sqlstate::connection_failure, std::string("SCRAM: the server sent ") + what};
}

}  // namespace

ScramClient::ScramClient(std::string password, std::string end_point, bool could_bind)
    : password_(std::move(password)),
      end_point_(std::move(end_point)),
      gs2_header_(!end_point_.empty() ? "p=tls-server-end-point,,"
                  : could_bind        ? "y,,"
                                      : "n,,") {}

std::string ScramClient::client_first() {
  nonce_ = base64_encode(random_bytes(nonce_bytes));
  first_bare_ = "n=,r=" + nonce_;  // the server takes the name from the startup packet
  return gs2_header_ + first_bare_;
}

Result<std::string> ScramClient::on_server_first(std::string_view server_first) {
  std::string_view left = server_first;
  const auto nonce = scram_attribute(left, 'r');
  const auto salt_text = nonce ? scram_attribute(left, 's') : nonce;
  const auto iterations_text = salt_text ? scram_attribute(left, 'i') : salt_text;
  if (!iterations_text || first_bare_.empty() || !server_signature_.empty()) return invalid("a malformed message");
  if (!scram_printable(*nonce) || nonce->size() <= nonce_.size() || !nonce->starts_with(nonce_)) {
    return invalid("an invalid nonce");
  }
  const std::string salt = base64_decode(*salt_text);
  if (salt.empty() || salt.size() > max_salt_bytes) return invalid("an invalid salt");
  int iterations = 0;
  const char* end = iterations_text->data() + iterations_text->size();
  const auto parsed = std::from_chars(iterations_text->data(), end, iterations);
  if (parsed.ec != std::errc() || parsed.ptr != end || iterations < 1 || iterations > max_iterations) {
    return invalid("an invalid iteration count");
  }
  const std::string without_proof = "c=" + base64_encode(gs2_header_ + end_point_) + ",r=" + *nonce;
  std::string auth_message = first_bare_ + ",";
  auth_message += server_first;
  auth_message += "," + without_proof;
  const std::string salted = salted_password(password_, salt, iterations);
  const std::string client_key = hmac_sha256(salted, "Client Key");
  const std::string proof = exclusive_or(client_key, hmac_sha256(sha256(client_key), auth_message));
  server_signature_ = hmac_sha256(hmac_sha256(salted, "Server Key"), auth_message);
  return without_proof + ",p=" + base64_encode(proof);
}

Result<> ScramClient::on_server_final(std::string_view server_final) const {
  std::string_view left = server_final;
  const auto signature = scram_attribute(left, 'v');
  if (!signature || server_signature_.empty() || !equal_constant_time(base64_decode(*signature), server_signature_)) {
    return Error(sqlstate::connection_failure, "SCRAM: the server did not prove that it knows the password");
  }
  return boost::system::in_place_value;
}

}  // namespace dbgate::auth
