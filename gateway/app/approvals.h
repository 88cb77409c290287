#pragma once
#include <condition_variable>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "gateway/base/thread.h"
#include "gateway/net/stream.h"
#include "gateway/ports/store_approvals.h"

namespace dbgate::app {

/// What all threads share of approvals: the store, and who waits for what becomes of them, here or at another gateway.
class Approvals {
 public:
  /// Called on the executor that was named, with the approval as it is now.
  using Changed = std::function<void(ports::store::Approval)>;
  /// While it lives, changes are told of.
  class Following {
   public:
    virtual ~Following() = default;
  };

  /// @param blocking  runs what waits for the store
  /// @param gateway  what approvals call this one
  Approvals(ports::store::Approvals& store, net::Executor blocking, std::string gateway);
  ~Approvals();
  Approvals(const Approvals&) = delete;
  Approvals& operator=(const Approvals&) = delete;

  ports::store::Approvals& store() noexcept { return store_; }
  net::Executor blocking() const { return blocking_; }
  const std::string& gateway() const noexcept { return gateway_; }

  /// Tells of every change of its state, and of its end by the clock. Any thread. A call may be under way still when
  /// the following ends: `changed` owns what it needs.
  std::unique_ptr<Following> follow(std::string id, net::Executor executor, Changed changed);
  /// Cancels what sessions of gateways wait for that are gone. Blocks.
  Result<> cancel_orphans(const std::set<std::string>& alive);
  /// A session here waits for it: cancelled if this gateway stops first.
  void note_waiting(const std::string& id);
  void note_settled(const std::string& id);
  /// Ends the thread, and cancels what sessions here still wait for. Blocks.
  void stop();

 private:
  struct Entry {
    std::string id;
    net::Executor executor;
    Changed changed;
    ports::store::ApprovalState seen = ports::store::ApprovalState::pending;
    std::int64_t revision = 0;
  };
  using Entries = std::list<Entry>;
  class Place;

  void run();
  void look();

  ports::store::Approvals& store_;
  const net::Executor blocking_;
  const std::string gateway_;
  std::unique_ptr<ports::store::StoreSignal> signal_;  // of the thread
  std::mutex mutex_;                                   // of what follows
  std::condition_variable wanted_;
  bool stopping_ = false;
  Entries entries_;
  std::set<std::string> waiting_;
  std::unique_ptr<Thread> thread_;  // null: nobody has ever followed
};

/// Nobody buries those who decide. Blocks. Errors: 53400 the user has too many approvals pending; the store's.
Result<> refuse_crowd(ports::store::Approvals& approvals, const std::string& requester);

}  // namespace dbgate::app
