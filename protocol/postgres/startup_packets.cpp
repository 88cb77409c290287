#include "protocol/postgres/startup_packets.h"

#include <algorithm>

#include "protocol/postgres/message_reader.h"

namespace dbgate::protocol::frontend {
namespace {

constexpr std::size_t length_word_bytes = 4;
constexpr std::size_t code_bytes = 4;
constexpr std::size_t shortest_key = 4;
constexpr std::size_t longest_key = 256;

template <class Request>
Decoded<Request> decode_request(Bytes body) {
  return MessageReader(body).constant(static_cast<std::int32_t>(Request::code)).finish(Request());
}

void encode_request(std::string& out, std::uint32_t code) {
  FieldWriter writer(out);
  writer.begin_packet();
  writer.uint32(code);
  writer.end_message();
}

// ASCII only, as the server folds the names of its settings.
char lower(char c) {
  return static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

// Two values under one name: what one side believes could be another thing than what the other side does. Compares
// every pair, which the size of a startup packet bounds, so that no memory is needed. Empty: no name stands twice.
std::string_view named_twice(const Repeated<StartupParameter>& parameters) {
  const auto end = parameters.end();
  for (auto first = parameters.begin(); first != end; ++first) {
    const std::string_view name = (*first).name;
    auto second = first;
    for (++second; second != end; ++second) {
      if (same_name(name, (*second).name)) return name;
    }
  }
  return {};
}

Decoded<StartupMessage> decode_layout(Bytes body) {
  if (body.size() > max_startup_body) return make_error_code(DecodeError::message_too_large);
  const auto code = decode_startup_code(body);
  if (!code) return code.error();
  if (*code >> 16 != 3) return make_error_code(DecodeError::unsupported_version);
  StartupMessage message;
  return MessageReader(body).uint32(message.version).list_to_zero(message.parameters).finish(message);
}

}  // namespace

Decoded<std::size_t> decode_startup_length(Bytes length_word) {
  const auto length = FieldReader(length_word).uint32();
  if (!length) return length.error();
  if (*length < length_word_bytes + code_bytes) return make_error_code(DecodeError::bad_length);
  if (*length - length_word_bytes > max_startup_body) return make_error_code(DecodeError::message_too_large);
  return *length - length_word_bytes;
}

Decoded<std::uint32_t> decode_startup_code(Bytes body) {
  return FieldReader(body).uint32();
}

Decoded<StartupParameter> StartupParameter::read(FieldReader& reader) {
  const auto name = reader.string();
  if (!name) return name.error();
  const auto value = reader.string();
  if (!value) return value.error();
  return StartupParameter{*name, *value};
}

void StartupParameter::write(FieldWriter& writer) const {
  writer.string(name);
  writer.string(value);
}

std::string_view StartupMessage::find(std::string_view name) const {
  for (const StartupParameter parameter : parameters) {
    if (parameter.name == name) return parameter.value;
  }
  return {};
}

Decoded<StartupMessage> StartupMessage::decode(Bytes body) {
  const auto decoded = decode_layout(body);
  if (decoded && !named_twice(decoded->parameters).empty()) return make_error_code(DecodeError::duplicate_parameter);
  return decoded;
}

std::string_view duplicate_parameter_of(Bytes body) {
  const auto decoded = decode_layout(body);
  return decoded ? named_twice(decoded->parameters) : std::string_view();
}

void StartupMessage::encode(std::string& out) const {
  FieldWriter writer(out);
  writer.begin_packet();
  writer.uint32(version);
  writer.bytes(parameters.raw());
  writer.byte1('\0');
  writer.end_message();
}

Decoded<SSLRequest> SSLRequest::decode(Bytes body) {
  return decode_request<SSLRequest>(body);
}
void SSLRequest::encode(std::string& out) const {
  encode_request(out, code);
}

Decoded<GSSENCRequest> GSSENCRequest::decode(Bytes body) {
  return decode_request<GSSENCRequest>(body);
}
void GSSENCRequest::encode(std::string& out) const {
  encode_request(out, code);
}

Decoded<CancelRequest> CancelRequest::decode(Bytes body) {
  CancelRequest message;
  MessageReader reader(body);
  reader.constant(static_cast<std::int32_t>(code)).int32(message.process_id);
  return reader.rest(message.secret_key, shortest_key, longest_key).finish(message);
}
void CancelRequest::encode(std::string& out) const {
  FieldWriter writer(out);
  writer.begin_packet();
  writer.uint32(code);
  writer.int32(process_id);
  writer.bytes(secret_key);
  writer.end_message();
}

}  // namespace dbgate::protocol::frontend
