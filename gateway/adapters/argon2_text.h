#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dbgate::adapters {

/// A stored password in its parts. Salt and hash are raw bytes.
struct Argon2Hash {
  std::uint32_t memory_kib = 0;
  std::uint32_t passes = 0;
  std::uint32_t lanes = 0;
  std::string salt;
  std::string hash;
};

/// "$argon2id$v=19$m=19456,t=2,p=1$<salt>$<hash>", the last two in base64 without padding (PHC string format). Nothing
/// for any other spelling, and for more than 1 GiB, 64 passes or 16 lanes: who can write to the store must not be able
/// to stop the machine.
std::optional<Argon2Hash> parse_argon2(std::string_view text);
std::string format_argon2(const Argon2Hash& hash);

}  // namespace dbgate::adapters
