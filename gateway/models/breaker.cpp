#include "gateway/models/breaker.h"

#include <algorithm>

namespace dbgate::models {

bool Breaker::permits(Time now) {
  if (!open_) return true;
  if (probing_ || now < until_) return false;
  probing_ = true;
  return true;
}

void Breaker::ended(End end, Time now) {
  const bool was_probe = probing_;
  probing_ = false;
  if (end == End::neither) return;
  if (end == End::hopeless || (end == End::bad && was_probe)) {
    if (!open_ || was_probe) open(now);  // of several that were on their way, the first says it
    return;
  }
  if (end == End::good && (was_probe || !open_)) {
    if (open_) *this = {};
    row_ = 0;
  }
  if (open_) return;  // of one that was sent before it opened
  failed_ <<= 1;
  failed_.set(0, end == End::bad);
  seen_ = std::min(seen_ + 1, window);
  if (end != End::bad) return;
  ++row_;
  if (row_ >= in_a_row || (seen_ == window && failed_.count() >= window / 2)) open(now);
}

void Breaker::open(Time now) {
  open_ = true;
  pause_ = pause_.count() == 0 ? first_pause : std::min(pause_ * 2, longest_pause);
  until_ = now + pause_;
}

}  // namespace dbgate::models
