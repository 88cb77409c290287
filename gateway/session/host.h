#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/session/account.h"
#include "gateway/session/advice.h"
#include "gateway/session/cancel.h"
#include "gateway/session/hold.h"
#include "gateway/session/judge.h"
#include "gateway/session/limiter.h"
#include "gateway/session/live_sessions.h"
#include "gateway/session/read_side.h"
#include "gateway/session/relay.h"
#include "gateway/session/startup.h"
#include "gateway/session/trail.h"
#include "gateway/show/overview.h"
#include "gateway/upstream/pool.h"

namespace dbgate::session {

/// Who and where a session is, for decisions and records. Complete once the login is.
struct SessionInfo {
  std::string id;
  std::string user;
  Credential credential;
  std::string auth_method;  ///< "scram-sha-256", "scram-sha-256-plus", "certificate", "token", "tunnel", "api"
  std::string target;
  std::string db_system;  ///< what the server is, as OpenTelemetry names it; empty in engines that cannot know
  std::string database;   ///< on the server
  std::string application;
  net::Address client;
  std::string server_host;
  std::uint16_t server_port = 0;
  std::string upstream_user;
  ServerSettings settings;           ///< that the server connection was given; never recorded
  std::shared_ptr<Witness> witness;  ///< null: nobody wants to know of decisions
  TraceContext trace;                ///< option dbgate.traceparent: of statements that say nothing of theirs
  std::string reason;                ///< why, in the user's own words (option dbgate.reason); may be empty
  bool refuses_holds = false;        ///< the client does not wait for others (option dbgate.hold=refuse)
  bool wants_receipts = false;       ///< the client is told of audit records (option dbgate.receipts=on)
  std::string server_version;        ///< as the server reports it, such as "16.4 (Debian 16.4-1)"; empty if it does not

  bool operator==(const SessionInfo&) const = default;
};

/// Where a database name leads.
struct Route {
  std::string target;
  upstream::ServerSpec server;  ///< with the database that was asked for
  std::string search_path;      ///< fixed upstream; empty: the server's default stays
  ServerSettings settings;      ///< for masks and filters
  Sharing sharing = Sharing::none;
  std::size_t max_connections = 0;             ///< of the target; 0: no limit
  std::chrono::milliseconds pool_wait{0};      ///< for a server connection to become free
  std::chrono::milliseconds pool_idle{0};      ///< one that nobody uses is kept
  unsigned pool_weight = 1;                    ///< of the user, when many wait
  std::chrono::milliseconds pool_lifetime{0};  ///< an older one is closed once nobody needs it; 0: no limit
  bool replication = false;                    ///< the principal may open replication connections
  bool shows_client_names = false;             ///< the server is told the clients' own application_name
  bool limits_settings = false;                ///< not all that everybody may set when connecting
};

/// Connections that are counted together against limits.
class Seats {
 public:
  /// One of them is free again. Any thread.
  virtual void leave() noexcept = 0;

 protected:
  ~Seats() = default;
};
struct LeaveSeat {
  void operator()(Seats* seats) const noexcept { seats->leave(); }
};
/// A place among the connections that are allowed at once, for as long as it lives.
using Seat = std::unique_ptr<Seats, LeaveSeat>;

/// What sessions need from the process around them. One per worker thread; used from that thread only, never blocks.
class Host : public StartupWatch {
 public:
  /// Errors: 28000, the address has failed too often and has to wait.
  virtual Result<AccountPtr> account(std::string_view user, const net::Address& client) = 0;
  /// What the user is in with by a verified certificate; none: it does not stand for the user.
  virtual std::optional<Credential> certified(std::string_view user, const net::PeerCertificate& certificate) = 0;
  /// Checks what a client of the user sent in place of a password, away from the event loop.
  /// Errors: 28P01, the same whatever is wrong with it; 57P03 if that cannot be found out now.
  virtual Task<Result<Credential>> check_token(std::string user, std::string token) = 0;
  /// Errors: 3D000 for names that lead nowhere, for targets that the user may not see, and for targets of another
  /// engine.
  virtual Result<Route> route(std::string_view engine, std::string_view user, std::string_view database) = 0;
  /// The one target that the user may open physical replication connections to: pg_basebackup and pg_receivewal name no
  /// database. Errors: 3D000 if there is none, or more than one.
  virtual Result<std::string> replication_target(std::string_view user) = 0;
  /// Takes a place among the connections that are allowed at once. Errors: 53300.
  virtual Result<Seat> admit(std::string_view user, std::string_view target) = 0;

