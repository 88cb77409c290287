#include "gateway/session/bursts.h"

#include <algorithm>

namespace dbgate::session {
namespace {

constexpr int half = 32;
constexpr std::uint64_t low_half = (std::uint64_t{1} << half) - 1;

}  // namespace

void Burst::note(Of what, std::int64_t now) noexcept {
  Slices& counts = counts_[static_cast<std::size_t>(what)];
  const auto number = static_cast<std::uint64_t>(now / slice);
  std::atomic<std::uint64_t>& own = counts[number % slices];
  std::uint64_t before = own.load(std::memory_order_relaxed);
  std::uint64_t after = 0;
  do {
    const bool same = before >> half == (number & low_half);
    after = (number << half) | (same ? std::min(low_half, (before & low_half) + 1) : 1);
  } while (!own.compare_exchange_weak(before, after, std::memory_order_relaxed));
  std::uint64_t sum = 0;
  for (const std::atomic<std::uint64_t>& one : counts) {
    const std::uint64_t value = one.load(std::memory_order_relaxed);
    if (((number - (value >> half)) & low_half) < slices) sum += value & low_half;
  }
  if (sum > (what == Of::refusal ? most_refusals : most_probes)) until_.store(now + window, std::memory_order_relaxed);
}

std::shared_ptr<Burst> Bursts::of(const std::string& caller, std::int64_t now) {
  const std::lock_guard lock(mutex_);
  if (by_caller_.size() >= swept_at_) {
    std::erase_if(by_caller_,
                  [now](const auto& entry) { return entry.second.use_count() == 1 && !entry.second->goes_on(now); });
    swept_at_ = std::max(many, 2 * by_caller_.size());
  }
  std::shared_ptr<Burst>& burst = by_caller_[caller];
  if (!burst) burst = std::make_shared<Burst>();
  return burst;
}

}  // namespace dbgate::session
