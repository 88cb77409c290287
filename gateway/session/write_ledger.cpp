#include "gateway/session/write_ledger.h"

#include <algorithm>

namespace dbgate::session {

// The order of the two in begin(), end() and watch() is what makes it exact: who watches and sees no writer has read a
// generation that every write which was not over by then moves on.
void WriteLedger::begin(const Places& written) noexcept {
  for (std::size_t i = 0; i < places; ++i) {
    if (!written.test(i)) continue;
    places_[i].writers.fetch_add(1);
    places_[i].generation.fetch_add(1);
  }
}

void WriteLedger::end(const Places& written) noexcept {
  for (std::size_t i = 0; i < places; ++i) {
    if (!written.test(i)) continue;
    places_[i].generation.fetch_add(1);
    places_[i].writers.fetch_sub(1);
  }
}

std::optional<WriteLedger::Watch> WriteLedger::watch(std::span<const std::uint32_t> tables) const {
  Watch watch;
  watch.seen_.reserve(tables.size() + 1);
  const auto add = [&](std::size_t place) {
    watch.seen_.push_back({place, places_[place].generation.load()});
    return places_[place].writers.load() == 0;
  };
  if (!add(anything)) return std::nullopt;
  for (const std::uint32_t table : tables) {
    if (!add(place_of(table))) return std::nullopt;
  }
  return watch;
}

bool WriteLedger::holds(const Watch& watch) const noexcept {
  return std::all_of(watch.seen_.begin(), watch.seen_.end(), [this](const Watch::Seen& seen) {
    return places_[seen.place].generation.load() == seen.generation;
  });
}

std::shared_ptr<WriteLedger> WriteLedgers::of(const std::string& database) {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<WriteLedger>& ledger = ledgers_[database];
  if (!ledger) ledger = std::make_shared<WriteLedger>();
  return ledger;
}

void WriteLedgers::forget_all() {
  const std::lock_guard lock(mutex_);
  WriteLedger::Places all;
  all.set(WriteLedger::anything);
  for (const auto& [database, ledger] : ledgers_) {
    ledger->begin(all);
    ledger->end(all);
  }
}

}  // namespace dbgate::session
