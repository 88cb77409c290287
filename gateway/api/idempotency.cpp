#include "gateway/api/idempotency.h"

#include <algorithm>

#include "gateway/api/text.h"
#include "gateway/base/clock.h"

namespace dbgate::api {
namespace {

constexpr std::int64_t kept_us = 24ll * 3600 * 1'000'000;

}  // namespace

Task<Result<IdempotencyClaim>> MemoryIdempotencyKeys::claim(std::string user, std::string key,
                                                            std::string request_hash) {
  const std::int64_t now = wall_clock_us();
  IdempotencyClaim claim;
  Name name(std::move(user), std::move(key));
  const auto found = entries_.find(name);
  if (found != entries_.end() && found->second.expires_us > now) {
    const Entry& entry = found->second;
    if (entry.request_hash != request_hash) {
      claim.state = IdempotencyClaim::State::other;
    } else if (!entry.done) {
      claim.state = IdempotencyClaim::State::running;
    } else {
      claim.state = IdempotencyClaim::State::answered;
      claim.answer = entry.answer;
    }
    co_return claim;
  }
  if (found != entries_.end()) erase(found);
  if (!make_room(now)) co_return Error(sqlstate::too_many_connections, "too many requests with keys are running");
  order_.push_back(name);
  entries_.emplace(std::move(name), Entry{std::move(request_hash), now + kept_us, false, {}, std::prev(order_.end())});
  co_return claim;
}

Task<Result<>> MemoryIdempotencyKeys::answer(std::string user, std::string key, KeptAnswer answer) {
  const auto found = entries_.find({std::move(user), std::move(key)});
  if (found == entries_.end()) co_return boost::system::in_place_value;
  bytes_ += answer.body.size();
  found->second.answer = std::move(answer);
  found->second.done = true;
  make_room(wall_clock_us());
  co_return boost::system::in_place_value;
}

Task<> MemoryIdempotencyKeys::forget(std::string user, std::string key) {
  const auto found = entries_.find({std::move(user), std::move(key)});
  if (found != entries_.end()) erase(found);
  co_return;
}

void MemoryIdempotencyKeys::erase(Entries::iterator entry) {
  bytes_ -= entry->second.answer.body.size();
  order_.erase(entry->second.place);
  entries_.erase(entry);
}

bool MemoryIdempotencyKeys::make_room(std::int64_t now_us) {
  for (auto place = order_.begin(); place != order_.end();) {
    const bool crowded = entries_.size() >= most_entries_ || bytes_ > most_bytes_;
    const auto entry = entries_.find(*place++);
    if (entry->second.done && (crowded || entry->second.expires_us <= now_us)) {
      erase(entry);
    } else if (!crowded) {
      break;
    }
  }
  return entries_.size() < most_entries_;
}

std::string hash_request(const Request& request) {
  std::string text;
  for (const std::string* part : {&request.method, &request.path, &request.query, &request.body})
    text += std::to_string(part->size()) + ':' + *part;
  return encode_base64url(sha256(text));
}

bool acceptable_idempotency_key(std::string_view key) noexcept {
  return !key.empty() && key.size() <= 255 &&
         std::all_of(key.begin(), key.end(), [](char c) { return c > 0x20 && c < 0x7F; });
}

}  // namespace dbgate::api
