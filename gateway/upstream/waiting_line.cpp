#include "gateway/upstream/waiting_line.h"

#include <algorithm>

namespace dbgate::upstream {
namespace {

// How much longer somebody on another thread has to have waited to come first, …
constexpr std::chrono::milliseconds own_first{50};
// … or how much less to have had: changing threads costs a little.
constexpr std::int64_t own_first_us = 5'000;

}  // namespace

void Pool::WaitingLine::add(Waiter& waiter) {
  std::list<Waiter*>& queue = queues_[waiter.request.share.get()];
  waiter.place_ = queue.insert(queue.end(), &waiter);
  waiter.in_line_ = true;
  ++size_;
}

bool Pool::WaitingLine::remove(Waiter& waiter) {
  if (!waiter.in_line_) return false;
  const auto found = queues_.find(waiter.request.share.get());
  found->second.erase(waiter.place_);
  if (found->second.empty()) queues_.erase(found);
  waiter.in_line_ = false;
  --size_;
  return true;
}

Pool::Waiter* Pool::WaitingLine::first() const {
  Waiter* first = nullptr;
  std::int64_t least = 0;
  for (const auto& [share, queue] : queues_) {
    const std::int64_t used = share->used_us();
    const bool before = first == nullptr || used < least || (used == least && queue.front()->since < first->since);
    if (!before) continue;
    first = queue.front();
    least = used;
  }
  return first;
}

Rank Pool::WaitingLine::rank() const {
  const Waiter* const waiter = first();
  return waiter == nullptr ? Rank() : Rank{waiter->request.share, waiter->since};
}

Pool::Clock::time_point Pool::WaitingLine::oldest() const {
  auto oldest = Clock::time_point::max();
  for (const auto& [share, queue] : queues_)
    oldest = std::min(oldest, queue.front()->since);
  return oldest;
}

Pool::InLine::InLine(Pool& pool, Waiter& waiter) : pool_(pool), waiter_(waiter) {
  const std::string& target = waiter_.request.target;
  WaitingLine& line = pool_.lines_[target];
  waiter_.request.share->join();
  line.add(waiter_);
  pool_.book_.stand_in_line(target, &pool_.party_, line.rank());
}

Pool::InLine::~InLine() {
  const std::string& target = waiter_.request.target;
  pool_.lines_[target].remove(waiter_);
  pool_.settle_line(target);
  if (!waiter_.link && !waiter_.permit) return;
  waiter_.request.share->end_turn(waiter_.charged_us, {});
  if (waiter_.link) pool_.give_back(waiter_.link);
  if (waiter_.permit) pool_.book_.give(target);
}

Pool::Waiter* Pool::first_waiting(const std::string& target) {
  const auto found = lines_.find(target);
  return found == lines_.end() ? nullptr : found->second.first();
}

// As many stand in line for this thread as wait here. Others who are first now are given what nobody uses here.
void Pool::settle_line(const std::string& target) {
  const WaitingLine& line = lines_[target];
  if (book_.leave_only(target, &party_, line.size(), line.rank()) && line.size() == 0) party_.wanted(target);
}

// It waits no more, for nothing.
void Pool::expire(Waiter& waiter) {
  lines_[waiter.request.target].remove(waiter);
  waiter.expired = true;
  waiter.over.notify();
}

// It has its link, or its permit.
void Pool::serve(Waiter& waiter) {
  lines_[waiter.request.target].remove(waiter);
  waiter.charged_us = waiter.request.share->begin_turn();
  settle_line(waiter.request.target);
  waiter.over.notify();
}

bool Pool::others_come_first(const std::string& target, const Waiter* own) const {
  const std::optional<Rank> others = book_.others_first(target, &party_);
  if (!others || own == nullptr) return others.has_value();
  const std::int64_t used = own->request.share->used_us();
  const std::int64_t theirs = others->used_us();
  if (theirs + own_first_us < used) return true;
  return theirs <= used + own_first_us && others->since + own_first < own->since;
}

// How long the last turn has taken is known of those only who had waited for it.
void Pool::end_turn(Link& link) {
  Link::Turn& turn = link.in_pool.turn;
  if (turn.share) turn.share->end_turn(turn.charged_us, Clock::now() - turn.begun);
  turn = {};
}

}  // namespace dbgate::upstream
