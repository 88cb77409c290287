#include "protocol/postgres/copy_messages.h"

#include "protocol/postgres/message_reader.h"

namespace dbgate::protocol {
namespace {

template <class Message>
Decoded<Message> decode_response(Bytes body) {
  Message message;
  return MessageReader(body).boolean(message.binary).list16(message.column_formats).finish(message);
}

template <class Message>
void encode_response(std::string& out, const Message& message) {
  FieldWriter writer(out);
  writer.begin_message(Message::type);
  writer.int8(message.binary ? 1 : 0);
  write_list16(writer, message.column_formats);
  writer.end_message();
}

}  // namespace

Decoded<CopyData> CopyData::decode(Bytes body) {
  return CopyData{body};
}
void CopyData::encode(std::string& out) const {
  FieldWriter writer(out);
  writer.begin_message(type);
  writer.bytes(data);
  writer.end_message();
}

Decoded<CopyDone> CopyDone::decode(Bytes body) {
  return MessageReader(body).finish(CopyDone());
}
void CopyDone::encode(std::string& out) const {
  write_empty_message(out, type);
}

namespace frontend {

Decoded<CopyFail> CopyFail::decode(Bytes body) {
  CopyFail message;
  return MessageReader(body).string(message.reason).finish(message);
}
void CopyFail::encode(std::string& out) const {
  FieldWriter writer(out);
  writer.begin_message(type);
  writer.string(reason);
  writer.end_message();
}

}  // namespace frontend

namespace backend {

Decoded<CopyInResponse> CopyInResponse::decode(Bytes body) {
  return decode_response<CopyInResponse>(body);
}
void CopyInResponse::encode(std::string& out) const {
  encode_response(out, *this);
}

Decoded<CopyOutResponse> CopyOutResponse::decode(Bytes body) {
  return decode_response<CopyOutResponse>(body);
}
void CopyOutResponse::encode(std::string& out) const {
  encode_response(out, *this);
}

Decoded<CopyBothResponse> CopyBothResponse::decode(Bytes body) {
  return decode_response<CopyBothResponse>(body);
}
void CopyBothResponse::encode(std::string& out) const {
  encode_response(out, *this);
}

}  // namespace backend
}  // namespace dbgate::protocol
