#pragma once
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

namespace dbgate::catalog {

/// Memory that only grows and is given back as a whole. What it has handed out never moves.
class Arena {
 public:
  std::string_view copy(std::string_view text) {
    const std::span<const char> kept = copy(std::span<const char>(text));
    return {kept.data(), kept.size()};
  }
  template <class T>
    requires std::is_trivially_copyable_v<T>
  std::span<const T> copy(std::span<const T> values) {
    static_assert(alignof(T) <= alignof(std::max_align_t));
    if (values.empty()) return {};
    char* const place = take(values.size_bytes(), alignof(T));
    std::memcpy(place, values.data(), values.size_bytes());
    return {reinterpret_cast<const T*>(place), values.size()};
  }
  std::size_t memory_bytes() const noexcept { return bytes_ + chunks_.capacity() * sizeof(chunks_.front()); }

 private:
  static constexpr std::size_t chunk_bytes = 128u << 10;

  char* take(std::size_t bytes, std::size_t alignment) {
    const std::size_t padding = -at_ & (alignment - 1);
    if (chunks_.empty() || bytes > room_ - at_ || padding > room_ - at_ - bytes) {
      room_ = bytes > chunk_bytes / 4 ? bytes : chunk_bytes;
      chunks_.push_back(std::unique_ptr<char[]>(new char[room_]));
      bytes_ += room_;
      at_ = 0;
    } else {
      at_ += padding;
    }
    char* const place = chunks_.back().get() + at_;
    at_ += bytes;
    return place;
  }

  std::vector<std::unique_ptr<char[]>> chunks_;
  std::size_t at_ = 0;    // first free byte of the last chunk
  std::size_t room_ = 0;  // its size
  std::size_t bytes_ = 0;
};

}  // namespace dbgate::catalog
