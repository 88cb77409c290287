#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "gateway/adapters/posix_file.h"
#include "gateway/app/access_ends.h"
#include "gateway/app/administration.h"
#include "gateway/app/api_side.h"
#include "gateway/app/audit_sinks.h"
#include "gateway/app/health.h"
#include "gateway/app/inheritance.h"
#include "gateway/app/log_keeper.h"
#include "gateway/app/log_searches.h"
#include "gateway/app/notary.h"
#include "gateway/app/operator_side.h"
#include "gateway/app/ops_side.h"
#include "gateway/app/peers.h"
#include "gateway/app/quiet_pages.h"
#include "gateway/app/service_watchdog.h"
#include "gateway/app/succession.h"
#include "gateway/app/witnesses.h"
#include "gateway/app/worker.h"
#include "gateway/net/listener.h"
#include "gateway/ports/audit_log.h"

namespace dbgate::app {

/// The process: listeners, workers, the snapshot, signals. Used by the main thread.
class Gateway {
 public:
  /// @param config_path read again at every reload
  Gateway(std::string config_path, std::shared_ptr<Snapshot> first, Inheritance inheritance);
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  /// Its configuration is read again when a file that it names, or itself, has changed. Before start().
  /// @param read_since  when the first was read, or before
  void watch_files(FileWatch::Time read_since) { watched_since_ = read_since; }
  /// Opens the audit log, starts workers, binds listeners. Errors name what is at fault; the process must end.
  Result<> start();
  /// Ends the process after start() has failed: threads that have been started wait for work that does not come.
  [[noreturn]] void give_up();
  /// Serves until a signal ends it: SIGTERM drains, a second one or SIGINT ends at once, SIGHUP reloads, SIGUSR1
  /// opens files of sinks anew, SIGUSR2 hands over to another process.
  void run();
  /// Puts a snapshot in force: for the next statement of everybody, and for who may stay. On the thread of run(), or
  /// before it. Errors: 58030 the audit log cannot take the record; the old one stays in force.
  Result<> apply(std::shared_ptr<Snapshot> next);
  /// Where run() does its work.
  net::Executor executor() { return context_.get_executor(); }
  /// Null without a listener for it.
  ApiSide* api() noexcept { return api_.get(); }

 private:
  Result<> listen_on(const config::Listener& settings, const std::string& name, config::EngineKind kind,
                     session::Arrival arrival);
  Result<> bind(net::ListenAddress address, const std::string& name, config::EngineKind kind,
                const session::Arrival& arrival);
  Worker& next_worker();
  Result<> open_identity();
  Result<> open_approvals();
  Result<> open_administration();
  Result<std::unique_ptr<ports::AuditChain>> watched_chain(const std::string& name);
  Result<> join_replicas();
  Result<> share_secret();
  Result<std::unique_ptr<PeerCheckpoints>> peer_checkpoints();
  Result<> start_replicas();
  Task<std::string> answer_peer(ReplicaQuestion question);
  ReplicaUsage usage_here();
  void count_elsewhere(const ReplicaUsage& elsewhere);
  std::string config_directory() const;
  void take(std::shared_ptr<const ports::store::Directory> directory);
  void put_in_force(std::shared_ptr<const ports::store::Directory> directory);
  Result<> record_reload(const std::string& version);
  void wait_for_signal();
  // gateway_reload.cpp
  Reloaded reload();
  Reloaded reload_as_told();
  Result<> open_operators(const config::Config& config);
  AdminTies admin_ties();
  void set_log_level(const std::string& level);
  AdminStatus admin_status();
  std::vector<std::string> files_to_watch(const std::vector<std::string>& named,
                                          const std::vector<config::SourceFile>& sources) const;
  void stop_listening();
  void drain_as_told();
  void drain();
  void end_clients();
  void wait_for_clients(std::chrono::milliseconds limit, void (Gateway::*then)());
  // gateway_handover.cpp
  void open_succession();
  Result<> open_audit(const config::Config& config);
  void start_followers();
  void hand_over();
  void leave();
  Inheritance::Sockets sockets();
  void finish();
  void on_each_worker(void (*act)(Worker&));

  /// One that accepts connections, by the name under which the next process looks for it.
  struct Listening {
    std::string name;
    std::unique_ptr<net::Listener> listener;
  };

  std::string config_path_;
  Inheritance inheritance_;
  std::mutex file_mutex_;                                     // for those who are not on the thread of run()
  std::shared_ptr<const config::Config> file_;                // as read last
  std::shared_ptr<const ports::store::Directory> directory_;  // of the store; null without
  Shared shared_;
  std::shared_ptr<const adapters::File> audit_lock_;
  std::unique_ptr<ports::AuditLog> audit_;
  std::unique_ptr<Notary> notary_;
  std::unique_ptr<AuditSinks> sinks_;                    // null: none are configured
  std::unique_ptr<Witnesses> witnesses_;                 // null: none are configured
  std::unique_ptr<LogKeeper> keeper_;                    // asks sinks what they have
  std::unique_ptr<ports::AuditChain> own_chain_;         // reloads, start and end
  std::unique_ptr<StoreAdministration> administration_;  // null without a store
  std::unique_ptr<LogSearches> searches_;                // null without an API: nobody asks
  std::unique_ptr<Peers> peers_;                         // null without other gateways
  std::vector<std::unique_ptr<Thread>> parser_threads_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<OperatorSide> operators_;  // before the context: what waits there may end with what is asked here
  // After the workers: an accept that still waits when this context goes holds a socket of a worker's context.
  boost::asio::io_context context_{1};
  boost::asio::signal_set signals_{context_};
  boost::asio::steady_timer drain_timer_{context_};
  QuietPages quiet_pages_{context_};
  ServiceWatchdog watchdog_{context_, [this] { return live_health(shared_).good(); }};
  std::unique_ptr<AccessEnds> access_ends_;  // null without a store
  std::vector<Listening> listeners_;
  std::unique_ptr<Succession> succession_;
  std::unique_ptr<ApiSide> api_;
  std::unique_ptr<OpsSide> ops_;  // null: nobody may ask
  std::atomic<std::size_t> next_{0};
  std::optional<FileWatch::Time> watched_since_;  // none: files are not watched
  std::string log_level_;                         // in force
  bool joined_ = false;                           // among the gateways on its store
  bool draining_ = false;
  bool left_ = false;       // another process has the listeners
  bool following_ = false;  // the audit log is signed and indexed here
};

}  // namespace dbgate::app
