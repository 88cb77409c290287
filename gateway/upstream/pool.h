#pragma once
#include <chrono>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>

#include "gateway/telemetry/worker_counters.h"
#include "gateway/upstream/channels.h"
#include "gateway/upstream/fair_shares.h"
#include "gateway/upstream/link.h"
#include "gateway/upstream/permits.h"
#include "gateway/upstream/pool_view.h"

namespace dbgate::upstream {

/// A server connection that somebody needs.
struct LinkRequest {
  std::string target;  ///< whose limit counts
  /// Connections of equal keys can stand for each other: the server, the login and the startup parameters are the same,
  /// but for the application_name.
  std::string key;
  ServerSpec spec;
  StartupParameters parameters;
  std::string user;                       ///< of dbgate, who asks
  std::string application_name;           ///< that the server is told of whoever asks
  unsigned weight = 1;                    ///< of its part when many wait
  FairShare share;                        ///< made by Pool::shared()
  bool strays = false;                    ///< the parameters say that names mean what only this user means by them
  std::size_t max = 0;                    ///< connections of the target over all threads; 0: no limit
  std::chrono::milliseconds wait{0};      ///< for one to become free
  std::chrono::milliseconds idle{0};      ///< one that nobody uses is kept
  std::chrono::milliseconds lifetime{0};  ///< an older one is closed once nobody needs it; 0: no limit
};
using LinkRequestPtr = std::shared_ptr<const LinkRequest>;

/// What a server said of itself at the last login.
struct Greeting {
  StartupParameters status;
  ServerSpec::Host host;
};

/// Greetings by key (LinkRequest). Shared by all threads; used at logins only.
class Greetings {
 public:
  static constexpr std::size_t most = 1'000;
  std::optional<Greeting> of(const std::string& key) const;
  void note(const std::string& key, Greeting greeting);

 private:
  mutable std::mutex mutex_;
  std::map<std::string, Greeting, std::less<>> greetings_;
};

/// Connections of one key on one thread, each list with the longest idle first.
struct PoolGroup {
  std::string key;
  std::string target;
  std::chrono::milliseconds idle{0};
  std::chrono::milliseconds lifetime{0};
  std::chrono::steady_clock::time_point next_retirement{};
  std::shared_ptr<const std::atomic<int>> line;  ///< how many wait for the target, on all threads
  std::list<LinkPtr> busy;
  std::list<LinkPtr> resting;  ///< held by somebody who is between transactions
  std::list<LinkPtr> free;
};

/// The server connections of one thread. Whoever has one keeps it between transactions until somebody else needs it:
/// most statements then find theirs where they left it. The limits of targets are exact over all threads. Of those who
/// wait the user who has had least is served first (FairShares), sessions of one user in order of arrival; in a small
/// measure a thread may prefer its own.
class Pool {
 public:
  using Clock = std::chrono::steady_clock;

  Pool(PermitBook& book, Greetings& greetings, telemetry::WorkerCounters& counters);
  ~Pool();
  /// Where it lives; before anything else.
  void start(net::Executor executor);

  /// A connection that nobody holds; who takes it attaches itself. Errors: 53300 after `wait`, or what connecting says.
  /// `who` names the asker to stop_waiting().
  Task<Result<LinkPtr>> take(LinkRequestPtr request, const void* who);
  /// Nobody is there any more to take what `who` waits for.
  void stop_waiting(const void* who);
  /// An equal request that somebody holds, or this one: many sessions ask for the same.
  LinkRequestPtr shared(LinkRequest request);
  /// Its holder is between transactions. False: it is taken away at once, the holder has been told.
  bool rest(Link& link);
  /// Its holder goes on. False: its host does not serve any more, it is taken away, and the holder has been told.
  bool go_on(Link& link);
  /// It does not rest any more.
  void work(Link& link);
  /// Whether it stays open when it is given back.
  bool would_keep(const Link& link) const noexcept;
  /// Nobody holds it any more, and the next may be anybody.
  void give_back(const LinkPtr& link);

