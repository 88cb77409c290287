#include "gateway/session/cancel.h"

#include <cstring>
#include <utility>

#include "gateway/auth/digests.h"
#include "gateway/auth/random.h"
#include "gateway/upstream/end_process.h"

namespace dbgate::session {
namespace {

constexpr std::size_t mark_bytes = 4;
// Long enough that what is left beside a mark cannot be guessed.
constexpr std::size_t marked_from = mark_bytes + 16;

std::uint32_t random_number() {
  std::uint32_t number = 0;
  const std::string bytes = auth::random_bytes(sizeof number);
  std::memcpy(&number, bytes.data(), sizeof number);
  return number;
}

std::string entry_name(std::int32_t pid, std::string_view key) {
  std::string name = std::to_string(pid);
  name += ':';
  name += key;
  return name;
}

}  // namespace

CancelPoint::CancelPoint(const net::Executor& executor, std::shared_ptr<const upstream::ServerSpec> spec)
    : executor_(executor), spec_(std::move(spec)), over_(executor) {}

void CancelPoint::attach(const upstream::ServerSpec::Host& host, std::int32_t pid, std::string key,
                         std::function<bool()> busy) {
  host_ = host;
  pid_ = pid;
  key_ = std::move(key);
  busy_ = std::move(busy);
}

Task<> CancelPoint::request() {
  if (coming_ && !when_idle_) {
    asked_ = true;
    co_return;
  }
  co_await cancel();
}

void CancelPoint::meet() {
  coming_ = false;
  if (std::exchange(asked_, false)) start_cancel();
}

Task<> CancelPoint::cancel() {
  const auto self = shared_from_this();  // the session may end meanwhile
  if (!busy_ || !busy_()) {
    if (when_idle_) when_idle_();
    co_return;
  }
  ++under_way_;
  co_await send();
}

void CancelPoint::start_cancel() {
  if (!busy_ || !busy_()) return;
  ++under_way_;
  net::run_apart(executor_, [self = shared_from_this()] { return self->send(); });
}

Task<> CancelPoint::stop() {
  const auto self = shared_from_this();
  if (!busy_ || !busy_()) co_return;
  ++under_way_;
  const bool ended = co_await upstream::end_process(executor_, *spec_, host_, pid_);
  if (ended) {
    note_over();
  } else {
    co_await send();
  }
}

void CancelPoint::note_over() {
  --under_way_;
  over_.notify();
  if (under_way_ == 0 && when_settled_) when_settled_();
}

Task<> CancelPoint::send() {
  co_await upstream::request_cancel(executor_, *spec_, host_, pid_, key_);
  note_over();
}

Task<> CancelPoint::settled() {
  while (under_way_ > 0)
    co_await over_.wait();
}

CancelRegistry::CancelRegistry() : pids_(random_number()) {}

std::string CancelRegistry::mark_of(std::string_view replica) {
  return auth::sha256(replica).substr(0, mark_bytes);
}

bool CancelRegistry::may_be_of(std::string_view key, std::string_view replica) {
  return key.size() < marked_from || key.starts_with(mark_of(replica));
}

std::string CancelRegistry::enter(std::int32_t pid, std::size_t bytes, const std::shared_ptr<CancelPoint>& point) {
  std::string key = bytes < marked_from ? std::string() : mark_;
  key += auth::random_bytes(bytes - key.size());
  enter_again(pid, key, point);
  return key;
}

void CancelRegistry::enter_again(std::int32_t pid, const std::string& key, const std::shared_ptr<CancelPoint>& point) {
  const std::lock_guard lock(mutex_);
  points_[entry_name(pid, key)] = point;
}

void CancelRegistry::leave(std::int32_t pid, const std::string& key) {
  const std::lock_guard lock(mutex_);
  points_.erase(entry_name(pid, key));
}

std::int32_t CancelRegistry::next_pid() noexcept {
  constexpr std::uint32_t numbers = 0x7fffffff;
  return static_cast<std::int32_t>(1 + pids_.fetch_add(1, std::memory_order_relaxed) % numbers);
}

std::shared_ptr<CancelPoint> CancelRegistry::find(std::int32_t pid, std::string_view key) const {
  const std::lock_guard lock(mutex_);
  const auto found = points_.find(entry_name(pid, key));
  return found == points_.end() ? nullptr : found->second.lock();
}

}  // namespace dbgate::session
