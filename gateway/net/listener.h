#pragma once
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <string>

#include "gateway/net/stream.h"

namespace dbgate::net {

/// Where to listen: a numeric address and a port (0: any free one), or the path of a Unix socket.
struct ListenAddress {
  std::string address;
  std::uint16_t port = 0;
  std::string unix_path;  ///< non-empty: address and port are not used; a stale socket file is replaced
  int socket = -1;        ///< one that listens there already and is taken over; -1: there is none
  KeepAlive keep_alive{};
};

/// Whether a socket listens at that address; any port will do for port 0.
bool listens_at(int socket, const ListenAddress& where);

/// Accepts connections on one thread and hands each to an io_context, where it stays.
class Listener {
 public:
  using Pick = std::function<boost::asio::io_context&()>;
  /// Serves one connection to its end. Called on the io_context that Pick chose.
  using Serve = std::function<Task<>(Stream)>;

  explicit Listener(boost::asio::io_context& accepting);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  /// Errors name the address and why it cannot be used.
  Result<> open(const ListenAddress& address);
  /// The bound port; 0 for a Unix socket.
  std::uint16_t port() const noexcept { return port_; }
  int descriptor() noexcept { return acceptor_.native_handle(); }
  /// Accepts until close(). `name` stands in logs.
  void start(std::string name, Pick pick, Serve serve);
  void close() noexcept;
  /// The same, while another process goes on listening there.
  void leave() noexcept;

 private:
  using Acceptor = boost::asio::basic_socket_acceptor<boost::asio::generic::stream_protocol>;
  Task<> accept_loop(std::string name, Pick pick, Serve serve);

  Acceptor acceptor_;
  std::uint16_t port_ = 0;
  std::string unix_path_;
};

}  // namespace dbgate::net
