#pragma once
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/api/exchange.h"
#include "gateway/net/tls.h"

namespace dbgate::api {

/// A client's TCP connection, plain or TLS, as the HTTP loop uses it. One thread; every wait has a deadline.
class Connection {
 public:
  using Clock = std::chrono::steady_clock;
  enum class Ending : std::uint8_t { none, closed, timed_out };

  virtual ~Connection() = default;

  /// TLS, if the connection is to have it. @param why  becomes net::handshake_failure(); null: nobody asks
  /// @return false if that failed or took too long
  virtual Task<bool> handshake(Clock::time_point deadline, std::string_view* why = nullptr) = 0;
  /// At least one byte. @return 0 when the peer has closed, the connection is broken, or it is too late: see ending()
  virtual Task<std::size_t> read_some(char* into, std::size_t room, Clock::time_point deadline) = 0;
  /// Everything. @return false if the connection is broken, or it is too late
  virtual Task<bool> write(std::string_view bytes, Clock::time_point deadline) = 0;
  virtual Ending ending() const noexcept = 0;
  /// Ends the own side, then reads and drops for a moment what the peer still sends: closing at once would reset the
  /// connection, and the peer would lose the answer.
  virtual Task<> linger() = 0;

  /// Whether the peer has closed its end. Looks, and takes nothing.
  virtual bool peer_gone() const noexcept = 0;
  virtual bool secured() const noexcept = 0;
  /// The client's, verified by TLS.
  virtual std::optional<net::PeerCertificate> client_certificate() const = 0;

  /// Answers the upgrade request and speaks WebSocket from here on, to its end.
  /// @param header  the whole header of the request as it came
  /// @param fields  for the answer
  virtual Task<> serve_websocket(std::string header, const Upgrade& upgrade, const Headers& fields) = 0;

  /// Gives the connection away, with its TLS. Nothing else may be asked of it then. Empty: the peer has sent what does
  /// not belong to HTTP any more and cannot be given back.
  virtual std::optional<OpenConnection> release() = 0;
};

/// @param tls  null: plain
std::unique_ptr<Connection> make_connection(boost::asio::ip::tcp::socket socket, net::TlsContext tls);

}  // namespace dbgate::api
