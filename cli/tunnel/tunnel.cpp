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
Task<> to_gateway(net::Stream& client, Remote& remote, net::Event& over, TunnelCounts& counts, bool& client_ended) {
  std::vector<std::byte> buffer(buffer_bytes);
  for (;;) {
    const auto got = co_await client.read_some(buffer);
    if (!got) break;
    const bool sent = co_await remote.write_all({reinterpret_cast<const char*>(buffer.data()), *got});
    if (!sent) co_return;
    counts.bytes_sent += *got;
  }
  client_ended = true;
  co_await remote.close();
  co_await over.wait();
}

Task<> to_client(net::Stream& client, Remote& remote, TunnelCounts& counts) {
  std::vector<char> buffer(buffer_bytes);
  for (;;) {
    const std::size_t got = co_await remote.read_some(buffer);
    if (got == 0) break;
    counts.bytes_received += got;
    const auto sent = co_await client.write_all(protocol::as_bytes(std::string_view(buffer.data(), got)));
    if (!sent) break;
  }
}

/// Counts a connection as open while it lives.
class Open {
 public:
  explicit Open(TunnelCounts& counts) : counts_(counts) {
    ++counts_.connections;
    ++counts_.open;
  }
  ~Open() { --counts_.open; }
  Open(const Open&) = delete;
  Open& operator=(const Open&) = delete;

 private:
  TunnelCounts& counts_;
};

}  // namespace

Tunnel::Tunnel(boost::asio::io_context& context, TunnelSettings settings)
    : context_(context), settings_(std::move(settings)), listener_(context) {}

Result<> Tunnel::open() {
  return listener_.open(settings_.address);
}

void Tunnel::start(TunnelToken& token) {
  token_ = &token;
  listener_.start(
      "tunnel", [this]() -> boost::asio::io_context& { return context_; },
      [this](net::Stream client) { return serve(std::move(client)); });
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
  const Open open(counts_);
  co_await relay(client, std::move(first));
  co_await client.linger(farewell_limit);
}

Task<> Tunnel::relay(net::Stream& client, std::string first) {
  const std::string token = co_await token_->current();
  auto remote = co_await open_remote(client.executor(), settings_.options, settings_.url, token, settings_.path);
  if (!remote && remote.error().code() == sqlstate::invalid_authorization_specification) {
    std::string other = co_await token_->instead_of(token);
    if (!other.empty()) {
      remote =
          co_await open_remote(client.executor(), settings_.options, settings_.url, std::move(other), settings_.path);
    }
  }
  if (!remote) {
    const Error why = remote.error();
    counts_.last_error = why.message();
    const std::string message = settings_.speaks_postgres ? fatal_message(why) : std::string();
    co_await client.write_all(protocol::as_bytes(message));
    co_return;
  }
  Remote& gateway = **remote;
  if (!first.empty()) {
    const bool sent = co_await gateway.write_all(first);
    if (!sent) co_return;
    counts_.bytes_sent += first.size();
  }
  net::Event over(client.executor());
  bool client_ended = false;
  co_await net::race(to_gateway(client, gateway, over, counts_, client_ended), to_client(client, gateway, counts_));
  if (client_ended) co_return;
  const std::string reason = gateway.close_reason();
  if (!reason.empty()) counts_.last_error = reason;
  // It was not the client who said goodbye: has the sign-in ended, or only this session?
  token_->doubt();
}

}  // namespace dbgate::cli
