#include "gateway/app/service.h"

#include <unistd.h>

#include <algorithm>

#include "gateway/app/bearers.h"
#include "gateway/app/explain.h"
#include "gateway/session/audit_trail.h"
#include "gateway/session/policy_judge.h"

namespace dbgate::app {
namespace {

std::string_view word(config::EngineKind kind) {
  return kind == config::EngineKind::tcp ? session::tcp_engine : session::postgres_engine;
}

Error no_such_target(const std::string& name) {
  return {sqlstate::invalid_catalog_name, "there is no target \"" + name + "\" for you"};
}

}  // namespace

Service::Service(Shared& shared, std::unique_ptr<ports::AuditChain> chain, std::function<Worker&()> next_worker)
    : shared_(shared), chain_(std::move(chain)), next_worker_(std::move(next_worker)) {}

Result<> Service::record_login(const std::string& user, const std::string& address, bool succeeded) {
  session::SessionInfo info;
  info.user = user;
  info.auth_method = "password";
  info.client.host = address;
  DBGATE_CHECK(chain_->append(succeeded ? "auth.ok" : "auth.fail", session::audit_fields(info).all));
  const auto written = chain_->commit();
  if (!written) return written.error();
  return boost::system::in_place_value;
}

Task<Result<>> Service::check_password(std::string user, std::string password, std::string address) {
  const auto snapshot = shared_.current.get();
  if (!shared_.throttle.allows(address, snapshot->config.limits.failed_logins_per_minute)) {
    co_return Error(sqlstate::invalid_authorization_specification, "too many failed logins from this address");
  }
  const auto found = snapshot->users.find(user);
  const bool exists = found != snapshot->users.end();
  const auth::ScramVerifier verifier = exists ? found->second : auth::mock_scram_verifier(user, shared_.mock_secret);
  bool matches = false;
  co_await net::run_on(shared_.parsers.get_executor(), [&]() -> Task<> {
    matches = auth::verify_password(verifier, password);
    co_return;
  });
  const bool succeeded = exists && matches;
  if (!succeeded) shared_.throttle.failed(address);
  const auto recorded = record_login(user, address, succeeded);
  if (!recorded) co_return recorded.error();
  if (!succeeded) co_return Error(sqlstate::invalid_password, "wrong user name or password");
  co_return boost::system::in_place_value;
}

bool Service::knows(std::string_view user) const {
  return shared_.current.get()->users.contains(user);
}

std::vector<std::string> Service::groups(std::string_view user) const {
  return groups_of(*shared_.current.get(), user);
}

std::vector<ports::TargetSummary> Service::targets(std::string_view user) const {
  const auto snapshot = shared_.current.get();
  std::vector<ports::TargetSummary> summaries;
  for (const auto& [name, target] : snapshot->targets) {
    const auto grants = snapshot->policies.grants(user, name);
    if (!grants) continue;
    ports::TargetSummary summary;
    summary.name = name;
    summary.engine = word(target.settings.engine);
    if (!target.server.database.empty()) summary.databases.push_back(target.server.database);
    summary.databases.insert(summary.databases.end(), target.settings.databases.begin(),
                             target.settings.databases.end());
    summary.access = policy::may_write(*grants) ? "write" : "read";
    summaries.push_back(std::move(summary));
  }
  return summaries;
}

Task<Result<std::vector<ports::DecisionSummary>>> Service::decide(ports::DecisionQuestion question) {
  const auto snapshot = shared_.current.get();
  std::string database;
  const Target* const found = snapshot->find(question.target, database);
  const std::int64_t now = session::system_clock_seconds();
  const auto own =
      found == nullptr ? nullptr : snapshot->policies.grants_at(question.user, found->settings.name, now).grants;
  if (!own) co_return no_such_target(question.target);
  const bool for_another = !question.principal.empty() && question.principal != question.user;
  if (for_another && !policy::is_unrestricted(*own)) {
    co_return Error(sqlstate::insufficient_privilege, "only who may do everything on a target may ask for others");
  }
  const std::string principal = for_another ? question.principal : question.user;
  if (!snapshot->policies.grants(principal, found->settings.name)) {
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
    for (const std::string& text : question.texts)
      summaries.push_back(summary_of(judge.judge(*judge.analyze(text), {}, {}, 0)));
    co_return;
  });
  co_return summaries;
}

Result<> Service::serve_tunnel(ports::TunnelRequest request, int descriptor) {
  const auto snapshot = shared_.current.get();
  std::string on_server;
  const Target* const found = snapshot->find(request.database, on_server);
  if (found == nullptr || !snapshot->policies.grants(request.user, found->settings.name)) {
    ::close(descriptor);
    return no_such_target(request.database);
  }
  session::Arrival arrival;
  arrival.signed_in_user = std::move(request.user);
  arrival.credential.id = std::move(request.credential);
  arrival.credential.expires = request.credential_expires;
  arrival.by_tunnel = true;
  arrival.target = std::move(request.database);
  arrival.client.host = std::move(request.address);
  next_worker_().serve(descriptor, found->settings.engine, std::move(arrival));
  return boost::system::in_place_value;
}

}  // namespace dbgate::app
