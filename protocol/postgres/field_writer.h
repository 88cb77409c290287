#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/postgres/bytes.h"

namespace dbgate::protocol {

/// Appends fields and whole messages to a std::string. The mirror of FieldReader.
class FieldWriter {
 public:
  explicit FieldWriter(std::string& out) : out_(out) {}

  /// Opens a typed message; its length is patched by end_message().
  void begin_message(char type) {
    out_ += type;
    begin_packet();
  }
  /// Opens a startup packet, which has a length but no type; its length is patched by end_message().
  void begin_packet() {
    start_ = out_.size();
    int32(0);
  }
  void end_message() {
    const auto length = static_cast<std::uint32_t>(out_.size() - start_);
    for (std::size_t i = 0; i < 4; ++i)
      out_[start_ + i] = static_cast<char>(length >> (24 - 8 * i) & 0xff);
  }

  void byte1(char value) { out_ += value; }
  void int8(std::int8_t value) { out_ += static_cast<char>(value); }
  void int16(std::int16_t value) { number(static_cast<std::uint16_t>(value), 2); }
  void int32(std::int32_t value) { number(static_cast<std::uint32_t>(value), 4); }
  void uint16(std::uint16_t value) { number(value, 2); }
  void uint32(std::uint32_t value) { number(value, 4); }
  void int64(std::int64_t value) { number(static_cast<std::uint64_t>(value), 8); }
  void uint64(std::uint64_t value) { number(value, 8); }
  /// A String: the text and its NUL. The text must not hold a NUL.
  void string(std::string_view text) {
    out_ += text;
    out_ += '\0';
  }
  void bytes(Bytes raw) { out_ += as_text(raw); }

 private:
  void number(std::uint64_t value, std::size_t width) {
    for (std::size_t i = width; i-- > 0;)
      out_ += static_cast<char>(value >> (8 * i) & 0xff);
  }

  std::string& out_;
  std::size_t start_ = 0;
};

/// A message or packet by itself.
template <class Message>
std::string encoded(const Message& message) {
  std::string out;
  message.encode(out);
  return out;
}

/// A message without a body.
inline void write_empty_message(std::string& out, char type) {
  FieldWriter writer(out);
  writer.begin_message(type);
  writer.end_message();
}

}  // namespace dbgate::protocol
