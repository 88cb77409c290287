#pragma once
#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "gateway/app/replica_words.h"
#include "gateway/base/thread.h"
#include "gateway/net/stream.h"
#include "gateway/ports/store.h"

namespace dbgate::app {

/// The other gateways on the store: who is there, what they use, and what is asked of them (decision 29). A thread of
/// its own keeps in touch. While the store is gone everybody counts on with what was known last.
class Replicas {
 public:
  /// How the process is told. All but `answer` are called from the thread of this class, and must return soon.
  struct Ties {
    std::function<ReplicaUsage()> usage;                                ///< of this gateway
    std::function<void(const ReplicaUsage& elsewhere)> heard;           ///< of the others together
    std::function<void(std::size_t place, std::size_t count)> divided;  ///< which of how many this one is, from 0
    std::function<Task<std::string>(ReplicaQuestion question)> answer;  ///< runs on `home`
    net::Executor home;
  };

  /// @param blocking  runs what waits for the store
  Replicas(ports::store::Replicas& store, net::Executor blocking);
  ~Replicas();
  Replicas(const Replicas&) = delete;
  Replicas& operator=(const Replicas&) = delete;

  /// Says that another one has gone, if there is one of that name. Before join(). Blocks. Errors: the store's.
  Result<> replace(const std::string& last);
  /// Says that this gateway is there, and finds the others. Blocks. Errors: the store's.
  Result<> join();
  void start(Ties ties);
  /// Says that this gateway is gone, and ends the thread.
  void stop();

  const std::string& id() const noexcept { return id_; }
  /// Whether others can be asked at all.
  bool reachable() const noexcept { return !stopping_ && !lost_; }
  /// The others that are there, by id.
  std::vector<std::string> others() const;
  /// Which of how many this one is.
  std::pair<std::size_t, std::size_t> place() const;
  /// Asks others and waits for their answers, as long as `limit`: those that come later are not there. A question that
  /// nobody has read by then never comes to anything.
  /// @param any  the first answer that says something will do: the others are empty
  Task<std::vector<std::string>> ask(std::vector<std::string> whom, ReplicaQuestion question,
                                     std::chrono::milliseconds limit, bool any = false);

 private:
  using Clock = std::chrono::steady_clock;
  struct Peer {
    std::int64_t beats = 0;
    Clock::time_point heard;  // when its beats changed last
    ReplicaUsage usage;
  };
  struct Waiting;

  void run();
  bool turn(bool woken);
  bool say(bool& look);
  bool alone() const;
  bool look();
  void note(const std::vector<ports::store::Replica>& all);
  void forget_silent();
  void tell();
  bool read();
  void take_mail(const ports::store::ReplicaMessage& message);
  void answer(const std::string& of, const std::string& from, const std::string& text);
  bool rest();

  ports::store::Replicas& store_;
  const net::Executor blocking_;
  const std::string id_;
  Ties ties_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> lost_{false};

  // Of the thread.
  std::unique_ptr<ports::store::StoreSignal> signal_;
  std::string said_;
  Clock::time_point said_at_{};
  Clock::time_point looked_at_{};
  Clock::time_point read_at_{};

  mutable std::mutex mutex_;  // of what follows
  std::map<std::string, Peer> peers_;
  Counts taken_;                                             // by the others, since tell()
  std::map<std::string, std::shared_ptr<Waiting>> waiting_;  // by id of the question's message
  std::unique_ptr<Thread> thread_;
};

}  // namespace dbgate::app
