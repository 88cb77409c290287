#include "gateway/app/worker.h"

#include <malloc.h>

#include <boost/asio/co_spawn.hpp>

#include "gateway/app/accounts.h"
#include "gateway/app/bearers.h"
#include "gateway/app/overviews.h"
#include "gateway/app/peers.h"
#include "gateway/app/watched.h"
#include "gateway/audit/json.h"
#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "gateway/session/audit_trail.h"
#include "gateway/session/policy_judge.h"
#include "gateway/sql/analyze.h"

namespace dbgate::app {
namespace {

// Records reach their segment after this time at the latest, and outcomes are accepted with the next decision or then.
constexpr std::chrono::milliseconds tick_interval{100};
constexpr unsigned ticks_to_trim = 20;
// Giving memory back to the system costs a look at all that is free: some milliseconds after ten thousand sessions.
constexpr std::size_t sessions_to_give_back = 16;
constexpr std::chrono::seconds give_back_interval{5};
constexpr std::size_t worker_stack_bytes = sql::required_stack_bytes;

thread_local Worker* current_worker = nullptr;

std::string_view name_of(config::EngineKind kind) {
  return kind == config::EngineKind::tcp ? session::tcp_engine : session::postgres_engine;
}

// Whoever is not, may be of the store: without it nobody knows what has been revoked since.
bool is_of_file(const Snapshot& snapshot, std::string_view user) {
  return snapshot.users.contains(user) && !snapshot.stored.contains(user);
}

bool reads_standbys(const config::Upstream& upstream) {
  return upstream.session_attrs == config::SessionAttrs::standby ||
         upstream.session_attrs == config::SessionAttrs::read_only;
}

Error store_lost() {
  return Error(sqlstate::cannot_connect_now, "the identity store cannot be reached", "Try again in a moment.");
}

}  // namespace

sql::ScanLimits scan_limits(const config::Limits& limits) {
  sql::ScanLimits scan;
  scan.max_bytes = limits.max_statement_bytes;
  scan.max_tokens = limits.max_tokens;
  scan.max_nesting = limits.max_nesting;
  scan.max_parts = limits.max_parts;
  return scan;
}

Worker::Worker(Shared& shared, std::unique_ptr<ports::AuditChain> chain)
    : shared_(shared),
      chain_(std::move(chain)),
      snapshot_(shared.current.get()),
      servers_(shared.permits, shared.greetings, counters_) {
  servers_.start(context_.get_executor());
  const config::Limits& limits = snapshot_->config.limits;
  relay_limits_.parameters = static_cast<session::ParameterRecord>(snapshot_->config.audit.parameters);
  relay_limits_.max_statement_bytes = limits.max_statement_bytes;
  relay_limits_.prepared_statements = limits.prepared_statements;
  relay_limits_.portals = limits.portals;
  if (limits.read_cache_bytes > 0) results_ = std::make_unique<session::ReadCache>(limits.read_cache_bytes);
  if (limits.verdict_cache_bytes > 0) verdicts_ = std::make_unique<session::VerdictCache>(limits.verdict_cache_bytes);
}

session::Engine* Worker::engine(config::EngineKind kind) noexcept {
  if (kind == config::EngineKind::tcp) return &tcp_;
  return &postgres_;
}

Worker* Worker::of_this_thread() noexcept {
  return current_worker;
}

void Worker::start() {
  net::Reactor::of(context_).linger();
  tick();
  thread_ = std::make_unique<Thread>(worker_stack_bytes, [this] {
    current_worker = this;
    context_.run();
    ended_ = true;
  });
}

void Worker::serve(OpenConnection connection, config::EngineKind kind, session::Arrival arrival) {
  auto serving = [this, connection = std::move(connection), kind, arrival = std::move(arrival),
                  counted = Counted(shared_.connections)]() mutable -> Task<> {
    co_await engine(kind)->serve(net::Stream(context_, std::move(connection)), std::move(arrival), std::move(counted));
  };
  boost::asio::co_spawn(context_, std::move(serving), [](std::exception_ptr failure) {
    if (failure) log::error("gateway", "a tunnelled connection ended by an internal error");
  });
  net::nudge(context_.get_executor());
}

void Worker::stop() {
  net::post_to(context_.get_executor(), [this] {
    stopping_ = true;
    servers_.close();
    ticker_.cancel();
  });
}

void Worker::tick() {
  static_cast<void>(chain_->write_out());
  servers_.sweep();
  if (++ticks_ % ticks_to_trim == 0) {
    sessions_.for_each([](session::LiveSession& session) { session.trim(); });
  }
  give_memory_back();
  if (!shared_.workers.empty() && this == shared_.workers.front()) end_stats_period(shared_);
  last_turn_.store(std::chrono::steady_clock::now(), std::memory_order_relaxed);
  if (stopping_) return;
  ticker_.expires_after(tick_interval);
  ticker_.async_wait([this](const boost::system::error_code&) { tick(); });
}

// The C library keeps what is freed between other things until it is asked.
void Worker::give_memory_back() {
  const auto now = std::chrono::steady_clock::now();
  if (fell_asleep_ < sessions_to_give_back || now - gave_back_ < give_back_interval) return;
  fell_asleep_ = 0;
  gave_back_ = now;
  ::malloc_trim(0);
}

void Worker::end_sessions(const std::string& why, bool gentle) {
  const session::Ending ending{why, session::EndReason::ended_by_operator};
  for (const session::LiveSessions* const list : {&sessions_, &sleeping_})
    list->for_each([&ending, gentle](session::LiveSession& session) { session.end(ending, gentle); });
}

const Snapshot& Worker::snapshot() const {
  if (snapshot_->version != shared_.current.version()) snapshot_ = shared_.current.get();
  return *snapshot_;
}

// Nobody would hear that what a user of the store signs in with was revoked.
bool Worker::out_of_reach(std::string_view user) const {
  return shared_.identity && shared_.identity->lost() && !is_of_file(snapshot(), user);
}

Result<session::AccountPtr> Worker::account(std::string_view user, const net::Address& client) {
  if (!shared_.throttle.allows(client.host, snapshot().config.limits.failed_logins_per_minute)) {
    shared_.counted.count(telemetry::rate_limited, {{"scope", "address"}});
    return Error(sqlstate::invalid_authorization_specification, "too many failed logins from this address",
                 "Wait a minute and try again.");
  }
  if (out_of_reach(user)) return store_lost();
  const auto found = snapshot().accounts.find(user);
  if (found != snapshot().accounts.end()) {
    auto account = account_in_force(found->second, snapshot(), session::system_clock_seconds());
    if (account) return account;
  }
  auto mock = std::make_shared<session::Account>();
  mock->passwords = auth::ScramKeyring(auth::mock_scram_verifier(user, shared_.mock_secret));
  return session::AccountPtr(std::move(mock));
}

std::optional<session::Credential> Worker::certified(std::string_view user, const net::PeerCertificate& certificate) {
  if (out_of_reach(user)) return {};
  return app::certified(user, certificate, snapshot());
}

Task<Result<session::Credential>> Worker::check_token(std::string user, std::string token) {
  const Error refused(sqlstate::invalid_password, "the token is not valid");
  if (!shared_.identity) co_return refused;
  Result<identity::Bearer> bearer = refused;
  co_await net::run_on(shared_.identity->blocking(), [&]() -> Task<> {
    bearer = shared_.identity->tokens().verify(token, wall_clock_us());
    co_return;
  });
  if (!bearer) {
    const Error why = bearer.error();
    if (why.code() == sqlstate::connection_failure) co_return store_lost();
    co_return why.code() == sqlstate::invalid_authorization_specification ? refused : why;
  }
  session::Credential credential = credential_of(*bearer);
  const bool fits = bearer->user == user && bearer->may("connect");
  if (!fits || snapshot().ended.contains(credential.id)) co_return refused;
  co_return credential;
}

Result<session::Route> Worker::route(std::string_view engine, std::string_view user, std::string_view database) {
  session::Route route;
  const Error unknown(sqlstate::invalid_catalog_name, "database \"" + std::string(database) + "\" does not exist",
                      "`dbgate list` shows the databases that you may use.");
  const Target* const target = snapshot().find(database, route.server.database);
  const bool fits = target != nullptr && name_of(target->settings.engine) == engine;
  const auto grants = fits ? snapshot().grants(user, target->settings.name) : nullptr;
  if (!grants) {
    counters_.of({}).arrivals[telemetry::Arrival::refused].add();
    return unknown;
  }
  const std::string on_server = std::move(route.server.database);
  route.target = target->settings.name;
  route.server = target->server;
  route.server.database = on_server;
  if (target->settings.upstream.chooses()) route.server.choice = shared_.hosts->of(route.target);
  const config::Pool& pool = target->settings.pool;
  route.sharing = static_cast<session::Sharing>(pool.mode);
  route.max_connections = pool.max;
  route.pool_wait = pool.wait;
  route.pool_idle = pool.idle;
  route.pool_lifetime = pool.lifetime;
  const bool weighed = !pool.user_weights.empty() || !pool.group_weights.empty();
  if (weighed) route.pool_weight = static_cast<unsigned>(pool.weight_of(user, groups_of(snapshot(), user)));
  route.shows_client_names = target->settings.upstream.application_name == config::ServerName::client;
  route.search_path = target->search_path;
  route.settings = shared_.views.settings_for(*grants);
  route.replication = policy::decide_replication(*grants).allowed();
  route.limits_settings = policy::limits_settings(*grants);
  return route;
}

Result<std::string> Worker::replication_target(std::string_view user) {
  std::vector<std::string> names;
  for (const auto& [name, target] : snapshot().targets) {
    const auto grants = snapshot().grants(user, name);
    if (grants && policy::decide_replication(*grants).allowed()) names.push_back(name);
  }
  if (names.size() == 1) return names.front();
  return Error(sqlstate::invalid_catalog_name,
               names.empty() ? "there is no target that you may replicate"
                             : "there is more than one target that you may replicate",
               names.empty() ? "" : "Name one with options='-c dbgate.target=NAME', or in PGOPTIONS.");
}

Result<session::Seat> Worker::admit(std::string_view user, std::string_view target) {
  Admission::Limits limits;
  limits.connections = snapshot().config.limits.connections;
  limits.per_user = snapshot().config.limits.connections_per_user;
  const auto found = snapshot().targets.find(target);
  if (found != snapshot().targets.end() && found->second.settings.engine == config::EngineKind::tcp) {
    limits.per_target = found->second.settings.pool.max;
  }
  auto seat = shared_.admission.take(user, target, limits);
  if (!seat) counters_.of(target).arrivals[telemetry::Arrival::limit].add();
  return seat;
}

std::unique_ptr<session::Judge> Worker::judge_for(const session::SessionInfo& session) {
  auto judge = std::make_unique<session::PolicyJudge>(shared_.views, session.user, session.target, session.database,
                                                      scan_limits(snapshot().config.limits), session.server_version,
                                                      session.settings, session::system_clock_seconds, verdicts_.get());
  judge->time_by(counters_.evaluations);
  return judge;
}

std::unique_ptr<session::ReadSide> Worker::reads_for(const session::SessionInfo& session, std::string_view connection) {
  if (!results_) return nullptr;
  // What a standby knows of a change comes after everybody here was told of it.
  const auto target = snapshot().targets.find(session.target);
  if (target == snapshot().targets.end() || reads_standbys(target->second.settings.upstream)) return nullptr;
  std::string whose;
  for (const std::string_view part : {std::string_view(session.user), std::string_view(session.target),
                                      std::string_view(session.database), connection})
    session::ReadSide::add_to_key(whose, part);
  return std::make_unique<session::ReadSide>(*results_, shared_.ledgers.of(session.database), std::move(whose));
}

std::unique_ptr<session::Limiter> Worker::limiter_for(const session::SessionInfo& session) {
  return std::make_unique<SessionLimiter>(shared_.current, shared_.usage, session.user, session.target);
}

Result<std::unique_ptr<session::Trail>> Worker::open_trail(const session::SessionInfo& session) {
  session::AuditTrail trail(*chain_, session, snapshot().config.version, counters_.of(session.target));
  DBGATE_CHECK(trail.started(session));
  counters_.of(session.target).arrivals[telemetry::Arrival::ok].add();
  if (shared_.events == nullptr) return std::unique_ptr<session::Trail>(new session::AuditTrail(std::move(trail)));
  auto watched = std::make_unique<WatchedTrail>(std::move(trail), *shared_.events, session);
  watched->tell_start(session);
  return std::unique_ptr<session::Trail>(std::move(watched));
}

std::unique_ptr<session::Trail> Worker::resume_trail(const session::SessionInfo& session) {
  session::AuditTrail trail(*chain_, session, snapshot().config.version, counters_.of(session.target));
  if (shared_.events == nullptr) return std::make_unique<session::AuditTrail>(std::move(trail));
  return std::make_unique<WatchedTrail>(std::move(trail), *shared_.events, session);
}

void Worker::record_login(const session::SessionInfo& session, bool succeeded, std::string_view why,
                          std::chrono::nanoseconds took) {
  const auto outcome = succeeded ? telemetry::Outcome::ok : telemetry::Outcome::error;
  const telemetry::AuthMethod method = telemetry::auth_method(session.auth_method);
  counters_.auth_attempts(method)[outcome].add();
  if (took.count() > 0) {
    shared_.counted.observe(telemetry::auth_durations,
                            {{"method", std::string(telemetry::auth_methods[static_cast<std::size_t>(method)])}},
                            std::chrono::duration_cast<std::chrono::microseconds>(took));
  }
  if (!succeeded) counters_.of({}).arrivals[telemetry::Arrival::auth_failed].add();
  if (!succeeded) shared_.throttle.failed(session.client.host);
  std::string fields = session::sign_in_fields(session);
  if (!why.empty()) audit::append_field(fields, "db.response.status_code", why);
  // Nobody gets in without session.start, which fails if the log cannot be written.
  static_cast<void>(chain_->append(succeeded ? "auth.ok" : "auth.fail", fields));
  tell_sign_in(shared_.events, session, succeeded);
  if (succeeded && shared_.identity) shared_.identity->note_used(session.credential.id);
}

Result<bool> Worker::commit_audit() {
  const auto ticket = chain_->commit();
  if (!ticket) return ticket.error();
  return !chain_->sync_required() || chain_->is_durable(*ticket);
}

Task<Result<>> Worker::accept_audit() {
  const auto ticket = chain_->commit();
  if (!ticket) co_return ticket.error();
  if (!chain_->sync_required() || chain_->is_durable(*ticket)) co_return boost::system::in_place_value;
  struct Flushed {
    explicit Flushed(const net::Executor& executor) : event(executor) {}
    net::Event event;
    bool done = false;
  };
  const auto flushed = std::make_shared<Flushed>(context_.get_executor());
  chain_->when_durable(*ticket, [this, flushed] {
    net::post_to(context_.get_executor(), [flushed] {
      flushed->done = true;
      flushed->event.notify();
    });
  });
  while (!flushed->done)
    co_await flushed->event.wait();
  if (!chain_->is_durable(*ticket)) co_return Error(sqlstate::io_error, "the audit log could not be flushed");
  co_return boost::system::in_place_value;
}

Task<std::shared_ptr<const session::Analysis>> Worker::analyze_elsewhere(session::AnalysisWork work) {
  std::shared_ptr<const session::Analysis> analysis;
  co_await net::run_on(shared_.parsers.get_executor(), [&analysis, &work]() -> Task<> {
    analysis = work();
    co_return;
  });
  co_return analysis;
}

Task<> Worker::catalog_read(const std::string& target, const std::string& database) {
  co_await shared_.views.catalog_read(target, database);
}

Task<> Worker::cancel_elsewhere(std::int32_t pid, std::string key, const net::Address& client) {
  const bool older = shared_.succession != nullptr;
  if ((!older && !shared_.replicas) || !shared_.cancel_guard.allows(client.host)) co_return;
  if (older) co_await shared_.succession->cancel_in_older(pid, key);
  if (shared_.replicas) co_await app::cancel_elsewhere(*shared_.replicas, pid, std::move(key));
}

session::StartupRules Worker::startup_rules() {
  return {snapshot().postgres_tls, snapshot().config.postgres.require_tls, this};
}

void Worker::note_tls_failure(std::string_view reason) {
  shared_.counted.count(telemetry::tls_failures, {{"listener", "postgres"}, {"reason", std::string(reason)}});
  counters_.of({}).arrivals[telemetry::Arrival::tls_failed].add();
}

void Worker::note_protocol_error(std::string_view side, std::string_view reason) {
  shared_.counted.count(telemetry::protocol_errors, {{"side", std::string(side)}, {"reason", std::string(reason)}});
}

std::chrono::milliseconds Worker::login_timeout() const {
  return snapshot().config.limits.login_timeout;
}

void Worker::list_sleeping(session::LiveSession& session) {
  sleeping_.add(session);
  ++fell_asleep_;
}

}  // namespace dbgate::app
