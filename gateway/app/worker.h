#pragma once
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gateway/app/admission.h"
#include "gateway/app/approval_news.h"
#include "gateway/app/approvals.h"
#include "gateway/app/catalogs.h"
#include "gateway/app/gauges.h"
#include "gateway/app/host_watch.h"
#include "gateway/app/identity.h"
#include "gateway/app/limits.h"
#include "gateway/app/live_models.h"
#include "gateway/app/replicas.h"
#include "gateway/app/snapshot.h"
#include "gateway/app/succession.h"
#include "gateway/app/views.h"
#include "gateway/base/open_connection.h"
#include "gateway/base/thread.h"
#include "gateway/ports/audit_log.h"
#include "gateway/ports/events.h"
#include "gateway/ports/gateway_service.h"
#include "gateway/ports/plan_source.h"
#include "gateway/ports/row_versions.h"
#include "gateway/session/host.h"
#include "gateway/session/postgres_engine.h"
#include "gateway/session/tcp_engine.h"
#include "gateway/session/verdict_cache.h"
#include "gateway/telemetry/log_counters.h"

namespace dbgate::app {

class AuditSinks;
class Notary;
class Witnesses;
class Worker;

/// What the process is about, for probes. The main thread changes it, any thread reads.
struct Lifecycle {
  std::atomic<bool> started{false};   ///< everything is configured, all listeners are bound
  std::atomic<bool> draining{false};  ///< it takes nobody new
  std::atomic<bool> last_reload_good{true};
  std::atomic<std::int64_t> reloaded_us{0};  ///< when a configuration came into force last: since 1970 UTC
};

/// What all workers share.
struct Shared {
  Lifecycle lifecycle;
  CurrentSnapshot current;
  telemetry::EventCounters counted;  ///< what is rare
  LiveModels models{counted};
  Views views{current, models};
  Admission admission;
  LoginThrottle throttle;
  CancelGuard cancel_guard;
  UsageTable usage;
  session::WriteLedgers ledgers;
  session::CancelRegistry cancels;
  upstream::PermitBook permits;
  show::StatsPeriods periods;
  upstream::Greetings greetings;
  boost::asio::io_context parsers;               ///< run by threads with large stacks
  std::atomic<std::size_t> connections{0};       ///< accepted and not closed yet
  std::atomic<std::size_t> questions{0};         ///< about held statements, and of models: asked and not settled yet
  std::unique_ptr<Catalogs> catalogs;            ///< set before threads are started, there until they have ended
  std::unique_ptr<HostWatch> hosts;              ///< the same
  std::string mock_secret;                       ///< makes unknown users look like known ones
  std::unique_ptr<Identity> identity;            ///< set before threads are started; null without a store
  std::unique_ptr<Replicas> replicas;            ///< the same; null without a store
  Succession* succession = nullptr;              ///< the same; null without a process before this one
  std::unique_ptr<Approvals> approvals;          ///< the same; null without a store
  std::unique_ptr<ApprovalNews> approval_news;   ///< the same
  std::unique_ptr<ports::PlanSource> plans;      ///< the same
  std::unique_ptr<ports::RowVersions> versions;  ///< the same
  std::vector<Worker*> workers;                  ///< all of them; set before threads are started
  telemetry::LogCounters log_counted;            ///< of the thread that keeps the audit log
  const AuditSinks* sinks = nullptr;             ///< set before threads are started; null without
  const Notary* notary = nullptr;                ///< the same, never null then
  const Witnesses* witnesses = nullptr;          ///< the same; null without
  telemetry::Counter peer_conflicts;             ///< logs of others that do not lead to what was seen of them
  ports::EventSink* events = nullptr;            ///< set before threads are started; null without an API
};

/// One event loop and everything that lives on its thread: sessions, their audit chain, their engines.
class Worker final : public session::Host {
 public:
  Worker(Shared& shared, std::unique_ptr<ports::AuditChain> chain);

  boost::asio::io_context& context() noexcept { return context_; }
  /// The engine of that name; null if there is none.
  session::Engine* engine(config::EngineKind kind) noexcept;
  ports::AuditChain& chain() noexcept { return *chain_; }
  void start();
  /// Serves a connection on this worker's thread. Any thread.
  void serve(OpenConnection connection, config::EngineKind kind, session::Arrival arrival);
  /// Lets the thread end when nothing is left to do.
  void stop();
  void join() { thread_.reset(); }
  /// Whether nothing is left to do, so that join() returns at once. Any thread.
  bool ended() const noexcept { return ended_; }
  /// Writes what is left and closes the chain. Only after join().
  void close_chain() { chain_.reset(); }
  /// What it has counted. Any thread.
  const telemetry::WorkerCounters& counted() const noexcept { return counters_; }
  /// When its event loop had a turn last. Any thread.
  std::chrono::steady_clock::time_point last_turn() const noexcept {
    return last_turn_.load(std::memory_order_relaxed);
  }
  /// The worker whose thread this is; null elsewhere.
  static Worker* of_this_thread() noexcept;

  // On the worker's own thread:
  /// Ends all sessions.
  void end_sessions(const std::string& why, bool gentle);
  /// Ends the sessions of users who may not be where they are any more.
  void end_revoked();
  /// Adds the sessions of this worker.
  void list_sessions(std::vector<ports::SessionSummary>& list) const;
  /// Adds what its sessions and server connections are doing.
  void add_gauges(Gauges& gauges) const;
  /// Adds its sessions and server connections, one by one.
  void add_to(show::Overview& overview) const;
  /// What is known of one; none: it is not here. With `why` it is ended.
  std::optional<ports::SessionSummary> find_session(std::string_view id, const session::Ending* why);

