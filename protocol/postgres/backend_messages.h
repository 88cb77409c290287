#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/postgres/authentication_messages.h"
#include "protocol/postgres/copy_messages.h"

// The typed messages of the backend, protocols 3.0 and 3.2, under the rules of frontend_messages.h.
namespace dbgate::protocol::backend {

/// What identifies this connection in a CancelRequest.
///
/// Layout: Int32 process · Byten key, 4 bytes before protocol 3.2, up to 256 since
///     (PostgreSQL docs ch. 55.7, "BackendKeyData")
/// Errors: bad_length.
struct BackendKeyData {
  static constexpr char type = 'K';
  std::int32_t process_id = 0;
  Bytes secret_key;
  static Decoded<BackendKeyData> decode(Bytes body);
  void encode(std::string& out) const;
};

/// Layout: nothing    (PostgreSQL docs ch. 55.7, "BindComplete")
/// Errors: trailing_bytes.
struct BindComplete {
  static constexpr char type = '2';
  static Decoded<BindComplete> decode(Bytes body);
  void encode(std::string& out) const;
};

/// Layout: nothing    (PostgreSQL docs ch. 55.7, "CloseComplete")
/// Errors: trailing_bytes.
struct CloseComplete {
  static constexpr char type = '3';
  static Decoded<CloseComplete> decode(Bytes body);
  void encode(std::string& out) const;
};

/// Layout: String command tag    (PostgreSQL docs ch. 55.7, "CommandComplete")
/// Errors: unterminated_string, trailing_bytes.
struct CommandComplete {
  static constexpr char type = 'C';
  std::string_view tag;
  static Decoded<CommandComplete> decode(Bytes body);
  void encode(std::string& out) const;
};

/// Layout: Int16 n · (Int32 length or -1 · Byten) × n    (PostgreSQL docs ch. 55.7, "DataRow")
/// Errors: bad_length, trailing_bytes.
struct DataRow {
  static constexpr char type = 'D';
  Repeated<Value> columns;
  static Decoded<DataRow> decode(Bytes body);
  void encode(std::string& out) const;
};

/// Layout: nothing    (PostgreSQL docs ch. 55.7, "EmptyQueryResponse")
/// Errors: trailing_bytes.
struct EmptyQueryResponse {
  static constexpr char type = 'I';
  static Decoded<EmptyQueryResponse> decode(Bytes body);
  void encode(std::string& out) const;
};

/// Layout: Byte1 code, not zero · String value    (PostgreSQL docs ch. 55.8)
struct ErrorField {
  char code = '\0';
  std::string_view value;
  static Decoded<ErrorField> read(FieldReader& reader);
  void write(FieldWriter& writer) const;
};
using ErrorFields = Repeated<ErrorField>;

/// The value of the first field with this code; empty if there is none.
std::string_view find_field(const ErrorFields& fields, char code);

/// Fields of unknown codes are to be ignored (PostgreSQL docs ch. 55.8).
///
/// Layout: (Byte1 code · String value) × n · Byte1 0    (PostgreSQL docs ch. 55.7, "ErrorResponse")
/// Errors: unterminated_string, bad_length, trailing_bytes.
struct ErrorResponse {
  static constexpr char type = 'E';
  ErrorFields fields;
  static Decoded<ErrorResponse> decode(Bytes body);
  void encode(std::string& out) const;
};

/// The fields of an ErrorResponse or NoticeResponse that have come whole, where it may not have come whole itself.
std::vector<ErrorField> leading_fields(Bytes beginning);

/// What kind of error it is, read from the beginning of an ErrorResponse that may not have come whole: servers send
/// severity and SQLSTATE first, and what follows can be long. Fields that do not end within the beginning are empty.
struct ErrorHead {
  std::string_view severity;  ///< the one that is not localized, if the server sends it
  std::string_view sqlstate;
  static ErrorHead read(Bytes beginning);
};

/// Layout: Int32 length or -1 · Byten result    (PostgreSQL docs ch. 55.7, "FunctionCallResponse")
/// Errors: bad_length, trailing_bytes.
struct FunctionCallResponse {
  static constexpr char type = 'V';
  Value result;
  static Decoded<FunctionCallResponse> decode(Bytes body);
  void encode(std::string& out) const;
};

/// The server speaks an older minor version, or does not know protocol options that were asked for. Servers send the
/// whole version word (major << 16 | minor) where the manual says minor version.
///
/// Layout: Int32 newest version · Int32 n · String option not known × n
///     (PostgreSQL docs ch. 55.7, "NegotiateProtocolVersion")
/// Errors: unterminated_string, bad_length, trailing_bytes.
struct NegotiateProtocolVersion {
  static constexpr char type = 'v';
  std::uint32_t newest_version = 3u << 16;
  Repeated<std::string_view> unknown_options;
  static Decoded<NegotiateProtocolVersion> decode(Bytes body);
  void encode(std::string& out) const;
};

/// Layout: nothing    (PostgreSQL docs ch. 55.7, "NoData")
/// Errors: trailing_bytes.
struct NoData {
  static constexpr char type = 'n';
  static Decoded<NoData> decode(Bytes body);
  void encode(std::string& out) const;
};

/// Layout: (Byte1 code · String value) × n · Byte1 0    (PostgreSQL docs ch. 55.7, "NoticeResponse")
/// Errors: unterminated_string, bad_length, trailing_bytes.
struct NoticeResponse {
  static constexpr char type = 'N';
  ErrorFields fields;
  static Decoded<NoticeResponse> decode(Bytes body);
  void encode(std::string& out) const;
};

/// Layout: Int32 process that notified · String channel · String payload
///     (PostgreSQL docs ch. 55.7, "NotificationResponse")
/// Errors: unterminated_string, bad_length, trailing_bytes.
struct NotificationResponse {
  static constexpr char type = 'A';
  std::int32_t process_id = 0;
  std::string_view channel;
  std::string_view payload;
  static Decoded<NotificationResponse> decode(Bytes body);
  void encode(std::string& out) const;
};

/// Layout: Int16 n · Int32 type OID × n    (PostgreSQL docs ch. 55.7, "ParameterDescription")
/// Errors: bad_length, trailing_bytes.
struct ParameterDescription {
  static constexpr char type = 't';
  Repeated<std::uint32_t> types;
  static Decoded<ParameterDescription> decode(Bytes body);
  void encode(std::string& out) const;
};

/// Layout: String name · String value    (PostgreSQL docs ch. 55.7, "ParameterStatus")
/// Errors: unterminated_string, trailing_bytes.
struct ParameterStatus {
  static constexpr char type = 'S';
  std::string_view name;
  std::string_view value;
  static Decoded<ParameterStatus> decode(Bytes body);
  void encode(std::string& out) const;
};

/// Layout: nothing    (PostgreSQL docs ch. 55.7, "ParseComplete")
/// Errors: trailing_bytes.
struct ParseComplete {
  static constexpr char type = '1';
  static Decoded<ParseComplete> decode(Bytes body);
  void encode(std::string& out) const;
};

/// Layout: nothing    (PostgreSQL docs ch. 55.7, "PortalSuspended")
/// Errors: trailing_bytes.
struct PortalSuspended {
  static constexpr char type = 's';
  static Decoded<PortalSuspended> decode(Bytes body);
  void encode(std::string& out) const;
};

enum class TransactionStatus : char { idle = 'I', in_transaction = 'T', failed = 'E' };

/// Layout: Byte1 transaction status    (PostgreSQL docs ch. 55.7, "ReadyForQuery")
/// Errors: bad_value, bad_length, trailing_bytes.
struct ReadyForQuery {
  static constexpr char type = 'Z';
  TransactionStatus status = TransactionStatus::idle;
  static Decoded<ReadyForQuery> decode(Bytes body);
  void encode(std::string& out) const;
};

/// One column of a result.
///
/// Layout: String name · Int32 table OID or 0 · Int16 attribute number or 0 · Int32 type OID · Int16 type size ·
///     Int32 type modifier · Int16 format    (PostgreSQL docs ch. 55.7, "RowDescription")
struct ColumnDescription {
  std::string_view name;
  std::uint32_t table_oid = 0;
  std::int16_t attribute = 0;
  std::uint32_t type_oid = 0;
  std::int16_t type_size = 0;
  std::int32_t type_modifier = -1;
  std::int16_t format = 0;
  static Decoded<ColumnDescription> read(FieldReader& reader);
  void write(FieldWriter& writer) const;
};

/// Layout: Int16 n · column × n    (PostgreSQL docs ch. 55.7, "RowDescription")
/// Errors: unterminated_string, bad_length, trailing_bytes.
struct RowDescription {
  static constexpr char type = 'T';
  Repeated<ColumnDescription> columns;
  static Decoded<RowDescription> decode(Bytes body);
  void encode(std::string& out) const;
};

}  // namespace dbgate::protocol::backend
