#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace dbgate::catalog {

/// From keys to positions in an array that holds the keys: open addressing, four bytes a slot, at most half full.
/// Filled once, then read only.
class FlatIndex {
 public:
  static constexpr std::uint32_t none = UINT32_MAX;

  /// Makes room for `entries` keys; drops what was there.
  void reserve(std::size_t entries) {
    slots_.assign(std::bit_ceil(2 * entries + 2), none);
    shift_ = 64 - std::countr_zero(slots_.size());
  }
  /// Adds a position, unless `same(position there)` says that its key is there already.
  template <class Same>
  void insert(std::uint64_t hash, std::uint32_t position, const Same& same) {
    std::uint32_t& slot = slots_[slot_of(hash, same)];
    if (slot == none) slot = position;
  }
  /// @return the position for which `same` holds, or `none`
  template <class Same>
  std::uint32_t find(std::uint64_t hash, const Same& same) const {
    return slots_.empty() ? none : slots_[slot_of(hash, same)];
  }
  std::size_t memory_bytes() const noexcept { return slots_.capacity() * sizeof(std::uint32_t); }

 private:
  template <class Same>
  std::size_t slot_of(std::uint64_t hash, const Same& same) const {
    std::size_t slot = static_cast<std::size_t>(hash >> shift_);
    while (slots_[slot] != none && !same(slots_[slot]))
      slot = (slot + 1) & (slots_.size() - 1);
    return slot;
  }

  std::vector<std::uint32_t> slots_;
  int shift_ = 0;
};

/// The upper bits are the good ones: FlatIndex uses those.
constexpr std::uint64_t hash_of(std::uint32_t first, std::uint32_t second = 0) {
  const std::uint64_t both = (std::uint64_t{second} << 32) ^ first;
  return (both ^ (both >> 29)) * 0x9E3779B97F4A7C15ull;
}
/// Of a name in a schema. Differs from process to process: whoever may create objects cannot choose names that collide.
std::uint64_t hash_of(std::uint32_t schema, std::string_view name);

}  // namespace dbgate::catalog
