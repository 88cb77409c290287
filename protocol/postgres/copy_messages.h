#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/postgres/repeated.h"

// The copy sub-protocol (PostgreSQL docs ch. 55.2.7); what replication puts inside is in replication_messages.h.
// The rules of frontend_messages.h hold for decode() and encode().
namespace dbgate::protocol {

/// Either side's.
///
/// Layout: Byten data, which may be cut anywhere by a frontend    (PostgreSQL docs ch. 55.7, "CopyData")
/// Errors: none.
struct CopyData {
  static constexpr char type = 'd';
  Bytes data;
  static Decoded<CopyData> decode(Bytes body);
  void encode(std::string& out) const;
};

/// Either side's.
///
/// Layout: nothing    (PostgreSQL docs ch. 55.7, "CopyDone")
/// Errors: trailing_bytes.
struct CopyDone {
  static constexpr char type = 'c';
  static Decoded<CopyDone> decode(Bytes body);
  void encode(std::string& out) const;
};

namespace frontend {

using protocol::CopyData;
using protocol::CopyDone;

/// Layout: String reason    (PostgreSQL docs ch. 55.7, "CopyFail")
/// Errors: unterminated_string, trailing_bytes.
struct CopyFail {
  static constexpr char type = 'f';
  std::string_view reason;
  static Decoded<CopyFail> decode(Bytes body);
  void encode(std::string& out) const;
};

}  // namespace frontend

namespace backend {

using protocol::CopyData;
using protocol::CopyDone;

/// Layout: Int8 1 for binary, 0 for text · Int16 n · Int16 column format × n
///     (PostgreSQL docs ch. 55.7, "CopyInResponse")
/// Errors: bad_value, bad_length, trailing_bytes.
struct CopyInResponse {
  static constexpr char type = 'G';
  bool binary = false;
  Repeated<std::int16_t> column_formats;
  static Decoded<CopyInResponse> decode(Bytes body);
  void encode(std::string& out) const;
};

/// Layout: Int8 1 for binary, 0 for text · Int16 n · Int16 column format × n
///     (PostgreSQL docs ch. 55.7, "CopyOutResponse")
/// Errors: bad_value, bad_length, trailing_bytes.
struct CopyOutResponse {
  static constexpr char type = 'H';
  bool binary = false;
  Repeated<std::int16_t> column_formats;
  static Decoded<CopyOutResponse> decode(Bytes body);
  void encode(std::string& out) const;
};

/// Streaming replication: from here on CopyData goes both ways.
///
/// Layout: Int8 1 for binary, 0 for text · Int16 n · Int16 column format × n
///     (PostgreSQL docs ch. 55.7, "CopyBothResponse")
/// Errors: bad_value, bad_length, trailing_bytes.
struct CopyBothResponse {
  static constexpr char type = 'W';
  bool binary = false;
  Repeated<std::int16_t> column_formats;
  static Decoded<CopyBothResponse> decode(Bytes body);
  void encode(std::string& out) const;
};

}  // namespace backend
}  // namespace dbgate::protocol
