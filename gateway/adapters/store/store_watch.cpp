#include "gateway/adapters/store/store_watch.h"

#include "gateway/base/log.h"

namespace dbgate::adapters::store {
namespace {

using ports::store::Event;
using std::chrono::milliseconds;

// A connection that is silently dead is noticed this much later than the time of one operation.
constexpr milliseconds look_each{1'000};
// Between attempts to reach a store that is lost.
constexpr milliseconds try_each{250};
constexpr std::size_t stack_bytes = 1u << 20;

}  // namespace

class StoreWatch::Entry : public ports::store::Watch {
 public:
  Entry(StoreWatch& watch, std::list<Callback>::iterator place) : watch_(watch), place_(place) {}
  ~Entry() override {
    const std::lock_guard lock(watch_.calls_);
    watch_.callbacks_.erase(place_);
  }

 private:
  StoreWatch& watch_;
  std::list<Callback>::iterator place_;
};

StoreWatch::StoreWatch(SqlDatabase& database, std::int64_t generation)
    : database_(database), generation_(generation), thread_(stack_bytes, [this] { run(); }) {}

StoreWatch::~StoreWatch() {
  {
    const std::lock_guard lock(stopping_mutex_);
    stopping_ = true;
    stopping_changed_.notify_all();
  }
  database_.stop_signals();
}

std::unique_ptr<ports::store::Watch> StoreWatch::add(Callback callback) {
  const std::lock_guard lock(calls_);
  callbacks_.push_back(std::move(callback));
  return std::make_unique<Entry>(*this, std::prev(callbacks_.end()));
}

void StoreWatch::tell(Event::What what) {
  const Event event{what, generation_};
  const std::lock_guard lock(calls_);
  for (const Callback& callback : callbacks_)
    callback(event);
}

// @return whether to stop
bool StoreWatch::rest(milliseconds time) {
  std::unique_lock lock(stopping_mutex_);
  return stopping_changed_.wait_for(lock, time, [this] { return stopping_; });
}

// Asks on the signal's own connection: the answer also says that the connection lives.
bool StoreWatch::look() {
  auto result = signal_->query("SELECT generation FROM directory WHERE one = 1");
  if (!result || result->rows() != 1) return false;
  const std::int64_t generation = result->row(0).number();
  const bool changed = std::exchange(generation_, generation) != generation;
  if (std::exchange(lost_, false)) {
    log::info("store", "the identity store is back");
    tell(Event::What::back);
  } else if (changed) {
    tell(Event::What::changed);
  }
  return true;
}

void StoreWatch::lose() {
  signal_.reset();
  if (std::exchange(lost_, true)) return;
  log::error("store", "the identity store is lost");
  tell(Event::What::lost);
}

void StoreWatch::run() {
  while (true) {
    if (!signal_) {
      auto opened = database_.signal(Channel::directory);
      if (opened) signal_ = std::move(*opened);
    }
    if (!signal_ || !look()) {
      lose();
      if (rest(try_each)) return;
      continue;
    }
    // A connection that was cut is no store that is lost: a new one is tried first.
    if (!signal_->wait(look_each)) signal_.reset();
    if (rest(milliseconds(0))) return;
  }
}

}  // namespace dbgate::adapters::store
