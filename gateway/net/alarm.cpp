#include <boost/asio/co_spawn.hpp>
#include <exception>

#include "gateway/base/log.h"
#include "gateway/net/stream.h"

namespace dbgate::net {

struct Alarm::State {
  std::function<void()> ring;
  std::uint64_t set = 0;  // how often: an older time does not ring
};

Alarm::Alarm(const Executor& executor, std::function<void()> ring)
    : timer_(executor), state_(std::make_shared<State>(State{std::move(ring)})) {}

// Its handler may be on its way already.
Alarm::~Alarm() {
  ++state_->set;
}

void Alarm::set(std::chrono::steady_clock::time_point time) {
  const std::uint64_t mine = ++state_->set;
  timer_.expires_at(time);
  timer_.async_wait([state = state_, mine](boost::system::error_code cancelled) {
    if (!cancelled && state->set == mine) state->ring();
  });
}

void run_apart(Executor executor, std::function<Task<>()> task) {
  boost::asio::co_spawn(
      executor, [task = std::move(task)]() -> Task<> { co_await task(); },
      [](std::exception_ptr failure) {
        if (failure) log::error("net", "a task ended by an internal error");
      });
}

}  // namespace dbgate::net
