#include "gateway/net/reactor.h"

#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/post.hpp>
#include <boost/asio/query.hpp>
#include <cerrno>
#include <system_error>

namespace dbgate::net {
namespace {

int checked(int descriptor) {
  if (descriptor < 0) throw std::system_error(errno, std::generic_category(), "cannot wait for sockets");
  return descriptor;
}

void unlink(Link& link) noexcept {
  link.previous->next = link.next;
  link.next->previous = link.previous;
  link.next = link.previous = &link;
}

void append(Link& list, Link& link) noexcept {
  link.previous = list.previous;
  link.next = &list;
  list.previous->next = &link;
  list.previous = &link;
}

bool empty(const Link& list) noexcept {
  return list.next == &list;
}

// All of `from` goes to the end of `to`, which is empty.
void move_all(Link& from, Link& to) noexcept {
  if (empty(from)) return;
  to.next = from.next;
  to.previous = from.previous;
  to.next->previous = &to;
  to.previous->next = &to;
  from.next = from.previous = &from;
}

}  // namespace

void WaitPlace::wake_all() noexcept {
  while (first_ != nullptr)
    first_->wake();
}

void Wait::park() noexcept {
  const bool ready = place_ == nullptr;
  if (!ready) {
    next_at_place_ = place_->first_;
    place_->first_ = this;
  }
  reactor_.park(*this, ready);
}

void Wait::leave_place() noexcept {
  if (place_ == nullptr) return;
  Wait** at = &place_->first_;
  while (*at != this)
    at = &(*at)->next_at_place_;
  *at = next_at_place_;
  place_ = nullptr;
}

void Wait::wake() noexcept {
  if (place_ == nullptr) return;  // it is ready already
  leave_place();
  reactor_.make_ready(*this);
}

// Not left to close(): a child that has been forked and not replaced yet would keep the descriptor registered.
Watch::~Watch() {
  if (batched_) reactor_.sends_.send_now(*this);
  if (wanted_ != 0) ::epoll_ctl(reactor_.epoll_, EPOLL_CTL_DEL, descriptor_, nullptr);
}

Wait Watch::wait_readable() noexcept {
  const bool waits = !readable_ && want(EPOLLIN | EPOLLRDHUP | EPOLLET);
  return {reactor_, waits ? &readers_ : nullptr};
}

// Room to write is asked for by those only who ever lacked it: on a Unix socket every message that the peer takes is an
// event otherwise.
Wait Watch::wait_writable() noexcept {
  const bool waits = !writable_ && want(EPOLLIN | EPOLLRDHUP | EPOLLET | EPOLLOUT);
  return {reactor_, waits ? &writers_ : nullptr};
}

// Events that came before are reported by epoll after this.
bool Watch::want(std::uint32_t events) noexcept {
  if ((wanted_ | events) == wanted_) return true;
  epoll_event event{};
  event.events = wanted_ | events;
  event.data.ptr = this;
  // Without it, whoever wants to wait tries again, and meets the error of the descriptor.
  if (::epoll_ctl(reactor_.epoll_, wanted_ == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, descriptor_, &event) != 0)
    return false;
  wanted_ = event.events;
  return true;
}

void Watch::wake_all() noexcept {
  readable_ = writable_ = true;
  readers_.wake_all();
  writers_.wake_all();
}

bool Watch::send_soon(std::span<const iovec> pieces) noexcept {
  // Outside of a round nobody would send it.
  if (!reactor_.in_turn_ || !settle() || broken_) return false;
  batched_ = reactor_.sends_.add(*this, pieces);
  return batched_;
}

bool Watch::settle() noexcept {
  if (batched_) reactor_.sends_.send_now(*this);
  if (rest_) send_rest();
  return !rest_;
}

void Watch::sent(ssize_t result, std::string_view message) noexcept {
  batched_ = false;
  if (result == -EAGAIN) result = 0;
  if (result < 0) {
    broken_ = true;
    wake_all();
    return;
  }
  const std::string_view rest = message.substr(static_cast<std::size_t>(result));
  if (rest.empty()) return;
  rest_ = std::make_unique<std::string>(rest);
  no_room_to_write();
  // Without events for it, the next attempt to write sends it on.
  if (!want(EPOLLIN | EPOLLRDHUP | EPOLLET | EPOLLOUT)) writable_ = true;
}

void Watch::send_rest() noexcept {
  const ssize_t moved = ::send(descriptor_, rest_->data(), rest_->size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (moved < 0 && errno != EAGAIN && errno != EINTR) {
    broken_ = true;
    rest_ = nullptr;
    return;
  }
  if (moved > 0) rest_->erase(0, static_cast<std::size_t>(moved));
  if (rest_->empty()) {
    rest_ = nullptr;
  } else {
    no_room_to_write();
  }
}

void Watch::happened(std::uint32_t events) noexcept {
  if ((events & (EPOLLRDHUP | EPOLLHUP)) != 0) ended_ = true;
  if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
    readable_ = true;
    readers_.wake_all();
  }
  if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) {
    writable_ = true;
    if (rest_) send_rest();
    writers_.wake_all();
  }
}

