#include "gateway/upstream/login.h"

#include "gateway/auth/md5.h"
#include "gateway/auth/scram_client.h"
#include "protocol/postgres/backend_messages.h"
#include "protocol/postgres/field_writer.h"
#include "protocol/postgres/frame.h"
#include "protocol/postgres/startup_packets.h"

namespace dbgate::upstream {
namespace {

namespace frontend = protocol::frontend;
namespace backend = protocol::backend;
using protocol::Bytes;
using protocol::encoded;
using protocol::MessageHeader;

// Nothing in a login is longer; what comes before authentication is not trusted with memory.
constexpr std::size_t max_login_message = 16 * 1024;

Error broken(const char* what) {
  return {sqlstate::connection_failure, std::string("the server sent ") + what};
}

// Before the server has proved who it is, its words are not shown to anybody. Two reasons are worth trying again for,
// and programs that do know them by their SQLSTATE: those are told in dbgate's words.
Error unproved_error(Bytes body) {
  const SqlState code = SqlState::from(backend::ErrorHead::read(body).sqlstate);
  if (code == sqlstate::too_many_connections) {
    return {
        code, "the database server has no connection left",
        "Its max_connections, or the limit of the upstream account, is reached; pool.max bounds what dbgate takes."};
  }
  if (code == sqlstate::cannot_connect_now) {
    return {code, "the database server takes no connections now: it starts, stops or recovers"};
  }
  return {sqlstate::connection_failure, "the server refused the login of the upstream account"};
}

Error server_error(Bytes body, bool authenticated) {
  if (!authenticated) return unproved_error(body);
  const auto error = backend::ErrorResponse::decode(body);
  if (!error) return broken("an invalid ErrorResponse");
  const std::string_view message = backend::find_field(error->fields, 'M');
  return {SqlState::from(backend::find_field(error->fields, 'C')),
          message.empty() ? "the server refused the connection" : std::string(message)};
}

std::string startup_packet(const ServerSpec& spec, const StartupParameters& parameters) {
  std::vector<frontend::StartupParameter> all{{"user", spec.user}, {"database", spec.database}};
  for (const auto& [name, value] : parameters)
    all.push_back({name, value});
  std::string storage;
  frontend::StartupMessage message;
  message.parameters = protocol::Repeated<frontend::StartupParameter>::lay_out(all, storage);
  return encoded(message);
}

// dbgate asks for protocol 3.0 without options, so there is nothing that a server could decline.
Result<> check_negotiation(Bytes body) {
  const auto negotiated = backend::NegotiateProtocolVersion::decode(body);
  if (!negotiated || !negotiated->unknown_options.empty()) return broken("an invalid NegotiateProtocolVersion");
  return boost::system::in_place_value;
}

/// The client side of one login's authentication.
class Authentication {
 public:
  Authentication(Connection& connection, const ServerSpec& spec) : connection_(connection), spec_(spec) {}

  bool proved() const noexcept { return proved_; }
  /// Handles one Authentication message. @return the answer to send, empty for none
  Result<std::string> on_request(Bytes body);
  /// Whether AuthenticationOk may be believed at this point.
  Result<> on_ok() const;

 private:
  Result<std::string> start_scram(Bytes body);

