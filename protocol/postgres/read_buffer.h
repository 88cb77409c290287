#pragma once
#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>

#include "protocol/postgres/bytes.h"

namespace dbgate::protocol {

/// One contiguous receive buffer: [consumed | unread | free]. Views into `unread` die at the next prepare(), and at
/// release_if_empty().
class ReadBuffer {
 public:
  /// Asking for this much is cheapest: each thread keeps one such block that a buffer gave back for the next that asks.
  static constexpr std::size_t usual_bytes = 32 * 1024;

  Bytes unread() const noexcept { return {data_.get() + begin_, end_ - begin_}; }

  /// Makes room for at least `bytes` more and returns all free room. Moves or reallocates what is unread.
  std::span<std::byte> prepare(std::size_t bytes) {
    if (capacity_ - end_ < bytes) {
      const std::size_t have = end_ - begin_;
      if (capacity_ - have >= bytes && begin_ >= have) {
        std::memcpy(data_.get(), data_.get() + begin_, have);
      } else {
        const std::size_t capacity = std::max(have + bytes, capacity_);
        auto fresh = new_block(capacity);
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
    if (keep_spare && capacity_ == usual_bytes) {
      spare() = std::move(data_);
    } else {
      data_.reset();
    }
    begin_ = end_ = capacity_ = 0;
  }
  std::size_t capacity() const noexcept { return capacity_; }

 private:
  using Block = std::unique_ptr<std::byte[]>;
#if defined(__has_feature) && __has_feature(address_sanitizer)
  static constexpr bool keep_spare = false;  // so that it sees views that outlive their bytes
#else
  static constexpr bool keep_spare = true;
#endif
  static Block& spare() noexcept {
    thread_local Block block;
    return block;
  }
  static Block new_block(std::size_t bytes) {
    if (bytes == usual_bytes && spare()) return std::move(spare());
    return std::make_unique_for_overwrite<std::byte[]>(bytes);
  }

  Block data_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace dbgate::protocol
