#include "gateway/queries/wire_client.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "protocol/postgres/field_writer.h"
#include "protocol/postgres/frame.h"
#include "protocol/postgres/frontend_messages.h"

namespace dbgate::queries {
namespace {

namespace frontend = protocol::frontend;
namespace backend = protocol::backend;
using protocol::MessageHeader;

// Large messages are read into a buffer of their size, which is given back with them.
constexpr std::size_t usual_read_bytes = protocol::ReadBuffer::usual_bytes;

Error broken(const char* what) {
  return {sqlstate::connection_failure, what};
}

}  // namespace

ServerMessage read_message(const backend::ErrorFields& fields) {
  ServerMessage read;
  read.severity = backend::find_field(fields, 'V');
  if (read.severity.empty()) read.severity = backend::find_field(fields, 'S');
  read.sqlstate = SqlState::from(backend::find_field(fields, 'C')).text();
  read.message = backend::find_field(fields, 'M');
  read.detail = backend::find_field(fields, 'D');
  read.hint = backend::find_field(fields, 'H');
  const std::string_view position = backend::find_field(fields, 'P');
  const auto parsed = std::from_chars(position.data(), position.data() + position.size(), read.position);
  if (parsed.ec != std::errc() || read.position < 0) read.position = 0;
  return read;
}

Task<Result<>> WireClient::enter(Parameters parameters) {
  std::vector<frontend::StartupParameter> items;
  for (const auto& [name, value] : parameters)
    items.push_back({name, value});
  std::string storage;
  frontend::StartupMessage startup;
  startup.parameters = protocol::Repeated<frontend::StartupParameter>::lay_out(items, storage);
  DBGATE_CO_CHECK(co_await send(protocol::encoded(startup)));
  for (;;) {
    DBGATE_CO_TRY(const Message message, co_await receive());
    switch (message.type) {
      case backend::AuthenticationOk::type:
        if (!backend::AuthenticationOk::decode(message.body)) co_return broken("the gateway asks who this is");
        break;
      case backend::BackendKeyData::type: {
        const auto key = backend::BackendKeyData::decode(message.body);
        if (!key) co_return broken("an invalid BackendKeyData");
        pid_ = key->process_id;
        cancel_key_ = protocol::as_text(key->secret_key);
        break;
      }
      case backend::ErrorResponse::type: {
        const auto error = backend::ErrorResponse::decode(message.body);
        if (!error) co_return broken("an invalid ErrorResponse");
        refusal_ = read_message(error->fields);
        co_return broken("the gateway refused the connection");
      }
      case backend::ParameterStatus::type:
      case backend::NoticeResponse::type:
        break;
      case backend::ReadyForQuery::type:
        co_return boost::system::in_place_value;
      default:
        co_return broken("an unexpected message before ReadyForQuery");
    }
  }
}

Task<Result<>> WireClient::send(std::string messages) {
  const auto sent = co_await stream_.write_all(protocol::as_bytes(messages));
  co_return sent;
}

bool WireClient::at_hand() const noexcept {
  const protocol::Bytes unread = received_.unread().subspan(given_);
  const auto header = protocol::decode_header(unread);
  return header && unread.size() - MessageHeader::bytes >= header->body_length;
}

Task<Result<WireClient::Message>> WireClient::receive() {
  received_.consume(std::exchange(given_, 0));
  if (received_.capacity() > usual_read_bytes) received_.release_if_empty();
  for (;;) {
    const protocol::Bytes unread = received_.unread();
    std::size_t missing = usual_read_bytes;
    if (unread.size() >= MessageHeader::bytes) {
      const auto header = protocol::decode_header(unread);
      if (!header) co_return broken("a message of invalid length");
      if (header->body_length > max_message_bytes_) {
        co_return Error(sqlstate::program_limit_exceeded,
                        "a row of the result is larger than " + std::to_string(max_message_bytes_) + " bytes");
      }
      const std::size_t whole = MessageHeader::bytes + header->body_length;
      if (unread.size() >= whole) {
        given_ = whole;
        co_return Message{header->type, unread.subspan(MessageHeader::bytes, header->body_length)};
      }
      missing = std::max(whole - unread.size(), unread.size() == 0 ? usual_read_bytes : std::size_t{4096});
    }
    DBGATE_CO_TRY(const std::size_t got, co_await stream_.read_some(received_.prepare(missing)));
    received_.commit(got);
  }
}

Task<> send_cancel(net::Stream stream, std::int32_t pid, std::string key, std::chrono::milliseconds limit) {
  const net::Deadline deadline(stream, limit);
  const std::string packet = protocol::encoded(frontend::CancelRequest{pid, protocol::as_bytes(key)});
  const auto sent = co_await stream.write_all(protocol::as_bytes(packet));
  if (!sent) co_return;
  std::array<std::byte, 1> nothing;
  static_cast<void>(co_await stream.read_some(nothing));
}

}  // namespace dbgate::queries
