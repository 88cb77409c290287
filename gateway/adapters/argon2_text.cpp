#include "gateway/adapters/argon2_text.h"

#include <openssl/evp.h>

#include <charconv>

namespace dbgate::adapters {
namespace {

constexpr std::size_t longest_part = 64;
constexpr std::size_t shortest_salt = 8;
constexpr std::size_t shortest_hash = 16;

std::string encode(std::string_view raw) {
  std::string text(4 * ((raw.size() + 2) / 3) + 1, '\0');
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                     reinterpret_cast<const unsigned char*>(raw.data()), static_cast<int>(raw.size()));
  text.resize(static_cast<std::size_t>(length));
  text.erase(text.find_last_not_of('=') + 1);
  return text;
}

// Empty for anything but the one spelling that encode() gives.
std::string decode(std::string_view text) {
  if (text.empty() || text.size() > 2 * longest_part || text.find('=') != std::string_view::npos) return {};
  std::string padded(text);
  padded.append((4 - text.size() % 4) % 4, '=');
  std::string raw(padded.size() / 4 * 3, '\0');
  if (EVP_DecodeBlock(reinterpret_cast<unsigned char*>(raw.data()),
                      reinterpret_cast<const unsigned char*>(padded.data()), static_cast<int>(padded.size())) < 0) {
    return {};
  }
  raw.resize(text.size() * 3 / 4);
  return encode(raw) == text ? raw : std::string();
}

bool take(std::string_view& text, std::string_view expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(expected.size());
  return true;
}

bool take_number(std::string_view& text, std::uint32_t least, std::uint32_t most, std::uint32_t& number) {
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc() || number < least || number > most || text[0] == '0') return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

}  // namespace

std::optional<Argon2Hash> parse_argon2(std::string_view text) {
  Argon2Hash parsed;
  const bool read = take(text, "$argon2id$v=19$m=") && take_number(text, 8, 1u << 20, parsed.memory_kib) &&
                    take(text, ",t=") && take_number(text, 1, 64, parsed.passes) && take(text, ",p=") &&
                    take_number(text, 1, 16, parsed.lanes) && take(text, "$");
  const std::size_t separator = text.find('$');
  if (!read || separator == std::string_view::npos || parsed.memory_kib < 8 * parsed.lanes) return std::nullopt;
  parsed.salt = decode(text.substr(0, separator));
  parsed.hash = decode(text.substr(separator + 1));
  const bool sized = parsed.salt.size() >= shortest_salt && parsed.salt.size() <= longest_part &&
                     parsed.hash.size() >= shortest_hash && parsed.hash.size() <= longest_part;
  if (!sized) return std::nullopt;
  return parsed;
}

std::string format_argon2(const Argon2Hash& hash) {
  std::string text = "$argon2id$v=19$m=" + std::to_string(hash.memory_kib);
  text += ",t=" + std::to_string(hash.passes) + ",p=" + std::to_string(hash.lanes);
  return text + "$" + encode(hash.salt) + "$" + encode(hash.hash);
}

}  // namespace dbgate::adapters
