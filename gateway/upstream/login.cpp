#include "gateway/upstream/login.h"

#include "gateway/auth/md5.h"
#include "gateway/auth/scram_client.h"
#include "protocol/postgres/field_reader.h"
#include "protocol/postgres/field_writer.h"
#include "protocol/postgres/frame.h"

namespace dbgate::upstream {
namespace {

using protocol::Bytes;
using protocol::FieldReader;
using protocol::FieldWriter;

constexpr std::size_t header_bytes = 5;
// Nothing in a login is longer; what comes before authentication is not trusted with memory.
constexpr std::size_t max_login_message = 16 * 1024;

Error broken(const char* what) {
  return {sqlstate::connection_failure, std::string("the server sent ") + what};
}

Error server_error(Bytes body, bool authenticated) {
  // Before the server has proved who it is, its words are not shown to anybody.
  if (!authenticated) return {sqlstate::connection_failure, "the server refused the login of the upstream account"};
  FieldReader reader(body);
  SqlState code;
  std::string message = "the server refused the connection";
  for (;;) {
    const auto field = reader.uint8();
    if (!field || *field == 0) break;
    const auto text = reader.string();
    if (!text) break;
    if (*field == 'C') code = SqlState::from(*text);
    if (*field == 'M') message = *text;
  }
  return {code, std::move(message)};
}

std::string startup_packet(const ServerSpec& spec, const StartupParameters& parameters) {
  std::string packet(4, '\0');
  FieldWriter writer(packet);
  writer.int32(3 << 16);
  const auto add = [&writer](std::string_view name, std::string_view value) {
    writer.string(name);
    writer.string(value);
  };
  add("user", spec.user);
  add("database", spec.database);
  for (const auto& [name, value] : parameters)
    add(name, value);
  writer.int8(0);
  const auto length = static_cast<std::uint32_t>(packet.size());
  for (std::size_t i = 0; i < 4; ++i)
    packet[i] = static_cast<char>(length >> (24 - 8 * i) & 0xff);
  return packet;
}

std::string password_message(std::string_view content, bool terminated) {
  std::string message;
  FieldWriter writer(message);
  writer.begin_message('p');
  if (terminated) {
    writer.string(content);
  } else {
    writer.bytes(protocol::as_bytes(content));
  }
  writer.end_message();
  return message;
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
  Result<std::string> start_scram(FieldReader& reader);

  Connection& connection_;
  const ServerSpec& spec_;
  std::unique_ptr<auth::ScramClient> scram_;
  bool proved_ = false;
  bool answered_md5_ = false;
};

Result<std::string> Authentication::start_scram(FieldReader& reader) {
  bool plain = false;
  bool plus = false;
  for (;;) {
    const auto mechanism = reader.string();
    if (!mechanism) return broken("an invalid list of SASL mechanisms");
    if (mechanism->empty()) break;
    plain = plain || *mechanism == "SCRAM-SHA-256";
    plus = plus || *mechanism == "SCRAM-SHA-256-PLUS";
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
  std::string message;
  FieldWriter writer(message);
  writer.begin_message('p');
  writer.string(scram_->mechanism());
  writer.int32(static_cast<std::int32_t>(first.size()));
  writer.bytes(protocol::as_bytes(first));
  writer.end_message();
  return message;
}

Result<std::string> Authentication::on_request(Bytes body) {
  FieldReader reader(body);
  const auto method = reader.int32();
  if (!method) return broken("an invalid authentication request");
  switch (*method) {
    case 3:
      return Error(sqlstate::connection_failure, "the server asks for the password in clear text, which dbgate refuses",
                   "configure scram-sha-256 for the upstream account in pg_hba.conf");
    case 5: {
      const auto salt = reader.bytes(4);
      if (!salt) return broken("an invalid authentication request");
      if (!spec_.allow_md5) {
        return Error(sqlstate::connection_failure, "the server asks for md5 authentication, which dbgate refuses",
                     "configure scram-sha-256 for the upstream account, or set upstream.allow_md5");
      }
      answered_md5_ = true;
      return password_message(auth::md5_response(spec_.password, spec_.user, protocol::as_text(*salt)), true);
    }
    case 10:
      return start_scram(reader);
    case 11:
    case 12: {
      if (!scram_) return broken("an authentication message out of order");
      const std::string_view data = protocol::as_text(reader.rest());
      if (*method == 11) {
        DBGATE_TRY(const std::string final, scram_->on_server_first(data));
        return password_message(final, false);
      }
      const auto verified = scram_->on_server_final(data);
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
    if (message->type == 'E') co_return server_error(message->body, authentication.proved());
    if (message->type == 'v') continue;  // NegotiateProtocolVersion: 3.0 is what we speak
    if (message->type != 'R') co_return broken("an unexpected message during authentication");
    const auto method = FieldReader(message->body).int32();
    if (method && *method == 0) co_return authentication.on_ok();
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
    if (unread.size() >= header_bytes) {
      const auto header = protocol::decode_header(unread);
      if (!header || header->body_length > max_bytes) co_return broken("a message of invalid length");
      const std::size_t whole = header_bytes + header->body_length;
      if (unread.size() >= whole) {
        connection.received.consume(whole);
        co_return Message{header->type, unread.subspan(header_bytes, header->body_length)};
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
    FieldReader reader(message->body);
    switch (message->type) {
      case 'S': {
        const auto name = reader.string();
        const auto value = reader.string();
        if (!name || !value) co_return broken("an invalid ParameterStatus");
        connection.status.emplace_back(*name, *value);
        break;
      }
      case 'K': {
        const auto pid = reader.int32();
        if (!pid) co_return broken("an invalid BackendKeyData");
        connection.pid = *pid;
        connection.cancel_key = protocol::as_text(reader.rest());
        break;
      }
      case 'E':
        co_return server_error(message->body, true);
      case 'N':
      case 'v':
        break;
      case 'Z':
        co_return boost::system::in_place_value;
      default:
        co_return broken("an unexpected message after authentication");
    }
  }
}

}  // namespace dbgate::upstream
