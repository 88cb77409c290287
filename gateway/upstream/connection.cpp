#include "gateway/upstream/connection.h"

#include <array>

#include "gateway/base/clock.h"
#include "gateway/net/connect.h"
#include "gateway/upstream/login.h"
#include "protocol/postgres/field_writer.h"
#include "protocol/postgres/startup_packets.h"

namespace dbgate::upstream {
namespace {

Error at(const ServerSpec::Host& host, const std::string& what) {
  return {sqlstate::connection_failure, host.name + ":" + std::to_string(host.port) + ": " + what};
}

// Asks for TLS as sslmode says. Whatever the server sends before TLS besides the one answer byte is never looked at
// (PostgreSQL docs ch. 55.2.10): only that byte is taken from the socket.
Task<Result<>> secure(net::Stream& stream, const ServerSpec& spec, const ServerSpec::Host& host, SslMode mode) {
  const bool unix_socket = host.name.starts_with('/');
  if (mode == SslMode::disable || mode == SslMode::allow || unix_socket) {
    co_return boost::system::in_place_value;
  }
  const std::string request = protocol::encoded(protocol::frontend::SSLRequest());
  const auto sent = co_await stream.write_all(protocol::as_bytes(request));
  if (!sent) co_return sent.error();
  std::array<std::byte, 1> answer{};
  const auto got = co_await stream.read_some(answer);
  if (!got) co_return got.error();
  const char letter = static_cast<char>(answer[0]);
  if (letter == 'N') {
    if (mode == SslMode::prefer) co_return boost::system::in_place_value;
    co_return at(host, "the server does not offer TLS, which sslmode demands");
  }
  if (letter != 'S') co_return at(host, "the server did not answer the request for TLS");
  const bool check_name = mode == SslMode::verify_full;
  const auto secured = co_await stream.connect_tls(spec.tls.get(), host.name, check_name);
  if (!secured) co_return at(host, secured.error().message());
  co_return boost::system::in_place_value;
}

Task<Result<Connection>> connect_host(net::Executor executor, const ServerSpec& spec, const ServerSpec::Host& host,
                                      const StartupParameters& parameters, SslMode mode) {
  auto connected = co_await net::connect_to(executor, host.name, host.port, spec.connect_timeout);
  if (!connected) co_return connected.error();
  Connection connection{std::move(*connected), {}, {}, 0, {}, host, spec.database, spec.user, wall_clock_us(), {}};
  connection.stream.keep_alive(spec.keep_alive);
  const net::Deadline deadline(connection.stream, spec.connect_timeout);
  const auto secured = co_await secure(connection.stream, spec, host, mode);
  if (!secured) co_return deadline.expired() ? at(host, "timed out while starting TLS") : secured.error();
  const auto entered = co_await log_in(connection, spec, parameters);
  if (!entered) co_return deadline.expired() ? at(host, "timed out during login") : entered.error();
  co_return connection;
}

}  // namespace

Task<Result<Connection>> connect_one(net::Executor executor, const ServerSpec& spec, const ServerSpec::Host& host,
                                     const StartupParameters& parameters) {
  auto connection = co_await connect_host(executor, spec, host, parameters, spec.sslmode);
  if (connection || spec.sslmode != SslMode::allow) co_return connection;
  // "allow" means TLS only for a server that wants nobody without (libpq manual, sslmode). Why it refused cannot be
  // believed yet, so any refusal is answered with TLS.
  co_return co_await connect_host(executor, spec, host, parameters, SslMode::require);
}

bool is_of_the_host(const Error& why) {
  return why.code().error_class() == "08" || why.code().error_class() == "57";
}

Task<Result<Connection>> connect(net::Executor executor, const ServerSpec& spec, StartupParameters parameters) {
  Error last(sqlstate::connection_failure, "the target has no hosts");
  for (const ServerSpec::Host& host : spec.hosts) {
    auto connection = co_await connect_one(executor, spec, host, parameters);
    if (connection) co_return connection;
    last = connection.error();
    // The server was reached and refused us: the next host is another copy of the same one.
    if (!is_of_the_host(last)) break;
  }
  co_return last;
}

Task<Result<net::Stream>> open(net::Executor executor, const ServerSpec& spec) {
  Error last(sqlstate::connection_failure, "the target has no hosts");
  for (const ServerSpec::Host& host : spec.hosts) {
    auto stream = co_await net::connect_to(executor, host.name, host.port, spec.connect_timeout);
    if (stream) {
      stream->keep_alive(spec.keep_alive);
      co_return stream;
    }
    last = stream.error();
  }
  co_return last;
}

Task<> request_cancel(net::Executor executor, const ServerSpec& spec, ServerSpec::Host host, std::int32_t pid,
                      std::string cancel_key) {
  auto connected = co_await net::connect_to(executor, host.name, host.port, spec.connect_timeout);
  if (!connected) co_return;
  net::Stream stream = std::move(*connected);
  const net::Deadline deadline(stream, spec.connect_timeout);
  const auto secured = co_await secure(stream, spec, host, spec.sslmode);
  if (!secured) co_return;
  const std::string packet = protocol::encoded(protocol::frontend::CancelRequest{pid, protocol::as_bytes(cancel_key)});
  const auto sent = co_await stream.write_all(protocol::as_bytes(packet));
  if (!sent) co_return;
  std::array<std::byte, 16> nothing{};
  co_await stream.read_some(nothing);  // the end of the stream is the answer
}

}  // namespace dbgate::upstream
