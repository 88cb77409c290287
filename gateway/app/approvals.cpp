#include "gateway/app/approvals.h"

#include "gateway/base/clock.h"
#include "gateway/base/log.h"

namespace dbgate::app {
namespace {

namespace store = ports::store;

constexpr std::size_t stack_bytes = 1u << 20;
// Times end without anybody saying so.
constexpr std::chrono::milliseconds look_each{500};
constexpr std::chrono::milliseconds try_again_after{250};
constexpr std::size_t most_pending = 100;

}  // namespace

class Approvals::Place final : public Following {
 public:
  Place(Approvals& all, Entries::iterator at) : all_(all), at_(at) {}
  ~Place() override {
    const std::lock_guard lock(all_.mutex_);
    all_.entries_.erase(at_);
  }

 private:
  Approvals& all_;
  const Entries::iterator at_;
};

Approvals::Approvals(store::Approvals& store, net::Executor blocking, std::string gateway)
    : store_(store), blocking_(std::move(blocking)), gateway_(std::move(gateway)) {}

Approvals::~Approvals() {
  stop();
}

std::unique_ptr<Approvals::Following> Approvals::follow(std::string id, net::Executor executor, Changed changed) {
  const std::lock_guard lock(mutex_);
  entries_.push_back({std::move(id), std::move(executor), std::move(changed)});
  wanted_.notify_one();
  // Most gateways never hold anything: without that there is neither a thread nor a connection.
  if (!thread_ && !stopping_) thread_ = std::make_unique<Thread>(stack_bytes, [this] { run(); });
  return std::make_unique<Place>(*this, std::prev(entries_.end()));
}

void Approvals::run() {
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      wanted_.wait(lock, [this] { return stopping_ || !entries_.empty(); });
      if (stopping_) return;
    }
    // Before the first look: what changes in between shows in the next.
    if (!signal_) {
      auto opened = store_.signal();
      if (opened) signal_ = std::move(*opened);
    }
    look();
    if (signal_) {
      if (!signal_->wait(look_each)) signal_.reset();
      continue;
    }
    std::unique_lock lock(mutex_);
    wanted_.wait_for(lock, try_again_after, [this] { return stopping_; });
  }
}

// Asks for each that is followed. Those who follow several times are asked for once.
void Approvals::look() {
  std::set<std::string> ids;
  {
    const std::lock_guard lock(mutex_);
    for (const Entry& entry : entries_)
      ids.insert(entry.id);
  }
  for (const std::string& id : ids) {
    const auto found = store_.find_approval(id, wall_clock_us());
    if (!found || !*found) continue;
    const store::Approval& approval = **found;
    const std::lock_guard lock(mutex_);
    for (Entry& entry : entries_) {
      const bool same = entry.seen == approval.state && entry.revision == approval.revision;
      if (entry.id != id || same) continue;
      entry.seen = approval.state;
      entry.revision = approval.revision;
      net::post_to(entry.executor, [changed = entry.changed, approval] { changed(approval); });
    }
  }
}

Result<> Approvals::cancel_orphans(const std::set<std::string>& alive) {
  store::ApprovalFilter filter;
  filter.state = store::ApprovalState::pending;
  store::Page page;
  page.limit = 500;
  for (;;) {
    DBGATE_TRY(const auto listed, store_.list_approvals(filter, page, wall_clock_us()));
    for (const store::Approval& approval : listed.items) {
      if (approval.session.empty() || alive.contains(approval.gateway)) continue;
      const auto cancelled = store_.cancel_approval(approval.id, wall_clock_us());
      if (!cancelled && cancelled.error().code() == sqlstate::connection_failure) return cancelled.error();
    }
    if (!listed.next) return boost::system::in_place_value;
    page.after = listed.next;
  }
}

void Approvals::note_waiting(const std::string& id) {
  const std::lock_guard lock(mutex_);
  waiting_.insert(id);
}

void Approvals::note_settled(const std::string& id) {
  const std::lock_guard lock(mutex_);
  waiting_.erase(id);
}

void Approvals::stop() {
  std::set<std::string> left;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    wanted_.notify_one();
    left.swap(waiting_);
  }
  thread_ = nullptr;
  for (const std::string& id : left) {
    const auto cancelled = store_.cancel_approval(id, wall_clock_us());
    const bool lost = !cancelled && cancelled.error().code() == sqlstate::connection_failure;
    if (lost) log::warn("approvals", "an approval that nobody waits for any more was not cancelled", {{"id", id}});
  }
}

Result<> refuse_crowd(store::Approvals& approvals, const std::string& requester) {
  store::ApprovalFilter filter;
  filter.state = store::ApprovalState::pending;
  filter.requester = requester;
  store::Page page;
  page.limit = most_pending - 1;
  DBGATE_TRY(const auto listed, approvals.list_approvals(filter, page, wall_clock_us()));
  if (!listed.next) return boost::system::in_place_value;
  return Error(sqlstate::configuration_limit_exceeded,
               "you have " + std::to_string(most_pending) + " approvals pending, which is the limit",
               "Wait until some are decided on, or cancel some.");
}

}  // namespace dbgate::app
