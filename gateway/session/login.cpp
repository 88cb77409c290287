#include "gateway/session/login.h"

#include "gateway/auth/scram_server.h"
#include "gateway/session/replies.h"
#include "protocol/postgres/field_reader.h"
#include "protocol/postgres/field_writer.h"
#include "protocol/postgres/frame.h"
#include "protocol/postgres/read_buffer.h"

namespace dbgate::session {
namespace {

using protocol::FieldReader;
using protocol::FieldWriter;
using protocol::MessageHeader;

constexpr std::size_t max_authentication_message = 4096;
constexpr std::uint16_t newest_minor_version = 2;
constexpr std::size_t max_application_name = 63;  // NAMEDATALEN - 1

std::string authentication(std::int32_t code, std::string_view data) {
  std::string message;
  FieldWriter writer(message);
  writer.begin_message('R');
  writer.int32(code);
  writer.bytes(protocol::as_bytes(data));
  writer.end_message();
  return message;
}

Error gone() {
  return {sqlstate::connection_failure, ""};
}

// Reads exactly one message: what a client sends ahead of AuthenticationOk stays in the socket until it is expected.
Task<Result<std::string>> read_password_message(net::Stream& client) {
  std::array<std::byte, MessageHeader::bytes> head{};
  std::size_t have = 0;
  while (have < head.size()) {
    const auto got = co_await client.read_some(std::span(head).subspan(have));
    if (!got) co_return gone();
    have += *got;
  }
  const auto header = protocol::decode_header(head);
  if (!header || header->type != 'p' || header->body_length > max_authentication_message) {
    co_return Error(sqlstate::protocol_violation, "expected a password response");
  }
  std::string body(header->body_length, '\0');
  have = 0;
  while (have < body.size()) {
    const std::span<std::byte> room(reinterpret_cast<std::byte*>(body.data()) + have, body.size() - have);
    const auto got = co_await client.read_some(room);
    if (!got) co_return gone();
    have += *got;
  }
  co_return body;
}

}  // namespace

Task<Result<std::string>> authenticate(net::Stream& client, const Account& account, SessionInfo& info) {
  auth::ScramServer scram(account.verifier, account.exists, client.server_end_point(true));
  const std::string offer = authentication(10, scram.mechanisms());
  const auto offered = co_await client.write_all(protocol::as_bytes(offer));
  if (!offered) co_return gone();
  const auto initial = co_await read_password_message(client);
  if (!initial) co_return initial.error();
  FieldReader reader(protocol::as_bytes(*initial));
  const auto mechanism = reader.string();
  const auto length = reader.int32();
  if (!mechanism || !length || *length < 0 || reader.remaining() != static_cast<std::size_t>(*length)) {
    co_return Error(sqlstate::protocol_violation, "malformed SASLInitialResponse");
  }
  info.auth_method = *mechanism == "SCRAM-SHA-256-PLUS" ? "scram-sha-256-plus" : "scram-sha-256";
  const auto first = scram.start(*mechanism, protocol::as_text(reader.rest()));
  if (!first) co_return first.error();
  const std::string challenge = authentication(11, *first);
  const auto challenged = co_await client.write_all(protocol::as_bytes(challenge));
  if (!challenged) co_return gone();
  const auto response = co_await read_password_message(client);
  if (!response) co_return response.error();
  const auto last = scram.finish(*response);
  if (!last) {
    const Error why = last.error();
    if (why.code() != sqlstate::invalid_password) co_return why;
    co_return Error(why.code(), "password authentication failed for user \"" + info.user + "\"");
  }
  co_return authentication(12, *last);
}

upstream::StartupParameters server_parameters(const StartupRequest& request, const Route& route,
                                              const SessionInfo& info) {
  upstream::StartupParameters parameters;
  parameters.emplace_back("client_encoding", "UTF8");
  std::string name = "dbgate:" + info.user + "/" + info.id;
  name.resize(std::min(name.size(), max_application_name));
  parameters.emplace_back("application_name", std::move(name));
  if (!route.search_path.empty()) parameters.emplace_back("search_path", route.search_path);
  if (request.replication) parameters.emplace_back("replication", request.replication_value);
  for (const auto& setting : request.settings) {
    if (setting.first != "client_encoding" && setting.first != "standard_conforming_strings") {
      parameters.push_back(setting);
    }
  }
  return parameters;
}

Result<std::string> welcome(const StartupRequest& request, const upstream::Connection& server,
                            std::string_view cancel_key) {
  std::string message = authentication(0, {});
  for (const auto& [name, value] : server.status) {
    if ((name == "client_encoding" && value != "UTF8") || (name == "standard_conforming_strings" && value != "on")) {
      return Error(sqlstate::feature_not_supported, "the database server insists on " + name + " = " + value,
                   "dbgate works with client_encoding UTF8 and standard_conforming_strings on");
    }
    const bool own = name == "application_name";
    message += parameter_status(name, own ? std::string_view(request.application_name) : std::string_view(value));
  }
  FieldWriter writer(message);
  writer.begin_message('K');
  writer.int32(server.pid);
  writer.bytes(protocol::as_bytes(cancel_key));
  writer.end_message();
  message += ready_for_query('I');
  return message;
}

std::string negotiation(const StartupRequest& request) {
  if (request.minor_version <= newest_minor_version && request.unknown_options.empty()) return {};
  std::string message;
  FieldWriter writer(message);
  writer.begin_message('v');
  writer.int32((3 << 16) | std::min(request.minor_version, newest_minor_version));
  writer.int32(static_cast<std::int32_t>(request.unknown_options.size()));
  for (const std::string& option : request.unknown_options)
    writer.string(option);
  writer.end_message();
  return message;
}

}  // namespace dbgate::session
