#include "cli/tunnel/tunnel.h"

#include <unistd.h>

#include <vector>

#include "cli/tunnel/local_login.h"
#include "cli/tunnel/remote.h"
#include "gateway/net/race.h"
#include "protocol/postgres/bytes.h"

namespace dbgate::cli {
namespace {

constexpr std::size_t buffer_bytes = 64u << 10;
constexpr std::chrono::seconds login_limit{30};
constexpr std::chrono::milliseconds farewell_limit{500};

// The end of one direction is passed on; the tunnel ends with the other.
Task<> to_gateway(net::Stream& client, Remote& remote, net::Event& over) {
  std::vector<std::byte> buffer(buffer_bytes);
  for (;;) {
    const auto got = co_await client.read_some(buffer);
    if (!got) break;
    const bool sent = co_await remote.write_all({reinterpret_cast<const char*>(buffer.data()), *got});
    if (!sent) co_return;
  }
  co_await remote.close();
  co_await over.wait();
}

Task<> to_client(net::Stream& client, Remote& remote) {
  std::vector<char> buffer(buffer_bytes);
  for (;;) {
    const std::size_t got = co_await remote.read_some(buffer);
    if (got == 0) break;
    const auto sent = co_await client.write_all(protocol::as_bytes(std::string_view(buffer.data(), got)));
    if (!sent) break;
  }
}

}  // namespace

Tunnel::Tunnel(boost::asio::io_context& context, TunnelSettings settings)
    : context_(context), settings_(std::move(settings)), listener_(context) {}

Result<> Tunnel::open() {
  DBGATE_CHECK(listener_.open(settings_.address));
  listener_.start(
      "tunnel", [this]() -> boost::asio::io_context& { return context_; },
      [this](net::Stream client) { return serve(std::move(client)); });
  return boost::system::in_place_value;
}

Task<> Tunnel::serve(net::Stream client) {
  if (!settings_.address.unix_path.empty() && client.peer_uid() != ::geteuid()) co_return;
  std::string first;
  if (settings_.speaks_postgres) {
    const net::Deadline deadline(client, login_limit);
    auto admitted = co_await admit_local_client(client, settings_.verifier ? &*settings_.verifier : nullptr);
    if (!admitted) {
      co_await client.linger(farewell_limit);
      co_return;
    }
    first = std::move(*admitted);
  }
  auto remote =
      co_await open_remote(client.executor(), settings_.options, settings_.url, settings_.token, settings_.path);
  if (!remote) {
    const std::string message = settings_.speaks_postgres ? fatal_message(remote.error()) : std::string();
    co_await client.write_all(protocol::as_bytes(message));
    co_await client.linger(farewell_limit);
    co_return;
  }
  Remote& gateway = **remote;
  if (!first.empty()) {
    const bool sent = co_await gateway.write_all(first);
    if (!sent) co_return;
  }
  net::Event over(client.executor());
  co_await net::race(to_gateway(client, gateway, over), to_client(client, gateway));
  co_await client.linger(farewell_limit);
}

}  // namespace dbgate::cli
