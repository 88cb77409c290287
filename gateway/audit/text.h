#pragma once
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

namespace dbgate::audit {

/// Text that grows at its end and keeps its room: records are written into it without an allocation once it has been as
/// long. What is appended must not be part of it.
class Text {
 public:
  std::string_view view() const noexcept { return {data_.get(), size_}; }
  const char* data() const noexcept { return data_.get(); }
  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  std::size_t capacity() const noexcept { return capacity_; }

  Text& operator+=(std::string_view part) {
    append(part.data(), part.size());
    return *this;
  }
  Text& operator+=(char c) {
    *room(1) = c;
    ++size_;
    return *this;
  }
  void append(const char* part, std::size_t length) {
    char* const at = room(length);
    if (length > 0) std::memcpy(at, part, length);
    size_ += length;
  }
  void clear() noexcept { size_ = 0; }
  /// Takes the first bytes away.
  void drop_front(std::size_t bytes) noexcept {
    size_ -= bytes;
    if (bytes > 0 && size_ > 0) std::memmove(data_.get(), data_.get() + bytes, size_);
  }

 private:
  char* room(std::size_t bytes) {
    if (capacity_ - size_ < bytes) grow(bytes);
    return data_.get() + size_;
  }
  void grow(std::size_t bytes) {
    constexpr std::size_t least = 4096;
    std::size_t capacity = capacity_ < least ? least : 2 * capacity_;
    if (capacity - size_ < bytes) capacity = size_ + bytes;
    auto data = std::make_unique_for_overwrite<char[]>(capacity);
    if (size_ > 0) std::memcpy(data.get(), data_.get(), size_);
    data_ = std::move(data);
    capacity_ = capacity;
  }

  std::unique_ptr<char[]> data_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace dbgate::audit
