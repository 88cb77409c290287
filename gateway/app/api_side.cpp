#include "gateway/app/api_side.h"

#include <boost/asio/post.hpp>

#include "gateway/base/log.h"

namespace dbgate::app {
namespace {

constexpr std::size_t stack_bytes = 1u << 20;

}  // namespace

ApiSide::ApiSide(Shared& shared, std::unique_ptr<ports::AuditChain> chain, std::function<Worker&()> next_worker)
    : service_(shared, std::move(chain), std::move(next_worker)),
      routes_(service_, *shared.tokens),
      server_(context_, routes_, [&shared] { return shared.current.get()->api_tls; }) {}

Result<std::unique_ptr<ApiSide>> ApiSide::open(Shared& shared, std::unique_ptr<ports::AuditChain> chain,
                                               std::function<Worker&()> next_worker) {
  const auto snapshot = shared.current.get();
  std::unique_ptr<ApiSide> side(new ApiSide(shared, std::move(chain), std::move(next_worker)));
  const config::Listener& listener = snapshot->config.api;
  DBGATE_CHECK(side->server_.listen(listener.address, listener.port));
  const std::string port = std::to_string(side->server_.port());
  log::info("gateway", "listening", {{"listener", "api"}, {"address", listener.address}, {"port", port}});
  return side;
}

// The loop is stopped, not drained: what is left are tunnels, whose sessions have been ended by now.
void ApiSide::stop() {
  context_.stop();
  thread_.reset();
}

ApiSide::~ApiSide() {
  stop();
}

void ApiSide::start() {
  thread_ = std::make_unique<Thread>(stack_bytes, [this] { context_.run(); });
}

void ApiSide::stop_listening() {
  boost::asio::post(context_, [this] { server_.close(); });
}

}  // namespace dbgate::app
