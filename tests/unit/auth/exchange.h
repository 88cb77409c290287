#pragma once
#include <string>
#include <string_view>

#include "gateway/auth/digests.h"

// SCRAM written down a second time, straight from RFC 5802 §3, so that client and server are not only tested against
// each other: two equal mistakes would agree.
namespace dbgate::auth {

struct Transcript {
  std::string first_bare;     ///< client-first-message-bare
  std::string server_first;   ///< server-first-message
  std::string without_proof;  ///< client-final-message-without-proof
  std::string auth_message() const { return first_bare + "," + server_first + "," + without_proof; }
};

inline std::string reference_proof(std::string_view salted, const Transcript& transcript) {
  const std::string client_key = hmac_sha256(salted, "Client Key");
  return base64_encode(exclusive_or(client_key, hmac_sha256(sha256(client_key), transcript.auth_message())));
}

inline std::string reference_signature(std::string_view salted, const Transcript& transcript) {
  return base64_encode(hmac_sha256(hmac_sha256(salted, "Server Key"), transcript.auth_message()));
}

/// The value of attribute `name` of a message: up to a comma or the end.
inline std::string attribute_of(std::string_view message, char name) {
  const std::string key{name, '='};
  std::size_t at = message.starts_with(key) ? 0 : message.find("," + key);
  if (at == std::string_view::npos) return {};
  at += message[at] == ',' ? 3u : 2u;
  return std::string(message.substr(at, message.find(',', at) - at));
}

/// Calls `visit` with every proper prefix of `message`, and with every text that differs from it in one byte.
template <class Visit>
void each_damage(const std::string& message, Visit&& visit) {
  for (std::size_t length = 0; length < message.size(); ++length)
    visit(message.substr(0, length));
  for (std::size_t at = 0; at < message.size(); ++at) {
    std::string damaged = message;
    for (int change = 1; change < 256; ++change) {
      damaged[at] = static_cast<char>(static_cast<unsigned char>(message[at]) ^ change);
      visit(damaged);
    }
  }
}

}  // namespace dbgate::auth
