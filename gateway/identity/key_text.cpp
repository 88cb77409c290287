#include "gateway/identity/key_text.h"

#include <algorithm>
#include <array>
#include <boost/crc.hpp>

#include "gateway/auth/digests.h"
#include "gateway/auth/random.h"
#include "gateway/base/hex.h"

namespace dbgate::identity {
namespace {

constexpr std::string_view digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr std::size_t random_characters = 30;
constexpr std::size_t checksum_characters = 6;  // 62^6 > 2^32
constexpr std::size_t hint_characters = 4;
constexpr std::array<std::string_view, 4> prefixes = {"dbg_pat_", "dbg_sak_", "dbg_dp_", "dbg_rt_"};

// CRC-32 as GitHub's tokens have it: catches what was mistyped or cut, and proves nothing.
std::string checksum(std::string_view random) {
  boost::crc_32_type crc;
  crc.process_bytes(random.data(), random.size());
  std::uint32_t value = crc.checksum();
  std::string text(checksum_characters, digits[0]);
  for (std::size_t i = checksum_characters; i-- > 0; value /= digits.size())
    text[i] = digits[value % digits.size()];
  return text;
}

}  // namespace

std::string_view prefix_of(KeyKind kind) {
  return prefixes[static_cast<std::size_t>(kind)];
}

std::string random_base62(std::size_t count) {
  constexpr unsigned even = 256 / 62 * 62;  // bytes from here on would make the first characters likelier
  std::string text;
  while (text.size() < count) {
    for (const char c : auth::random_bytes(count)) {
      const unsigned byte = static_cast<unsigned char>(c);
      if (byte < even && text.size() < count) text += digits[byte % digits.size()];
    }
  }
  return text;
}

std::string make_key(KeyKind kind) {
  const std::string random = random_base62(random_characters);
  return std::string(prefix_of(kind)) + random + checksum(random);
}

std::optional<KeyKind> kind_of_key(std::string_view text) {
  for (std::size_t i = 0; i < prefixes.size(); ++i) {
    if (!text.starts_with(prefixes[i])) continue;
    const std::string_view rest = text.substr(prefixes[i].size());
    if (rest.size() != random_characters + checksum_characters) return std::nullopt;
    if (rest.find_first_not_of(digits) != std::string_view::npos) return std::nullopt;
    if (checksum(rest.substr(0, random_characters)) != rest.substr(random_characters)) return std::nullopt;
    return static_cast<KeyKind>(i);
  }
  return std::nullopt;
}

std::string key_hash(std::string_view text) {
  return to_hex(auth::sha256(text));
}

std::string key_hint(std::string_view text) {
  const auto kind = kind_of_key(text);
  return kind ? std::string(text.substr(0, prefix_of(*kind).size() + hint_characters)) : std::string();
}

}  // namespace dbgate::identity
