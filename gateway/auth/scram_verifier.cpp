#include "gateway/auth/scram_verifier.h"

#include <charconv>

#include "gateway/auth/digests.h"
#include "gateway/auth/random.h"

namespace dbgate::auth {
namespace {

constexpr std::string_view scheme = "SCRAM-SHA-256$";
constexpr int max_iterations = 1'000'000;
constexpr std::size_t key_bytes = 32;
constexpr std::size_t salt_bytes = 16;

// Cuts `text` at the first `separator`; the part before it is returned and removed.
std::optional<std::string_view> cut(std::string_view& text, char separator) {
  const std::size_t at = text.find(separator);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view before = text.substr(0, at);
  text.remove_prefix(at + 1);
  return before;
}

}  // namespace

ScramKeyring::ScramKeyring(ScramVerifier verifier) : iterations(verifier.iterations), salt(std::move(verifier.salt)) {
  add({std::move(verifier.stored_key), std::move(verifier.server_key)});
}

bool ScramKeyring::add(ScramKeys more) {
  if (keys.size() >= most_keys || more.stored_key.size() != key_bytes || more.server_key.size() != key_bytes) {
    return false;
  }
  keys.push_back(std::move(more));
  return true;
}

ScramKeys make_scram_keys(std::string_view password, std::string_view salt, int iterations) {
  const std::string salted = salted_password(password, salt, iterations);
  return {sha256(hmac_sha256(salted, "Client Key")), hmac_sha256(salted, "Server Key")};
}

std::optional<ScramVerifier> parse_scram_verifier(std::string_view text) {
  if (!text.starts_with(scheme)) return std::nullopt;
  text.remove_prefix(scheme.size());
  const auto iterations = cut(text, ':');
  const auto salt = cut(text, '$');
  const auto stored = cut(text, ':');
  if (!iterations || !salt || !stored) return std::nullopt;
  ScramVerifier verifier;
  const auto [end, failed] =
      std::from_chars(iterations->data(), iterations->data() + iterations->size(), verifier.iterations);
  if (failed != std::errc() || end != iterations->data() + iterations->size()) return std::nullopt;
  if (verifier.iterations < 1 || verifier.iterations > max_iterations) return std::nullopt;
  verifier.salt = base64_decode(*salt);
  verifier.stored_key = base64_decode(*stored);
  verifier.server_key = base64_decode(text);
  if (verifier.salt.empty() || verifier.stored_key.size() != key_bytes || verifier.server_key.size() != key_bytes) {
    return std::nullopt;
  }
  return verifier;
}

std::string format_scram_verifier(const ScramVerifier& verifier) {
  std::string text(scheme);
  text += std::to_string(verifier.iterations) + ":" + base64_encode(verifier.salt) + "$";
  text += base64_encode(verifier.stored_key) + ":" + base64_encode(verifier.server_key);
  return text;
}

ScramVerifier make_scram_verifier(std::string_view password, int iterations) {
  ScramVerifier verifier;
  verifier.iterations = iterations;
  verifier.salt = random_bytes(salt_bytes);
  ScramKeys keys = make_scram_keys(password, verifier.salt, iterations);
  verifier.stored_key = std::move(keys.stored_key);
  verifier.server_key = std::move(keys.server_key);
  return verifier;
}

bool verify_password(const ScramVerifier& verifier, std::string_view password) {
  const std::string salted = salted_password(password, verifier.salt, verifier.iterations);
  return equal_constant_time(sha256(hmac_sha256(salted, "Client Key")), verifier.stored_key);
}

ScramVerifier mock_scram_verifier(std::string_view user, std::string_view secret) {
  ScramVerifier verifier;
  std::string name("salt:");
  name += user;
  verifier.salt = hmac_sha256(secret, name).substr(0, salt_bytes);
  // No client key has an all-zero SHA-256.
  verifier.stored_key.assign(key_bytes, '\0');
  verifier.server_key = hmac_sha256(secret, "server key");
  return verifier;
}

}  // namespace dbgate::auth
