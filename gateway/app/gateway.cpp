#include "gateway/app/gateway.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "config/loader.h"
#include "gateway/adapters/file_audit.h"
#include "gateway/adapters/pg_catalog_source.h"
#include "gateway/adapters/pg_plan_source.h"
#include "gateway/adapters/pg_row_versions.h"
#include "gateway/app/directory.h"
#include "gateway/app/service_manager.h"
#include "gateway/app/watched.h"
#include "gateway/audit/json.h"
#include "gateway/auth/random.h"
#include "gateway/base/clock.h"
#include "gateway/base/ids.h"
#include "gateway/base/log.h"
#include "gateway/sql/analyze.h"

namespace dbgate::app {
namespace {

constexpr std::size_t parser_stack_bytes = sql::required_stack_bytes;
constexpr std::size_t parser_threads = 2;
constexpr std::chrono::milliseconds drain_poll{20};
constexpr std::chrono::milliseconds fast_stop{1'000};
constexpr std::size_t secret_bytes = 32;
constexpr std::size_t logins_at_once = 1000;

unsigned worker_count(unsigned wanted) {
  return wanted > 0 ? wanted : std::max(1u, std::thread::hardware_concurrency());
}

std::vector<std::unique_ptr<Thread>> threads_for(boost::asio::io_context& context, std::size_t count,
                                                 std::size_t stack_bytes) {
  std::vector<std::unique_ptr<Thread>> threads;
  for (std::size_t i = 0; i < count; ++i) {
    threads.push_back(std::make_unique<Thread>(stack_bytes, [&context] {
      const auto work = boost::asio::make_work_guard(context);
      context.run();
    }));
  }
  return threads;
}

// Whether it comes true within the time that a fast stop takes for it.
template <class True>
bool soon(True true_now) {
  const auto deadline = std::chrono::steady_clock::now() + fast_stop;
  while (!true_now() && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(drain_poll);
  return true_now();
}

// The secret that mock verifiers come from outlives restarts: an unknown name's salt must never change.
Result<std::string> load_secret(const std::string& path) {
  std::ifstream existing(path, std::ios::binary);
  std::string secret(std::istreambuf_iterator<char>(existing), {});
  if (secret.size() == secret_bytes) return secret;
  secret = auth::random_bytes(secret_bytes);
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  const bool written = file >= 0 && ::write(file, secret.data(), secret.size()) == static_cast<ssize_t>(secret.size());
  if (file >= 0) ::close(file);
  if (!written) return Error(sqlstate::io_error, "cannot write " + path);
  return secret;
}

}  // namespace

Gateway::Gateway(std::string config_path, std::shared_ptr<Snapshot> first, Inheritance inheritance)
    : config_path_(std::move(config_path)), inheritance_(std::move(inheritance)) {
  shared_.current.set(std::move(first));
}

Gateway::~Gateway() = default;

Result<> Gateway::start() {
  // First: who reads that the gateway is ready may send one at once. They count when run() begins.
  // Whoever has started this may have blocked them for itself, and a mask outlives exec(2).
  ::sigset_t heard;
  ::sigemptyset(&heard);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2}) {
    signals_.add(signal);
    ::sigaddset(&heard, signal);
  }
  ::pthread_sigmask(SIG_UNBLOCK, &heard, nullptr);
  ::umask(077);
  file_ = std::make_shared<const config::Config>(shared_.current.get()->config);
  ::mkdir(file_->state_dir.c_str(), 0700);
  open_succession();
  DBGATE_CHECK(open_identity());
  DBGATE_CHECK(join_replicas());
  DBGATE_CHECK(open_approvals());
  const auto snapshot = shared_.current.get();
  const config::Config& config = snapshot->config;
  // What was known of the last server need not be so on the one that takes its place.
  shared_.hosts = std::make_unique<HostWatch>([this](const std::string& target) {
    shared_.catalogs->forget(target);
    shared_.ledgers.forget_all();
  });
  shared_.catalogs = std::make_unique<Catalogs>(adapters::make_pg_catalog_source(), shared_.hosts->narrowing());
  shared_.hosts->configure(*snapshot);
  shared_.catalogs->configure(config);
  shared_.models.configure(config.models);
  DBGATE_CHECK(open_audit(config));
  DBGATE_TRY(notary_, Notary::open(config));
  shared_.notary = notary_.get();
  if (!config.audit.witnesses.empty()) {
    DBGATE_TRY(witnesses_, Witnesses::open(config, *audit_, shared_.replicas.get()));
    shared_.witnesses = witnesses_.get();
  }
  if (!config.audit.sinks.empty()) {
    DBGATE_TRY(sinks_, AuditSinks::open(config, *audit_));
    shared_.sinks = sinks_.get();
  }
  DBGATE_TRY(keeper_, LogKeeper::open(config, *audit_, sinks_.get(), shared_.log_counted));
  DBGATE_TRY(shared_.mock_secret, load_secret(config.state_dir + "/server.key"));
  DBGATE_CHECK(share_secret());
  shared_.views.use(*shared_.catalogs, shared_.mock_secret);
  DBGATE_TRY(own_chain_, audit_->open_chain("main", ports::Pace::rare));
  parser_threads_ = threads_for(shared_.parsers, parser_threads, parser_stack_bytes);
  for (unsigned i = 0; i < worker_count(config.workers); ++i) {
    DBGATE_TRY(auto chain, audit_->open_chain("w" + std::to_string(i), ports::Pace::steady));
    if (sinks_) chain = sinks_->guard(std::move(chain));
    workers_.push_back(std::make_unique<Worker>(shared_, std::move(chain)));
    shared_.workers.push_back(workers_.back().get());
  }
  if (config.postgres.enabled) {
    const auto listening = listen_on(config.postgres, "postgres", config::EngineKind::postgresql, {});
    if (!listening) return listening;
  }
  if (config.api.enabled) {
    DBGATE_TRY(auto chain, watched_chain("api"));
    DBGATE_CHECK(open_administration());
    searches_ = std::make_unique<LogSearches>(config.state_dir);
    const int socket = inheritance_.take_socket("https", {config.api.address, config.api.port, {}});
    DBGATE_TRY(api_, ApiSide::open(
                         shared_, std::move(chain), [this]() -> Worker& { return next_worker(); },
                         administration_.get(), *searches_, socket));
    shared_.events = &api_->events();
  }
  if (config.ops.enabled) {
    const int socket = inheritance_.take_socket("ops", {config.ops.address, config.ops.port, {}});
    DBGATE_TRY(ops_, OpsSide::open(shared_, *audit_, socket));
  }
  for (const config::Target& target : config.targets) {
    if (!target.listen.enabled) continue;
    session::Arrival arrival;
    arrival.signed_in_user = target.listen.user;
    arrival.target = target.name;
    const auto listening = listen_on(target.listen, target.name, target.engine, std::move(arrival));
    if (!listening) return listening;
  }
  DBGATE_CHECK(open_operators(config));
  notary_->begin();
  for (const auto& worker : workers_)
    worker->start();
  shared_.hosts->start();
  shared_.catalogs->start();
  if (searches_) searches_->start();
  if (!succession_->has_older()) start_followers();
  if (api_) api_->start();
  if (ops_) ops_->start();
  if (shared_.identity) {
    access_ends_ = std::make_unique<AccessEnds>(context_.get_executor(), shared_, *own_chain_);
    access_ends_->start();
    shared_.identity->follow([this](std::shared_ptr<const ports::store::Directory> directory) {
      net::post_to(context_.get_executor(), [this, directory] { take(directory); });
    });
  }
  if (shared_.replicas && (file_->store.shared() || succession_->has_older())) DBGATE_CHECK(start_replicas());
  shared_.lifecycle.reloaded_us = wall_clock_us();
  shared_.lifecycle.started = true;
  operators_->start();
  log::info("gateway", "ready", {{"config", config.version}});
  tell_service_manager("READY=1\nSTATUS=serving");
  succession_->say_ready();
  return boost::system::in_place_value;
}

// Whoever has no API and shares no store needs none: its users are those of the file.
Result<> Gateway::open_identity() {
  if (!config::has_store(*file_)) return boost::system::in_place_value;
  DBGATE_TRY(shared_.identity, Identity::open(*file_, shared_.current));
  DBGATE_TRY(directory_, shared_.identity->load());
  DBGATE_TRY(auto snapshot, snapshot_of(*file_, directory_.get(), config_directory(), nullptr));
  shared_.current.set(std::move(snapshot));
  shared_.identity->following().reached(directory_->generation);
  return boost::system::in_place_value;
}

Result<> Gateway::open_approvals() {
  if (!shared_.identity) return boost::system::in_place_value;
  std::set<std::string> alive;
  std::string own = make_id("rpl_");
  if (shared_.replicas) {
    own = shared_.replicas->id();
    const auto others = shared_.replicas->others();
    alive.insert(others.begin(), others.end());
  }
  shared_.approvals =
      std::make_unique<Approvals>(shared_.identity->store().approvals(), shared_.identity->blocking(), std::move(own));
  shared_.approval_news = std::make_unique<ApprovalNews>([this] { return shared_.events; }, shared_.counted);
  shared_.approval_news->configure(*file_);
  shared_.plans = adapters::make_pg_plan_source();
  shared_.versions = adapters::make_pg_row_versions();
  return shared_.approvals->cancel_orphans(alive);
}

Result<std::unique_ptr<ports::AuditChain>> Gateway::watched_chain(const std::string& name) {
  DBGATE_TRY(auto chain, audit_->open_chain(name, ports::Pace::rare));
  return std::unique_ptr<ports::AuditChain>(std::make_unique<WatchedChain>(std::move(chain), shared_));
}

Result<> Gateway::open_administration() {
  if (!shared_.identity) return boost::system::in_place_value;
  Identity& identity = *shared_.identity;
  DBGATE_TRY(auto chain, watched_chain("admin"));
  const auto file = [this] {
    const std::lock_guard lock(file_mutex_);
    return file_;
  };
  administration_ = std::make_unique<StoreAdministration>(identity, file, config_directory(), std::move(chain));
  return boost::system::in_place_value;
}

std::string Gateway::config_directory() const {
  const std::size_t slash = config_path_.rfind('/');
  return slash == std::string::npos ? "." : config_path_.substr(0, slash);
}

// On the thread of run(): files and directories take effect one after the other.
void Gateway::take(std::shared_ptr<const ports::store::Directory> directory) {
  if (directory_ && directory->generation < directory_->generation) return;
  const std::int64_t generation = directory->generation;
  put_in_force(std::move(directory));
  // Also if it cannot be in force: nobody shall wait for what does not come.
  shared_.identity->following().reached(generation);
}

void Gateway::put_in_force(std::shared_ptr<const ports::store::Directory> directory) {
  const auto current = shared_.current.get();
  auto next = snapshot_of(*file_, directory.get(), config_directory(), current.get());
  if (!next) {
    const Error why = next.error();
    log::error("gateway", "a change of the identity store is not in force", {{"err", why.message()}});
    return;
  }
  directory_ = std::move(directory);
  const auto applied = apply(std::move(*next));
  if (!applied)
    log::error("gateway", "a change of the identity store is not in force: the audit log cannot be written");
}

Result<> Gateway::listen_on(const config::Listener& settings, const std::string& name, config::EngineKind kind,
                            session::Arrival arrival) {
  const auto bound = bind({settings.address, settings.port, {}}, name, kind, arrival);
  if (!bound || settings.socket.empty()) return bound;
  const std::string port = std::to_string(settings.port);
  return bind({{}, 0, settings.socket + "/.s.PGSQL." + port}, name + ".socket", kind, arrival);
}

Result<> Gateway::bind(net::ListenAddress address, const std::string& name, config::EngineKind kind,
                       const session::Arrival& arrival) {
  auto listener = std::make_unique<net::Listener>(context_);
  // As systemd's sockets are called; a target may have any name.
  const std::string key = arrival.target.empty() ? (address.unix_path.empty() ? "pg" : "pg.socket") : "target/" + name;
  address.socket = inheritance_.take_socket(key, address);
  address.keep_alive = keep_alive_of(file_->limits);
  const auto opened = listener->open(address);
  if (!opened) return opened;
  const std::string port = std::to_string(listener->port());
  log::info("gateway", "listening",
            {{"listener", name},
             {"address", address.unix_path.empty() ? address.address : address.unix_path},
             {"port", port}});
  const auto pick = [this]() -> boost::asio::io_context& { return next_worker().context(); };
  const auto serve = [this, kind, arrival](net::Stream stream) -> Task<> {
    Counted counted(shared_.connections);
    // Whoever has not signed in yet holds a descriptor too. Beyond this nobody gets an answer, which is what a kernel
    // with a full backlog does.
    if (shared_.connections > shared_.current.get()->config.limits.connections + logins_at_once) co_return;
    session::Arrival here = arrival;
    here.client = stream.peer();
    co_await Worker::of_this_thread()->engine(kind)->serve(std::move(stream), std::move(here), std::move(counted));
  };
  listener->start(name, pick, serve);
  listeners_.push_back({key, std::move(listener)});
  return boost::system::in_place_value;
}

Worker& Gateway::next_worker() {
  return *workers_[next_++ % workers_.size()];
}

void Gateway::give_up() {
  if (operators_) operators_->stop();
  std::_Exit(1);
}

void Gateway::run() {
  wait_for_signal();
  watchdog_.start();
  quiet_pages_.start();
  context_.run();
}

void Gateway::wait_for_signal() {
  signals_.async_wait([this](const boost::system::error_code& failed, int signal) {
    if (failed) return;
    if (signal == SIGHUP) {
      reload_as_told();
    } else if (signal == SIGUSR2) {
      hand_over();
    } else if (signal == SIGUSR1) {
      if (sinks_) sinks_->reopen();
    } else if (signal == SIGTERM && !draining_) {
      drain_as_told();
    } else {
      finish();
      return;
    }
    wait_for_signal();
  });
}

void Gateway::on_each_worker(void (*act)(Worker&)) {
  for (const auto& worker : workers_)
    net::post_to(worker->context().get_executor(), [act, at = worker.get()] { act(*at); });
}

void Gateway::stop_listening() {
  for (const auto& [name, listener] : listeners_)
    left_ ? listener->leave() : listener->close();
  if (api_) api_->stop_listening();
}

void Gateway::drain_as_told() {
  if (draining_) return;
  succession_->pass_on_drain();
  drain();
}

// Load balancers hear of it by /readyz, and go on sending connections until they have. Those of the process before have
// been told by this one's already.
void Gateway::drain() {
  draining_ = shared_.lifecycle.draining = true;
  log::info("gateway", "draining");
  tell_service_manager("STOPPING=1\nSTATUS=draining");
  const auto delay = left_ ? std::chrono::milliseconds(0) : shared_.current.get()->config.drain.min_delay;
  drain_timer_.expires_after(delay);
  drain_timer_.async_wait([this](const boost::system::error_code& cancelled) {
    if (!cancelled) end_clients();
  });
}

void Gateway::end_clients() {
  stop_listening();
  on_each_worker(
      [](Worker& worker) { worker.end_sessions("terminating connection due to administrator command", true); });
  wait_for_clients(shared_.current.get()->config.drain.timeout, &Gateway::finish);
}

// Ends when all have gone, also those of the process before. When time is over before that, `then` is what follows.
void Gateway::wait_for_clients(std::chrono::milliseconds limit, void (Gateway::*then)()) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  const auto poll = [this, deadline, then](auto&& self) -> void {
    if (shared_.connections == 0 && !succession_->has_older()) {
      finish();
      return;
    }
    if (std::chrono::steady_clock::now() > deadline) {
      (this->*then)();
      return;
    }
    drain_timer_.expires_after(drain_poll);
    drain_timer_.async_wait([self](const boost::system::error_code& cancelled) {
      if (!cancelled) self(self);
    });
  };
  poll(poll);
}

