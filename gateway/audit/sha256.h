#pragma once
#include <openssl/sha.h>

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace dbgate::audit {

/// SHA-256 (FIPS 180-4) of what comes in parts. A copy goes on from where the original stands: what many texts begin
/// with is hashed once.
class Sha256 {
 public:
  static constexpr std::size_t block_bytes = 64;
  using Hex = std::array<char, 64>;  ///< lower-case hexadecimal

  Sha256() noexcept;
  void add(std::string_view part) noexcept;
  /// Of everything so far; once.
  Hex finish() noexcept;
  std::string hex();

 private:
  SHA256_CTX state_;
};

/// Lower-case hexadecimal SHA-256.
std::string sha256_hex(std::string_view data);
void append_sha256_hex(std::string& out, std::string_view data);

}  // namespace dbgate::audit
