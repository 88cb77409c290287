#include "gateway/base/ids.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "gateway/base/clock.h"

namespace dbgate {
namespace {

// xoshiro256**, seeded from the kernel once per thread: unique, not unguessable.
class Generator {
 public:
  Generator() {
    if (::getrandom(state_.data(), sizeof state_, 0) != static_cast<ssize_t>(sizeof state_)) std::abort();
  }
  std::uint64_t next() noexcept {
    const std::uint64_t result = rotate(state_[1] * 5, 7) * 9;
    const std::uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = rotate(state_[3], 45);
    return result;
  }

 private:
  static std::uint64_t rotate(std::uint64_t x, int k) noexcept { return x << k | x >> (64 - k); }
  std::array<std::uint64_t, 4> state_{};
};

// Two characters for every ten bits.
constexpr std::array<std::array<char, 2>, 1024> make_pairs() {
  constexpr std::string_view digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  std::array<std::array<char, 2>, 1024> pairs{};
  for (std::size_t i = 0; i < pairs.size(); ++i)
    pairs[i] = {digits[i >> 5], digits[i & 31]};
  return pairs;
}
constexpr std::array<std::array<char, 2>, 1024> pairs = make_pairs();

// The lowest `count` times ten bits.
char* write_pairs(char* out, std::uint64_t bits, int count) noexcept {
  for (int shift = 10 * (count - 1); shift >= 0; shift -= 10, out += 2)
    std::memcpy(out, pairs[bits >> shift & 1023].data(), 2);
  return out;
}

}  // namespace

char* write_id_suffix(char* out, std::int64_t wall_us) noexcept {
  thread_local Generator generator;
  out = write_pairs(out, static_cast<std::uint64_t>(wall_us / 1000), 5);
  out = write_pairs(out, generator.next(), 4);
  return write_pairs(out, generator.next(), 4);
}

std::string make_id(std::string_view prefix) {
  std::string id(prefix);
  id.resize(prefix.size() + id_suffix_bytes);
  write_id_suffix(id.data() + prefix.size(), wall_clock_us());
  return id;
}

std::int64_t time_of_id(std::string_view id) noexcept {
  constexpr std::string_view digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  constexpr std::size_t time_digits = 10;
  if (id.size() < id_suffix_bytes) return 0;
  std::int64_t milliseconds = 0;
  for (const char c : id.substr(id.size() - id_suffix_bytes, time_digits)) {
    const std::size_t digit = digits.find(c);
    if (digit == std::string_view::npos) return 0;
    milliseconds = milliseconds << 5 | static_cast<std::int64_t>(digit);
  }
  return milliseconds * 1000;
}

Id::Id(std::string_view text) noexcept : size_(static_cast<std::uint8_t>(std::min(text.size(), most_bytes))) {
  std::memcpy(text_.data(), text.data(), size_);
}

Id Id::make(std::string_view prefix) noexcept {
  Id id(prefix.substr(0, most_bytes - id_suffix_bytes));
  write_id_suffix(id.text_.data() + id.size_, wall_clock_us());
  id.size_ = static_cast<std::uint8_t>(id.size_ + id_suffix_bytes);
  return id;
}

}  // namespace dbgate
