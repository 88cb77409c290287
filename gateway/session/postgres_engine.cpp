#include "gateway/session/postgres_engine.h"

#include "gateway/base/ids.h"
#include "gateway/base/log.h"
#include "gateway/session/admin_session.h"
#include "gateway/session/awake_session.h"
#include "gateway/session/login.h"
#include "gateway/session/replies.h"
#include "gateway/session/shared_server.h"
#include "gateway/session/statement_counts.h"

namespace dbgate::session {
namespace {

// What libpq's programs for physical replication give as database; servers ignore it.
constexpr std::string_view libpq_replication_database = "replication";
constexpr std::size_t short_cancel_key = 4;  // protocol 3.0
constexpr std::size_t long_cancel_key = 32;  // protocol 3.2
constexpr std::chrono::milliseconds farewell_limit{500};

/// One client from its first byte to its last, or between two sleeps. Lives in the frame of who serves it.
class Session {
 public:
  Session(Host& host, Dormitory& dormitory, net::Stream& client, Arrival arrival);
  /// A session that has slept.
  Session(Host& host, Dormitory& dormitory, net::Stream& client, SessionRest rest);

  Task<> run();
  /// Of one that has slept. @param farewell  why it has been ended meanwhile; null: it has not
  Task<> go_on(std::unique_ptr<const Ending> farewell);
  /// Whether it has fallen asleep: what is left of it then is its rest.
  bool asleep() const noexcept { return rest_.profile != nullptr; }
  SessionRest take_rest() { return std::move(rest_); }

 private:
  Task<Result<>> enter();
  Task<Result<>> meet();
  Task<Result<>> sign_in();
  Task<Result<>> administer();
  Task<Result<>> connect_server();
  Result<> fits_credential(std::string_view target) const;
  Task<bool> may_set(Judge& judge, const std::string& text);
  Task<> leave_out_refused(Judge& judge);
  Task<Result<>> judge_settings();
  Task<Result<>> first_link();
  Task<Result<>> greet();
  std::optional<Ending> changed_rights();
  Task<> relay(std::unique_ptr<const Ending> farewell);
  void fall_asleep(Pump& pump, Relay& relay);
  void part_from_server(upstream::LinkPtr link, bool at_rest, const Relay& relay);
  Task<Result<upstream::LinkPtr>> lend(const std::shared_ptr<const SettingTexts>& settings);
  Task<std::shared_ptr<const Analysis>> analyze(Judge& judge, std::string_view text);
  void note_server(const upstream::Connection& server);
  Task<> say_farewell(const Error& why);
  Task<> cancel_for(const StartupRequest& request);
  std::shared_ptr<const upstream::ServerSpec> server_spec() const { return {link_request_, &link_request_->spec}; }

  /// What nobody needs once the client is in.
  struct Login {
    Arrival arrival;
    StartupRequest request;
    Route route;
    std::string last_message;            // what the client has yet to be told of its authentication
    upstream::StartupParameters status;  // what the server reports when somebody logs in
  };

