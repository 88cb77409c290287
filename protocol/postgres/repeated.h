#pragma once
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "protocol/postgres/field_reader.h"
#include "protocol/postgres/field_writer.h"

namespace dbgate::protocol {

/// A value of any type in the format that the message says; nothing at all for NULL.
/// Layout: Int32 length, or -1 for NULL · Byten
using Value = std::optional<Bytes>;

/// How an item of a list stands on the wire. Every item takes at least one byte. Items that are structs bring read()
/// and write() themselves.
template <class Item>
struct ItemCodec {
  static Decoded<Item> read(FieldReader& reader) { return Item::read(reader); }
  static void write(FieldWriter& writer, const Item& item) { item.write(writer); }
};
template <>
struct ItemCodec<std::int16_t> {
  static Decoded<std::int16_t> read(FieldReader& reader) { return reader.int16(); }
  static void write(FieldWriter& writer, std::int16_t item) { writer.int16(item); }
};
template <>
struct ItemCodec<std::uint32_t> {
  static Decoded<std::uint32_t> read(FieldReader& reader) { return reader.uint32(); }
  static void write(FieldWriter& writer, std::uint32_t item) { writer.uint32(item); }
};
template <>
struct ItemCodec<std::string_view> {
  static Decoded<std::string_view> read(FieldReader& reader) { return reader.string(); }
  static void write(FieldWriter& writer, std::string_view item) { writer.string(item); }
};
template <>
struct ItemCodec<Value> {
  static Decoded<Value> read(FieldReader& reader) {
    const auto length = reader.int32();
    if (!length) return length.error();
    if (*length == -1) return Value();
    if (*length < 0) return make_error_code(DecodeError::bad_length);
    const auto bytes = reader.bytes(static_cast<std::size_t>(*length));
    if (!bytes) return bytes.error();
    return Value(*bytes);
  }
  static void write(FieldWriter& writer, const Value& item) {
    writer.int32(item ? static_cast<std::int32_t>(item->size()) : -1);
    if (item) writer.bytes(*item);
  }
};

/// A list inside a message, as a view of its bytes. Decoding walks the items once to see that they are there; iterating
/// reads them again. No memory is taken, whatever a count on the wire says.
template <class Item>
class Repeated {
 public:
  class Iterator {
   public:
    using value_type = Item;
    using difference_type = std::ptrdiff_t;
    Iterator() = default;
    explicit Iterator(Bytes rest) : rest_(rest) {}
    Item operator*() const {
      FieldReader reader(rest_);
      return *ItemCodec<Item>::read(reader);  // was read before, when the list was made
    }
    Iterator& operator++() {
      FieldReader reader(rest_);
      static_cast<void>(ItemCodec<Item>::read(reader));
      rest_ = reader.rest();
      return *this;
    }
    Iterator operator++(int) {
      const Iterator before = *this;
      ++*this;
      return before;
    }
    // Of one list: every item takes at least a byte, so what is left tells where it stands.
    friend bool operator==(const Iterator& a, const Iterator& b) { return a.rest_.size() == b.rest_.size(); }

   private:
    Bytes rest_;
  };

  Repeated() = default;
  /// Lays items out in `storage`, which the list views from then on. Their number must fit the message's count.
  static Repeated lay_out(std::span<const Item> items, std::string& storage) {
    storage.clear();
    FieldWriter writer(storage);
    for (const Item& item : items)
      ItemCodec<Item>::write(writer, item);
    return Repeated(as_bytes(storage), items.size());
  }
  /// Takes `count` items. Errors: those of the items; bad_length or unterminated_string when they end too early.
  static Decoded<Repeated> read(FieldReader& reader, std::size_t count) {
    return read_while(reader, [count](std::size_t taken, const FieldReader&) { return taken < count; });
  }
  /// Takes items up to a zero byte that stands where the next one would begin; the zero is consumed.
  static Decoded<Repeated> read_to_zero(FieldReader& reader) {
    const auto list = read_while(reader, [](std::size_t, const FieldReader& at) { return !at.at_zero(); });
    if (list) static_cast<void>(reader.uint8());
    return list;
  }

  Iterator begin() const { return Iterator(raw_); }
  Iterator end() const { return Iterator(); }
  std::size_t size() const noexcept { return count_; }
  bool empty() const noexcept { return count_ == 0; }
  /// The items as they stand on the wire, without count or closing zero.
  Bytes raw() const noexcept { return raw_; }

 private:
  Repeated(Bytes raw, std::size_t count) : raw_(raw), count_(count) {}

  template <class Condition>
  static Decoded<Repeated> read_while(FieldReader& reader, Condition&& more) {
    FieldReader whole = reader;
    std::size_t taken = 0;
    for (; more(taken, reader); ++taken) {
      const auto item = ItemCodec<Item>::read(reader);
      if (!item) return item.error();
    }
    const std::size_t length = whole.remaining() - reader.remaining();
    return Repeated(*whole.bytes(length), taken);
  }

  Bytes raw_;
  std::size_t count_ = 0;
};

}  // namespace dbgate::protocol