  Result<session::AccountPtr> account(std::string_view user, const net::Address& client) override;
  std::optional<session::Credential> certified(std::string_view user, const net::PeerCertificate& certificate) override;
  Task<Result<session::Credential>> check_token(std::string user, std::string token) override;
  Result<session::Route> route(std::string_view engine, std::string_view user, std::string_view database) override;
  Result<std::string> replication_target(std::string_view user) override;
  Result<session::Seat> admit(std::string_view user, std::string_view target) override;
  std::unique_ptr<session::Judge> judge_for(const session::SessionInfo& session) override;
  std::unique_ptr<session::ReadSide> reads_for(const session::SessionInfo& session,
                                               std::string_view connection) override;
  std::unique_ptr<session::Limiter> limiter_for(const session::SessionInfo& session) override;
  Result<std::unique_ptr<session::Trail>> open_trail(const session::SessionInfo& session) override;
  std::unique_ptr<session::Trail> resume_trail(const session::SessionInfo& session) override;
  void record_login(const session::SessionInfo& session, bool succeeded, std::string_view why,
                    std::chrono::nanoseconds took) override;
  void note_tls_failure(std::string_view reason) override;
  void note_protocol_error(std::string_view side, std::string_view reason) override;
  telemetry::TargetCounters& counters(std::string_view target) override { return counters_.of(target); }
  upstream::Pool& servers() override { return servers_; }
  Result<bool> commit_audit() override;
  Task<Result<>> accept_audit() override;
  Task<std::shared_ptr<const session::Analysis>> analyze_elsewhere(session::AnalysisWork work) override;
  Task<> catalog_read(const std::string& target, const std::string& database) override;
  session::HoldingPtr hold(const session::SessionInfo& session, const session::HoldQuestion& question,
                           session::HoldListener told) override;
  session::HoldingPtr ask_models(const std::vector<ports::RiskQuestion>& questions,
                                 session::HeardListener told) override;
  void ask_afterwards(const session::SessionInfo& session, std::vector<session::LateQuestions> questions) override;
  bool leads_to_admin(std::string_view database) override;
  Result<> may_see_all(const session::SessionInfo& session) override;
  Task<show::Overview> overview() override;
  std::string version() const override;
  Task<> run_elsewhere(std::function<void()> work) override;
  session::CancelRegistry& cancels() override { return shared_.cancels; }
  Task<> cancel_elsewhere(std::int32_t pid, std::string key, const net::Address& client) override;
  const session::RelayLimits& relay_limits() const override { return relay_limits_; }
  session::StartupRules startup_rules() override;
  std::chrono::milliseconds login_timeout() const override;
  void list_session(session::LiveSession& session) override { sessions_.add(session); }
  std::uint64_t rights_version() override { return snapshot().version; }
  std::optional<session::Ending> why_out(const session::SessionInfo& session) override;
  void list_sleeping(session::LiveSession& session) override;

 private:
  const Snapshot& snapshot() const;
  /// Whether the user signs in by the identity store alone, and that is lost.
  bool out_of_reach(std::string_view user) const;
  void tick();
  void give_memory_back();
  // Asking others (worker_holds.cpp).
  struct Asked;
  Task<> ask_others(std::shared_ptr<Asked> asked);
  Task<session::HoldAnswer> answer_of_others(const std::shared_ptr<Asked>& asked);
  Task<session::HoldAnswer> view_of_others(const Asked& asked);
  Task<session::HoldAnswer> decision_of_others(const std::shared_ptr<Asked>& asked);
  Result<> fill_approval(Asked& asked) const;
  Task<> plan(Asked& asked);
  Result<> record_request(const Asked& asked);
  void record_end_of_hold(const Asked& asked, std::string_view state);
  static void note_asked(const Asked& asked, const std::string& approval);
  void record_rating(const std::string& names, const Id& query_id, const session::Doubt& doubt,
                     const ports::RiskOpinion& opinion);

  Shared& shared_;
  std::atomic<bool> ended_{false};
  bool stopping_ = false;
  unsigned ticks_ = 0;
  std::unique_ptr<ports::AuditChain> chain_;
  session::PostgresEngine postgres_{*this};
  session::TcpEngine tcp_{*this};
  session::LiveSessions sessions_;
  session::LiveSessions sleeping_;
  std::size_t fell_asleep_ = 0;  // since memory was given back
  std::chrono::steady_clock::time_point gave_back_{};
  mutable std::shared_ptr<const Snapshot> snapshot_;  // this thread's copy, renewed when the version has changed
  session::RelayLimits relay_limits_;
  telemetry::WorkerCounters counters_;
  std::atomic<std::chrono::steady_clock::time_point> last_turn_{std::chrono::steady_clock::now()};
  upstream::Pool servers_;
  std::unique_ptr<session::VerdictCache> verdicts_;  // null: none
  std::unique_ptr<session::ReadCache> results_;      // null: none
  // Last, so that coroutines that are left when the process ends go before what they use.
  boost::asio::io_context context_{1};
  boost::asio::steady_timer ticker_{context_};
  std::unique_ptr<Thread> thread_;
};

/// What a statement text may cost, by the configuration.
sql::ScanLimits scan_limits(const config::Limits& limits);

}  // namespace dbgate::app