  Host& host_;
  Dormitory& dormitory_;
  net::Stream& client_;
  std::unique_ptr<Login> login_;
  std::uint64_t rights_seen_ = 0;  // when it was last certain that the user may be here
  SessionInfo info_;
  Sharing sharing_ = Sharing::none;
  bool replication_ = false;
  Seat seat_;
  upstream::LinkRequestPtr link_request_;
  upstream::LinkPtr server_;  // from the login to the relay; later the pump has it
  std::shared_ptr<CancelPoint> cancel_;
  std::int32_t pid_ = 0;  // that the client is shown
  std::string cancel_key_;
  std::unique_ptr<Trail> trail_;
  SessionRest rest_;  // of before this, or for after it
};

Session::Session(Host& host, Dormitory& dormitory, net::Stream& client, Arrival arrival)
    : host_(host), dormitory_(dormitory), client_(client), login_(std::make_unique<Login>()) {
  info_.id = make_id("ses_");
  info_.client = arrival.client;
  info_.db_system = "postgresql";
  login_->arrival = std::move(arrival);
}

Session::Session(Host& host, Dormitory& dormitory, net::Stream& client, SessionRest rest)
    : host_(host),
      dormitory_(dormitory),
      client_(client),
      info_(rest.profile->info),
      sharing_(rest.profile->sharing),
      seat_(std::move(rest.seat)),
      link_request_(rest.profile->link_request),
      pid_(rest.pid),
      cancel_key_(std::move(rest.cancel_key)),
      rest_(std::move(rest)) {
  info_.id = rest_.id.view();
  info_.client.port = rest_.client_port;
  rest_.profile = nullptr;
}

Task<> Session::run() {
  const auto entered = co_await enter();
  login_ = nullptr;
  if (!entered) {
    const Error why = entered.error();
    if (server_) host_.servers().give_back(server_);
    if (!cancel_key_.empty()) host_.cancels().leave(pid_, cancel_key_);
    if (!why.message().empty()) co_await say_farewell(why);
    co_return;
  }
  if (cancel_) co_await relay(nullptr);
}

Task<> Session::go_on(std::unique_ptr<const Ending> farewell) {
  cancel_ = std::make_shared<CancelPoint>(client_.executor(), server_spec());
  host_.cancels().enter_again(pid_, cancel_key_, cancel_);
  trail_ = host_.resume_trail(info_);
  rights_seen_ = host_.rights_version();  // it was listed while it slept
  co_await relay(std::move(farewell));
}

// The client has so long to say who it is. What comes after it waits for nobody but servers, which have limits of their
// own.
Task<Result<>> Session::enter() {
  {
    const net::Deadline deadline(client_, host_.login_timeout());
    const auto done = co_await meet();
    if (!done) {
      const Error why = deadline.expired() ? Error(sqlstate::connection_failure, "") : done.error();
      const bool out_of_step = why.code() == sqlstate::protocol_violation && !why.message().empty();
      if (out_of_step) host_.note_protocol_error("client", "startup");
      co_return why;
    }
  }
  if (info_.user.empty()) co_return boost::system::in_place_value;  // a cancel request
  if (login_->arrival.target.empty() && host_.leads_to_admin(login_->request.database)) {
    const auto served = co_await administer();
    co_return served;
  }
  DBGATE_CO_CHECK(co_await connect_server());
  const auto greeted = co_await greet();
  co_return greeted;
}

Task<Result<>> Session::meet() {
  StartupRules rules = host_.startup_rules();
  if (!login_->arrival.signed_in_user.empty()) rules = {};  // the tunnel is TLS already
  auto request = co_await read_startup(client_, rules);
  if (!request) co_return request.error();
  login_->request = std::move(*request);
  if (login_->request.kind == StartupRequest::Kind::cancel) {
    co_await cancel_for(login_->request);
    co_return boost::system::in_place_value;
  }
  info_.application = login_->request.application_name;
  info_.reason = login_->request.reason;
  info_.trace = login_->request.trace;
  info_.refuses_holds = login_->request.refuses_holds;
  info_.wants_receipts = login_->request.wants_receipts;
  const auto signed_in = co_await sign_in();
  co_return signed_in;
}

Task<Result<>> Session::sign_in() {
  std::chrono::nanoseconds took{0};
  const std::string negotiated = negotiation(login_->request);
  if (!negotiated.empty()) {
    const auto sent = co_await client_.write_all(protocol::as_bytes(negotiated));
    if (!sent) co_return Error(sqlstate::connection_failure, "");
  }
  if (!login_->arrival.signed_in_user.empty()) {
    info_.user = login_->arrival.signed_in_user;
    info_.credential = std::move(login_->arrival.credential);
    info_.auth_method = login_->arrival.signed_in_by;
    info_.witness = std::move(login_->arrival.witness);
  } else {
    info_.user = login_->request.user;
    rights_seen_ = host_.rights_version();
    const auto begun = std::chrono::steady_clock::now();
    DBGATE_CO_TRY(login_->last_message, co_await authenticate(host_, client_, info_));
    took = std::chrono::steady_clock::now() - begun;
  }
  host_.record_login(info_, true, {}, took);
  co_return boost::system::in_place_value;
}

Task<Result<>> Session::administer() {
  DBGATE_CO_CHECK(fits_credential(admin_database));
  const auto served = co_await serve_admin(host_, client_, info_, login_->request, std::move(login_->last_message));
  co_return served;
}

// A password may be for one target only.
Result<> Session::fits_credential(std::string_view target) const {
  const std::string& only = info_.credential.target;
  if (only.empty() || only == target) return boost::system::in_place_value;
  return Error(sqlstate::invalid_authorization_specification, "this password is for database \"" + only + "\" only");
}

Task<Result<>> Session::connect_server() {
  const StartupRequest& request = login_->request;
  Route& route = login_->route;
  const bool by_name = login_->arrival.target.empty();
  std::string database = by_name ? request.database : database_in_tunnel(request.database, login_->arrival.target);
  if (by_name && request.replication_value == "true" && database == libpq_replication_database) {
    if (request.target.empty()) {
      DBGATE_CO_TRY(database, host_.replication_target(info_.user));
    } else {
      database = request.target;
    }
  } else if (!request.target.empty() && request.target != database) {
    co_return Error(sqlstate::invalid_parameter_value, "dbgate.target names another target than the connection does");
  }
  DBGATE_CO_TRY(route, host_.route(postgres_engine, info_.user, database));
  DBGATE_CO_CHECK(fits_credential(route.target));
  if (request.replication && !route.replication) {
    co_return Error(sqlstate::insufficient_privilege, "replication connections are not allowed by dbgate policy");
  }
  DBGATE_CO_TRY(seat_, host_.admit(info_.user, route.target));
  info_.target = route.target;
  info_.database = route.server.database;
  info_.upstream_user = route.server.user;
  info_.settings = route.settings;
  DBGATE_CO_CHECK(co_await judge_settings());
  for (const auto& [name, value] : request.settings)
    info_.settings.insert_or_assign(name, value);
  replication_ = request.replication;
  if (replication_) route.sharing = Sharing::none;
  sharing_ = route.sharing;
  link_request_ = host_.servers().shared(link_request(request, route, info_));
  std::optional<upstream::Greeting> known;
  if (sharing_ != Sharing::none) known = host_.servers().greeting(link_request_->key);
  if (!known) {
    DBGATE_CO_CHECK(co_await first_link());
  } else {
    login_->status = std::move(known->status);
    info_.server_host = known->host.name;
    info_.server_port = known->host.port;
  }
  pid_ = sharing_ == Sharing::none ? server_->connection.pid : host_.cancels().next_pid();
  for (const auto& [name, value] : login_->status) {
    if (name == "server_version") info_.server_version = value;
  }
  co_return boost::system::in_place_value;
}

Task<bool> Session::may_set(Judge& judge, const std::string& text) {
  const auto analysis = co_await analyze(judge, text);
  const Judged judged = judge.judge(*analysis, Names(), Names(), 0);
  co_return !judged.refused && !needs_agreement(judged);
}

// Drivers give the zone and the formats of their machine unasked: where a policy says that they are not the client's to
// choose, the server's own are as good.
Task<> Session::leave_out_refused(Judge& judge) {
  const auto is_judged = [](const StartupSetting& setting) {
    return setting.first != "client_encoding" && setting.first != "standard_conforming_strings" &&
           !setting.first.starts_with("dbgate.");
  };
  std::vector<StartupSetting>& settings = login_->request.settings;
  std::vector<StartupSetting> kept;
  for (StartupSetting& setting : settings) {
    bool keeps = true;
    const std::string text = as_statement(setting);
    if (is_judged(setting)) keeps = co_await may_set(judge, text);
    if (keeps) kept.push_back(std::move(setting));
  }
  settings = std::move(kept);
}

// Settings that not everybody may give when connecting: who may set them may give them.
Task<Result<>> Session::judge_settings() {
  StartupRequest& request = login_->request;
  const bool limits = login_->route.limits_settings;
  if (request.settings_to_judge.empty() && !limits) co_return boost::system::in_place_value;
  const std::unique_ptr<Judge> judge = host_.judge_for(info_);
  if (limits) co_await leave_out_refused(*judge);
  for (auto& setting : request.settings_to_judge) {
    if (is_route_path(setting, login_->route)) continue;
    const std::string text = as_statement(setting);
    const bool may = co_await may_set(*judge, text);
    if (!may) {
      co_return Error(sqlstate::insufficient_privilege,
                      "setting \"" + setting.first + "\" may not be given when connecting",
                      "Your policy does not allow to set it. Connect without it.");
    }
    request.settings.push_back(std::move(setting));
  }
  co_return boost::system::in_place_value;
}

Task<Result<>> Session::first_link() {
  const auto connected = co_await lend(nullptr);
  if (!connected) {
    const Error why = connected.error();
    log::warn("postgres", "cannot connect to a target",
              {{"target", info_.target}, {"code", why.code().text()}, {"err", why.message()}});
    co_return why;
  }
  server_ = *connected;
  login_->status = server_->connection.status;
  info_.server_host = server_->connection.host.name;
  info_.server_port = server_->connection.host.port;
  co_return boost::system::in_place_value;
}

// A server connection that is where this session left its last one.
Task<Result<upstream::LinkPtr>> Session::lend(const std::shared_ptr<const SettingTexts>& settings) {
  for (;;) {
    DBGATE_CO_TRY(upstream::LinkPtr link, co_await host_.servers().take(link_request_, this));
    // One that was at rest may have ended unseen: the next one will do.
    const bool fresh = link->memory.user.empty();
    auto ready = co_await make_ready(std::move(link), *link_request_, settings);
    if (!fresh && !(ready && (*ready)->usable())) continue;
    if (ready) note_server((*ready)->connection);
    co_return ready;
  }
}

// Where there is a choice, another host may serve than the last one.
void Session::note_server(const upstream::Connection& server) {
  const bool other = info_.server_host != server.host.name || info_.server_port != server.host.port;
  if (server.use.set() == nullptr || !other) return;
  info_.server_host = server.host.name;
  info_.server_port = server.host.port;
  if (trail_) trail_->moved(info_);
}

// What changes before the session is listed finds nobody to end. Tunnels come with a sign-in of some time ago.
std::optional<Ending> Session::changed_rights() {
  const std::uint64_t now = host_.rights_version();
  if (std::exchange(rights_seen_, now) == now) return {};
  return host_.why_out(info_);
}

Task<Result<>> Session::greet() {
  if (const auto why = changed_rights()) co_return Error(sqlstate::admin_shutdown, why->message);
  const auto cancel = std::make_shared<CancelPoint>(client_.executor(), server_spec());
  const bool long_key = login_->request.minor_version >= 2;
  cancel_key_ = host_.cancels().enter(pid_, long_key ? long_cancel_key : short_cancel_key, cancel);
  DBGATE_CO_TRY(trail_, host_.open_trail(info_));
  DBGATE_CO_CHECK(co_await host_.accept_audit());
  auto greeting = welcome(login_->request, login_->status, pid_, cancel_key_);
  if (!greeting) co_return greeting.error();
  const std::string bytes = login_->last_message + *greeting;
  const auto sent = co_await client_.write_all(protocol::as_bytes(bytes));
  if (!sent) co_return Error(sqlstate::connection_failure, "");
  cancel_ = cancel;
  co_return boost::system::in_place_value;
}

// Statements that are large, or have to wait for the catalog to be read.
Task<std::shared_ptr<const Analysis>> Session::analyze(Judge& judge, std::string_view text) {
  if (!judge.ready()) co_await host_.catalog_read(info_.target, info_.database);
  judge.ready();
  if (text.size() <= host_.relay_limits().inline_statement_bytes) co_return judge.analyze(text);
  co_return co_await host_.analyze_elsewhere(judge.analysis_work(text));
}

Task<> Session::relay(std::unique_ptr<const Ending> farewell) {
  const std::unique_ptr<Judge> judge = host_.judge_for(info_);
  const std::unique_ptr<Limiter> limiter = host_.limiter_for(info_);
  Relay relay(*judge, *trail_, host_.relay_limits(), replication_, limiter.get(), sharing_);
  relay.keep_reads(host_.reads_for(info_, link_request_->key));
  if (info_.wants_receipts) relay.give_receipts();
  PumpPorts ports;
  ports.commit_audit = [this] { return host_.commit_audit(); };
  ports.accept_audit = [this] { return host_.accept_audit(); };
  ports.analyze = [this, &judge](std::string_view text) { return analyze(*judge, text); };
  ports.read_catalog = [this] {
    net::run_apart(client_.executor(), [&host = host_, target = info_.target, database = info_.database] {
      return host.catalog_read(target, database);
    });
  };
  ports.hold = [this](const HoldQuestion& question, HoldListener told) {
    return host_.hold(info_, question, std::move(told));
  };
  ports.ask = [this](const std::vector<ports::RiskQuestion>& questions, HeardListener told) {
    return host_.ask_models(questions, std::move(told));
  };
  ports.ask_afterwards = [this](std::vector<LateQuestions> questions) {
    host_.ask_afterwards(info_, std::move(questions));
  };
  ports.lend = [this, &relay] { return lend(relay.settings()); };
  ports.channels = [this] { return host_.servers().channels(*link_request_); };
  telemetry::TargetCounters& counters = host_.counters(info_.target);
  ports.counted = &counters;
  ports.out_of_step = [this](std::string_view side) { host_.note_protocol_error(side, "message"); };
  ports.bound = [this, &counters](const Pins& reasons) {
    count_pins(counters, reasons);
    log::info("session", "bound to its server connection",
              {{"session", info_.id}, {"user", info_.user}, {"target", info_.target}, {"reason", names_of(reasons)}});
  };
  ports.stop_lending = [this] { host_.servers().stop_waiting(this); };
  upstream::Pool* const pool = sharing_ == Sharing::none ? nullptr : &host_.servers();
  Pump pump(client_, relay, *cancel_, std::move(ports), pool);
  relay.vacate_by([this, &pump](const std::string& database) {
    if (pump.server() != nullptr) host_.servers().vacate(pump.server()->connection, database);
  });
  if (server_) pump.take(std::move(server_));
  pump.count_from(rest_.from_client, rest_.to_client);
  if (const auto said = std::move(rest_.relay)) relay.go_on_from(std::move(*said));
  {
    AwakeSession awake(info_, pump, relay, *trail_, rest_.statements);
    host_.list_session(awake);
    if (const auto why = changed_rights()) awake.end(*why, false);
    if (farewell) pump.end_session(*farewell, false);
    co_await pump.run();
  }
  if (pump.asleep()) co_return fall_asleep(pump, relay);
  // Nobody waits for the result any more: the server need not compute it.
  if (relay.busy() && pump.reason() != EndReason::server_gone && pump.reason() != EndReason::terminated) {
    // A client that has gone has sent it all itself; whoever is made to go may not have the rest run.
    const bool queue = pump.reason() != EndReason::client_gone && relay.has_queue();
    if (queue && pump.server() != nullptr && pump.server()->usable()) {
      co_await cancel_->stop();
    } else {
      co_await cancel_->cancel();
    }
  }
  if (cancel_->under_way()) co_await cancel_->settled();
  host_.cancels().leave(pid_, cancel_key_);
  const bool at_rest = relay.at_rest();
  upstream::LinkPtr link = pump.release();
  if (link) {
    // Whoever waits there to write to this client has to be gone before the client is.
    if (link->in_use()) client_.shutdown();
    co_await link->left();
  }
  relay.abandon(Error(sqlstate::connection_failure, ""));
  trail_->ended(pump.reason_text(), pump.bytes_from_client(), pump.bytes_to_client());
  if (link) part_from_server(std::move(link), at_rest, relay);
  co_await client_.linger(farewell_limit);
}

// The pump has made sure that nothing is under way anywhere, and nothing of the session lies on a server connection.
void Session::fall_asleep(Pump& pump, Relay& relay) {
  host_.cancels().leave(pid_, cancel_key_);
  if (const upstream::LinkPtr link = pump.release()) host_.servers().give_back(link);
  rest_.id = Id(info_.id);
  rest_.client_port = std::exchange(info_.client.port, 0);
  info_.id.clear();
  rest_.pid = pid_;
  rest_.cancel_key = std::move(cancel_key_);
  rest_.seat = std::move(seat_);
  rest_.from_client = pump.bytes_from_client();
  rest_.to_client = pump.bytes_to_client();
  rest_.statements += trail_->decisions();
  rest_.relay = relay.take_rest();
  rest_.profile = dormitory_.shared({std::move(info_), std::move(link_request_), sharing_});
}

// What the session has left on its server connection goes before anybody else has it.
void Session::part_from_server(upstream::LinkPtr link, bool at_rest, const Relay& relay) {
  const Pins& pins = relay.pins();
  if (relay.residue() > policy::Residue::discarded) link->memory.stained = true;
  const bool kept = at_rest && can_be_discarded(pins) && !replication_ && link_request_->idle.count() > 0;
  if (!kept) return link->end();
  const bool clean = pins.none() && !link->memory.littered && sharing_ != Sharing::none;
  if (clean) return host_.servers().give_back(link);
  net::run_apart(client_.executor(), [link = std::move(link), &servers = host_.servers()]() -> Task<> {
    const auto wiped = co_await wipe(*link);
    if (wiped) servers.give_back(link);
  });
}

Task<> Session::say_farewell(const Error& why) {
  const std::string message = fatal_response(why.code(), why.message(), why.hint());
  {
    const net::Deadline deadline(client_, farewell_limit);
    co_await client_.write_all(protocol::as_bytes(message));
  }
  co_await client_.linger(farewell_limit);
}

// There is no answer to a cancel request, right or wrong; the connection is closed when the signal was sent
// (PostgreSQL docs ch. 55.2.8).
Task<> Session::cancel_for(const StartupRequest& request) {
  const auto point = host_.cancels().find(request.pid, request.cancel_key);
  if (!point) {
    co_await host_.cancel_elsewhere(request.pid, request.cancel_key, info_.client);
    co_return;
  }
  co_await net::run_on(point->executor(), [point] { return point->request(); });
}

}  // namespace

PostgresEngine::PostgresEngine(Host& host)
    : host_(host), dormitory_(host, [this](Dormitory::Guest guest) {
        const net::Executor executor = guest->executor();
        net::run_apart(executor, [this, woken = std::shared_ptr<SleepingSession>(std::move(guest))]() mutable {
          return go_on(std::move(woken));
        });
      }) {}

Task<> PostgresEngine::serve(net::Stream client, Arrival arrival, Counted counted) {
  Session session(host_, dormitory_, client, std::move(arrival));
  co_await session.run();
  if (session.asleep()) dormitory_.take_in(session.take_rest(), std::move(client), std::move(counted));
}

Task<> PostgresEngine::go_on(std::shared_ptr<SleepingSession> woken) {
  net::Stream client = woken->take_client();
  Counted counted = woken->take_counted();
  auto farewell = woken->take_farewell();
  Session session(host_, dormitory_, client, std::move(woken->rest));
  woken = nullptr;
  co_await session.go_on(std::move(farewell));
  if (session.asleep()) dormitory_.take_in(session.take_rest(), std::move(client), std::move(counted));
}

}  // namespace dbgate::session
