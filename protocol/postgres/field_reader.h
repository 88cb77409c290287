#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "protocol/postgres/bytes.h"
#include "protocol/postgres/error.h"

namespace dbgate::protocol {

/// A bounds-checked cursor over one message body. Integers are in network byte order (PostgreSQL docs ch. 55.6).
/// Never allocates, never throws; a failed read leaves the cursor where it was.
class FieldReader {
 public:
  explicit FieldReader(Bytes body) : rest_(body) {}

  Decoded<std::uint8_t> uint8() { return number<std::uint8_t>(); }
  Decoded<std::uint16_t> uint16() { return number<std::uint16_t>(); }
  Decoded<std::uint32_t> uint32() { return number<std::uint32_t>(); }
  Decoded<std::uint64_t> uint64() { return number<std::uint64_t>(); }
  Decoded<std::int8_t> int8() { return number<std::int8_t>(); }
  Decoded<std::int16_t> int16() { return number<std::int16_t>(); }
  Decoded<std::int32_t> int32() { return number<std::int32_t>(); }
  Decoded<std::int64_t> int64() { return number<std::int64_t>(); }

  /// The next `count` bytes. Errors: bad_length.
  Decoded<Bytes> bytes(std::size_t count) {
    if (count > rest_.size()) return make_error_code(DecodeError::bad_length);
    return take(count);
  }
  /// A String up to its NUL, which is consumed. Errors: unterminated_string.
  Decoded<std::string_view> string() {
    if (rest_.empty()) return make_error_code(DecodeError::unterminated_string);
    const void* end = std::memchr(rest_.data(), 0, rest_.size());
    if (end == nullptr) return make_error_code(DecodeError::unterminated_string);
    const auto length = static_cast<std::size_t>(static_cast<const std::byte*>(end) - rest_.data());
    const std::string_view text = as_text(take(length));
    take(1);
    return text;
  }
  /// Everything that is left.
  Bytes rest() { return take(rest_.size()); }
  std::size_t remaining() const noexcept { return rest_.size(); }
  /// Whether the next byte is there and zero.
  bool at_zero() const noexcept { return !rest_.empty() && rest_.front() == std::byte{0}; }
  /// Errors: trailing_bytes if anything is left.
  Decoded<void> finish() const {
    if (!rest_.empty()) return make_error_code(DecodeError::trailing_bytes);
    return boost::system::in_place_value;
  }

 private:
  template <class T>
  Decoded<T> number() {
    if (rest_.size() < sizeof(T)) return make_error_code(DecodeError::bad_length);
    std::uint64_t value = 0;
    for (const std::byte b : take(sizeof(T)))
      value = value << 8 | std::to_integer<std::uint64_t>(b);
    return static_cast<T>(value);
  }
  Bytes take(std::size_t count) {
    const Bytes taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    return taken;
  }

  Bytes rest_;
};

}  // namespace dbgate::protocol
