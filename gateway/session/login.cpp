#include "gateway/session/login.h"

#include <algorithm>

#include "gateway/auth/sasl_server.h"
#include "gateway/catalog/search_path.h"
#include "gateway/session/replies.h"
#include "protocol/postgres/authentication_messages.h"
#include "protocol/postgres/backend_messages.h"
#include "protocol/postgres/field_writer.h"
#include "protocol/postgres/frame.h"

namespace dbgate::session {
namespace {

namespace backend = protocol::backend;
namespace frontend = protocol::frontend;
using protocol::encoded;

constexpr std::uint16_t newest_minor_version = 2;
constexpr std::size_t max_application_name = 63;  // NAMEDATALEN - 1
constexpr std::size_t max_token_message = 8 * 1024;

Error gone() {
  return {sqlstate::connection_failure, ""};
}
Error wrong_password(const std::string& user) {
  return {sqlstate::invalid_password, "password authentication failed for user \"" + user + "\""};
}
Error malformed_password() {
  return {sqlstate::protocol_violation, "malformed password message"};
}

Task<Result<std::string>> run_scram(net::Stream& client, AccountPtr account, SessionInfo& info) {
  const std::shared_ptr<const auth::ScramKeyring> passwords(account, &account->passwords);
  auth::SaslServer sasl(passwords, account->exists, client.server_end_point(true));
  std::string message = sasl.offer();
  // What a client sends ahead of AuthenticationOk stays in the socket until it is expected.
  while (!sasl.finished()) {
    const auto sent = co_await client.write_all(protocol::as_bytes(message));
    if (!sent) co_return gone();
    const auto header = co_await client.read_exactly(protocol::MessageHeader::bytes);
    if (!header) co_return gone();
    DBGATE_CO_TRY(const std::size_t length, auth::SaslServer::response_length(protocol::as_bytes(*header)));
    const auto body = co_await client.read_exactly(length);
    if (!body) co_return gone();
    auto answer = sasl.on_response(protocol::as_bytes(*body));
    info.auth_method = sasl.method();
    if (!answer) {
      const Error why = answer.error();
      co_return why.code() == sqlstate::invalid_password ? wrong_password(info.user) : why;
    }
    message = std::move(*answer);
  }
  info.credential = account->credentials[sasl.matched()];
  co_return message;
}

// PostgreSQL docs ch. 55.2.1, AuthenticationCleartextPassword.
Task<Result<std::string>> ask_for_token(Host& host, net::Stream& client, SessionInfo& info) {
  info.auth_method = "token";
  if (!client.secured()) {
    co_return Error(sqlstate::invalid_authorization_specification,
                    "user \"" + info.user + "\" signs in with a token, which is taken inside TLS only",
                    "Connect with sslmode=verify-full, or require at least.");
  }
  const std::string question = encoded(backend::AuthenticationCleartextPassword());
  const auto sent = co_await client.write_all(protocol::as_bytes(question));
  if (!sent) co_return gone();
  const auto head = co_await client.read_exactly(protocol::MessageHeader::bytes);
  if (!head) co_return gone();
  const auto header = protocol::decode_header(protocol::as_bytes(*head));
  if (!header || header->type != frontend::PasswordMessage::type || header->body_length > max_token_message) {
    co_return Error(sqlstate::protocol_violation, "expected a password response");
  }
  const auto body = co_await client.read_exactly(header->body_length);
  if (!body) co_return gone();
  const auto message = frontend::PasswordMessage::decode(protocol::as_bytes(*body));
  if (!message) co_return malformed_password();
  if (message->password.empty()) co_return wrong_password(info.user);
  auto credential = co_await host.check_token(info.user, std::string(message->password));
  if (!credential) {
    const Error why = credential.error();
    co_return why.code() == sqlstate::invalid_password ? wrong_password(info.user) : why;
  }
  info.credential = std::move(*credential);
  co_return std::string();
}

Task<Result<std::string>> ask(Host& host, net::Stream& client, AccountPtr account, SessionInfo& info) {
  if (account->method == Account::Method::token) co_return co_await ask_for_token(host, client, info);
  co_return co_await run_scram(client, std::move(account), info);
}

}  // namespace

Task<Result<std::string>> authenticate(Host& host, net::Stream& client, SessionInfo& info) {
  if (const auto certificate = client.peer_certificate()) {
    if (auto credential = host.certified(info.user, *certificate)) {
      info.auth_method = "certificate";
      info.credential = std::move(*credential);
      co_return std::string();
    }
  }
  const auto begun = std::chrono::steady_clock::now();
  DBGATE_CO_TRY(AccountPtr account, host.account(info.user, info.client));
  auto last = co_await ask(host, client, std::move(account), info);
  // Many may have begun before the first of them failed: what such a try would have come to, nobody learns.
  if (last || !last.error().message().empty()) {
    const auto still = host.account(info.user, info.client);
    if (!still) last = still.error();
  }
  if (!last && !last.error().message().empty()) {
    host.record_login(info, false, last.error().code().text(), std::chrono::steady_clock::now() - begun);
  }
  co_return last;
}

std::string database_in_tunnel(const std::string& asked, const std::string& target) {
  const std::size_t slash = target.find('/');
  const std::string name = target.substr(0, slash);
  const bool same =
      asked == target || asked == name || (slash != std::string::npos && asked == target.substr(slash + 1));
  if (same) return target;
  return asked.starts_with(name + "/") ? asked : name + "/" + asked;
}

std::string application_name_of(const SessionInfo& info, const Route& route) {
  std::string name = info.application;
  if (!route.shows_client_names) {
    name = "dbgate:" + info.user;
    if (route.sharing == Sharing::none) name += "/" + info.id;
  }
  // As the server shows it, and nothing that it could not read (PostgreSQL, pg_clean_ascii()).
  const auto unshown = [](char c) { return c < 0x20 || c > 0x7E; };
  std::replace_if(name.begin(), name.end(), unshown, '?');
  name.resize(std::min(name.size(), max_application_name));
  return name;
}

std::string pool_key(const Route& route, const upstream::StartupParameters& parameters) {
  const upstream::ServerSpec& spec = route.server;
  std::string key;
  const auto add = [&key](std::string_view part) {
    key += part;
    key += '\0';
  };
  add(route.target);
  for (const auto& host : spec.hosts)
    add(host.name + ":" + std::to_string(host.port));
  for (const std::string& part : {spec.database, spec.user, spec.password})
    add(part);
  add(std::to_string(static_cast<int>(spec.sslmode)) + std::to_string(static_cast<int>(spec.channel_binding)));
  if (spec.choice) add(std::to_string(spec.choice->number()));
  for (const auto& [name, value] : parameters) {
    if (name == "application_name") continue;
    add(name);
    add(value);
  }
  return key;
}

// Beyond ASCII the server may fold what is not quoted in an encoding of its own.
bool is_route_path(const StartupSetting& setting, const Route& route) {
  const bool plain = std::all_of(setting.second.begin(), setting.second.end(), [](char c) { return (c & 0x80) == 0; });
  return setting.first == "search_path" && !route.search_path.empty() &&
         (plain || setting.second == route.search_path) &&
         catalog::read_search_path(setting.second) == catalog::read_search_path(route.search_path);
}

std::string as_statement(const StartupSetting& setting) {
  const auto quoted = [](std::string_view text) {
    std::string out = "'";
    for (const char c : text)
      out.append(c == '\'' ? 2 : 1, c);
    return out + "'";
  };
  std::string values;
  if (setting.first == "search_path") {
    for (const std::string& schema : catalog::read_search_path(setting.second))
      values += (values.empty() ? "" : ", ") + quoted(schema);
  }
  return "SET " + setting.first + " TO " + (values.empty() ? quoted(setting.second) : values);
}

upstream::StartupParameters server_parameters(const StartupRequest& request, const Route& route,
                                              const std::string& application_name) {
  upstream::StartupParameters parameters;
  parameters.emplace_back("client_encoding", "UTF8");
  const bool another_may_come = route.shows_client_names && route.sharing != Sharing::none;
  if (!another_may_come) parameters.emplace_back("application_name", application_name);
  const bool own_path = std::any_of(request.settings.begin(), request.settings.end(),
                                    [](const auto& setting) { return setting.first == "search_path"; });
  if (!route.search_path.empty() && !own_path) parameters.emplace_back("search_path", route.search_path);
  for (const auto& setting : route.settings)
    parameters.push_back(setting);
  if (request.replication) parameters.emplace_back("replication", request.replication_value);
  for (const auto& setting : request.settings) {
    if (setting.first != "client_encoding" && setting.first != "standard_conforming_strings") {
      parameters.push_back(setting);
    }
  }
  return parameters;
}

Result<std::string> welcome(const StartupRequest& request, const upstream::StartupParameters& status, std::int32_t pid,
                            std::string_view cancel_key) {
  std::string message = encoded(backend::AuthenticationOk());
  for (const auto& [name, value] : status) {
    if ((name == "client_encoding" && value != "UTF8") || (name == "standard_conforming_strings" && value != "on")) {
      return Error(sqlstate::feature_not_supported, "the database server insists on " + name + " = " + value,
                   "dbgate works with client_encoding UTF8 and standard_conforming_strings on");
    }
    const bool own = name == "application_name";
    const backend::ParameterStatus told{name, own ? request.application_name : value};
    told.encode(message);
  }
  backend::BackendKeyData{pid, protocol::as_bytes(cancel_key)}.encode(message);
  backend::ReadyForQuery().encode(message);
  return message;
}

std::string negotiation(const StartupRequest& request) {
  if (request.minor_version <= newest_minor_version && request.unknown_options.empty()) return {};
  const std::vector<std::string_view> options(request.unknown_options.begin(), request.unknown_options.end());
  std::string storage;
  backend::NegotiateProtocolVersion answer;
  answer.newest_version = 3u << 16 | std::min(request.minor_version, newest_minor_version);
  answer.unknown_options = protocol::Repeated<std::string_view>::lay_out(options, storage);
  return encoded(answer);
}

}  // namespace dbgate::session
