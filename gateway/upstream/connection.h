#pragma once
#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "gateway/net/stream.h"
#include "gateway/net/tls.h"
#include "gateway/upstream/host_set.h"
#include "protocol/postgres/read_buffer.h"

namespace dbgate::upstream {

/// libpq's sslmode.
enum class SslMode : std::uint8_t { disable, allow, prefer, require, verify_ca, verify_full };
/// libpq's channel_binding.
enum class ChannelBinding : std::uint8_t { disable, prefer, require };

/// How to reach and enter one PostgreSQL server. Plain data, shared by all connections of a target.
struct ServerSpec {
  struct Host {
    std::string name;  ///< a name, a numeric address, or the directory of a Unix socket
    std::uint16_t port = 5432;
  };
  std::vector<Host> hosts;          ///< tried in this order, but for …
  std::shared_ptr<HostSet> choice;  ///< … where it is found out which of them serves: null elsewhere
  std::string database;
  std::string user;
  std::string password;
  SslMode sslmode = SslMode::verify_full;
  ChannelBinding channel_binding = ChannelBinding::prefer;
  /// Methods the server may ask for; what it asks for beyond is refused. SCRAM is always among them.
  bool allow_md5 = false;
  bool allow_no_password = false;                   ///< trust, peer, or a client certificate
  net::TlsContext tls;                              ///< null only with SslMode::disable
  std::chrono::milliseconds connect_timeout{5000};  ///< for one host: connecting, TLS and login together
  net::KeepAlive keep_alive{};
};

/// Settings sent in the startup packet, in order.
using StartupParameters = std::vector<std::pair<std::string, std::string>>;

/// A server connection that has logged in and is idle.
struct Connection {
  net::Stream stream;
  protocol::ReadBuffer received;  ///< bytes that came with the end of the login
  StartupParameters status;       ///< ParameterStatus as reported
  std::int32_t pid = 0;
  std::string cancel_key;
  ServerSpec::Host host;
  std::string database;        ///< that it has logged in to
  std::string user;            ///< that it has logged in as
  std::int64_t opened_us = 0;  ///< since 1970 UTC
  HostUse use;                 ///< of the host, where there is a choice
  std::chrono::steady_clock::time_point opened{std::chrono::steady_clock::now()};
};

/// One database of one server, as a connection to the server tells.
struct DatabasePlace {
  ServerSpec::Host host;  ///< as it was reached, …
  net::Address address;   ///< … and where that was
  std::string database;

  bool is_of(const Connection& connection) const;
};

/// Connects to one host of the target, with TLS and login. Errors: as connect().
Task<Result<Connection>> connect_one(net::Executor executor, const ServerSpec& spec, const ServerSpec::Host& host,
                                     const StartupParameters& parameters);

/// Whether it is the way to the server that is at fault, or a server that starts or stops: another host may do.
bool is_of_the_host(const Error& why);

/// Connects to the first host that takes the connection, with TLS and login. Errors: 08006 without anything that the
/// server said before it was authenticated, but 53300 and 57P03, in dbgate's words; after that, the server's own
/// SQLSTATE and message (53300, 3D000, …).
Task<Result<Connection>> connect(net::Executor executor, const ServerSpec& spec, StartupParameters parameters);

/// Opens a plain stream to the first host that takes the connection; for engines that do not speak PostgreSQL.
Task<Result<net::Stream>> open(net::Executor executor, const ServerSpec& spec);

/// Asks the server to cancel what its process `pid` does, and waits until the server has closed the request's
/// connection: from then on the signal has been sent and cannot hit a later statement.
Task<> request_cancel(net::Executor executor, const ServerSpec& spec, ServerSpec::Host host, std::int32_t pid,
                      std::string cancel_key);

}  // namespace dbgate::upstream