  /// Ends connections to a database of the server of `like` that nobody uses, on all threads, now and whatever is given
  /// back within the next seconds: PostgreSQL waits so long for a database to become empty (CountOtherDBBackends()).
  void vacate(const Connection& like, const std::string& database);

  /// What sessions of the request's database and login listen to, on this thread.
  std::shared_ptr<Channels> channels(const LinkRequest& request);
  net::Executor executor() const { return executor_; }
  PermitBook& permits() noexcept { return book_; }

  /// Of the last connection of that key, on any thread. Pooled clients are greeted with it.
  std::optional<Greeting> greeting(const std::string& key) const { return greetings_.of(key); }

  /// What it holds of a target at the moment.
  struct Tally {
    std::size_t active = 0;  ///< somebody works with them
    std::size_t idle = 0;    ///< nobody does, though somebody may have them
    Clock::duration oldest_wait{0};
  };
  std::map<std::string, Tally, std::less<>> tally() const;
  /// The same, one by one.
  PoolView view() const;

  /// Closes what has been idle, or open, for too long. To be called now and then.
  void sweep();
  /// Closes what nobody uses, and from now on whatever is given back.
  void close();

 private:
  struct Waiter;
  class WaitingLine;
  class InLine;
  class Opening;
  Waiter* first_waiting(const std::string& target);
  void settle_line(const std::string& target);
  void serve(Waiter& waiter);
  void expire(Waiter& waiter);
  bool others_come_first(const std::string& target, const Waiter* own) const;
  static void end_turn(Link& link);
  PoolGroup& group_of(const std::string& key, const std::string& target);
  LinkPtr take_free(PoolGroup& group, const LinkRequest* request = nullptr);
  LinkPtr take_resting(PoolGroup& group, std::chrono::milliseconds rested, const LinkRequest* request = nullptr);
  LinkPtr take_unused(const std::string& target);
  Task<Result<LinkPtr>> wait_in_line(const LinkRequest& request, const void* who, std::chrono::milliseconds limit);
  Task<Result<LinkPtr>> open(const LinkRequest& request, const void* who);
  Task<Result<Connection>> connect_chosen(Opening& opening);
  void leave_hosts(PoolGroup& group);
  bool serve_waiting(const LinkPtr& link);
  bool hand_over(const LinkPtr& link);
  LinkPtr adopt(LinkCargo cargo);
  void on_handed(LinkCargo cargo);
  void on_granted(const std::string& target);
  void on_wanted(const std::string& target);
  void on_vacate(std::shared_ptr<const DatabasePlace> place);
  bool is_vacated(const Link& link) const;
  void retire(PoolGroup& group, Clock::time_point now);
  bool is_ending(const std::string& target) const;
  void end_unused(PoolGroup& group, const std::function<bool(const Link&)>& which);
  static void move_to(Link& link, std::list<LinkPtr>& list);
  static void take_from_holder(Link& link);
  static void give_up(Link& link);
  void forget(Link& link);

  PermitBook& book_;
  Greetings& greetings_;
  telemetry::WorkerCounters& counters_;
  net::Executor executor_;
  PermitBook::Party party_;
  std::map<std::string, PoolGroup, std::less<>> groups_;
  std::map<std::string, WaitingLine, std::less<>> lines_;  // by target
  std::list<Opening*> opening_;
  std::map<std::tuple<std::string, std::string, std::string>, std::weak_ptr<const LinkRequest>>
      requests_;                                                            // key, user, application_name
  std::map<std::string, std::shared_ptr<Channels>, std::less<>> channels_;  // by key of their own connection
  std::vector<std::pair<std::shared_ptr<const DatabasePlace>, Clock::time_point>> vacated_;  // until then
  bool closed_ = false;
};

}  // namespace dbgate::upstream
