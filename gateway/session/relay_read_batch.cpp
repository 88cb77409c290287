#include <utility>

#include "gateway/session/read_batch.h"
#include "gateway/session/relay.h"
#include "gateway/session/replies.h"
#include "gateway/session/shared_statements.h"
#include "gateway/session/user_types.h"

// Extended queries that are answered from memory (docs/read-cache.md).
namespace dbgate::session {
namespace {

std::string form_of(const ReadBatch& batch) {
  std::string form = "E";
  if (batch.parse) form += 'P';
  if (batch.described) form += 'D';
  return form;
}

std::string_view bytes_of_types(const std::vector<std::uint32_t>& types) {
  return {reinterpret_cast<const char*>(types.data()), types.size() * sizeof types[0]};
}

}  // namespace

// What the batch executes, if the verdict that it would have is at hand; else null.
PreparedPtr Relay::statement_of_batch(const ReadBatch& batch) {
  if (!batch.parse) {
    const auto found = statements_.find(batch.statement, segment_);
    const bool known = found.state == Names::State::found && !found.definition->text.empty() &&
                       found.definition->judged_by == judge_.version() && !found.definition->user_types;
    if (!known || !found.definition->parsed_under) return nullptr;
    return *found.definition->parsed_under == settings_in_force() ? found.definition : nullptr;
  }
  std::vector<std::uint32_t> types(batch.parse->parameter_types.begin(), batch.parse->parameter_types.end());
  if (has_user_types(types) || (has_odd_types(types) && judge_.hides()) || quota_.check_size(batch.parse->query.size()))
    return nullptr;
  Judged judged = judge_.recall(batch.parse->query, TextForm::parse);
  if (!judged.script || judged.refused) return nullptr;
  auto prepared = std::make_shared<Prepared>();
  prepared->text = batch.parse->query;
  prepared->script = judged.script;
  prepared->verdict = judged.verdict;
  prepared->judged_by = judged.judged_by;
  prepared->sent = judged.sent;
  prepared->record = judged.record;
  prepared->row_caps = judged.row_caps;
  prepared->footprint = judged.footprint;
  prepared->residue = judged.residue;
  prepared->advice = judged.advice;
  prepared->parameter_types = std::move(types);
  prepared->unnamed = true;
  prepared->parsed_under = settings_in_force();
  return prepared;
}

// Answers a statement and everything around it from memory if that can be. @return the bytes of the messages that are
// done with; 0: nothing was done, or its result will be recorded
std::size_t Relay::answers_batch(Bytes input) {
  if (!server_untouched() || skipping_ || !may_recall()) return 0;
  reads_->forget();
  if (!reads_->open() || judge_.looks_at_values()) return 0;
  const auto batch = ReadBatch::read(input);
  if (!batch) return 0;
  const PreparedPtr prepared = statement_of_batch(*batch);
  if (!prepared) return 0;
  Judged judged;
  judged.script = prepared->script;
  judged.verdict = prepared->verdict;
  judged.judged_by = prepared->judged_by;
  judged.sent = prepared->sent;
  judged.record = prepared->record;
  judged.row_caps = prepared->row_caps;
  judged.footprint = prepared->footprint;
  judged.advice = prepared->advice;
  if (judged.advice && !judge_.advise(judged, nullptr)) return 0;
  if (!may_be_kept(judged)) return 0;
  const std::string_view text = text_for_server(*prepared);
  std::string& key = key_of_read(form_of(*batch), text);
  ReadSide::add_to_key(key, bytes_of_types(prepared->parameter_types));
  ReadSide::add_to_key(key, batch->values);
  const KeptResultPtr kept = reads_->find(key, *judged.footprint, text, batch->values);
  if (!kept) return 0;
  return give_out_batch(*batch, prepared, judged, kept) ? batch->bytes : 0;
}

// False: the server has to be asked after all, or the way there leads to a refusal.
bool Relay::give_out_batch(const ReadBatch& batch, const PreparedPtr& prepared, Judged& judged,
                           const KeptResultPtr& kept) {
  const LimitTraits traits = quota_.limits() ? limit_traits(*judged.script) : LimitTraits{};
  if (!within_limits(*kept) || (quota_.limits() && admit(traits, nullptr))) return false;
  if (bind_records_.wanted()) bind_records_.take(batch.bind);
  const auto taken = bind_records_.latest();
  judged.parameters = parameters_in(taken);
  const auto run = announce(judged, prepared->text, "extended", {});
  if (traits.cost > 0) quota_.leave();
  if (!run) return false;
  give_out(kept, *run);
  say_ready();
  ++segment_;
  if (batch.parse) {
    // The server has not heard of it: it is told if the frontend comes back to it.
    statements_.confirm({}, prepared);
    if (!pool_) unnamed_owed_ = true;
  }
  return true;
}

// The unnamed statement is about to be named in a message, and what the server has by that name, if anything, is
// another one. It must not be taken for this one even if the server comes to skip what is sent here.
void Relay::give_unnamed() {
  const PreparedPtr prepared = statements_.confirmed({});
  forget_unnamed();
  if (!prepared) return;
  const auto key = unnamed_key(*prepared);
  Expected& entry = expect(Expected::Kind::parse);
  entry.own = true;
  entry.pended = true;
  statements_.pend({}, prepared, segment_);
  dirty_ = true;
  to_server_.say(parse_message(*key, {}));
}

}  // namespace dbgate::session
