#include "gateway/session/read_cache.h"

#include <cstring>
#include <utility>

#include "gateway/auth/random.h"

namespace dbgate::session {
namespace {

// What the tables and the allocator add to an entry, roughly.
constexpr std::size_t entry_overhead_bytes = 256;

HashKey random_key() {
  const std::string bytes = auth::random_bytes(sizeof(HashKey));
  HashKey key;
  std::memcpy(&key, bytes.data(), sizeof key);
  return key;
}

}  // namespace

ReadCache::ReadCache(std::size_t max_bytes) : max_bytes_(max_bytes), entries_(0, Hash{random_key()}) {}

KeptResultPtr ReadCache::find(std::string_view key, Clock::time_point now) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return nullptr;
  Entry& entry = found->second;
  if (now >= entry.until || !entry.ledger->holds(entry.watch)) {
    drop(found);
    return nullptr;
  }
  order_.splice(order_.begin(), order_, entry.place);
  return entry.result;
}

void ReadCache::keep(std::string key, KeptResultPtr result, std::shared_ptr<const WriteLedger> ledger,
                     WriteLedger::Watch watch, Clock::time_point until) {
  const std::size_t bytes = entry_overhead_bytes + sizeof(Entry) + sizeof(KeptResult) + key.capacity() +
                            result->messages.capacity() + result->tag.capacity() + watch.bytes();
  if (result->messages.size() > max_result_bytes() || bytes > max_bytes_) return;
  const auto known = entries_.find(key);
  if (known != entries_.end()) drop(known);
  while (bytes_ + bytes > max_bytes_)
    drop(entries_.find(*order_.back()));
  const auto made = entries_.try_emplace(std::move(key)).first;
  order_.push_front(&made->first);
  made->second = {std::move(result), std::move(ledger), std::move(watch), until, bytes, order_.begin()};
  bytes_ += bytes;
}

void ReadCache::drop(Entries::iterator entry) noexcept {
  bytes_ -= entry->second.bytes;
  order_.erase(entry->second.place);
  entries_.erase(entry);
}

}  // namespace dbgate::session
