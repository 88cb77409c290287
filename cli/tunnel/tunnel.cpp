#include "cli/tunnel/tunnel.h"

#include <unistd.h>

#include "cli/tunnel/local_login.h"
#include "protocol/postgres/bytes.h"

namespace dbgate::cli {
namespace {

constexpr std::chrono::seconds login_limit{30};
constexpr std::chrono::milliseconds farewell_limit{500};

/// Counts a connection as open while it lives, which may be longer than the tunnel: what is under way at the process's
/// end goes with the event loop.
class Open {
 public:
  explicit Open(std::shared_ptr<TunnelCounts> counts) : counts_(std::move(counts)) {
    ++counts_->connections;
    ++counts_->open;
  }
  ~Open() { --counts_->open; }
  Open(const Open&) = delete;
  Open& operator=(const Open&) = delete;

 private:
  std::shared_ptr<TunnelCounts> counts_;
};

}  // namespace

Tunnel::Tunnel(boost::asio::io_context& context, TunnelSettings settings)
    : context_(context), settings_(std::move(settings)), opener_(settings_.remote), listener_(context) {}

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
  auto remote = co_await opener_.open(client.executor(), token);
  if (!remote && remote.error().code() == sqlstate::invalid_authorization_specification) {
    std::string other = co_await token_->instead_of(token);
    if (!other.empty()) remote = co_await opener_.open(client.executor(), std::move(other));
  }
  if (!remote) {
    const Error why = remote.error();
    counts_->last_error = why.message();
    const std::string message = settings_.speaks_postgres ? fatal_message(why) : std::string();
    co_await client.write_all(protocol::as_bytes(message));
    co_return;
  }
  RemoteEnd end = co_await (*remote)->relay(client, std::move(first), *counts_);
  if (end.by_client) co_return;
  if (!end.reason.empty()) counts_->last_error = std::move(end.reason);
  // It was not the client who said goodbye: has the sign-in ended, or only this session?
  token_->doubt();
}

}  // namespace dbgate::cli
