#pragma once
#include <cstddef>
#include <cstdint>

#include "protocol/postgres/bytes.h"
#include "protocol/postgres/error.h"
#include "protocol/postgres/field_reader.h"

namespace dbgate::protocol {

/// Layout: Byte1 type · Int32 length of the rest, itself included    (PostgreSQL docs ch. 55.7)
struct MessageHeader {
  static constexpr std::size_t bytes = 5;
  char type = 0;
  std::size_t body_length = 0;  ///< without type and length word
};

/// Errors: incomplete with fewer than five bytes, bad_length below four.
inline Decoded<MessageHeader> decode_header(Bytes message) {
  if (message.size() < MessageHeader::bytes) return make_error_code(DecodeError::incomplete);
  FieldReader reader(message);
  const auto type = static_cast<char>(*reader.uint8());
  const std::uint32_t length = *reader.uint32();
  if (length < 4 || length > 0x7fffffff) return make_error_code(DecodeError::bad_length);
  return MessageHeader{type, length - 4};
}

}  // namespace dbgate::protocol
