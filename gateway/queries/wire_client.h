#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gateway/net/stream.h"
#include "protocol/postgres/backend_messages.h"
#include "protocol/postgres/read_buffer.h"

namespace dbgate::queries {

/// What an ErrorResponse or NoticeResponse says (PostgreSQL docs ch. 55.8).
struct ServerMessage {
  std::string severity;
  std::string sqlstate;
  std::string message;
  std::string detail;
  std::string hint;
  int position = 0;  ///< 1-based character; 0: none
};
ServerMessage read_message(const protocol::backend::ErrorFields& fields);

/// The frontend's side of one connection (PostgreSQL docs ch. 55): startup packet, messages out, messages in. Holds no
/// more than one message and what came with it; whoever does not ask for the next one makes the backend wait.
class WireClient {
 public:
  using Parameters = std::vector<std::pair<std::string_view, std::string_view>>;
  struct Message {
    char type = 0;
    protocol::Bytes body;  ///< valid until the next call
  };

  /// @param max_message_bytes  of a message's body
  WireClient(net::Stream stream, std::size_t max_message_bytes)
      : stream_(std::move(stream)), max_message_bytes_(max_message_bytes) {}

  /// From the startup packet to ReadyForQuery. Somebody else has settled who this is: the backend asks for nothing.
  /// Errors: 08006 the connection broke, or what came is not the protocol; refusal() has what the backend said.
  Task<Result<>> enter(Parameters parameters);
  Task<Result<>> send(std::string messages);
  /// Errors: 08006 as above, 54000 the message is larger than the limit.
  Task<Result<Message>> receive();
  /// Whether receive() would give a message without a wait.
  bool at_hand() const noexcept;
  /// Every wait ends, with an error.
  void shutdown() noexcept { stream_.shutdown(); }

  const std::optional<ServerMessage>& refusal() const noexcept { return refusal_; }
  std::int32_t pid() const noexcept { return pid_; }
  const std::string& cancel_key() const noexcept { return cancel_key_; }

 private:
  net::Stream stream_;
  const std::size_t max_message_bytes_;
  protocol::ReadBuffer received_;
  std::size_t given_ = 0;  // bytes of the message that was given out last
  std::optional<ServerMessage> refusal_;
  std::int32_t pid_ = 0;
  std::string cancel_key_;
};

/// Sends a CancelRequest and waits, within the limit, until the other side has closed: then the signal has been sent.
Task<> send_cancel(net::Stream stream, std::int32_t pid, std::string key, std::chrono::milliseconds limit);

}  // namespace dbgate::queries
