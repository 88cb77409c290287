#pragma once
#include <boost/asio/steady_timer.hpp>
#include <chrono>

#include "gateway/app/worker.h"

namespace dbgate::app {

/// Notes the end of rights whose time is over. Nothing that decides rests on it: the clock has ended them already. It
/// lets sessions go that have no right left to be where they are, and writes access.ended, once among all gateways on
/// the store. On the thread of its executor.
class AccessEnds {
 public:
  /// @param chain  not owned; used on the thread of the executor
  AccessEnds(net::Executor executor, Shared& shared, ports::AuditChain& chain);
  /// Notes what has ended while no gateway ran, and waits for the next end. Before the loop runs, or on it.
  void start();
  /// Another snapshot is in force.
  void look();
  void stop();

 private:
  Task<> note();
  void wait_for(std::chrono::milliseconds time);

  const net::Executor executor_;
  Shared& shared_;
  ports::AuditChain& chain_;
  boost::asio::steady_timer timer_;
  std::int64_t noted_us_ = 0;  // what was over by then has been noted
  bool noting_ = false;
  bool stopped_ = false;
};

}  // namespace dbgate::app
