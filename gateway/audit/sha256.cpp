// OpenSSL's older functions: their state is a plain value that can be copied, where copying one of EVP's allocates
// (docs/decisions/0014-what-an-audit-record-costs.md).
#define OPENSSL_SUPPRESS_DEPRECATED
#include "gateway/audit/sha256.h"

#include <cstring>

namespace dbgate::audit {
namespace {

using HexPairs = std::array<std::array<char, 2>, 256>;
constexpr HexPairs make_hex_pairs() {
  constexpr std::string_view digits = "0123456789abcdef";
  HexPairs pairs{};
  for (std::size_t i = 0; i < pairs.size(); ++i)
    pairs[i] = {digits[i >> 4], digits[i & 15]};
  return pairs;
}
constexpr HexPairs hex_pairs = make_hex_pairs();

Sha256::Hex hex_of(std::string_view data) {
  Sha256 hash;
  hash.add(data);
  return hash.finish();
}

}  // namespace

Sha256::Sha256() noexcept {
  ::SHA256_Init(&state_);
}

void Sha256::add(std::string_view part) noexcept {
  ::SHA256_Update(&state_, part.data(), part.size());
}

Sha256::Hex Sha256::finish() noexcept {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> hash{};
  ::SHA256_Final(hash.data(), &state_);
  Hex hex;
  for (std::size_t i = 0; i < hash.size(); ++i)
    std::memcpy(hex.data() + 2 * i, hex_pairs[hash[i]].data(), 2);
  return hex;
}

std::string Sha256::hex() {
  const Hex hex = finish();
  return {hex.begin(), hex.end()};
}

void append_sha256_hex(std::string& out, std::string_view data) {
  const Sha256::Hex hex = hex_of(data);
  out.append(hex.data(), hex.size());
}

std::string sha256_hex(std::string_view data) {
  std::string hex;
  append_sha256_hex(hex, data);
  return hex;
}

}  // namespace dbgate::audit
