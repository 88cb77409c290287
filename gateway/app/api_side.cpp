#include "gateway/app/api_side.h"

#include <boost/asio/post.hpp>

#include "gateway/api/operations.h"
#include "gateway/api/query_answers.h"
#include "gateway/api/text.h"
#include "gateway/base/log.h"

namespace dbgate::app {
namespace {

constexpr std::size_t stack_bytes = 1u << 20;

}  // namespace

ApiSide::ApiSide(Shared& shared, std::unique_ptr<ports::AuditChain> chain, std::function<Worker&()> next_worker,
                 ports::Administration* administration, ports::AuditSearch& audit)
    : shared_(shared),
      service_(shared, std::move(chain), next_worker),
      entrance_(shared, service_.chain(), std::move(next_worker)),
      queries_(entrance_),
      accounts_(*shared.identity, service_.chain()),
      access_(*shared.identity, shared.current, service_.chain(), *shared.approval_news, [this] { return &events_; }),
      approvals_(*shared.approvals, context_.get_executor(), service_.chain(), *shared.approval_news,
                 [this](ports::Approver who, ports::store::Approval approval) {
                   return access_.decided(std::move(who), std::move(approval));
                 }),
      authenticator_(shared, service_.chain()),
      idempotency_(*shared.identity),
      events_(context_),
      elsewhere_(shared.replicas ? std::make_unique<QueriesElsewhere>(*shared.replicas) : nullptr),
      services_{service_,
                authenticator_,
                idempotency_,
                events_,
                queries_,
                accounts_,
                api::Cursors(api::hmac_sha256(shared.mock_secret, "cursors")),
                [&shared] { return shared.current.get()->config.limits.api_requests_per_minute; },
                administration,
                &audit,
                &approvals_,
                [&shared] { return shared.current.get()->config.public_url; },
                &access_,
                elsewhere_.get(),
                &shared.counted},
      dispatcher_(services_, api::operations()),
      server_(context_, dispatcher_, [this] { return settings(); }) {}

api::ServerSettings ApiSide::settings() const {
  const auto snapshot = shared_.current.get();
  const config::Limits& limits = snapshot->config.limits;
  return {snapshot->api_tls, limits.api_connections, limits.api_connections_per_address};
}

Result<std::unique_ptr<ApiSide>> ApiSide::open(Shared& shared, std::unique_ptr<ports::AuditChain> chain,
                                               std::function<Worker&()> next_worker,
                                               ports::Administration* administration, ports::AuditSearch& audit,
                                               int socket) {
  const auto snapshot = shared.current.get();
  std::unique_ptr<ApiSide> side(new ApiSide(shared, std::move(chain), std::move(next_worker), administration, audit));
  const config::Listener& listener = snapshot->config.api;
  DBGATE_CHECK(
      side->server_.listen({listener.address, listener.port, {}, socket, keep_alive_of(snapshot->config.limits)}));
  const std::string port = std::to_string(side->server_.port());
  log::info("gateway", "listening", {{"listener", "api"}, {"address", listener.address}, {"port", port}});
  return side;
}

Task<std::optional<ports::QueryAnswer>> ApiSide::answer(ports::QueryQuestion question) {
  auto answer = co_await api::answer_here(services_, std::move(question));
  co_return answer;
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
  boost::asio::post(context_, [this] {
    server_.close();
    events_.close();
  });
}

}  // namespace dbgate::app
