#pragma once
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "protocol/postgres/repeated.h"

namespace dbgate::protocol {

/// Reads field after field of one message body, so that a decoder reads like its layout. The first error stays; what
/// comes after it is not read. finish() gives the message, or that error, or trailing_bytes.
class MessageReader {
 public:
  explicit MessageReader(Bytes body) : reader_(body) {}

  MessageReader& int8(std::int8_t& field) { return take(&FieldReader::int8, field); }
  MessageReader& int16(std::int16_t& field) { return take(&FieldReader::int16, field); }
  MessageReader& int32(std::int32_t& field) { return take(&FieldReader::int32, field); }
  MessageReader& uint32(std::uint32_t& field) { return take(&FieldReader::uint32, field); }
  MessageReader& int64(std::int64_t& field) { return take(&FieldReader::int64, field); }
  MessageReader& uint64(std::uint64_t& field) { return take(&FieldReader::uint64, field); }
  MessageReader& string(std::string_view& field) { return take(&FieldReader::string, field); }
  MessageReader& bytes(std::size_t count, Bytes& field) {
    if (!error_) keep(reader_.bytes(count), field);
    return *this;
  }
  /// Everything that is left. Errors: bad_length if that is less than `least` or more than `most` bytes.
  MessageReader& rest(Bytes& field, std::size_t least = 0, std::size_t most = SIZE_MAX) {
    if (error_) return *this;
    if (reader_.remaining() < least || reader_.remaining() > most) return fail(DecodeError::bad_length);
    field = reader_.rest();
    return *this;
  }
  MessageReader& value(Value& field) {
    if (!error_) keep(ItemCodec<Value>::read(reader_), field);
    return *this;
  }

  /// A field that can hold only this. Errors: bad_value.
  MessageReader& constant(std::int32_t expected) {
    std::int32_t field = expected;
    int32(field);
    return field == expected ? *this : fail(DecodeError::bad_value);
  }
  /// Byte1 with one of the values of an enumeration over char. Errors: bad_value.
  template <class Enum>
  MessageReader& letter(Enum& field, std::initializer_list<Enum> defined) {
    std::uint8_t read = 0;
    take(&FieldReader::uint8, read);
    if (error_) return *this;
    for (const Enum value : defined) {
      if (static_cast<Enum>(read) != value) continue;
      field = value;
      return *this;
    }
    return fail(DecodeError::bad_value);
  }
  /// Byte1 or Int8 that is 0 or 1. Errors: bad_value.
  MessageReader& boolean(bool& field) {
    std::uint8_t read = 0;
    take(&FieldReader::uint8, read);
    if (read > 1) return fail(DecodeError::bad_value);
    field = read == 1;
    return *this;
  }

  /// Int16 count, unsigned as PostgreSQL reads it, and that many items.
  template <class Item>
  MessageReader& list16(Repeated<Item>& field) {
    if (error_) return *this;
    const auto count = reader_.uint16();
    if (!count) return fail(DecodeError::bad_length);
    keep(Repeated<Item>::read(reader_, *count), field);
    return *this;
  }
  /// Int32 count and that many items.
  template <class Item>
  MessageReader& list32(Repeated<Item>& field) {
    if (error_) return *this;
    const auto count = reader_.int32();
    if (!count || *count < 0) return fail(DecodeError::bad_length);
    keep(Repeated<Item>::read(reader_, static_cast<std::size_t>(*count)), field);
    return *this;
  }
  /// Items up to a zero byte.
  template <class Item>
  MessageReader& list_to_zero(Repeated<Item>& field) {
    if (!error_) keep(Repeated<Item>::read_to_zero(reader_), field);
    return *this;
  }

  template <class Message>
  Decoded<Message> finish(const Message& message) const {
    if (error_) return error_;
    if (reader_.remaining() != 0) return make_error_code(DecodeError::trailing_bytes);
    return message;
  }

 private:
  template <class Field>
  MessageReader& take(Decoded<Field> (FieldReader::*read)(), Field& field) {
    if (!error_) keep((reader_.*read)(), field);
    return *this;
  }
  template <class Field>
  void keep(const Decoded<Field>& read, Field& field) {
    if (read) {
      field = *read;
    } else {
      error_ = read.error();
    }
  }
  MessageReader& fail(DecodeError error) {
    if (!error_) error_ = make_error_code(error);
    return *this;
  }

  FieldReader reader_;
  boost::system::error_code error_;
};

/// Int16 count and items, as MessageReader::list16 reads them.
template <class Item>
void write_list16(FieldWriter& writer, const Repeated<Item>& list) {
  writer.uint16(static_cast<std::uint16_t>(list.size()));
  writer.bytes(list.raw());
}

}  // namespace dbgate::protocol
