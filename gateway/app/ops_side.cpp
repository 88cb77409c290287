#include "gateway/app/ops_side.h"

#include "gateway/adapters/prometheus_text.h"
#include "gateway/api/plain_session.h"
#include "gateway/api/problem.h"
#include "gateway/app/health.h"
#include "gateway/base/log.h"

namespace dbgate::app {
namespace {

constexpr std::size_t stack_bytes = 512u << 10;
// Whoever asks is a probe, or collects: there are few of them.
constexpr std::size_t most_connections = 256;

api::Response response_of(const Health& health, bool verbose) {
  constexpr unsigned unavailable = 503;
  return api::json_response(health.json(verbose), health.good() ? 200 : unavailable);
}

}  // namespace

OpsSide::OpsSide(Shared& shared, const ports::AuditLog& audit)
    : shared_(shared),
      audit_(audit),
      metrics_(shared, audit, context_),
      server_(
          context_,
          [this](std::unique_ptr<api::Connection> connection, const api::HttpLimits& limits, const std::string&,
                 const std::function<void()>&) {
            return api::serve_plainly(std::move(connection), limits,
                                      [this](const api::Request& request) { return answer(request); });
          },
          [] {
            return api::ServerSettings{nullptr, most_connections, most_connections};
          }) {}

Result<std::unique_ptr<OpsSide>> OpsSide::open(Shared& shared, const ports::AuditLog& audit, int socket) {
  std::unique_ptr<OpsSide> side(new OpsSide(shared, audit));
  const auto snapshot = shared.current.get();
  const config::Listener& listener = snapshot->config.ops;
  DBGATE_CHECK(
      side->server_.listen({listener.address, listener.port, {}, socket, keep_alive_of(snapshot->config.limits)}));
  const std::string port = std::to_string(side->server_.port());
  log::info("gateway", "listening", {{"listener", "ops"}, {"address", listener.address}, {"port", port}});
  return side;
}

OpsSide::~OpsSide() {
  stop();
}

void OpsSide::start() {
  thread_ = std::make_unique<Thread>(stack_bytes, [this] { context_.run(); });
}

void OpsSide::stop() {
  context_.stop();
  thread_.reset();
}

void OpsSide::leave() {
  stop();
  server_.close();
}

Task<api::Response> OpsSide::answer(const api::Request& request) {
  const bool verbose = request.query == "verbose" || request.query.starts_with("verbose=");
  if (request.path == "/startupz") co_return response_of(startup_health(shared_), verbose);
  if (request.path == "/livez") co_return response_of(live_health(shared_), verbose);
  if (request.path == "/readyz") co_return response_of(ready_health(shared_, audit_), verbose);
  if (request.path != "/metrics")
    co_return api::problem(request, "not_found", "there are /metrics, /startupz, /livez and /readyz");
  const telemetry::Families families = co_await metrics_.collect();
  api::Response response;
  response.body = adapters::prometheus_text(families);
  response.content_type = adapters::prometheus_content_type;
  co_return response;
}

}  // namespace dbgate::app
