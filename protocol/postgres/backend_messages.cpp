#include "protocol/postgres/backend_messages.h"

#include "protocol/postgres/message_reader.h"

namespace dbgate::protocol::backend {
namespace {

constexpr std::size_t shortest_key = 4;
constexpr std::size_t longest_key = 256;

template <class Message>
Decoded<Message> decode_fields(Bytes body) {
  Message message;
  return MessageReader(body).list_to_zero(message.fields).finish(message);
}

void encode_fields(std::string& out, char type, const ErrorFields& fields) {
  FieldWriter writer(out);
  writer.begin_message(type);
  writer.bytes(fields.raw());
  writer.byte1('\0');
  writer.end_message();
}

}  // namespace

Decoded<BackendKeyData> BackendKeyData::decode(Bytes body) {
  BackendKeyData message;
  return MessageReader(body)
      .int32(message.process_id)
      .rest(message.secret_key, shortest_key, longest_key)
      .finish(message);
}
void BackendKeyData::encode(std::string& out) const {
  FieldWriter writer(out);
  writer.begin_message(type);
  writer.int32(process_id);
  writer.bytes(secret_key);
  writer.end_message();
}

Decoded<BindComplete> BindComplete::decode(Bytes body) {
  return MessageReader(body).finish(BindComplete());
}
void BindComplete::encode(std::string& out) const {
  write_empty_message(out, type);
}

Decoded<CloseComplete> CloseComplete::decode(Bytes body) {
  return MessageReader(body).finish(CloseComplete());
}
void CloseComplete::encode(std::string& out) const {
  write_empty_message(out, type);
}

Decoded<CommandComplete> CommandComplete::decode(Bytes body) {
  CommandComplete message;
  return MessageReader(body).string(message.tag).finish(message);
}
void CommandComplete::encode(std::string& out) const {
  FieldWriter writer(out);
  writer.begin_message(type);
  writer.string(tag);
  writer.end_message();
}

Decoded<DataRow> DataRow::decode(Bytes body) {
  DataRow message;
  return MessageReader(body).list16(message.columns).finish(message);
}
void DataRow::encode(std::string& out) const {
  FieldWriter writer(out);
  writer.begin_message(type);
  write_list16(writer, columns);
  writer.end_message();
}

Decoded<EmptyQueryResponse> EmptyQueryResponse::decode(Bytes body) {
  return MessageReader(body).finish(EmptyQueryResponse());
}
void EmptyQueryResponse::encode(std::string& out) const {
  write_empty_message(out, type);
}

Decoded<ErrorField> ErrorField::read(FieldReader& reader) {
  const auto code = reader.uint8();
  if (!code) return code.error();
  const auto value = reader.string();
  if (!value) return value.error();
  return ErrorField{static_cast<char>(*code), *value};
}
void ErrorField::write(FieldWriter& writer) const {
  writer.byte1(code);
  writer.string(value);
}

std::string_view find_field(const ErrorFields& fields, char code) {
  for (const ErrorField field : fields) {
    if (field.code == code) return field.value;
  }
  return {};
}

Decoded<ErrorResponse> ErrorResponse::decode(Bytes body) {
  return decode_fields<ErrorResponse>(body);
}
void ErrorResponse::encode(std::string& out) const {
  encode_fields(out, type, fields);
}

std::vector<ErrorField> leading_fields(Bytes beginning) {
  std::vector<ErrorField> fields;
  FieldReader reader(beginning);
  while (!reader.at_zero()) {
    const auto field = ErrorField::read(reader);
    if (!field) break;
    fields.push_back(*field);
  }
  return fields;
}

ErrorHead ErrorHead::read(Bytes beginning) {
  ErrorHead head;
  std::string_view localized;
  for (const ErrorField& field : leading_fields(beginning)) {
    if (field.code == 'S') localized = field.value;
    if (field.code == 'V') head.severity = field.value;
    if (field.code == 'C') head.sqlstate = field.value;
  }
  if (head.severity.empty()) head.severity = localized;
  return head;
}

Decoded<FunctionCallResponse> FunctionCallResponse::decode(Bytes body) {
  FunctionCallResponse message;
  return MessageReader(body).value(message.result).finish(message);
}
void FunctionCallResponse::encode(std::string& out) const {
  FieldWriter writer(out);
  writer.begin_message(type);
  ItemCodec<Value>::write(writer, result);
  writer.end_message();
}

Decoded<NegotiateProtocolVersion> NegotiateProtocolVersion::decode(Bytes body) {
  NegotiateProtocolVersion message;
  return MessageReader(body).uint32(message.newest_version).list32(message.unknown_options).finish(message);
}
void NegotiateProtocolVersion::encode(std::string& out) const {
  FieldWriter writer(out);
  writer.begin_message(type);
  writer.uint32(newest_version);
  writer.int32(static_cast<std::int32_t>(unknown_options.size()));
  writer.bytes(unknown_options.raw());
  writer.end_message();
}

Decoded<NoData> NoData::decode(Bytes body) {
  return MessageReader(body).finish(NoData());
}
void NoData::encode(std::string& out) const {
  write_empty_message(out, type);
}

Decoded<NoticeResponse> NoticeResponse::decode(Bytes body) {
  return decode_fields<NoticeResponse>(body);
}
void NoticeResponse::encode(std::string& out) const {
  encode_fields(out, type, fields);
}

Decoded<NotificationResponse> NotificationResponse::decode(Bytes body) {
  NotificationResponse message;
  return MessageReader(body).int32(message.process_id).string(message.channel).string(message.payload).finish(message);
}
void NotificationResponse::encode(std::string& out) const {
  FieldWriter writer(out);
  writer.begin_message(type);
  writer.int32(process_id);
  writer.string(channel);
  writer.string(payload);
  writer.end_message();
}

Decoded<ParameterDescription> ParameterDescription::decode(Bytes body) {
  ParameterDescription message;
  return MessageReader(body).list16(message.types).finish(message);
}
void ParameterDescription::encode(std::string& out) const {
  FieldWriter writer(out);
  writer.begin_message(type);
  write_list16(writer, types);
  writer.end_message();
}

Decoded<ParameterStatus> ParameterStatus::decode(Bytes body) {
  ParameterStatus message;
  return MessageReader(body).string(message.name).string(message.value).finish(message);
}
void ParameterStatus::encode(std::string& out) const {
  FieldWriter writer(out);
  writer.begin_message(type);
  writer.string(name);
  writer.string(value);
  writer.end_message();
}

Decoded<ParseComplete> ParseComplete::decode(Bytes body) {
  return MessageReader(body).finish(ParseComplete());
}
void ParseComplete::encode(std::string& out) const {
  write_empty_message(out, type);
}

Decoded<PortalSuspended> PortalSuspended::decode(Bytes body) {
  return MessageReader(body).finish(PortalSuspended());
}
void PortalSuspended::encode(std::string& out) const {
  write_empty_message(out, type);
}

Decoded<ReadyForQuery> ReadyForQuery::decode(Bytes body) {
  using enum TransactionStatus;
  ReadyForQuery message;
  return MessageReader(body).letter(message.status, {idle, in_transaction, failed}).finish(message);
}
void ReadyForQuery::encode(std::string& out) const {
  FieldWriter writer(out);
  writer.begin_message(type);
  writer.byte1(static_cast<char>(status));
  writer.end_message();
}

Decoded<ColumnDescription> ColumnDescription::read(FieldReader& reader) {
  const auto name = reader.string();
  if (!name) return name.error();
  constexpr std::size_t fixed_bytes = 18;
  const auto rest = reader.bytes(fixed_bytes);
  if (!rest) return rest.error();
  FieldReader fixed(*rest);
  ColumnDescription column;
  column.name = *name;
  column.table_oid = *fixed.uint32();
  column.attribute = *fixed.int16();
  column.type_oid = *fixed.uint32();
  column.type_size = *fixed.int16();
  column.type_modifier = *fixed.int32();
  column.format = *fixed.int16();
  return column;
}
void ColumnDescription::write(FieldWriter& writer) const {
  writer.string(name);
  writer.uint32(table_oid);
  writer.int16(attribute);
  writer.uint32(type_oid);
  writer.int16(type_size);
  writer.int32(type_modifier);
  writer.int16(format);
}

Decoded<RowDescription> RowDescription::decode(Bytes body) {
  RowDescription message;
  return MessageReader(body).list16(message.columns).finish(message);
}
void RowDescription::encode(std::string& out) const {
  FieldWriter writer(out);
  writer.begin_message(type);
  write_list16(writer, columns);
  writer.end_message();
}

}  // namespace dbgate::protocol::backend
