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
      for (; !entry.line.empty() && entry.taken < entry.max; ++entry.taken)
        granted.emplace_back(leave_first(entry, nullptr), target);
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

// Null: nobody waits but `but`.
PermitBook::Party* PermitBook::first_of(const Book& book, const Party* but) {
  Party* first = nullptr;
  Rank best;
  for (const auto& [party, place] : book.line) {
    if (party == but || (first != nullptr && !(place.rank < best))) continue;
    first = party;
    best = place.rank;
  }
  return first;
}

// One of that thread does not stand in line any more. Which one is its own business.
PermitBook::Party* PermitBook::leave_first(Book& book, const Party* but) {
  Party* const first = first_of(book, but);
  if (first == nullptr) return nullptr;
  Place& place = book.line[first];
  place.rank.since = Clock::now();  // the next one there has not waited so long; its thread will say
  if (--place.waiting == 0) book.line.erase(first);
  note_length(book);
  return first;
}

void PermitBook::note_length(Book& book) {
  std::size_t length = 0;
  for (const auto& [party, place] : book.line)
    length += place.waiting;
  book.waiting->store(static_cast<int>(length), std::memory_order_relaxed);
}

void PermitBook::stand_in_line(const std::string& target, Party* party, Rank rank) {
  std::deque<Party*> others;
  {
    const std::lock_guard lock(mutex_);
    Book& entry = book(target);
    if (entry.taken < entry.max && entry.line.empty()) {  // one has become free since
      ++entry.taken;
      others = {};
    } else {
      Place& place = entry.line[party];
      ++place.waiting;
      place.rank = rank;
      note_length(entry);
      others = parties_;
      std::erase(others, party);
      party = nullptr;
    }
  }
  if (party != nullptr) return party->granted(target);
  for (Party* const other : others)
    other->wanted(target);
}

bool PermitBook::leave_only(const std::string& target, Party* party, std::size_t waiting, Rank rank) {
  const std::lock_guard lock(mutex_);
  Book& entry = book(target);
  const auto found = entry.line.find(party);
  if (found == entry.line.end()) return false;
  const bool leaves = found->second.waiting > waiting;
  found->second.waiting = std::min(found->second.waiting, waiting);
  found->second.rank = rank;
  if (found->second.waiting == 0) entry.line.erase(found);
  note_length(entry);
  return leaves && !entry.line.empty();
}

void PermitBook::give(const std::string& target) {
  Party* next = nullptr;
  {
    const std::lock_guard lock(mutex_);
    Book& entry = book(target);
    if (entry.max == 0 || entry.taken <= entry.max) next = leave_first(entry, nullptr);
    if (next == nullptr) --entry.taken;
  }
  if (next != nullptr) next->granted(target);
}

PermitBook::Party* PermitBook::call_next(const std::string& target, const Party* but) {
  const std::lock_guard lock(mutex_);
  return leave_first(book(target), but);
}

std::shared_ptr<const std::atomic<int>> PermitBook::line_of(const std::string& target) {
  const std::lock_guard lock(mutex_);
  return book(target).waiting;
}

std::shared_ptr<std::atomic<std::uint64_t>> PermitBook::catalog_changes_of(const std::string& target) {
  const std::lock_guard lock(mutex_);
  return book(target).catalog_changes;
}

std::optional<Rank> PermitBook::others_first(const std::string& target, const Party* party) const {
  const std::lock_guard lock(mutex_);
  const auto found = books_.find(target);
  if (found == books_.end()) return std::nullopt;
  Party* const first = first_of(found->second, party);
  if (first == nullptr) return std::nullopt;
  return found->second.line.at(first).rank;
}

FairShare PermitBook::share_of(const std::string& target, const std::string& user, unsigned weight) {
  std::shared_ptr<FairShares> shares;
  {
    const std::lock_guard lock(mutex_);
    shares = book(target).shares;
  }
  return shares->of(user, weight);
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
