#include "gateway/net/connect.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <vector>

namespace dbgate::net {
namespace {

constexpr auto awaiting = boost::asio::as_tuple(boost::asio::use_awaitable);

// Ends a resolve or a connect when its time is over; the coroutine that waits owns it.
class Timeout {
 public:
  template <class Cancel>
  Timeout(const Executor& executor, std::chrono::milliseconds limit, Cancel cancel)
      : timer_(executor, limit), state_(std::make_shared<State>()) {
    timer_.async_wait([state = state_, cancel](boost::system::error_code cancelled) {
      if (cancelled || state->over) return;
      state->expired = true;
      cancel();
    });
  }
  ~Timeout() { state_->over = true; }
  Timeout(const Timeout&) = delete;
  Timeout& operator=(const Timeout&) = delete;
  bool expired() const { return state_->expired; }

 private:
  struct State {
    bool over = false;
    bool expired = false;
  };
  boost::asio::steady_timer timer_;
  std::shared_ptr<State> state_;
};

Error cannot_connect(const std::string& host, std::uint16_t port, const std::string& why) {
  const std::string where = host.starts_with('/') ? host : host + ":" + std::to_string(port);
  return {sqlstate::connection_failure, "cannot connect to " + where + ": " + why};
}

}  // namespace

Task<Result<Stream>> connect_to(Executor executor, std::string host, std::uint16_t port,
                                std::chrono::milliseconds limit) {
  const AsioAtWork at_work(Reactor::of(executor));
  std::vector<boost::asio::generic::stream_protocol::endpoint> endpoints;
  if (host.starts_with('/')) {
    endpoints.emplace_back(boost::asio::local::stream_protocol::endpoint(host + "/.s.PGSQL." + std::to_string(port)));
  } else {
    boost::asio::ip::tcp::resolver resolver(executor);
    Timeout timeout(executor, limit, [&resolver] { resolver.cancel(); });
    auto [failed, found] = co_await resolver.async_resolve(host, std::to_string(port), awaiting);
    if (timeout.expired()) co_return cannot_connect(host, port, "name look-up timed out");
    if (failed) co_return cannot_connect(host, port, failed.message());
    for (const auto& entry : found)
      endpoints.emplace_back(entry.endpoint());
  }
  std::string why = "no address";
  const auto until = std::chrono::steady_clock::now() + limit;
  for (const auto& endpoint : endpoints) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    if (left.count() <= 0) break;
    Socket socket(executor);
    Timeout timeout(executor, left, [&socket] { socket.close(); });
    auto [failed] = co_await socket.async_connect(endpoint, awaiting);
    if (!failed) co_return Stream(std::move(socket));
    why = timeout.expired() ? "timed out" : failed.message();
  }
  co_return cannot_connect(host, port, why);
}

}  // namespace dbgate::net
