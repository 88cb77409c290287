#include <algorithm>
#include <utility>

#include "gateway/session/relay.h"
#include "gateway/session/replies.h"

// Reads that are answered from memory, and what is told of writes (docs/read-cache.md).
namespace dbgate::session {
namespace {

constexpr std::string_view simple_form = "Q";

}  // namespace

bool Relay::within_limits(const KeptResult& result) const {
  const auto& limits = quota_.limits();
  if (!limits) return true;
  if (limits->recorded.rows > 0) return false;  // rows that the audit log keeps come from the server
  return (!limits->rows.set() || result.rows <= limits->rows.value) &&
         (!limits->bytes.set() || result.bytes <= limits->bytes.value);
}

const std::string& Relay::settings_in_force() const {
  return pool_ ? pool_->settings.in_force() : reads_->settings().in_force();
}

// Whether the result of a statement may be one that was kept, or may become one: it stands alone, outside of
// transactions, in a session whose state the key tells.
bool Relay::may_be_kept(const Judged& judged) const {
  if (!reads_ || replication_ || !judged.footprint || !judged.footprint->cacheable() || judged.refused) return false;
  const bool allowed = judged.verdict && judged.verdict->decision == policy::Decision::allow;
  return allowed && judged.row_caps.empty() && reads_->open() && server_untouched() && copy_in_ == CopyIn::none &&
         pins().none();
}

// Everything that a result depends on, and what it was judged by.
std::string& Relay::key_of_read(std::string_view form, std::string_view text) {
  std::string& key = reads_->begin_key();
  judge_.add_premises(key);
  ReadSide::add_to_key(key, settings_in_force());
  ReadSide::add_to_key(key, form);
  ReadSide::add_to_key(key, text);
  return key;
}

// Returns true if the statement is done with: it was answered from memory, or its decision could not be recorded.
bool Relay::answers_query(const Judged& judged, std::string_view text, const LimitTraits& traits) {
  if (reads_) reads_->forget();
  if (!may_be_kept(judged)) return false;
  const bool rewritten = judged.sent && !judged.sent->rewritten.empty();
  const std::string_view sent = rewritten ? std::string_view(judged.sent->rewritten) : text;
  const KeptResultPtr kept = reads_->find(key_of_read(simple_form, sent), *judged.footprint, sent, {});
  if (!kept || !within_limits(*kept)) return false;
  auto run = announce(judged, text, simple_protocol(), {});
  if (traits.cost > 0) quota_.leave();
  if (!run) {
    refuse_simple(not_recorded_);
    return true;
  }
  give_out(kept, *run);
  say_ready();
  ++segment_;
  // As the server would have done (PostgreSQL docs ch. 55.2.3).
  pool_ ? drop_unnamed() : forget_unnamed();
  return true;
}

// Query drops it, and the server's is another one.
void Relay::forget_unnamed() {
  statements_.forget({});
  unnamed_owed_ = false;
}

void Relay::give_out(const KeptResultPtr& kept, Run& run) {
  reads_->lend(kept, local_replies_.empty());
  local_replies_.forward(protocol::as_bytes(kept->messages));
  run.rows_returned = kept->rows;
  run.bytes = kept->bytes;
  run.tags = kept->tag;
  run.from_cache = true;
  if (run.script) run.statement = run.script->statements.size();
  finish_run(run, "00000");
}

// A statement is about to be forwarded, the last of expected_.
void Relay::note_tracks(const std::shared_ptr<const policy::Footprint>& footprint) {
  if (footprint) reads_->note(*footprint);
}

// Where nobody else does: a server connection that is not shared.
void Relay::follow_settings(const Run& run, const sql::Statement& statement, std::string_view tag) {
  const std::string_view text = std::string_view(run.text).substr(std::min(statement.begin, run.text.size()));
  reads_->settings().on_complete(statement, text.substr(0, statement.length), tag);
}

// The bytes of a Query's CommandComplete are counted behind this, those of an Execute's never are.
void Relay::complete_read(Bytes message, std::string_view tag) {
  const Expected& entry = expected_.front();
  const std::size_t own = entry.kind == Expected::Kind::query ? message.size() : 0;
  reads_->complete(to_client_, tag, entry.run->rows_returned, entry.run->bytes + own);
}

void Relay::reads_ready(char status) {
  if (!pool_) reads_->settings().on_ready(status, std::exchange(reads_->failed, false));
  reads_->ready(status == 'I', status == 'I' && expected_.empty() && !dirty_);
}

}  // namespace dbgate::session
