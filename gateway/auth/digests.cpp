#include "gateway/auth/digests.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <array>
#include <cstdlib>

#include "gateway/auth/random.h"
#include "gateway/base/hex.h"

namespace dbgate::auth {
namespace {

const unsigned char* raw(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* raw(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}

constexpr std::size_t sha256_bytes = 32;
constexpr std::size_t max_base64 = 1024;

}  // namespace

std::string random_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  if (RAND_bytes(raw(bytes), static_cast<int>(count)) != 1) std::abort();
  return bytes;
}

std::string sha256(std::string_view data) {
  std::string hash(sha256_bytes, '\0');
  EVP_Digest(data.data(), data.size(), raw(hash), nullptr, EVP_sha256(), nullptr);
  return hash;
}

std::string hmac_sha256(std::string_view key, std::string_view data) {
  std::string mac(sha256_bytes, '\0');
  unsigned length = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), raw(data), data.size(), raw(mac), &length);
  return mac;
}

std::string salted_password(std::string_view password, std::string_view salt, int iterations) {
  std::string key(sha256_bytes, '\0');
  PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), raw(salt), static_cast<int>(salt.size()),
                    iterations, EVP_sha256(), static_cast<int>(key.size()), raw(key));
  return key;
}

std::string md5_hex(std::string_view data) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
  unsigned length = 0;
  EVP_Digest(data.data(), data.size(), hash.data(), &length, EVP_md5(), nullptr);
  return to_hex({reinterpret_cast<const char*>(hash.data()), length});
}

bool equal_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string exclusive_or(std::string_view a, std::string_view b) {
  std::string result(a);
  for (std::size_t i = 0; i < result.size() && i < b.size(); ++i) {
    result[i] = static_cast<char>(static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]));
  }
  return result;
}

std::string base64_encode(std::string_view data) {
  std::string text(4 * ((data.size() + 2) / 3) + 1, '\0');
  const int length = EVP_EncodeBlock(raw(text), raw(data), static_cast<int>(data.size()));
  text.resize(static_cast<std::size_t>(length));
  return text;
}

std::string base64_decode(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0 || text.size() > max_base64) return {};
  std::string data(text.size() / 4 * 3, '\0');
  if (EVP_DecodeBlock(raw(data), raw(text), static_cast<int>(text.size())) < 0) return {};
  std::size_t padding = 0;
  while (padding < 2 && text[text.size() - 1 - padding] == '=')
    ++padding;
  data.resize(data.size() - padding);
  // OpenSSL forgives white space and stray bits; only the one spelling that encoding gives is accepted.
  return base64_encode(data) == text ? data : std::string();
}

}  // namespace dbgate::auth
