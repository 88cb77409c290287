#pragma once
#include <cstdint>
#include <string_view>

namespace dbgate {

/// A hash of bytes that nobody can find collisions for who does not know its key: SipHash (Aumasson and Bernstein,
/// 2012) with `per_word` and `at_end` rounds.
struct HashKey {
  std::uint64_t first = 0;
  std::uint64_t second = 0;
};
std::uint64_t sip_hash(const HashKey& key, std::string_view bytes, int per_word, int at_end) noexcept;

/// For tables whose keys strangers choose: SipHash-1-3.
inline std::uint64_t keyed_hash(const HashKey& key, std::string_view bytes) noexcept {
  return sip_hash(key, bytes, 1, 3);
}

}  // namespace dbgate
