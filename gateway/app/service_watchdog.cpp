#include "gateway/app/service_watchdog.h"

#include <charconv>
#include <cstdlib>
#include <cstring>

#include "gateway/app/service_manager.h"

namespace dbgate::app {
namespace {

constexpr int tells_in_time = 3;

std::chrono::microseconds asked_interval() {
  const char* const text = std::getenv("WATCHDOG_USEC");
  std::int64_t microseconds = 0;
  if (text == nullptr || std::from_chars(text, text + std::strlen(text), microseconds).ec != std::errc()) return {};
  return std::chrono::microseconds(std::max<std::int64_t>(microseconds, 0) / tells_in_time);
}

}  // namespace

ServiceWatchdog::ServiceWatchdog(boost::asio::io_context& context, std::function<bool()> lives)
    : timer_(context), lives_(std::move(lives)), interval_(asked_interval()) {}

void ServiceWatchdog::start() {
  if (interval_.count() > 0) tell();
}

void ServiceWatchdog::stop() {
  interval_ = {};
  timer_.cancel();
}

void ServiceWatchdog::tell() {
  if (interval_.count() == 0) return;
  if (lives_()) tell_service_manager("WATCHDOG=1");
  timer_.expires_after(interval_);
  timer_.async_wait([this](const boost::system::error_code& cancelled) {
    if (!cancelled) tell();
  });
}

}  // namespace dbgate::app