// Ends what is left, gives it a moment to be told, and stops. What still hangs then ends with the process: its frames
// may hold executors of several workers, so there is no order in which they could be destroyed.
void Gateway::finish() {
  const bool deserted = shared_.connections == 0;
  draining_ = shared_.lifecycle.draining = true;
  drain_timer_.cancel();
  quiet_pages_.stop();
  if (access_ends_) access_ends_->stop();
  stop_listening();
  on_each_worker(
      [](Worker& worker) { worker.end_sessions("terminating connection due to administrator command", false); });
  // While the workers run: whoever waits for a catalog is told so on its own thread.
  shared_.hosts->stop();
  const bool ended = shared_.catalogs->stop();
  shared_.models.stop();
  // What a held statement was waiting for outlives its session by the moment in which it is given up.
  bool clean = soon([this] { return shared_.connections == 0 && shared_.questions == 0; }) && ended;
  if (shared_.replicas) shared_.replicas->stop();
  if (shared_.approvals) shared_.approvals->stop();
  if (shared_.identity) shared_.identity->stop();
  operators_->stop();
  if (api_) api_->stop();
  if (ops_) ops_->stop();
  if (searches_) searches_->stop();
  for (const auto& worker : workers_)
    worker->stop();
  clean = clean && soon([this] { return std::ranges::all_of(workers_, [](auto& worker) { return worker->ended(); }); });
  for (const auto& worker : workers_) {
    if (!clean) worker->context().stop();
    worker->join();
  }
  shared_.parsers.stop();
  parser_threads_.clear();
  api_.reset();
  ops_.reset();
  signals_.cancel();
  watchdog_.stop();
  for (const auto& worker : workers_)
    worker->close_chain();
  own_chain_.reset();
  administration_.reset();
  keeper_.reset();
  if (sinks_) sinks_->finish();
  if (following_) notary_->finish();
  if (witnesses_ && following_) witnesses_->finish();
  succession_->close();
  log::info("gateway", deserted ? "stopped" : "stopped before all clients had gone");
  if (clean) {
    context_.stop();
    return;
  }
  peers_.reset();
  std::_Exit(0);
}

}  // namespace dbgate::app
