#include "gateway/upstream/permits.h"

#include <algorithm>
#include <vector>

namespace dbgate::upstream {

void PermitBook::join(Party* party) {
  const std::lock_guard lock(mutex_);
  parties_.push_back(party);
}

void PermitBook::vacate(const std::shared_ptr<const DatabasePlace>& place) const {
  std::deque<Party*> parties;
  {
    const std::lock_guard lock(mutex_);
    parties = parties_;
  }
  for (const Party* const party : parties)
    party->vacate(place);
}

PermitBook::Book& PermitBook::book(const std::string& target) {
  return books_[target];
}

// The parts of all processes make the whole, but for those that would have none.
std::size_t PermitBook::part_of(std::size_t max) const {
  if (max == 0) return 0;
  return std::max<std::size_t>(1, max / count_ + (place_ < max % count_ ? 1 : 0));
}

void PermitBook::divide(std::size_t place, std::size_t count) {
  std::vector<std::pair<Party*, std::string>> granted;
  {
    const std::lock_guard lock(mutex_);
    if (place == place_ && count == count_) return;
    place_ = place;
    count_ = count;
    for (auto& [target, entry] : books_) {
      entry.max = part_of(entry.asked);
      for (; !entry.line.empty() && entry.taken < entry.max; ++entry.taken) {
        granted.emplace_back(entry.line.front().party, target);
        entry.line.pop_front();
      }
      entry.waiting->store(static_cast<int>(entry.line.size()), std::memory_order_relaxed);
    }
  }
  for (const auto& [party, target] : granted)
    party->granted(target);
}

bool PermitBook::over(const std::string& target) const {
  const std::lock_guard lock(mutex_);
  const auto found = books_.find(target);
  return found != books_.end() && found->second.max > 0 && found->second.taken > found->second.max;
}

bool PermitBook::try_take(const std::string& target, std::size_t max) {
  const std::lock_guard lock(mutex_);
  Book& entry = book(target);
  entry.asked = max;
  entry.max = part_of(max);
  // Those in line come first.
  const bool free = max == 0 || (entry.taken < entry.max && entry.line.empty());
  if (free) ++entry.taken;
  return free;
}

void PermitBook::stand_in_line(const std::string& target, Party* party) {
  std::deque<Party*> others;
  {
    const std::lock_guard lock(mutex_);
    Book& entry = book(target);
    if (entry.taken < entry.max && entry.line.empty()) {  // one has become free since
      ++entry.taken;
      others = {};
    } else {
      entry.line.push_back({party, Clock::now()});
      entry.waiting->store(static_cast<int>(entry.line.size()), std::memory_order_relaxed);
      others = parties_;
      std::erase(others, party);
      party = nullptr;
    }
  }
  if (party != nullptr) return party->granted(target);
  for (Party* const other : others)
    other->wanted(target);
}

bool PermitBook::leave_only(const std::string& target, const Party* party, std::size_t waiting) {
  const std::lock_guard lock(mutex_);
  Book& entry = book(target);
  const auto mine = [party](const Waiter& waiter) { return waiter.party == party; };
  auto count = static_cast<std::size_t>(std::count_if(entry.line.begin(), entry.line.end(), mine));
  const bool leaves = count > waiting;
  for (; count > waiting; --count)
    entry.line.erase(std::find_if(entry.line.begin(), entry.line.end(), mine));
  entry.waiting->store(static_cast<int>(entry.line.size()), std::memory_order_relaxed);
  return leaves && !entry.line.empty();
}

void PermitBook::give(const std::string& target) {
  Party* next = nullptr;
  {
    const std::lock_guard lock(mutex_);
    Book& entry = book(target);
    if (!entry.line.empty() && (entry.max == 0 || entry.taken <= entry.max)) {
      next = entry.line.front().party;
      entry.line.pop_front();
      entry.waiting->store(static_cast<int>(entry.line.size()), std::memory_order_relaxed);
    } else {
      --entry.taken;
    }
  }
  if (next != nullptr) next->granted(target);
}

PermitBook::Party* PermitBook::call_next(const std::string& target, const Party* but) {
  const std::lock_guard lock(mutex_);
  Book& entry = book(target);
  if (entry.line.empty() || entry.line.front().party == but) return nullptr;
  Party* const next = entry.line.front().party;
  entry.line.pop_front();
  entry.waiting->store(static_cast<int>(entry.line.size()), std::memory_order_relaxed);
  return next;
}

std::shared_ptr<const std::atomic<int>> PermitBook::line_of(const std::string& target) {
  const std::lock_guard lock(mutex_);
  return book(target).waiting;
}

std::shared_ptr<std::atomic<std::uint64_t>> PermitBook::catalog_changes_of(const std::string& target) {
  const std::lock_guard lock(mutex_);
  return book(target).catalog_changes;
}

PermitBook::Clock::time_point PermitBook::others_wait_since(const std::string& target, const Party* party) const {
  const std::lock_guard lock(mutex_);
  const auto found = books_.find(target);
  if (found == books_.end() || found->second.line.empty()) return Clock::time_point::max();
  const Waiter& first = found->second.line.front();
  return first.party == party ? Clock::time_point::max() : first.since;
}

std::size_t PermitBook::taken(const std::string& target) const {
  const std::lock_guard lock(mutex_);
  const auto found = books_.find(target);
  return found == books_.end() ? 0 : found->second.taken;
}

bool PermitBook::listen(const std::string& target, std::size_t max) {
  const std::lock_guard lock(mutex_);
  Book& entry = book(target);
  const bool room = max == 0 || entry.listening + 1 < part_of(max);
  if (room) ++entry.listening;
  return room;
}

void PermitBook::listen_no_longer(const std::string& target) {
  const std::lock_guard lock(mutex_);
  --book(target).listening;
}

}  // namespace dbgate::upstream
