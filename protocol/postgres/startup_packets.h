#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/postgres/repeated.h"

// What a frontend sends before anything else: packets with a length and no type. decode() takes the bytes after the
// length word and gives views into them; it never allocates and never throws. encode() appends the whole packet.
namespace dbgate::protocol::frontend {

/// PostgreSQL's MAX_STARTUP_PACKET_LENGTH, which does not count the length word.
inline constexpr std::size_t max_startup_body = 10'000;

/// How many bytes follow the length word of a startup packet. Errors: bad_length, message_too_large.
Decoded<std::size_t> decode_startup_length(Bytes length_word);

/// The version or request code at the front of any startup packet. Errors: bad_length.
Decoded<std::uint32_t> decode_startup_code(Bytes body);

/// Layout: String name, not empty · String value
struct StartupParameter {
  std::string_view name;
  std::string_view value;

  /// Whether this asks for a protocol extension, which NegotiateProtocolVersion may decline.
  bool is_protocol_option() const { return name.starts_with("_pq_."); }
  static Decoded<StartupParameter> read(FieldReader& reader);
  void write(FieldWriter& writer) const;
};

/// Opens a session. Takes every minor version of protocol 3, since that is negotiated and not refused.
///
/// Layout: Int32 version (major << 16 | minor) · (String name · String value) × n · Byte1 0
///     (PostgreSQL docs ch. 55.7, "StartupMessage")
/// Errors: unsupported_version, message_too_large, duplicate_parameter (names differ in more than case),
/// unterminated_string, bad_length, trailing_bytes.
struct StartupMessage {
  std::uint32_t version = 3u << 16;
  Repeated<StartupParameter> parameters;

  std::uint16_t minor_version() const { return static_cast<std::uint16_t>(version & 0xffff); }
  /// The value of a parameter under exactly this name; empty if it was not given.
  std::string_view find(std::string_view name) const;
  static Decoded<StartupMessage> decode(Bytes body);
  void encode(std::string& out) const;
};

/// The name that makes a StartupMessage fail with duplicate_parameter; empty for any other packet.
std::string_view duplicate_parameter_of(Bytes body);

/// Asks for TLS; the answer is one byte, 'S' or 'N'.
///
/// Layout: Int32 80877103    (PostgreSQL docs ch. 55.7, "SSLRequest")
/// Errors: bad_value, bad_length, trailing_bytes.
struct SSLRequest {
  static constexpr std::uint32_t code = 80877103;
  static Decoded<SSLRequest> decode(Bytes body);
  void encode(std::string& out) const;
};

/// Asks for GSSAPI encryption; the answer is one byte, 'G' or 'N'.
///
/// Layout: Int32 80877104    (PostgreSQL docs ch. 55.7, "GSSENCRequest")
/// Errors: bad_value, bad_length, trailing_bytes.
struct GSSENCRequest {
  static constexpr std::uint32_t code = 80877104;
  static Decoded<GSSENCRequest> decode(Bytes body);
  void encode(std::string& out) const;
};

/// Asks to cancel what another connection runs; never answered.
///
/// Layout: Int32 80877102 · Int32 process · Byten key, 4 bytes before protocol 3.2, up to 256 since
///     (PostgreSQL docs ch. 55.7, "CancelRequest")
/// Errors: bad_value, bad_length.
struct CancelRequest {
  static constexpr std::uint32_t code = 80877102;
  std::int32_t process_id = 0;
  Bytes secret_key;
  static Decoded<CancelRequest> decode(Bytes body);
  void encode(std::string& out) const;
};

}  // namespace dbgate::protocol::frontend
