#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/postgres/repeated.h"

// Who is there: the backend's Authentication messages, all of type 'R' and told apart by their first field, and the
// frontend's answers, all of type 'p' and told apart only by what was asked. The rules of frontend_messages.h hold for
// decode() and encode(). Contents are secrets or close to them: never logged.
namespace dbgate::protocol {
namespace frontend {

/// Layout: String password, in clear text or as MD5 digest    (PostgreSQL docs ch. 55.7, "PasswordMessage")
/// Errors: unterminated_string, trailing_bytes.
struct PasswordMessage {
  static constexpr char type = 'p';
  std::string_view password;
  static Decoded<PasswordMessage> decode(Bytes body);
  void encode(std::string& out) const;
};

/// Layout: String mechanism · Int32 length or -1 · Byten initial response
///     (PostgreSQL docs ch. 55.7, "SASLInitialResponse")
/// Errors: unterminated_string, bad_length, trailing_bytes.
struct SASLInitialResponse {
  static constexpr char type = 'p';
  std::string_view mechanism;
  Value response;
  static Decoded<SASLInitialResponse> decode(Bytes body);
  void encode(std::string& out) const;
};

/// Layout: Byten data    (PostgreSQL docs ch. 55.7, "SASLResponse")
/// Errors: none.
struct SASLResponse {
  static constexpr char type = 'p';
  Bytes data;
  static Decoded<SASLResponse> decode(Bytes body);
  void encode(std::string& out) const;
};

/// Also the answer to SSPI.
///
/// Layout: Byten data    (PostgreSQL docs ch. 55.7, "GSSResponse")
/// Errors: none.
struct GSSResponse {
  static constexpr char type = 'p';
  Bytes data;
  static Decoded<GSSResponse> decode(Bytes body);
  void encode(std::string& out) const;
};

}  // namespace frontend

namespace backend {

/// The first field of every Authentication message. Errors: bad_length.
Decoded<std::int32_t> decode_authentication_method(Bytes body);

/// The frontend is who it says it is.
///
/// Layout: Int32 0    (PostgreSQL docs ch. 55.7, "AuthenticationOk")
/// Errors: bad_value, bad_length, trailing_bytes.
struct AuthenticationOk {
  static constexpr char type = 'R';
  static constexpr std::int32_t method = 0;
  static Decoded<AuthenticationOk> decode(Bytes body);
  void encode(std::string& out) const;
};

/// Obsolete: no server since PostgreSQL 9.3 asks for it.
///
/// Layout: Int32 2    (PostgreSQL docs ch. 55.7, "AuthenticationKerberosV5")
/// Errors: bad_value, bad_length, trailing_bytes.
struct AuthenticationKerberosV5 {
  static constexpr char type = 'R';
  static constexpr std::int32_t method = 2;
  static Decoded<AuthenticationKerberosV5> decode(Bytes body);
  void encode(std::string& out) const;
};

/// Asks for a PasswordMessage that holds the password itself.
///
/// Layout: Int32 3    (PostgreSQL docs ch. 55.7, "AuthenticationCleartextPassword")
/// Errors: bad_value, bad_length, trailing_bytes.
struct AuthenticationCleartextPassword {
  static constexpr char type = 'R';
  static constexpr std::int32_t method = 3;
  static Decoded<AuthenticationCleartextPassword> decode(Bytes body);
  void encode(std::string& out) const;
};

/// Asks for a PasswordMessage that holds the salted digest.
///
/// Layout: Int32 5 · Byte4 salt    (PostgreSQL docs ch. 55.7, "AuthenticationMD5Password")
/// Errors: bad_value, bad_length, trailing_bytes.
struct AuthenticationMD5Password {
  static constexpr char type = 'R';
  static constexpr std::int32_t method = 5;
  std::array<std::byte, 4> salt{};
  static Decoded<AuthenticationMD5Password> decode(Bytes body);
  void encode(std::string& out) const;
};

/// Obsolete: no server since PostgreSQL 9.1 asks for it.
///
/// Layout: Int32 6    (PostgreSQL docs ch. 55.7, "AuthenticationSCMCredential")
/// Errors: bad_value, bad_length, trailing_bytes.
struct AuthenticationSCMCredential {
  static constexpr char type = 'R';
  static constexpr std::int32_t method = 6;
  static Decoded<AuthenticationSCMCredential> decode(Bytes body);
  void encode(std::string& out) const;
};

/// Starts a GSSAPI exchange.
///
/// Layout: Int32 7    (PostgreSQL docs ch. 55.7, "AuthenticationGSS")
/// Errors: bad_value, bad_length, trailing_bytes.
struct AuthenticationGSS {
  static constexpr char type = 'R';
  static constexpr std::int32_t method = 7;
  static Decoded<AuthenticationGSS> decode(Bytes body);
  void encode(std::string& out) const;
};

/// Goes on with GSSAPI or SSPI.
///
/// Layout: Int32 8 · Byten data    (PostgreSQL docs ch. 55.7, "AuthenticationGSSContinue")
/// Errors: bad_value, bad_length.
struct AuthenticationGSSContinue {
  static constexpr char type = 'R';
  static constexpr std::int32_t method = 8;
  Bytes data;
  static Decoded<AuthenticationGSSContinue> decode(Bytes body);
  void encode(std::string& out) const;
};

/// Starts an SSPI exchange.
///
/// Layout: Int32 9    (PostgreSQL docs ch. 55.7, "AuthenticationSSPI")
/// Errors: bad_value, bad_length, trailing_bytes.
struct AuthenticationSSPI {
  static constexpr char type = 'R';
  static constexpr std::int32_t method = 9;
  static Decoded<AuthenticationSSPI> decode(Bytes body);
  void encode(std::string& out) const;
};

/// Starts a SASL exchange, naming the mechanisms that the server takes, its favourite first.
///
/// Layout: Int32 10 · String mechanism × n · Byte1 0    (PostgreSQL docs ch. 55.7, "AuthenticationSASL")
/// Errors: bad_value, unterminated_string, bad_length, trailing_bytes.
struct AuthenticationSASL {
  static constexpr char type = 'R';
  static constexpr std::int32_t method = 10;
  Repeated<std::string_view> mechanisms;
  static Decoded<AuthenticationSASL> decode(Bytes body);
  void encode(std::string& out) const;
};

/// A challenge.
///
/// Layout: Int32 11 · Byten data    (PostgreSQL docs ch. 55.7, "AuthenticationSASLContinue")
/// Errors: bad_value, bad_length.
struct AuthenticationSASLContinue {
  static constexpr char type = 'R';
  static constexpr std::int32_t method = 11;
  Bytes data;
  static Decoded<AuthenticationSASLContinue> decode(Bytes body);
  void encode(std::string& out) const;
};

/// What the mechanism says at its end; AuthenticationOk follows.
///
/// Layout: Int32 12 · Byten data    (PostgreSQL docs ch. 55.7, "AuthenticationSASLFinal")
/// Errors: bad_value, bad_length.
struct AuthenticationSASLFinal {
  static constexpr char type = 'R';
  static constexpr std::int32_t method = 12;
  Bytes data;
  static Decoded<AuthenticationSASLFinal> decode(Bytes body);
  void encode(std::string& out) const;
};

}  // namespace backend
}  // namespace dbgate::protocol
