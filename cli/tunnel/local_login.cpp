#include "cli/tunnel/local_login.h"

#include <array>

#include "gateway/auth/scram_server.h"
#include "protocol/postgres/field_reader.h"
#include "protocol/postgres/field_writer.h"
#include "protocol/postgres/frame.h"

namespace dbgate::cli {
namespace {

using protocol::FieldReader;
using protocol::FieldWriter;

constexpr std::uint32_t max_startup_packet = 10'000;
constexpr std::uint32_t max_password_message = 4'096;
constexpr std::uint32_t cancel_request_code = 80877102;
constexpr std::uint32_t ssl_request_code = 80877103;
constexpr std::uint32_t gssenc_request_code = 80877104;
constexpr int encryption_requests = 2;  // one for TLS, one for GSSAPI

Error not_postgres() {
  return {sqlstate::protocol_violation, "expected a PostgreSQL startup packet"};
}

Task<Result<std::string>> read_exactly(net::Stream& client, std::size_t bytes) {
  std::string data(bytes, '\0');
  for (std::size_t have = 0; have < bytes;) {
    const std::span<std::byte> room(reinterpret_cast<std::byte*>(data.data()) + have, bytes - have);
    const auto got = co_await client.read_some(room);
    if (!got) co_return got.error();
    have += *got;
  }
  co_return data;
}

std::uint32_t number_at(const std::string& data, std::size_t at) {
  FieldReader reader(protocol::as_bytes(std::string_view(data).substr(at)));
  const auto value = reader.uint32();
  return value ? *value : 0;
}

// The whole packet, its length word included.
Task<Result<std::string>> read_startup_packet(net::Stream& client) {
  auto packet = co_await read_exactly(client, 4);
  if (!packet) co_return packet.error();
  const std::uint32_t length = number_at(*packet, 0);
  if (length < 8 || length > max_startup_packet) co_return not_postgres();
  const auto rest = co_await read_exactly(client, length - 4);
  if (!rest) co_return rest.error();
  co_return *packet + *rest;
}

Task<Result<std::string>> read_password_message(net::Stream& client) {
  const auto head = co_await read_exactly(client, protocol::MessageHeader::bytes);
  if (!head) co_return head.error();
  const auto header = protocol::decode_header(protocol::as_bytes(*head));
  if (!header || header->type != 'p' || header->body_length > max_password_message) co_return not_postgres();
  auto body = co_await read_exactly(client, header->body_length);
  co_return body;
}

std::string authentication(std::int32_t code, std::string_view data) {
  std::string message;
  FieldWriter writer(message);
  writer.begin_message('R');
  writer.int32(code);
  writer.bytes(protocol::as_bytes(data));
  writer.end_message();
  return message;
}

Task<Result<>> check_password(net::Stream& client, const auth::ScramVerifier& verifier) {
  auth::ScramServer scram(verifier, true, {});
  const std::string offer = authentication(10, scram.mechanisms());
  DBGATE_CO_CHECK(co_await client.write_all(protocol::as_bytes(offer)));
  DBGATE_CO_TRY(const std::string initial, co_await read_password_message(client));
  FieldReader reader(protocol::as_bytes(initial));
  const auto mechanism = reader.string();
  const auto length = reader.int32();
  if (!mechanism || !length || *length < 0 || reader.remaining() != static_cast<std::size_t>(*length)) {
    co_return not_postgres();
  }
  DBGATE_CO_TRY(const std::string first, scram.start(*mechanism, protocol::as_text(reader.rest())));
  const std::string challenge = authentication(11, first);
  DBGATE_CO_CHECK(co_await client.write_all(protocol::as_bytes(challenge)));
  DBGATE_CO_TRY(const std::string response, co_await read_password_message(client));
  DBGATE_CO_TRY(const std::string last, scram.finish(response));
  const std::string final_message = authentication(12, last);
  const auto sent = co_await client.write_all(protocol::as_bytes(final_message));
  co_return sent;
}

Task<Result<std::string>> admit(net::Stream& client, const auth::ScramVerifier* verifier) {
  for (int requests = 0; requests <= encryption_requests; ++requests) {
    DBGATE_CO_TRY(std::string packet, co_await read_startup_packet(client));
    const std::uint32_t code = number_at(packet, 4);
    if (code == cancel_request_code) co_return packet;
    if (code == ssl_request_code || code == gssenc_request_code) {
      const std::string no = "N";  // the bytes do not leave this machine in the clear: the tunnel is TLS
      DBGATE_CO_CHECK(co_await client.write_all(protocol::as_bytes(no)));
      continue;
    }
    if ((code >> 16) != 3) co_return not_postgres();
    if (verifier != nullptr) DBGATE_CO_CHECK(co_await check_password(client, *verifier));
    co_return packet;
  }
  co_return not_postgres();
}

}  // namespace

std::string fatal_message(const Error& error) {
  std::string message;
  FieldWriter writer(message);
  writer.begin_message('E');
  const std::pair<char, std::string> fields[] = {{'S', "FATAL"},
                                                 {'V', "FATAL"},
                                                 {'C', std::string(error.code().text())},
                                                 {'M', error.message()},
                                                 {'H', error.hint()}};
  for (const auto& [code, text] : fields) {
    if (text.empty()) continue;
    writer.int8(static_cast<std::int8_t>(code));
    writer.string(text);
  }
  writer.int8(0);
  writer.end_message();
  return message;
}

Task<Result<std::string>> admit_local_client(net::Stream& client, const auth::ScramVerifier* verifier) {
  auto admitted = co_await admit(client, verifier);
  if (!admitted) {
    const Error why = admitted.error();
    const bool wrong = why.code() == sqlstate::invalid_password;
    const Error told(why.code(), wrong ? "wrong password for this tunnel" : why.message(),
                     wrong ? "The password of the tunnel is in the file that PGPASSFILE names." : "");
    const std::string message = fatal_message(told);
    co_await client.write_all(protocol::as_bytes(message));
  }
  co_return admitted;
}

}  // namespace dbgate::cli
