#include "gateway/adapters/cjose_jose.h"

#include <cjose/cjose.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <cstdlib>

namespace dbgate::adapters {
namespace {

constexpr std::size_t max_token_bytes = 16u << 10;
constexpr std::size_t es256_characters = 86;  // base64url of 64 bytes

struct FreeKey {
  void operator()(cjose_jwk_t* key) const noexcept { cjose_jwk_release(key); }
};
using Key = std::unique_ptr<cjose_jwk_t, FreeKey>;
struct FreeToken {
  void operator()(cjose_jws_t* token) const noexcept { cjose_jws_release(token); }
};
using Token = std::unique_ptr<cjose_jws_t, FreeToken>;
struct FreeHeader {
  void operator()(cjose_header_t* header) const noexcept { cjose_header_release(header); }
};
using Header = std::unique_ptr<cjose_header_t, FreeHeader>;
struct FreeText {
  void operator()(char* text) const noexcept { std::free(text); }
};

Error refused() {
  return {sqlstate::invalid_authorization_specification, "the token is not valid"};
}
Error failed() {
  return {sqlstate::internal_error, "a token could not be signed"};
}

// The library forgives padding and white space; a token has one spelling (RFC 7515 §2).
bool is_compact(std::string_view token) {
  constexpr std::string_view allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";
  return token.size() <= max_token_bytes && token.find_first_not_of(allowed) == std::string_view::npos &&
         std::count(token.begin(), token.end(), '.') == 2;
}

Key import_key(std::string_view json) {
  return Key(cjose_jwk_import(json.data(), json.size(), nullptr));
}

std::string json_of(const cjose_jwk_t* key, bool with_private) {
  const std::unique_ptr<char, FreeText> text(cjose_jwk_to_json(key, with_private, nullptr));
  return text ? std::string(text.get()) : std::string();
}

std::string random_kid() {
  std::array<unsigned char, 12> random{};
  if (RAND_bytes(random.data(), static_cast<int>(random.size())) != 1) std::abort();
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const unsigned char byte : random) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

bool fits(cjose_jwk_kty_t type, std::string_view algorithm) {
  if (algorithm == CJOSE_HDR_ALG_ES256) return type == CJOSE_JWK_KTY_EC;
  return (algorithm == CJOSE_HDR_ALG_RS256 || algorithm == CJOSE_HDR_ALG_PS256) && type == CJOSE_JWK_KTY_RSA;
}

class CjoseJose final : public ports::Jose {
 public:
  Result<ports::JsonWebKeyPair> make_key() override;
  Result<std::string> sign(std::string_view payload, const ports::JsonWebKeyPair& key,
                           const std::string& type) override;
  Result<std::string> header(std::string_view token) override;
  Result<std::string> verify(std::string_view token, std::string_view public_key, std::string_view algorithm) override;
};

Result<ports::JsonWebKeyPair> CjoseJose::make_key() {
  const Key key(cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_256, nullptr));
  ports::JsonWebKeyPair pair;
  pair.kid = random_kid();
  if (!key || !cjose_jwk_set_kid(key.get(), pair.kid.data(), pair.kid.size(), nullptr)) return failed();
  pair.private_key = json_of(key.get(), true);
  pair.public_key = json_of(key.get(), false);
  if (pair.private_key.empty() || pair.public_key.empty()) return failed();
  return pair;
}

Result<std::string> CjoseJose::sign(std::string_view payload, const ports::JsonWebKeyPair& key,
                                    const std::string& type) {
  const Key imported = import_key(key.private_key);
  const Header header(cjose_header_new(nullptr));
  const bool named = imported && header && cjose_header_set(header.get(), "alg", CJOSE_HDR_ALG_ES256, nullptr) &&
                     cjose_header_set(header.get(), "kid", key.kid.c_str(), nullptr) &&
                     cjose_header_set(header.get(), "typ", type.c_str(), nullptr);
  if (!named) return failed();
  const Token token(cjose_jws_sign(imported.get(), header.get(), reinterpret_cast<const std::uint8_t*>(payload.data()),
                                   payload.size(), nullptr));
  const char* compact = nullptr;
  if (!token || !cjose_jws_export(token.get(), &compact, nullptr)) return failed();
  return std::string(compact);
}

Result<std::string> CjoseJose::header(std::string_view token) {
  if (!is_compact(token)) return refused();
  const std::size_t end = token.find('.');
  std::uint8_t* raw = nullptr;
  std::size_t size = 0;
  if (!cjose_base64url_decode(token.data(), end, &raw, &size, nullptr)) return refused();
  std::string text(reinterpret_cast<const char*>(raw), size);
  std::free(raw);
  return text;
}

Result<std::string> CjoseJose::verify(std::string_view token, std::string_view public_key, std::string_view algorithm) {
  if (!is_compact(token)) return refused();
  // Of a longer one the library would look at the first 64 bytes.
  if (algorithm == CJOSE_HDR_ALG_ES256 && token.size() - token.rfind('.') - 1 != es256_characters) return refused();
  const Key key = import_key(public_key);
  if (!key || !fits(cjose_jwk_get_kty(key.get(), nullptr), algorithm)) return refused();
  const Token parsed(cjose_jws_import(token.data(), token.size(), nullptr));
  if (!parsed) return refused();
  const char* const named = cjose_header_get(cjose_jws_get_protected(parsed.get()), "alg", nullptr);
  if (named == nullptr || named != algorithm || !cjose_jws_verify(parsed.get(), key.get(), nullptr)) return refused();
  std::uint8_t* payload = nullptr;  // the token's
  std::size_t size = 0;
  if (!cjose_jws_get_plaintext(parsed.get(), &payload, &size, nullptr)) return refused();
  return std::string(reinterpret_cast<const char*>(payload), size);
}

}  // namespace

std::unique_ptr<ports::Jose> make_cjose() {
  return std::make_unique<CjoseJose>();
}

}  // namespace dbgate::adapters
