#pragma once
#include <openssl/ssl.h>

#include <chrono>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "gateway/adapters/posix_file.h"
#include "gateway/adapters/syslog_sink.h"

// A stream to a receiver of syslog messages, plain or TLS, whose every wait ends. Inside adapters/ only.
namespace dbgate::adapters {

class SyslogConnection {
 public:
  /// Errors: 08006, naming what went wrong.
  static Result<std::unique_ptr<SyslogConnection>> open(const SyslogReceiver& receiver, const std::stop_token& stop);
  /// Says that nothing more comes, and waits a moment until the receiver has read everything.
  ~SyslogConnection();
  SyslogConnection(const SyslogConnection&) = delete;
  SyslogConnection& operator=(const SyslogConnection&) = delete;

  /// Sends all of it and waits until it is acknowledged. Errors: 08006.
  Result<> send(std::string_view bytes, const std::stop_token& stop);
  /// Whether the receiver is still there, as far as this machine knows.
  bool alive();

 private:
  using Clock = std::chrono::steady_clock;
  struct Free {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };
  SyslogConnection(std::string host, std::chrono::milliseconds timeout) : host_(std::move(host)), timeout_(timeout) {}
  Result<> connect(const std::string& port, const std::stop_token& stop);
  Result<> start_tls(const std::string& ca_file, const std::stop_token& stop);
  /// One step of TLS or of the socket. @return bytes; 0: it would wait for `wanted_`; below: it has failed
  int write_some(std::string_view bytes);
  bool read_away();
  bool wait(short events, Clock::time_point until, const std::stop_token& stop);
  Error failed(const char* what) const;

  const std::string host_;
  const std::chrono::milliseconds timeout_;
  File socket_;
  std::unique_ptr<SSL_CTX, Free> context_;
  std::unique_ptr<SSL, Free> ssl_;
  short wanted_ = 0;
  bool broken_ = false;
};

}  // namespace dbgate::adapters
