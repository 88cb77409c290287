#include "gateway/base/ids.h"

#include <sys/random.h>

#include <array>
#include <cstdint>
#include <cstdlib>

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

}  // namespace

std::string make_id(std::string_view prefix) {
  static constexpr std::string_view digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  thread_local Generator generator;
  std::string id(prefix);
  const auto milliseconds = static_cast<std::uint64_t>(wall_clock_us() / 1000);
  for (int shift = 45; shift >= 0; shift -= 5)
    id += digits[milliseconds >> shift & 31];
  for (int half = 0; half < 2; ++half) {
    const std::uint64_t random = generator.next();
    for (int shift = 35; shift >= 0; shift -= 5)
      id += digits[random >> shift & 31];
  }
  return id;
}

}  // namespace dbgate
