#pragma once
#include <list>
#include <map>

#include "gateway/net/reactor.h"
#include "gateway/upstream/pool.h"

// Of the pool's own files.
namespace dbgate::upstream {

/// A session that waits for a server connection.
struct Pool::Waiter {
  Waiter(const net::Executor& executor, const LinkRequest& asked, const void* asker)
      : request(asked), who(asker), over(executor) {}
  const LinkRequest& request;
  const void* const who;
  const Clock::time_point since = Clock::now();
  net::Event over;
  LinkPtr link;
  bool permit = false;
  bool expired = false;
  std::int64_t charged_us = 0;  // for the turn that it has been given

 private:
  friend class Pool::WaitingLine;
  bool in_line_ = false;
  std::list<Waiter*>::iterator place_;
};

/// Those of one thread who wait for one target. Each user has a queue; who is first of all is first in that of the user
/// who has had least.
class Pool::WaitingLine {
 public:
  void add(Waiter& waiter);
  /// Whether it was there still.
  bool remove(Waiter& waiter);
  std::size_t size() const noexcept { return size_; }
  /// Null: nobody waits.
  Waiter* first() const;
  /// Of the first; whatever if nobody waits.
  Rank rank() const;
  /// Since when it has waited who has waited longest; somebody waits.
  Clock::time_point oldest() const;
  template <class Visit>
  void for_each(const Visit& visit) const {
    for (const auto& [share, queue] : queues_) {
      for (Waiter* const waiter : queue)
        visit(*waiter);
    }
  }

 private:
  std::map<const FairShares::Share*, std::list<Waiter*>> queues_;  // none empty
  std::size_t size_ = 0;
};

/// A place in the line. What its owner was given and could not take any more, because its session ended, goes on.
class Pool::InLine {
 public:
  InLine(Pool& pool, Waiter& waiter);
  ~InLine();
  InLine(const InLine&) = delete;
  InLine& operator=(const InLine&) = delete;

 private:
  Pool& pool_;
  Waiter& waiter_;
};

}  // namespace dbgate::upstream
