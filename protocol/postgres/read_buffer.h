#pragma once
#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>

#include "protocol/postgres/bytes.h"

namespace dbgate::protocol {

/// One contiguous receive buffer: [consumed | unread | free]. Views into `unread` die at the next prepare().
class ReadBuffer {
 public:
  Bytes unread() const noexcept { return {data_.get() + begin_, end_ - begin_}; }

  /// Makes room for at least `bytes` more and returns all free room. Moves or reallocates what is unread.
  std::span<std::byte> prepare(std::size_t bytes) {
    if (capacity_ - end_ < bytes) {
      const std::size_t have = end_ - begin_;
      if (capacity_ - have >= bytes && begin_ >= have) {
        std::memcpy(data_.get(), data_.get() + begin_, have);
      } else {
        const std::size_t capacity = std::max(have + bytes, capacity_);
        auto fresh = std::make_unique_for_overwrite<std::byte[]>(capacity);
        if (have > 0) std::memcpy(fresh.get(), data_.get() + begin_, have);
        data_ = std::move(fresh);
        capacity_ = capacity;
      }
      begin_ = 0;
      end_ = have;
    }
    return {data_.get() + end_, capacity_ - end_};
  }
  /// `bytes` of the free room were filled.
  void commit(std::size_t bytes) noexcept { end_ += bytes; }
  /// The first `bytes` of what is unread are done with.
  void consume(std::size_t bytes) noexcept {
    begin_ += bytes;
    if (begin_ == end_) begin_ = end_ = 0;
  }
  /// Gives the memory back if nothing is unread: idle connections hold no buffer.
  void release_if_empty() noexcept {
    if (begin_ != end_) return;
    data_.reset();
    begin_ = end_ = capacity_ = 0;
  }
  std::size_t capacity() const noexcept { return capacity_; }

 private:
  std::unique_ptr<std::byte[]> data_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace dbgate::protocol
