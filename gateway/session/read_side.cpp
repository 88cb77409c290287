#include "gateway/session/read_side.h"

#include <utility>

namespace dbgate::session {

ReadSide::ReadSide(ReadCache& cache, std::shared_ptr<WriteLedger> ledger, std::string whose)
    : cache_(cache), ledger_(std::move(ledger)), whose_(std::move(whose)) {}

ReadSide::~ReadSide() {
  ledger_->end(writing_);
}

std::string& ReadSide::begin_key() {
  std::string& key = cache_.scratch();
  key.clear();
  add_to_key(key, whose_);
  return key;
}

void ReadSide::add_to_key(std::string& key, std::string_view part) {
  const std::uint64_t size = part.size();
  key.append(reinterpret_cast<const char*>(&size), sizeof size);
  key += part;
}

KeptResultPtr ReadSide::find(const std::string& key, const policy::Footprint& footprint, std::string_view text,
                             std::string_view values) {
  proposed_ = nullptr;
  const Clock::time_point now = Clock::now();
  auto found = cache_.find(key, now);
  // One that could mean another moment each time is not kept, so that it need not be looked at when it was found.
  if (found || policy::may_say_now(text) || policy::holds_now(values)) return found;
  auto watch = ledger_->watch(footprint.reads);
  if (!watch) return nullptr;
  proposed_ = std::make_unique<Recording>();
  proposed_->key = key;
  proposed_->watch = std::move(*watch);
  proposed_->until = now + footprint.ttl;
  return nullptr;
}

void ReadSide::lend(KeptResultPtr result, bool first) {
  if (first) lent_.clear();
  lent_.push_back(std::move(result));
}

void ReadSide::note(const policy::Footprint& footprint) {
  bound_ = bound_ || footprint.binds;
  // A session that nobody can follow may mean other tables by the names that it writes.
  const bool astray = bound_ && !footprint.writes.empty();
  if (footprint.writes_anything || astray) return begin_write(WriteLedger::Places{}.set(WriteLedger::anything));
  if (footprint.writes.empty()) return;
  WriteLedger::Places places;
  for (const std::uint32_t table : footprint.writes)
    places.set(WriteLedger::place_of(table));
  begin_write(places);
}

void ReadSide::note_anything() {
  bound_ = true;
  begin_write(WriteLedger::Places{}.set(WriteLedger::anything));
}

void ReadSide::begin_write(const WriteLedger::Places& places) {
  const WriteLedger::Places more = places & ~writing_;
  writing_ |= more;
  ledger_->begin(more);
}

void ReadSide::record() {
  if (proposed_) recording_ = std::move(proposed_);
}

void ReadSide::begin_replies(const Outgoing& to_client) {
  replies_from_ = to_client.bytes();
}

void ReadSide::take_replies(const Outgoing& to_client) {
  if (!recording_ || recording_->complete) return;
  std::string& messages = recording_->result.messages;
  if (messages.size() + (to_client.bytes() - replies_from_) > cache_.max_result_bytes()) return drop();
  to_client.copy_to(messages, replies_from_);
  replies_from_ = to_client.bytes();
}

void ReadSide::complete(const Outgoing& to_client, std::string_view tag, std::uint64_t rows, std::uint64_t bytes) {
  take_replies(to_client);
  if (!recording_) return;
  recording_->complete = true;
  recording_->result.tag = tag;
  recording_->result.rows = rows;
  recording_->result.bytes = bytes;
}

void ReadSide::ready(bool idle, bool over) {
  if (over && writing_.any()) ledger_->end(std::exchange(writing_, {}));
  const auto recorded = std::move(recording_);
  if (!recorded || !recorded->complete || !idle || !ledger_->holds(recorded->watch)) return;
  recorded->result.messages.shrink_to_fit();
  cache_.keep(std::move(recorded->key), std::make_shared<const KeptResult>(std::move(recorded->result)), ledger_,
              std::move(recorded->watch), recorded->until);
}

}  // namespace dbgate::session
