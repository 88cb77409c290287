#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/postgres/authentication_messages.h"
#include "protocol/postgres/copy_messages.h"
#include "protocol/postgres/startup_packets.h"

// The typed messages of the frontend, protocols 3.0 and 3.2. decode() takes the bytes after the length word and gives
// views into them, valid until their buffer is prepared again; it checks every length once, allows nothing after the
// last field, never allocates and never throws. encode() appends the whole message; its strings must not hold a NUL.
namespace dbgate::protocol::frontend {

/// What Describe and Close name.
enum class NameKind : char { prepared_statement = 'S', portal = 'P' };

/// Makes a portal of a prepared statement and parameter values. Whether the format codes fit the parameters is the
/// server's to say.
///
/// Layout: String portal · String statement · Int16 n · Int16 format × n · Int16 n · (Int32 length or -1 · Byten) × n ·
///     Int16 n · Int16 result format × n    (PostgreSQL docs ch. 55.7, "Bind")
/// Errors: unterminated_string, bad_length, trailing_bytes.
struct Bind {
  static constexpr char type = 'B';
  std::string_view portal;
  std::string_view statement;
  Repeated<std::int16_t> parameter_formats;
  Repeated<Value> parameters;
  Repeated<std::int16_t> result_formats;
  static Decoded<Bind> decode(Bytes body);
  void encode(std::string& out) const;
};

/// Layout: Byte1 'S' or 'P' · String name    (PostgreSQL docs ch. 55.7, "Close")
/// Errors: bad_value, unterminated_string, bad_length, trailing_bytes.
struct Close {
  static constexpr char type = 'C';
  NameKind kind = NameKind::prepared_statement;
  std::string_view name;
  static Decoded<Close> decode(Bytes body);
  void encode(std::string& out) const;
};

/// Layout: Byte1 'S' or 'P' · String name    (PostgreSQL docs ch. 55.7, "Describe")
/// Errors: bad_value, unterminated_string, bad_length, trailing_bytes.
struct Describe {
  static constexpr char type = 'D';
  NameKind kind = NameKind::prepared_statement;
  std::string_view name;
  static Decoded<Describe> decode(Bytes body);
  void encode(std::string& out) const;
};

/// Layout: String portal · Int32 most rows, 0 for all    (PostgreSQL docs ch. 55.7, "Execute")
/// Errors: unterminated_string, bad_length, trailing_bytes.
struct Execute {
  static constexpr char type = 'E';
  std::string_view portal;
  std::int32_t max_rows = 0;
  static Decoded<Execute> decode(Bytes body);
  void encode(std::string& out) const;
};

/// Layout: nothing    (PostgreSQL docs ch. 55.7, "Flush")
/// Errors: trailing_bytes.
struct Flush {
  static constexpr char type = 'H';
  static Decoded<Flush> decode(Bytes body);
  void encode(std::string& out) const;
};

/// Calls a function by its OID: obsolete, and what large-object clients use.
///
/// Layout: Int32 function OID · Int16 n · Int16 format × n · Int16 n · (Int32 length or -1 · Byten) × n ·
///     Int16 result format    (PostgreSQL docs ch. 55.7, "FunctionCall")
/// Errors: bad_length, trailing_bytes.
struct FunctionCall {
  static constexpr char type = 'F';
  std::uint32_t function_oid = 0;
  Repeated<std::int16_t> argument_formats;
  Repeated<Value> arguments;
  std::int16_t result_format = 0;
  static Decoded<FunctionCall> decode(Bytes body);
  void encode(std::string& out) const;
};

/// Layout: String statement · String query · Int16 n · Int32 type OID × n    (PostgreSQL docs ch. 55.7, "Parse")
/// Errors: unterminated_string, bad_length, trailing_bytes.
struct Parse {
  static constexpr char type = 'P';
  std::string_view statement;
  std::string_view query;
  Repeated<std::uint32_t> parameter_types;
  static Decoded<Parse> decode(Bytes body);
  void encode(std::string& out) const;
};

/// Layout: String query    (PostgreSQL docs ch. 55.7, "Query")
/// Errors: unterminated_string, trailing_bytes.
struct Query {
  static constexpr char type = 'Q';
  std::string_view query;
  static Decoded<Query> decode(Bytes body);
  void encode(std::string& out) const;
};

/// Layout: nothing    (PostgreSQL docs ch. 55.7, "Sync")
/// Errors: trailing_bytes.
struct Sync {
  static constexpr char type = 'S';
  static Decoded<Sync> decode(Bytes body);
  void encode(std::string& out) const;
};

/// Layout: nothing    (PostgreSQL docs ch. 55.7, "Terminate")
/// Errors: trailing_bytes.
struct Terminate {
  static constexpr char type = 'X';
  static Decoded<Terminate> decode(Bytes body);
  void encode(std::string& out) const;
};

}  // namespace dbgate::protocol::frontend
