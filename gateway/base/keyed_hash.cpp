#include "gateway/base/keyed_hash.h"

#include <bit>
#include <cstring>

namespace dbgate {
namespace {

struct State {
  std::uint64_t a, b, c, d;

  void round() noexcept {
    a += b;
    b = std::rotl(b, 13) ^ a;
    a = std::rotl(a, 32);
    c += d;
    d = std::rotl(d, 16) ^ c;
    a += d;
    d = std::rotl(d, 21) ^ a;
    c += b;
    b = std::rotl(b, 17) ^ c;
    c = std::rotl(c, 32);
  }

  void take(std::uint64_t word, int rounds) noexcept {
    d ^= word;
    for (int i = 0; i < rounds; ++i)
      round();
    a ^= word;
  }
};

static_assert(std::endian::native == std::endian::little);

std::uint64_t word_at(const char* at) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, at, sizeof word);
  return word;
}

}  // namespace

std::uint64_t sip_hash(const HashKey& key, std::string_view bytes, int per_word, int at_end) noexcept {
  State state{key.first ^ 0x736f6d6570736575, key.second ^ 0x646f72616e646f6d, key.first ^ 0x6c7967656e657261,
              key.second ^ 0x7465646279746573};
  const std::size_t whole = bytes.size() & ~std::size_t{7};
  for (std::size_t i = 0; i < whole; i += 8)
    state.take(word_at(bytes.data() + i), per_word);
  std::uint64_t last = static_cast<std::uint64_t>(bytes.size()) << 56;
  for (std::size_t i = whole; i < bytes.size(); ++i)
    last |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * (i - whole));
  state.take(last, per_word);
  state.c ^= 0xff;
  for (int i = 0; i < at_end; ++i)
    state.round();
  return state.a ^ state.b ^ state.c ^ state.d;
}

}  // namespace dbgate