Reactor& Reactor::of(const Executor& executor) {
  auto& context = boost::asio::query(executor, boost::asio::execution::context);
  return boost::asio::use_service<Reactor>(static_cast<boost::asio::io_context&>(context));
}

Reactor::Reactor(boost::asio::execution_context& context)
    : service(context),
      context_(static_cast<boost::asio::io_context&>(context)),
      epoll_(checked(::epoll_create1(EPOLL_CLOEXEC))),
      nudges_(checked(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  event.data.ptr = nullptr;
  ::epoll_ctl(epoll_, EPOLL_CTL_ADD, nudges_, &event);
  watched_.emplace(context_, epoll_);
}

Reactor::~Reactor() {
  ::close(nudges_);
  ::close(epoll_);
}

// The coroutines that still wait are unwound by the io_context, which is shut down after this.
void Reactor::shutdown() {
  over_ = true;
  watched_->release();
  watched_.reset();
  for (Link* const list : {&parked_, &ready_}) {
    while (!empty(*list)) {
      Wait& wait = static_cast<Wait&>(*list->next);
      wait.leave_place();
      unlink(wait);
      wait.finish(false);
    }
  }
  work_.reset();
}

void Reactor::nudge() noexcept {
  asio_has_work_.store(true);
  if (!waiting_in_epoll_.load()) return;
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(nudges_, &one, sizeof one);
}

void Reactor::park(Wait& wait, bool ready) noexcept {
  append(ready ? ready_ : parked_, wait);
  if (++waiting_ == 1 && !work_) work_.emplace(context_.get_executor());
  see_to_turn();
}

void Reactor::make_ready(Wait& wait) noexcept {
  unlink(wait);
  append(ready_, wait);
  see_to_turn();
}

void Reactor::see_to_turn() {
  if (in_turn_ || posted_ || over_) return;
  if (empty(ready_)) {
    arm();
    return;
  }
  posted_ = true;
  boost::asio::post(context_, [this] {
    posted_ = false;
    turn();
  });
}

void Reactor::arm() {
  if (armed_) return;
  armed_ = true;
  watched_->async_wait(boost::asio::posix::stream_descriptor::wait_read, [this](boost::system::error_code cancelled) {
    armed_ = false;
    if (!cancelled) return turn();
    // Nobody waited when this was given up; somebody may have begun to since.
    if (waiting_ > 0) see_to_turn();
  });
}

void Reactor::turn() {
  in_turn_ = true;
  auto now = Clock::now();
  const auto until = now + busy_limit;
  bool quiet = false;
  do {
    quiet = !round(now);
    now = Clock::now();
  } while (!quiet && lingers_ && !asio_has_work_.load() && now < until);
  if (due_ <= now) due_ = Clock::time_point::max();
  in_turn_ = false;
  go_back(quiet);
}

// How long to wait for events, in milliseconds.
int Reactor::patience(Clock::time_point now) const noexcept {
  if (!lingers_ || connecting_ > 0 || waiting_ == 0 || !empty(ready_)) return 0;
  if (due_ <= now) return 0;
  return static_cast<int>(std::min(quiet_limit, std::chrono::ceil<std::chrono::milliseconds>(due_ - now)).count());
}

// What was posted before the flag is cleared is in Asio's queue and runs before Asio waits.
void Reactor::go_back(bool quiet) {
  asio_has_work_.store(false);
  if (waiting_ == 0) {
    work_.reset();
    if (armed_) watched_->cancel();
    return;
  }
  if (quiet) {
    arm();
  } else if (!posted_) {
    posted_ = true;
    boost::asio::post(context_, [this] {
      posted_ = false;
      turn();
    });
  }
}

bool Reactor::round(Clock::time_point now) {
  int timeout = patience(now);
  if (timeout > 0) {
    waiting_in_epoll_.store(true);
    // Whoever posts after this look sees the flag and nudges.
    if (asio_has_work_.load()) timeout = 0;
  }
  const int count = ::epoll_wait(epoll_, events_.data(), batch, timeout);
  waiting_in_epoll_.store(false, std::memory_order_relaxed);
  if (count <= 0 && empty(ready_)) return false;
  // Only says who is ready: no coroutine runs, and so no descriptor is closed, before all events are handled.
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events_[static_cast<std::size_t>(i)];
    if (event.data.ptr != nullptr) static_cast<Watch*>(event.data.ptr)->happened(event.events);
  }
  run_ready();
  return true;
}

// Those who become ready meanwhile come next time, after a look at all descriptors: none can keep the others waiting.
void Reactor::run_ready() {
  Link now;
  move_all(ready_, now);
  while (!empty(now)) {
    Wait& wait = static_cast<Wait&>(*now.next);
    unlink(wait);
    --waiting_;
    wait.finish(true);
  }
  sends_.flush();
}

void nudge(const Executor& executor) noexcept {
  auto& context = boost::asio::query(executor, boost::asio::execution::context);
  if (boost::asio::has_service<Reactor>(context)) boost::asio::use_service<Reactor>(context).nudge();
}

void post_to(const Executor& executor, std::function<void()> work) {
  boost::asio::post(executor, std::move(work));
  nudge(executor);
}

}  // namespace dbgate::net
