#include "cli/tunnel/local_login.h"

#include "gateway/auth/sasl_server.h"
#include "protocol/postgres/backend_messages.h"
#include "protocol/postgres/field_writer.h"
#include "protocol/postgres/frame.h"
#include "protocol/postgres/startup_packets.h"

namespace dbgate::cli {
namespace {

namespace frontend = protocol::frontend;
namespace backend = protocol::backend;
using protocol::encoded;

constexpr std::size_t length_word_bytes = 4;
constexpr int encryption_requests = 2;  // one for TLS, one for GSSAPI

Error not_postgres() {
  return {sqlstate::protocol_violation, "expected a PostgreSQL startup packet"};
}

// The whole packet, its length word included.
Task<Result<std::string>> read_startup_packet(net::Stream& client) {
  auto packet = co_await client.read_exactly(length_word_bytes);
  if (!packet) co_return packet.error();
  const auto length = frontend::decode_startup_length(protocol::as_bytes(*packet));
  if (!length) co_return not_postgres();
  const auto body = co_await client.read_exactly(*length);
  if (!body) co_return body.error();
  co_return *packet + *body;
}

Task<Result<>> check_password(net::Stream& client, const auth::ScramVerifier& verifier) {
  auth::SaslServer sasl(verifier, true, {});
  std::string message = sasl.offer();
  while (!sasl.finished()) {
    DBGATE_CO_CHECK(co_await client.write_all(protocol::as_bytes(message)));
    DBGATE_CO_TRY(const std::string header, co_await client.read_exactly(protocol::MessageHeader::bytes));
    DBGATE_CO_TRY(const std::size_t length, auth::SaslServer::response_length(protocol::as_bytes(header)));
    DBGATE_CO_TRY(const std::string body, co_await client.read_exactly(length));
    DBGATE_CO_TRY(message, sasl.on_response(protocol::as_bytes(body)));
  }
  const auto sent = co_await client.write_all(protocol::as_bytes(message));
  co_return sent;
}

Task<Result<std::string>> admit(net::Stream& client, const auth::ScramVerifier* verifier) {
  for (int requests = 0; requests <= encryption_requests; ++requests) {
    DBGATE_CO_TRY(std::string packet, co_await read_startup_packet(client));
    const protocol::Bytes body = protocol::as_bytes(packet).subspan(length_word_bytes);
    const auto code = frontend::decode_startup_code(body);
    if (frontend::CancelRequest::decode(body)) co_return packet;
    if (frontend::SSLRequest::decode(body) || frontend::GSSENCRequest::decode(body)) {
      const std::string no = "N";  // the bytes do not leave this machine in the clear: the tunnel is TLS
      DBGATE_CO_CHECK(co_await client.write_all(protocol::as_bytes(no)));
      continue;
    }
    if (!code || *code >> 16 != 3) co_return not_postgres();
    if (verifier != nullptr) DBGATE_CO_CHECK(co_await check_password(client, *verifier));
    co_return packet;
  }
  co_return not_postgres();
}

}  // namespace

std::string fatal_message(const Error& error) {
  const std::pair<char, std::string> texts[] = {{'S', "FATAL"},
                                                {'V', "FATAL"},
                                                {'C', std::string(error.code().text())},
                                                {'M', error.message()},
                                                {'H', error.hint()}};
  std::vector<backend::ErrorField> fields;
  for (const auto& [code, text] : texts) {
    if (!text.empty()) fields.push_back({code, text});
  }
  std::string storage;
  return encoded(backend::ErrorResponse{backend::ErrorFields::lay_out(fields, storage)});
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
