#include "gateway/session/verdict_cache.h"

#include <bit>
#include <cstring>

#include "gateway/auth/random.h"
#include "gateway/policy/engine.h"
#include "gateway/session/advice.h"
#include "gateway/sql/facts_bytes.h"

namespace dbgate::session {
namespace {

// What a verdict needs of the tables besides itself: nodes, buckets, and the allocator's share in six pieces of memory.
constexpr std::size_t around_entry = 256;
constexpr std::size_t around_scope = 512;
// One verdict that takes more would drive out too many others.
constexpr std::size_t most_of_all = 16;

HashKey random_key() {
  const std::string bytes = auth::random_bytes(sizeof(HashKey));
  HashKey key;
  std::memcpy(&key, bytes.data(), sizeof key);
  return key;
}

std::size_t bytes_of(const std::vector<std::string>& texts) {
  std::size_t bytes = texts.capacity() * sizeof(std::string);
  for (const std::string& text : texts)
    bytes += text.capacity();
  return bytes;
}

std::size_t bytes_of(const policy::Verdict& verdict) {
  return sizeof verdict + verdict.rule_id.capacity() + bytes_of(verdict.reasons) + verdict.message.capacity() +
         verdict.hint.capacity() + verdict.suggestion.capacity() + bytes_of(verdict.masked) +
         verdict.max_rows_rule.capacity();
}

std::size_t bytes_of(const Sent& sent) {
  std::size_t bytes = sizeof sent + sent.text.capacity() + sent.rewritten.capacity();
  for (const auto& origins : sent.origins)
    bytes += sizeof origins + origins.capacity() * sizeof(rewrite::ColumnOrigin);
  return bytes;
}

// What audit records say of a judgement is rendered later: names of it, the verdict, and shapes where they are learnt.
std::size_t bytes_of_record(const Judged& judged) {
  constexpr std::size_t fixed_text = 512;
  std::size_t bytes = sizeof(JudgementRecord) + fixed_text + bytes_of(*judged.verdict);
  for (const sql::Statement& statement : judged.script->statements) {
    for (const sql::RelationUse& use : statement.relations)
      bytes += use.name.schema.size() + use.name.name.size();
    if (judged.verdict->learns) bytes += 2 * statement.text.size();
  }
  return bytes;
}

bool same_limits(const sql::ScanLimits& a, const sql::ScanLimits& b) {
  return a.max_bytes == b.max_bytes && a.max_tokens == b.max_tokens && a.max_nesting == b.max_nesting &&
         a.max_operator_run == b.max_operator_run && a.max_comment_depth == b.max_comment_depth &&
         a.max_parts == b.max_parts;
}

}  // namespace

std::size_t bytes_of(const Judged& judged) {
  std::size_t bytes = sizeof judged;
  if (judged.script) bytes += sql::bytes_of(*judged.script);
  if (judged.verdict) bytes += bytes_of(*judged.verdict);
  if (judged.record) bytes += bytes_of_record(judged);
  if (judged.sent) bytes += bytes_of(*judged.sent);
  if (judged.footprint) {
    bytes += sizeof *judged.footprint;
    bytes += (judged.footprint->reads.capacity() + judged.footprint->writes.capacity()) * sizeof(catalog::Oid);
  }
  if (judged.advice) bytes += bytes_of(*judged.advice);
  for (const RowCap& cap : judged.row_caps)
    bytes += sizeof cap + cap.rule.capacity();
  return bytes;
}

VerdictCache::VerdictCache(std::size_t max_bytes) : VerdictCache(max_bytes, random_key()) {}

VerdictCache::VerdictCache(std::size_t max_bytes, const HashKey& hash_key) : max_bytes_(max_bytes), hash_{hash_key} {
  // Several times as many as verdicts, so that one is not forgotten before it comes again.
  constexpr std::size_t bytes_each = 512;
  slots_.resize(std::bit_ceil(max_bytes / bytes_each + 1));
  bytes_ = slots_.size() * sizeof slots_[0];
}

// What is said here by mistake costs a place in the table, or a judgement, and nothing else.
bool VerdictCache::comes_again(std::uint64_t hash) noexcept {
  Slot& slot = slot_of(hash);
  const auto part = static_cast<std::uint32_t>(hash >> 40);
  const bool again = slot.seen == part;
  slot.seen = part & 0xffffff;
  return again;
}

void VerdictCache::forget(const Entry& entry) noexcept {
  bytes_ -= entry.bytes;
  Slot& slot = slot_of(entry.hash);
  if (slot.kept < Slot::most) --slot.kept;
}

bool VerdictCache::same(const Scope& scope, const Premises& premises) {
  const Premises& known = scope.premises;
  // lock() is null once the object is gone: another one at its address is not taken for it.
  return scope.grants.lock() == premises.grants && scope.with_catalog == (premises.catalog != nullptr) &&
         scope.catalog.lock() == premises.catalog && known.resolves == premises.resolves &&
         known.closes == premises.closes && known.tracks == premises.tracks && known.tracked == premises.tracked &&
         known.passes_on == premises.passes_on && known.seen_through == premises.seen_through &&
         known.database == premises.database && known.account == premises.account &&
         known.search_path == premises.search_path && same_limits(known.limits, premises.limits);
}

bool VerdictCache::outdated(const Scope& scope) noexcept {
  return scope.grants.expired() || (scope.with_catalog && scope.catalog.expired());
}

VerdictCache::Use VerdictCache::enter(Premises premises) {
  const policy::Grants* const grants = premises.grants.get();
  const auto [first, end] = scopes_.equal_range(grants);
  for (auto at = first; at != end; ++at) {
    if (!same(at->second, premises)) continue;
    ++at->second.judges;
    return {*this, at->second};
  }
  sweep();
  const auto made = scopes_.emplace(grants, Scope{});
  Scope& scope = made->second;
  scope.self = made;
  scope.entries = decltype(scope.entries)(0, hash_);
  scope.grants = premises.grants;
  scope.catalog = premises.catalog;
  scope.with_catalog = premises.catalog != nullptr;
  scope.blind = !policy::reads_constants(*premises.grants);
  premises.grants = nullptr;
  premises.catalog = nullptr;
  scope.premises = std::move(premises);
  scope.judges = 1;
  bytes_ += around_scope;
  return {*this, scope};
}

// Verdicts of a principal who has left are kept for the next time, as long as they still hold.
void VerdictCache::leave(Scope& scope) noexcept {
  if (--scope.judges == 0 && (scope.entries.empty() || outdated(scope))) drop(scope);
}

// What is outdated is not always seen when the last judge leaves: others may hold the old policies a little longer. A
// few at a time, where new ones are made: there are never many more than are in use.
void VerdictCache::sweep() noexcept {
  constexpr int at_a_time = 4;
  for (int i = 0; i < at_a_time && !scopes_.empty(); ++i) {
    if (swept_ == scopes_.end()) swept_ = scopes_.begin();
    Scope& scope = (swept_++)->second;
    if (scope.judges == 0 && outdated(scope)) drop(scope);
  }
}

void VerdictCache::drop(Scope& scope) noexcept {
  if (swept_ == scope.self) ++swept_;
  for (const auto& [key, entry] : scope.entries) {
    forget(entry);
    order_.erase(entry.place);
  }
  bytes_ -= around_scope;
  scopes_.erase(scope.self);
}

void VerdictCache::drop_oldest() noexcept {
  const Place oldest = order_.back();
  const auto found = oldest.scope->entries.find(*oldest.key);
  forget(found->second);
  order_.pop_back();
  oldest.scope->entries.erase(found);
  if (oldest.scope->judges == 0 && oldest.scope->entries.empty()) drop(*oldest.scope);
}

bool VerdictCache::is_full() const noexcept {
  return bytes_ > max_bytes_ - max_bytes_ / most_of_all;
}

const Judged* VerdictCache::find(const Use& use, std::string_view key, std::string_view text) {
  const Sought sought{key, hash_(key)};
  auto& entries = use.scope_->entries;
  const auto found = slot_of(sought.hash).kept == 0 ? entries.end() : entries.find(sought);
  if (found == entries.end()) {
    missed_ = text;
    missed_hash_ = sought.hash;
    return nullptr;
  }
  order_.splice(order_.begin(), order_, found->second.place);
  return &found->second.judged;
}

bool VerdictCache::has_room_for(std::string_view text) noexcept {
  const bool missed = text.data() == missed_.data() && text.size() == missed_.size();
  return !missed || !is_full() || comes_again(missed_hash_);
}

void VerdictCache::keep(const Use& use, std::string_view key, Judged judged) {
  // To be asked twice makes no difference.
  const std::uint64_t hash = hash_(key);
  if (is_full() && !comes_again(hash)) return;
  const std::size_t bytes = around_entry + key.size() + bytes_of(judged);
  if (bytes > max_bytes_ / most_of_all) return;
  Scope& scope = *use.scope_;
  const auto [at, made] = scope.entries.try_emplace(std::string(key));
  if (!made) return;
  at->second.judged = std::move(judged);
  at->second.hash = hash;
  at->second.bytes = bytes;
  Slot& slot = slot_of(hash);
  if (slot.kept < Slot::most) ++slot.kept;
  order_.push_front({&scope, &at->first});
  at->second.place = order_.begin();
  bytes_ += bytes;
  while (bytes_ > max_bytes_ && order_.size() > 1)
    drop_oldest();
}

}  // namespace dbgate::session
