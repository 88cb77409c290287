#include "gateway/identity/sealing.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <memory>

#include "gateway/auth/random.h"

namespace dbgate::identity {
namespace {

constexpr std::string_view version = "dbg1";
constexpr std::size_t key_bytes = 32;
constexpr std::size_t nonce_bytes = 12;
constexpr std::size_t tag_bytes = 16;
constexpr std::size_t longest_id = 32;
constexpr std::size_t parts_count = 5;
constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

// Forgets its bytes.
struct Secret {
  explicit Secret(std::string text) : bytes(std::move(text)) {}
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret() { OPENSSL_cleanse(bytes.data(), bytes.size()); }
  std::string bytes;
};

const unsigned char* raw(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* raw(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}

// Base64url without padding (RFC 4648 §5).
std::string encode(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() * 4 + 2) / 3);
  unsigned held = 0;
  int bits = 0;
  for (const char c : bytes) {
    held = held << 8 | static_cast<unsigned char>(c);
    for (bits += 8; bits >= 6; bits -= 6)
      text += alphabet[held >> (bits - 6) & 63];
  }
  if (bits > 0) text += alphabet[held << (6 - bits) & 63];
  return text;
}

// Only the one spelling that encode() gives.
std::optional<std::string> decode(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size() * 3 / 4);
  unsigned held = 0;
  int bits = 0;
  for (const char c : text) {
    const std::size_t digit = alphabet.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    held = held << 6 | static_cast<unsigned>(digit);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes += static_cast<char>(held >> bits & 255);
  }
  if (bits >= 6 || (held & ((1u << bits) - 1)) != 0) return std::nullopt;
  return bytes;
}

// What both layers authenticate besides their text. The parts cannot run into each other: ids have no spaces.
std::string bound(std::string_view layer, std::string_view key_id, std::string_view place) {
  std::string text(version);
  for (const std::string_view part : {layer, key_id, place})
    text.append(" ").append(part);
  return text;
}

// Ciphertext and tag. OpenSSL fails here for want of memory only.
std::string encrypt(std::string_view key, std::string_view nonce, std::string_view plain, std::string_view associated) {
  const Context context(EVP_CIPHER_CTX_new());
  std::string text(plain.size() + tag_bytes, '\0');
  int length = 0;
  const bool done =
      context && EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, raw(key), raw(nonce)) == 1 &&
      EVP_EncryptUpdate(context.get(), nullptr, &length, raw(associated), static_cast<int>(associated.size())) == 1 &&
      EVP_EncryptUpdate(context.get(), raw(text), &length, raw(plain), static_cast<int>(plain.size())) == 1 &&
      EVP_EncryptFinal_ex(context.get(), raw(text) + length, &length) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, tag_bytes, raw(text) + plain.size()) == 1;
  if (!done) std::abort();
  return text;
}

std::optional<std::string> decrypt(std::string_view key, std::string_view nonce, std::string_view text,
                                   std::string_view associated) {
  if (text.size() < tag_bytes || nonce.size() != nonce_bytes) return std::nullopt;
  const std::string_view body = text.substr(0, text.size() - tag_bytes);
  std::string tag(text.substr(body.size()));
  const Context context(EVP_CIPHER_CTX_new());
  std::string plain(body.size() + 1, '\0');  // never empty, so that there is an address to write to
  int length = 0;
  const bool done =
      context && EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, raw(key), raw(nonce)) == 1 &&
      EVP_DecryptUpdate(context.get(), nullptr, &length, raw(associated), static_cast<int>(associated.size())) == 1 &&
      EVP_DecryptUpdate(context.get(), raw(plain), &length, raw(body), static_cast<int>(body.size())) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, tag_bytes, raw(tag)) == 1 &&
      EVP_DecryptFinal_ex(context.get(), raw(plain) + body.size(), &length) == 1;
  if (!done) {
    OPENSSL_cleanse(plain.data(), plain.size());
    return std::nullopt;
  }
  plain.resize(body.size());
  return plain;
}

std::string wrap(const SealingKey& key, std::string_view data_key, std::string_view place) {
  const std::string nonce = auth::random_bytes(nonce_bytes);
  return nonce + encrypt(key.bytes, nonce, data_key, bound("key", key.id, place));
}

bool good_id(std::string_view id) {
  return !id.empty() && id.size() <= longest_id && id.find_first_not_of(alphabet) == std::string_view::npos;
}

// The parts of a sealed text. False if it has another shape.
bool split(std::string_view sealed, std::array<std::string_view, parts_count>& parts) {
  for (std::size_t i = 0; i < parts_count; ++i) {
    const std::size_t dot = sealed.find('.');
    if ((dot == std::string_view::npos) != (i + 1 == parts_count)) return false;
    parts[i] = sealed.substr(0, dot);
    if (dot != std::string_view::npos) sealed.remove_prefix(dot + 1);
  }
  return parts[0] == version;
}

