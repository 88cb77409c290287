#include "gateway/models/opinion_cache.h"

namespace dbgate::models {
namespace {

std::size_t bytes_of(const std::string& key, const ports::RiskOpinion& opinion) {
  constexpr std::size_t nodes = 128;  // of the list and the table
  std::size_t bytes = nodes + sizeof opinion + key.size() + opinion.why.size() + opinion.provider.size() +
                      opinion.model.size() + opinion.prompt_hash.size();
  for (const std::string& factor : opinion.factors)
    bytes += sizeof factor + factor.size();
  return bytes;
}

}  // namespace

std::optional<ports::RiskOpinion> OpinionCache::find(const std::string& key, Time now) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return {};
  if (now >= found->second->until) {
    drop(found->second);
    return {};
  }
  entries_.splice(entries_.begin(), entries_, found->second);
  return entries_.front().opinion;
}

void OpinionCache::keep(const std::string& key, const ports::RiskOpinion& opinion, Time until) {
  if (const auto found = by_key_.find(key); found != by_key_.end()) drop(found->second);
  const std::size_t bytes = bytes_of(key, opinion);
  if (bytes > most_bytes_) return;
  while (bytes_ + bytes > most_bytes_)
    drop(std::prev(entries_.end()));
  entries_.push_front({key, opinion, until, bytes});
  by_key_.emplace(entries_.front().key, entries_.begin());
  bytes_ += bytes;
}

void OpinionCache::drop(std::list<Entry>::iterator entry) {
  by_key_.erase(entry->key);
  bytes_ -= entry->bytes;
  entries_.erase(entry);
}

}  // namespace dbgate::models
