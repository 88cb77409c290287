#include "protocol/postgres/frontend_messages.h"

#include "protocol/postgres/message_reader.h"

namespace dbgate::protocol::frontend {
namespace {

template <class Message>
Decoded<Message> decode_named(Bytes body) {
  Message message;
  MessageReader reader(body);
  reader.letter(message.kind, {NameKind::prepared_statement, NameKind::portal}).string(message.name);
  return reader.finish(message);
}

template <class Message>
void encode_named(std::string& out, const Message& message) {
  FieldWriter writer(out);
  writer.begin_message(Message::type);
  writer.byte1(static_cast<char>(message.kind));
  writer.string(message.name);
  writer.end_message();
}

}  // namespace

Decoded<Bind> Bind::decode(Bytes body) {
  Bind message;
  MessageReader reader(body);
  reader.string(message.portal).string(message.statement);
  reader.list16(message.parameter_formats).list16(message.parameters).list16(message.result_formats);
  return reader.finish(message);
}
void Bind::encode(std::string& out) const {
  FieldWriter writer(out);
  writer.begin_message(type);
  writer.string(portal);
  writer.string(statement);
  write_list16(writer, parameter_formats);
  write_list16(writer, parameters);
  write_list16(writer, result_formats);
  writer.end_message();
}

Decoded<Close> Close::decode(Bytes body) {
  return decode_named<Close>(body);
}
void Close::encode(std::string& out) const {
  encode_named(out, *this);
}

Decoded<Describe> Describe::decode(Bytes body) {
  return decode_named<Describe>(body);
}
void Describe::encode(std::string& out) const {
  encode_named(out, *this);
}

Decoded<Execute> Execute::decode(Bytes body) {
  Execute message;
  return MessageReader(body).string(message.portal).int32(message.max_rows).finish(message);
}
void Execute::encode(std::string& out) const {
  FieldWriter writer(out);
  writer.begin_message(type);
  writer.string(portal);
  writer.int32(max_rows);
  writer.end_message();
}

Decoded<Flush> Flush::decode(Bytes body) {
  return MessageReader(body).finish(Flush());
}
void Flush::encode(std::string& out) const {
  write_empty_message(out, type);
}

Decoded<FunctionCall> FunctionCall::decode(Bytes body) {
  FunctionCall message;
  MessageReader reader(body);
  reader.uint32(message.function_oid).list16(message.argument_formats).list16(message.arguments);
  return reader.int16(message.result_format).finish(message);
}
void FunctionCall::encode(std::string& out) const {
  FieldWriter writer(out);
  writer.begin_message(type);
  writer.uint32(function_oid);
  write_list16(writer, argument_formats);
  write_list16(writer, arguments);
  writer.int16(result_format);
  writer.end_message();
}

Decoded<Parse> Parse::decode(Bytes body) {
  Parse message;
  MessageReader reader(body);
  reader.string(message.statement).string(message.query).list16(message.parameter_types);
  return reader.finish(message);
}
void Parse::encode(std::string& out) const {
  FieldWriter writer(out);
  writer.begin_message(type);
  writer.string(statement);
  writer.string(query);
  write_list16(writer, parameter_types);
  writer.end_message();
}

Decoded<Query> Query::decode(Bytes body) {
  Query message;
  return MessageReader(body).string(message.query).finish(message);
}
void Query::encode(std::string& out) const {
  FieldWriter writer(out);
  writer.begin_message(type);
  writer.string(query);
  writer.end_message();
}

Decoded<Sync> Sync::decode(Bytes body) {
  return MessageReader(body).finish(Sync());
}
void Sync::encode(std::string& out) const {
  write_empty_message(out, type);
}

Decoded<Terminate> Terminate::decode(Bytes body) {
  return MessageReader(body).finish(Terminate());
}
void Terminate::encode(std::string& out) const {
  write_empty_message(out, type);
}

}  // namespace dbgate::protocol::frontend
