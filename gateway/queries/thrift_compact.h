#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dbgate::queries {

/// Writes structs in Thrift's compact protocol (thrift-compact-protocol.md of Apache Thrift), as far as Parquet's
/// metadata needs it. Fields in rising order of their ids.
class ThriftWriter {
 public:
  explicit ThriftWriter(std::string& out) : out_(out) {}

  void i32(int field, std::int32_t value) {
    header(field, 5);
    zigzag(value);
  }
  void i64(int field, std::int64_t value) {
    header(field, 6);
    zigzag(value);
  }
  void i8(int field, std::int8_t value) {
    header(field, 3);
    out_ += static_cast<char>(value);
  }
  void boolean(int field, bool value) { header(field, value ? 1 : 2); }
  void text(int field, std::string_view value) {
    header(field, 8);
    bytes(value);
  }
  /// A struct as a field; close with end().
  void begin(int field) {
    header(field, 12);
    last_.push_back(0);
  }
  void empty(int field) {
    begin(field);
    end();
  }
  void end() {
    out_ += '\0';
    last_.pop_back();
  }
  void list_of_structs(int field, std::size_t count) { list(field, 12, count); }
  void list_of_i32(int field, std::initializer_list<std::int32_t> values) {
    list(field, 5, values.size());
    for (const std::int32_t value : values)
      zigzag(value);
  }
  void list_of_text(int field, std::string_view only) {
    list(field, 8, 1);
    bytes(only);
  }
  /// A struct that stands by itself or in a list.
  void begin_item() { last_.push_back(0); }

 private:
  void header(int field, unsigned type) {
    const int delta = field - last_.back();
    if (delta > 0 && delta <= 15) {
      out_ += static_cast<char>(static_cast<unsigned>(delta) << 4 | type);
    } else {
      out_ += static_cast<char>(type);
      zigzag(field);
    }
    last_.back() = field;
  }
  void list(int field, unsigned type, std::size_t count) {
    header(field, 9);
    if (count < 15) {
      out_ += static_cast<char>(count << 4 | type);
    } else {
      out_ += static_cast<char>(0xf0 | type);
      varint(count);
    }
  }
  void bytes(std::string_view value) {
    varint(value.size());
    out_ += value;
  }
  void zigzag(std::int64_t value) {
    varint(static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63));
  }
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7)
      out_ += static_cast<char>(value | 0x80);
    out_ += static_cast<char>(value);
  }

  std::string& out_;
  std::vector<int> last_;  // the last field id of each open struct
};

}  // namespace dbgate::queries