Error spoilt() {
  return Error(sqlstate::data_corrupted, "a sealed value of the identity store is damaged or not in its place");
}

}  // namespace

Result<Sealing> Sealing::make(std::vector<SealingKey> keys) {
  if (keys.empty()) return Error(sqlstate::invalid_parameter_value, "there is no encryption key");
  for (auto key = keys.begin(); key != keys.end(); ++key) {
    if (!good_id(key->id)) return Error(sqlstate::invalid_parameter_value, "an encryption key has a bad id");
    if (key->bytes.size() != key_bytes)
      return Error(sqlstate::invalid_parameter_value, "encryption key \"" + key->id + "\" does not have 32 bytes");
    if (std::any_of(keys.begin(), key, [&](const SealingKey& other) { return other.id == key->id; }))
      return Error(sqlstate::invalid_parameter_value, "two encryption keys have the id \"" + key->id + "\"");
  }
  return Sealing(std::move(keys));
}

Sealing::~Sealing() {
  for (SealingKey& key : keys_)
    OPENSSL_cleanse(key.bytes.data(), key.bytes.size());
}

std::string Sealing::seal(std::string_view plain, std::string_view place) const {
  const Secret data_key(auth::random_bytes(key_bytes));
  const std::string nonce = auth::random_bytes(nonce_bytes);
  const std::string text = encrypt(data_key.bytes, nonce, plain, bound("value", "", place));
  const SealingKey& key = keys_.front();
  std::string sealed(version);
  sealed.append(".").append(key.id);
  sealed.append(".").append(encode(wrap(key, data_key.bytes, place)));
  sealed.append(".").append(encode(nonce)).append(".").append(encode(text));
  return sealed;
}

Result<std::string> Sealing::unwrap(std::string_view key_id, std::string_view wrapped, std::string_view place) const {
  const auto key = std::find_if(keys_.begin(), keys_.end(), [&](const SealingKey& one) { return one.id == key_id; });
  if (key == keys_.end()) {
    const std::string shown = good_id(key_id) ? " \"" + std::string(key_id) + "\"" : std::string();
    return Error(sqlstate::data_corrupted, "the encryption key" + shown + " is not configured",
                 "Add it to encryption.keys, behind the key that seals.");
  }
  const auto bytes = decode(wrapped);
  if (!bytes || bytes->size() != nonce_bytes + key_bytes + tag_bytes) return spoilt();
  const std::string_view all = *bytes;
  auto data_key = decrypt(key->bytes, all.substr(0, nonce_bytes), all.substr(nonce_bytes), bound("key", key_id, place));
  if (data_key) return std::move(*data_key);
  return Error(sqlstate::data_corrupted, "encryption key \"" + key->id + "\" does not open what it should have sealed",
               "Is it another key under the same id? A damaged or moved value looks the same.");
}

Result<std::string> Sealing::open(std::string_view sealed, std::string_view place) const {
  std::array<std::string_view, parts_count> parts;
  if (!split(sealed, parts)) return spoilt();
  DBGATE_TRY(std::string unwrapped, unwrap(parts[1], parts[2], place));
  const Secret data_key(std::move(unwrapped));
  const auto nonce = decode(parts[3]);
  const auto text = decode(parts[4]);
  if (!nonce || !text) return spoilt();
  auto plain = decrypt(data_key.bytes, *nonce, *text, bound("value", "", place));
  if (!plain) return spoilt();
  return std::move(*plain);
}

Result<std::optional<std::string>> Sealing::rewrap(std::string_view sealed, std::string_view place) const {
  std::array<std::string_view, parts_count> parts;
  if (!split(sealed, parts)) return spoilt();
  DBGATE_TRY(std::string unwrapped, unwrap(parts[1], parts[2], place));
  const Secret data_key(std::move(unwrapped));
  const SealingKey& first = keys_.front();
  if (parts[1] == first.id) return std::optional<std::string>();
  std::string fresh(version);
  fresh.append(".").append(first.id).append(".").append(encode(wrap(first, data_key.bytes, place)));
  fresh.append(".").append(parts[3]).append(".").append(parts[4]);
  return std::optional<std::string>(std::move(fresh));
}

std::optional<std::string> parse_sealing_key(std::string_view text) {
  if (text.size() != 2 * key_bytes) return std::nullopt;
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    int digit = -1;
    if (c >= '0' && c <= '9') digit = c - '0';
    if (c >= 'a' && c <= 'f') digit = c - 'a' + 10;
    if (c >= 'A' && c <= 'F') digit = c - 'A' + 10;
    if (digit < 0) return std::nullopt;
    if (i % 2 == 0) bytes += static_cast<char>(digit << 4);
    if (i % 2 != 0) bytes.back() = static_cast<char>(static_cast<unsigned char>(bytes.back()) | digit);
  }
  return bytes;
}

}  // namespace dbgate::identity
