#include "protocol/postgres/authentication_messages.h"

#include <algorithm>

#include "protocol/postgres/message_reader.h"

namespace dbgate::protocol {
namespace {

void encode_data(std::string& out, char type, Bytes data) {
  FieldWriter writer(out);
  writer.begin_message(type);
  writer.bytes(data);
  writer.end_message();
}

template <class Message>
Decoded<Message> decode_bare(Bytes body) {
  return MessageReader(body).constant(Message::method).finish(Message());
}

template <class Message>
Decoded<Message> decode_with_data(Bytes body) {
  Message message;
  return MessageReader(body).constant(Message::method).rest(message.data).finish(message);
}

void encode_request(std::string& out, std::int32_t method, Bytes data = {}) {
  FieldWriter writer(out);
  writer.begin_message('R');
  writer.int32(method);
  writer.bytes(data);
  writer.end_message();
}

}  // namespace

namespace frontend {

Decoded<PasswordMessage> PasswordMessage::decode(Bytes body) {
  PasswordMessage message;
  return MessageReader(body).string(message.password).finish(message);
}
void PasswordMessage::encode(std::string& out) const {
  FieldWriter writer(out);
  writer.begin_message(type);
  writer.string(password);
  writer.end_message();
}

Decoded<SASLInitialResponse> SASLInitialResponse::decode(Bytes body) {
  SASLInitialResponse message;
  return MessageReader(body).string(message.mechanism).value(message.response).finish(message);
}
void SASLInitialResponse::encode(std::string& out) const {
  FieldWriter writer(out);
  writer.begin_message(type);
  writer.string(mechanism);
  ItemCodec<Value>::write(writer, response);
  writer.end_message();
}

Decoded<SASLResponse> SASLResponse::decode(Bytes body) {
  return SASLResponse{body};
}
void SASLResponse::encode(std::string& out) const {
  encode_data(out, type, data);
}

Decoded<GSSResponse> GSSResponse::decode(Bytes body) {
  return GSSResponse{body};
}
void GSSResponse::encode(std::string& out) const {
  encode_data(out, type, data);
}

}  // namespace frontend

namespace backend {

Decoded<std::int32_t> decode_authentication_method(Bytes body) {
  return FieldReader(body).int32();
}

Decoded<AuthenticationOk> AuthenticationOk::decode(Bytes body) {
  return decode_bare<AuthenticationOk>(body);
}
void AuthenticationOk::encode(std::string& out) const {
  encode_request(out, method);
}

Decoded<AuthenticationKerberosV5> AuthenticationKerberosV5::decode(Bytes body) {
  return decode_bare<AuthenticationKerberosV5>(body);
}
void AuthenticationKerberosV5::encode(std::string& out) const {
  encode_request(out, method);
}

Decoded<AuthenticationCleartextPassword> AuthenticationCleartextPassword::decode(Bytes body) {
  return decode_bare<AuthenticationCleartextPassword>(body);
}
void AuthenticationCleartextPassword::encode(std::string& out) const {
  encode_request(out, method);
}

Decoded<AuthenticationMD5Password> AuthenticationMD5Password::decode(Bytes body) {
  AuthenticationMD5Password message;
  Bytes salt = message.salt;
  MessageReader reader(body);
  reader.constant(method).bytes(message.salt.size(), salt);
  std::copy(salt.begin(), salt.end(), message.salt.begin());
  return reader.finish(message);
}
void AuthenticationMD5Password::encode(std::string& out) const {
  encode_request(out, method, salt);
}

Decoded<AuthenticationSCMCredential> AuthenticationSCMCredential::decode(Bytes body) {
  return decode_bare<AuthenticationSCMCredential>(body);
}
void AuthenticationSCMCredential::encode(std::string& out) const {
  encode_request(out, method);
}

Decoded<AuthenticationGSS> AuthenticationGSS::decode(Bytes body) {
  return decode_bare<AuthenticationGSS>(body);
}
void AuthenticationGSS::encode(std::string& out) const {
  encode_request(out, method);
}

Decoded<AuthenticationGSSContinue> AuthenticationGSSContinue::decode(Bytes body) {
  return decode_with_data<AuthenticationGSSContinue>(body);
}
void AuthenticationGSSContinue::encode(std::string& out) const {
  encode_request(out, method, data);
}

Decoded<AuthenticationSSPI> AuthenticationSSPI::decode(Bytes body) {
  return decode_bare<AuthenticationSSPI>(body);
}
void AuthenticationSSPI::encode(std::string& out) const {
  encode_request(out, method);
}

Decoded<AuthenticationSASL> AuthenticationSASL::decode(Bytes body) {
  AuthenticationSASL message;
  return MessageReader(body).constant(method).list_to_zero(message.mechanisms).finish(message);
}
void AuthenticationSASL::encode(std::string& out) const {
  FieldWriter writer(out);
  writer.begin_message(type);
  writer.int32(method);
  writer.bytes(mechanisms.raw());
  writer.byte1('\0');
  writer.end_message();
}

Decoded<AuthenticationSASLContinue> AuthenticationSASLContinue::decode(Bytes body) {
  return decode_with_data<AuthenticationSASLContinue>(body);
}
void AuthenticationSASLContinue::encode(std::string& out) const {
  encode_request(out, method, data);
}

Decoded<AuthenticationSASLFinal> AuthenticationSASLFinal::decode(Bytes body) {
  return decode_with_data<AuthenticationSASLFinal>(body);
}
void AuthenticationSASLFinal::encode(std::string& out) const {
  encode_request(out, method, data);
}

}  // namespace backend
}  // namespace dbgate::protocol
