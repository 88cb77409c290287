#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
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
  Reactor::of(timer_.get_executor()).due_at(time);
  timer_.async_wait([state = state_, mine](boost::system::error_code cancelled) {
    if (!cancelled && state->set == mine) state->ring();
  });
}

struct Deadline::State {
  Stream* stream;
  bool expired = false;
};

Deadline::Deadline(Stream& stream, std::chrono::milliseconds limit)
    : timer_(stream.executor(), limit), state_(std::make_shared<State>(State{&stream})) {
  Reactor::of(stream.executor()).due_at(timer_.expiry());
  timer_.async_wait([state = state_](boost::system::error_code cancelled) {
    if (cancelled || state->stream == nullptr) return;
    state->expired = true;
    state->stream->shutdown();
  });
}

Deadline::~Deadline() {
  state_->stream = nullptr;
}

bool Deadline::expired() const noexcept {
  return state_->expired;
}

void run_apart(Executor executor, std::function<Task<>()> task) {
  boost::asio::co_spawn(
      executor, [task = std::move(task)]() -> Task<> { co_await task(); },
      [](std::exception_ptr failure) {
        if (failure) log::error("net", "a task ended by an internal error");
      });
  nudge(executor);
}

Task<> run_on(Executor executor, std::function<Task<>()> task) {
  struct End {
    std::exception_ptr failure;
    WaitPlace place;
  } end;
  Reactor& here = Reactor::of(co_await boost::asio::this_coro::executor);
  boost::asio::co_spawn(
      executor, [task = std::move(task)]() -> Task<> { co_await task(); },
      [&end, &here](std::exception_ptr failure) {
        post_to(here.executor(), [&end, failure] {
          end.failure = failure;
          end.place.wake_all();
        });
      });
  nudge(executor);
  // The task may use what the caller owns, so that a caller that is cancelled waits all the same. Nothing can have been
  // cancelled since this coroutine began, and nothing can have ended before this thread looks at what is posted.
  co_await Wait(here, &end.place, false);
  if (end.failure) std::rethrow_exception(end.failure);
}

}  // namespace dbgate::net
