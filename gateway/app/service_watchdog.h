#pragma once
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>

namespace dbgate::app {

/// Tells the service manager three times in each WATCHDOG_USEC that this process lives, as long as it does
/// (sd_watchdog_enabled(3)); nothing where nobody has asked for it. WATCHDOG_PID is not looked at: of several processes
/// of one gateway the manager listens to the one that is main (NotifyAccess=main).
class ServiceWatchdog {
 public:
  /// @param lives  called on the context's thread
  ServiceWatchdog(boost::asio::io_context& context, std::function<bool()> lives);
  void start();
  void stop();

 private:
  void tell();

  boost::asio::steady_timer timer_;
  std::function<bool()> lives_;
  std::chrono::microseconds interval_{0};  // 0: nobody has asked
};

}  // namespace dbgate::app
