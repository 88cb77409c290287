#pragma once
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "gateway/api/dispatcher.h"
#include "gateway/api/http_reader.h"
#include "gateway/net/listener.h"
#include "gateway/net/tls.h"

namespace dbgate::api {

/// What a server asks the configuration in force for each new connection.
struct ServerSettings {
  net::TlsContext tls;          ///< null: plain HTTP
  std::size_t connections = 0;  ///< at once; 0: no limit. WebSockets do not count: they are limited as sessions
  std::size_t connections_per_address = 0;  ///< 0: no limit
};

/// Serves HTTP/1.1, with TLS or without, on one event loop. Size and time limits hold before anybody is authenticated.
class HttpServer {
 public:
  /// Serves one connection to its end. @param upgraded  called when it counts among connections no more
  using Serve = std::function<Task<>(std::unique_ptr<Connection> connection, const HttpLimits& limits,
                                     std::string address, std::function<void()> upgraded)>;

  /// The API.
  HttpServer(boost::asio::io_context& context, Dispatcher& dispatcher, std::function<ServerSettings()> settings,
             HttpLimits limits = {});
  /// Anything else.
  HttpServer(boost::asio::io_context& context, Serve serve, std::function<ServerSettings()> settings,
             HttpLimits limits = {});
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// Errors name the address and why it cannot be used.
  Result<> listen(const net::ListenAddress& where);
  int descriptor() noexcept;  ///< of the socket that listens
  std::uint16_t port() const noexcept;
  void close() noexcept;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace dbgate::api