  Connection& connection_;
  const ServerSpec& spec_;
  std::unique_ptr<auth::ScramClient> scram_;
  bool proved_ = false;
  bool answered_md5_ = false;
};

Result<std::string> Authentication::start_scram(Bytes body) {
  const auto request = backend::AuthenticationSASL::decode(body);
  if (!request) return broken("an invalid list of SASL mechanisms");
  bool plain = false;
  bool plus = false;
  for (const std::string_view mechanism : request->mechanisms) {
    plain = plain || mechanism == "SCRAM-SHA-256";
    plus = plus || mechanism == "SCRAM-SHA-256-PLUS";
  }
  std::string end_point;
  if (spec_.channel_binding != ChannelBinding::disable) end_point = connection_.stream.server_end_point(false);
  const bool bind = plus && !end_point.empty();
  if (!bind && spec_.channel_binding == ChannelBinding::require) {
    return Error(sqlstate::connection_failure, "the server does not offer channel binding, which is required");
  }
  if (!plain && !bind) return broken("no SASL mechanism that dbgate knows");
  scram_ = std::make_unique<auth::ScramClient>(spec_.password, bind ? end_point : std::string(), !end_point.empty());
  const std::string first = scram_->client_first();
  return encoded(frontend::SASLInitialResponse{scram_->mechanism(), protocol::as_bytes(first)});
}

Result<std::string> Authentication::on_request(Bytes body) {
  const auto method = backend::decode_authentication_method(body);
  if (!method) return broken("an invalid authentication request");
  switch (*method) {
    case backend::AuthenticationCleartextPassword::method:
      return Error(sqlstate::connection_failure, "the server asks for the password in clear text, which dbgate refuses",
                   "configure scram-sha-256 for the upstream account in pg_hba.conf");
    case backend::AuthenticationMD5Password::method: {
      const auto request = backend::AuthenticationMD5Password::decode(body);
      if (!request) return broken("an invalid authentication request");
      if (!spec_.allow_md5) {
        return Error(sqlstate::connection_failure, "the server asks for md5 authentication, which dbgate refuses",
                     "configure scram-sha-256 for the upstream account, or set upstream.allow_md5");
      }
      answered_md5_ = true;
      const std::string digest = auth::md5_response(spec_.password, spec_.user, protocol::as_text(request->salt));
      return encoded(frontend::PasswordMessage{digest});
    }
    case backend::AuthenticationSASL::method:
      return start_scram(body);
    case backend::AuthenticationSASLContinue::method: {
      if (!scram_) return broken("an authentication message out of order");
      const auto request = backend::AuthenticationSASLContinue::decode(body);
      DBGATE_TRY(const std::string final, scram_->on_server_first(protocol::as_text(request->data)));
      return encoded(frontend::SASLResponse{protocol::as_bytes(final)});
    }
    case backend::AuthenticationSASLFinal::method: {
      if (!scram_) return broken("an authentication message out of order");
      const auto request = backend::AuthenticationSASLFinal::decode(body);
      const auto verified = scram_->on_server_final(protocol::as_text(request->data));
      if (!verified) return verified.error();
      proved_ = true;
      return std::string();
    }
    default:
      return Error(sqlstate::connection_failure,
                   "the server asks for an authentication method that dbgate does not know");
  }
}

Result<> Authentication::on_ok() const {
  if (proved_ || answered_md5_ || spec_.allow_no_password) return boost::system::in_place_value;
  return Error(sqlstate::connection_failure, "the server let dbgate in without authentication, which dbgate refuses",
               "configure scram-sha-256 for the upstream account, or set upstream.allow_no_password");
}

Task<Result<>> authenticate(Connection& connection, const ServerSpec& spec) {
  Authentication authentication(connection, spec);
  for (;;) {
    const auto message = co_await read_message(connection, max_login_message);
    if (!message) co_return message.error();
    if (message->type == backend::ErrorResponse::type) {
      co_return server_error(message->body, authentication.proved());
    }
    if (message->type == backend::NegotiateProtocolVersion::type) {
      DBGATE_CO_CHECK(check_negotiation(message->body));
      continue;
    }
    if (message->type != backend::AuthenticationOk::type) {
      co_return broken("an unexpected message during authentication");
    }
    if (backend::AuthenticationOk::decode(message->body)) co_return authentication.on_ok();
    const auto answer = authentication.on_request(message->body);
    if (!answer) co_return answer.error();
    if (answer->empty()) continue;
    const auto sent = co_await connection.stream.write_all(protocol::as_bytes(*answer));
    if (!sent) co_return sent.error();
  }
}

}  // namespace

Task<Result<Message>> read_message(Connection& connection, std::size_t max_bytes) {
  for (;;) {
    const Bytes unread = connection.received.unread();
    if (unread.size() >= MessageHeader::bytes) {
      const auto header = protocol::decode_header(unread);
      if (!header || header->body_length > max_bytes) co_return broken("a message of invalid length");
      const std::size_t whole = MessageHeader::bytes + header->body_length;
      if (unread.size() >= whole) {
        connection.received.consume(whole);
        co_return Message{header->type, unread.subspan(MessageHeader::bytes, header->body_length)};
      }
    }
    const auto room = connection.received.prepare(4096);
    const auto got = co_await connection.stream.read_some(room);
    if (!got) co_return got.error();
    connection.received.commit(*got);
  }
}

Task<Result<>> log_in(Connection& connection, const ServerSpec& spec, const StartupParameters& parameters) {
  const std::string packet = startup_packet(spec, parameters);
  const auto sent = co_await connection.stream.write_all(protocol::as_bytes(packet));
  if (!sent) co_return sent.error();
  const auto authenticated = co_await authenticate(connection, spec);
  if (!authenticated) co_return authenticated.error();
  for (;;) {
    const auto message = co_await read_message(connection, max_login_message);
    if (!message) co_return message.error();
    switch (message->type) {
      case backend::ParameterStatus::type: {
        const auto status = backend::ParameterStatus::decode(message->body);
        if (!status) co_return broken("an invalid ParameterStatus");
        connection.status.emplace_back(status->name, status->value);
        break;
      }
      case backend::BackendKeyData::type: {
        const auto key = backend::BackendKeyData::decode(message->body);
        if (!key) co_return broken("an invalid BackendKeyData");
        connection.pid = key->process_id;
        connection.cancel_key = protocol::as_text(key->secret_key);
        break;
      }
      case backend::ErrorResponse::type:
        co_return server_error(message->body, true);
      case backend::NoticeResponse::type:
        break;
      case backend::NegotiateProtocolVersion::type:
        DBGATE_CO_CHECK(check_negotiation(message->body));
        break;
      case backend::ReadyForQuery::type:
        if (!backend::ReadyForQuery::decode(message->body)) co_return broken("an invalid ReadyForQuery");
        co_return boost::system::in_place_value;
      default:
        co_return broken("an unexpected message after authentication");
    }
  }
}

}  // namespace dbgate::upstream
