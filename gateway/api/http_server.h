#pragma once
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "gateway/api/routes.h"
#include "gateway/net/tls.h"

namespace dbgate::api {

/// Serves /api/v1 over HTTP/1.1, with TLS or without, on one event loop. Size and time limits hold before anybody is
/// authenticated.
class HttpServer {
 public:
  /// @param tls gives the context for each new connection; null: plain HTTP
  HttpServer(boost::asio::io_context& context, Routes& routes, std::function<net::TlsContext()> tls);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// Errors name the address and why it cannot be used.
  Result<> listen(const std::string& address, std::uint16_t port);
  std::uint16_t port() const noexcept;
  void close() noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dbgate::api