  virtual std::unique_ptr<Judge> judge_for(const SessionInfo& session) = 0;
  /// The limits of policies for one session.
  virtual std::unique_ptr<Limiter> limiter_for(const SessionInfo& session) = 0;
  /// For a session of that principal; null: no results are kept. @param connection what tells its server connection,
  /// as it was after the login, from others
  virtual std::unique_ptr<ReadSide> reads_for(const SessionInfo& session, std::string_view connection) = 0;
  /// Writes session.start. Errors: the audit log cannot take it, nobody gets in.
  virtual Result<std::unique_ptr<Trail>> open_trail(const SessionInfo& session) = 0;
  /// The trail of a session that has slept: goes on, without another session.start.
  virtual std::unique_ptr<Trail> resume_trail(const SessionInfo& session) = 0;
  /// @param took  to find out who it is; 0: it was known
  virtual void record_login(const SessionInfo& session, bool succeeded, std::string_view why,
                            std::chrono::nanoseconds took) = 0;
  /// Where what happens at a target is counted; as long as this host.
  virtual telemetry::TargetCounters& counters(std::string_view target) = 0;
  /// The server connections of this thread.
  virtual upstream::Pool& servers() = 0;
  /// Everything written so far is accepted by the audit log; false: that takes a while, wait for accept_audit().
  /// Errors: 58030.
  virtual Result<bool> commit_audit() = 0;
  virtual Task<Result<>> accept_audit() = 0;
  /// Does it on a thread with a large stack.
  virtual Task<std::shared_ptr<const Analysis>> analyze_elsewhere(AnalysisWork work) = 0;
  /// Waits until the target's catalog has been read again, or cannot be: within a bound.
  virtual Task<> catalog_read(const std::string& target, const std::string& database) = 0;

  /// Asks others whether a statement may run. `told` is called on this thread, not before this returns.
  virtual HoldingPtr hold(const SessionInfo& session, const HoldQuestion& question, HoldListener told) = 0;

  /// Asks models. `told` is called once, with all answers, on this thread, not before this returns.
  virtual HoldingPtr ask_models(const std::vector<ports::RiskQuestion>& questions, HeardListener told) = 0;
  /// The same for statements that do not wait. What is answered is recorded, and counts for the next such statement.
  virtual void ask_afterwards(const SessionInfo& session, std::vector<LateQuestions> questions) = 0;

  // The admin database (admin_session.h).
  /// Whether the name leads there: no target has it.
  virtual bool leads_to_admin(std::string_view database) = 0;
  /// Whether the principal may see what others do. Errors: 42501.
  virtual Result<> may_see_all(const SessionInfo& session) = 0;
  /// All there is to show. Of threads that do not answer within 2 s, what they would have said is missing.
  virtual Task<show::Overview> overview() = 0;
  virtual std::string version() const = 0;
  /// Does what takes long on another thread.
  virtual Task<> run_elsewhere(std::function<void()> work) = 0;

  virtual CancelRegistry& cancels() = 0;
  /// Passes on a cancel request whose key is none of this process. Returns when it has been acted on, or for good comes
  /// to nothing. @param client  whose requests are counted
  virtual Task<> cancel_elsewhere(std::int32_t pid, std::string key, const net::Address& client) = 0;
  virtual const RelayLimits& relay_limits() const = 0;
  virtual StartupRules startup_rules() = 0;
  virtual std::chrono::milliseconds login_timeout() const = 0;
  /// Where the process finds the session until it leaves by itself.
  virtual void list_session(LiveSession& session) = 0;
  /// Counts changes of who may be where. Whoever is listed is ended by them; who was not has to ask why_out().
  virtual std::uint64_t rights_version() = 0;
  /// Why somebody who has signed in may not be on the target (any more); none: nothing speaks against it.
  virtual std::optional<Ending> why_out(const SessionInfo& session) = 0;
  /// The same of one that sleeps: it is not asked to give memory back.
  virtual void list_sleeping(LiveSession& session) = 0;
};

}  // namespace dbgate::session
