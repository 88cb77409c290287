#include "gateway/upstream/fair_shares.h"

#include <algorithm>

namespace dbgate::upstream {
namespace {

constexpr std::int64_t shortest_turn_us = 50;
constexpr std::int64_t longest_turn_us = 1'000'000;

void raise_to(std::atomic<std::int64_t>& value, std::int64_t least) {
  std::int64_t is = value.load(std::memory_order_relaxed);
  while (is < least && !value.compare_exchange_weak(is, least, std::memory_order_relaxed)) {
  }
}

}  // namespace

FairShare FairShares::of(const std::string& user, unsigned weight) {
  const std::lock_guard lock(mutex_);
  if (shares_.size() >= most_kept) {
    const std::int64_t now = tempo_->load(std::memory_order_relaxed);
    std::erase_if(shares_,
                  [now](const auto& entry) { return entry.second.use_count() == 1 && entry.second->used_us() <= now; });
  }
  FairShare& share = shares_[user];
  if (!share) share = std::make_shared<Share>(tempo_, weight);
  share->weight_.store(weight, std::memory_order_relaxed);
  return share;
}

FairShares::Share::Share(std::shared_ptr<Tempo> tempo, unsigned weight) : tempo_(std::move(tempo)), weight_(weight) {}

void FairShares::Share::join() noexcept {
  raise_to(used_us_, tempo_->load(std::memory_order_relaxed));
}

std::int64_t FairShares::Share::begin_turn() noexcept {
  raise_to(*tempo_, used_us());
  const std::int64_t charged = turn_us_.load(std::memory_order_relaxed);
  used_us_.fetch_add(charged / weight_.load(std::memory_order_relaxed), std::memory_order_relaxed);
  return charged;
}

void FairShares::Share::end_turn(std::int64_t charged_us, Clock::duration took) noexcept {
  const std::int64_t took_us = std::chrono::duration_cast<std::chrono::microseconds>(took).count();
  const std::int64_t weight = weight_.load(std::memory_order_relaxed);
  used_us_.fetch_add(took_us / weight - charged_us / weight, std::memory_order_relaxed);
  // Several threads may lose one another's part of it: it is a guess.
  const std::int64_t turn = turn_us_.load(std::memory_order_relaxed);
  const std::int64_t next = (turn * 7 + std::clamp(took_us, shortest_turn_us, longest_turn_us)) / 8;
  turn_us_.store(next, std::memory_order_relaxed);
}

}  // namespace dbgate::upstream
