#include "gateway/app/service.h"

#include <algorithm>

#include "gateway/app/explain.h"
#include "gateway/app/peers.h"
#include "gateway/session/audit_trail.h"
#include "gateway/session/policy_judge.h"

namespace dbgate::app {
namespace {

// Everybody who has signed in may ask for sessions, and each question makes every gateway list all it has.
constexpr std::chrono::milliseconds ask_again_after{100};

std::string_view word(config::EngineKind kind) {
  return kind == config::EngineKind::tcp ? session::tcp_engine : session::postgres_engine;
}

// PostgreSQL manual ch. 34.2, PQserverVersion: 150004 is 15.4.
std::string engine_version(const SharedCatalog& catalog) {
  if (!catalog || catalog->server_version() <= 0) return {};
  const int version = catalog->server_version();
  return std::to_string(version / 10'000) + "." + std::to_string(version % 10'000);
}

Error no_such_target(const std::string& name) {
  return {sqlstate::invalid_catalog_name, "there is no target \"" + name + "\" for you"};
}

}  // namespace

Service::Service(Shared& shared, std::unique_ptr<ports::AuditChain> chain, std::function<Worker&()> next_worker)
    : shared_(shared), chain_(std::move(chain)), next_worker_(std::move(next_worker)) {}

std::vector<ports::TargetSummary> Service::targets(std::string_view user) const {
  std::vector<ports::TargetSummary> summaries = all_targets(user);
  std::erase_if(summaries, [](const ports::TargetSummary& target) { return target.access == "none"; });
  return summaries;
}

std::vector<ports::TargetSummary> Service::all_targets(std::string_view user) const {
  const auto snapshot = shared_.current.get();
  std::vector<ports::TargetSummary> summaries;
  for (const auto& [name, target] : snapshot->targets) {
    const auto grants = snapshot->grants(user, name);
    ports::TargetSummary summary;
    summary.name = name;
    summary.engine = word(target.settings.engine);
    summary.engine_version = engine_version(shared_.catalogs->current(name, target.server.database));
    if (!target.server.database.empty()) summary.databases.push_back(target.server.database);
    summary.databases.insert(summary.databases.end(), target.settings.databases.begin(),
                             target.settings.databases.end());
    summary.access = !grants ? "none" : (policy::may_write(*grants) ? "write" : "read");
    summary.environment = target.settings.environment;
    summary.labels = target.settings.labels;
    summaries.push_back(std::move(summary));
  }
  return summaries;
}

Task<Result<std::vector<ports::DecisionSummary>>> Service::decide(ports::DecisionQuestion question) {
  const auto snapshot = shared_.current.get();
  std::string database;
  const Target* const found = snapshot->find(question.target, database);
  const std::int64_t now = session::system_clock_seconds();
  const auto own = found == nullptr ? nullptr : snapshot->grants_at(question.user, found->settings.name, now).grants;
  if (!own) co_return no_such_target(question.target);
  const bool for_another = !question.principal.empty() && question.principal != question.user;
  if (for_another && !policy::is_unrestricted(*own)) {
    co_return Error(sqlstate::insufficient_privilege, "only who may do everything on a target may ask for others");
  }
  const std::string principal = for_another ? question.principal : question.user;
  if (!snapshot->grants(principal, found->settings.name)) {
    co_return Error(sqlstate::invalid_catalog_name,
                    "there is no target \"" + question.target + "\" for \"" + principal + "\"");
  }
  if (!shared_.views.view(principal, found->settings.name, database, now).ready) {
    co_await shared_.views.catalog_read(found->settings.name, database);
  }
  std::vector<ports::DecisionSummary> summaries;
  co_await net::run_on(shared_.parsers.get_executor(), [&]() -> Task<> {
    session::PolicyJudge judge(shared_.views, principal, found->settings.name, database,
                               scan_limits(snapshot->config.limits));
    judge.only_asks();
    for (const std::string& text : question.texts) {
      const auto analysis = judge.analyze(text);
      session::Judged judged = judge.judge(*analysis, {}, {}, 0);
      // Who only asks spends nobody's money: what is known counts, and nobody is asked.
      const bool open = judged.advice && !judge.advise(judged, nullptr);
      summaries.push_back(summary_of(judged));
      if (open) summaries.back().reasons.emplace_back("a model is asked before it runs");
      summaries.back().risk = summary_of(judge.rate(*analysis));
    }
    co_return;
  });
  co_return summaries;
}

Result<> Service::serve_tunnel(ports::TunnelRequest request, OpenConnection connection) {
  const auto snapshot = shared_.current.get();
  std::string on_server;
  const Target* const found = snapshot->find(request.database, on_server);
  if (found == nullptr || !snapshot->grants(request.user, found->settings.name)) {
    return no_such_target(request.database);
  }
  session::Arrival arrival;
  arrival.signed_in_user = std::move(request.user);
  arrival.credential.id = std::move(request.credential);
  arrival.credential.expires = request.credential_expires;
  arrival.credential.certificate = std::move(request.certificate);
  arrival.by_tunnel = true;
  arrival.target = std::move(request.database);
  arrival.client.host = std::move(request.address);
  next_worker_().serve(std::move(connection), found->settings.engine, std::move(arrival));
  return boost::system::in_place_value;
}

Task<std::vector<ports::SessionSummary>> Service::sessions() {
  std::vector<ports::SessionSummary> all = co_await sessions_here_.list();
  if (!shared_.replicas) co_return all;
  const auto now = std::chrono::steady_clock::now();
  if (now - elsewhere_asked_ >= ask_again_after) {
    elsewhere_asked_ = now;
    elsewhere_ = co_await sessions_elsewhere(*shared_.replicas);
  }
  all.insert(all.end(), elsewhere_.begin(), elsewhere_.end());
  co_return all;
}

Task<Result<>> Service::end_session(std::string id, std::string by, std::string reason) {
  auto ended = co_await sessions_here_.end(id, by, reason);
  if (!ended && shared_.replicas) ended = co_await end_elsewhere(*shared_.replicas, id, by, reason);
  if (ended) co_return *ended;
  co_return Error(sqlstate::undefined_object, "there is no session \"" + id + "\"");
}

}  // namespace dbgate::app
