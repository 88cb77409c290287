#include <algorithm>

#include "gateway/session/commit_gate.h"
#include "gateway/session/relay.h"
#include "gateway/session/replies.h"
#include "protocol/postgres/frontend_messages.h"

// Limits of policies on what the frontend sends (docs/decisions/0008-what-a-limit-stops-is-undone.md).
namespace dbgate::session {
namespace {

// A session that cannot be stopped by cancelling is closed after so many attempts.
constexpr unsigned most_reminders = 10;
constexpr std::chrono::seconds between_reminders{1};

}  // namespace

// Returns true if the text is too large for a policy, and was refused. Comes before anybody parses it.
bool Relay::refuse_by_size(std::string_view text, std::string_view name, bool simple) {
  const auto over = quota_.check_size(text.size());
  if (!over) return false;
  const Judged judged = over_limit(over->refusal, nullptr, over->rule);
  const Refusal told = record_denial(judged, text, simple ? simple_protocol() : "extended", name);
  simple ? refuse_simple(told) : refuse_extended(told, name.empty());
  return true;
}

// A statement whose rows are counted may turn out to fail when the server has long completed it. What follows it in a
// pipeline must not run then, so it waits; only what changes nothing may go ahead.
bool Relay::held_back(char type) {
  if (held_ == 0 && !abort_due_) return false;
  // Copy data that nobody has asked for: dbgate's own words must not fall into the middle of it.
  const bool restoring = !expected_.empty() && (expected_.back().discards || expected_.back().restores);
  if (std::string_view("dcfH").find(type) != std::string_view::npos && !(type == 'd' && restoring)) return false;
  if (type == 'S' && !abort_due_ && sync_may_follow()) return false;
  next_ = Next::wait;
  return true;
}

// A Sync ends the implicit transaction of its stretch: what has succeeded is committed. In a transaction of the
// frontend's own it commits nothing.
bool Relay::sync_may_follow() const {
  if (capped_ > 0) return false;
  // Its reply would be taken for that to dbgate's own COMMIT or ROLLBACK, which come after those to the text.
  const Expected& running = expected_.front();
  if (running.kind == Expected::Kind::query && running.under && running.under->guard != Guard::none) return false;
  if (!segment_writes_) return true;
  return status_ == 'T' && !segment_control_ && expected_.front().segment == segment_;
}

// The server keeps its replies until a Sync, or until there are many. Where statements are timed, each has to be seen
// to end before the next one's time begins.
void Relay::ask_for_replies(char type) {
  if (std::string_view("PBDCE").find(type) != std::string_view::npos) say_flush();
  timed_execute_ = false;
}

// Whether a text needs dbgate's own transaction around it: outside of one, what it does would be committed before the
// limit is noticed. Texts that begin or end transactions themselves cannot have it.
bool Relay::guards(const LimitTraits& traits) const {
  return traits.returns_rows && !traits.only_reads && !traits.controls_transactions && !traits.copies_in &&
         quota_.limits()->counts_results();
}

// Whether the frontend is in a transaction is certain only when nothing is under way.
bool Relay::waits_to_be_guarded(const LimitTraits& traits) {
  if (!guards(traits) || expected_.empty()) return false;
  next_ = Next::wait;
  return true;
}

std::optional<OverLimit> Relay::admit(const LimitTraits& traits, const Meter* portal) {
  if (traits.cost == 0) return std::nullopt;
  // A portal that goes on is the statement that it was.
  return quota_.admit(portal != nullptr && portal->started ? 0 : traits.cost);
}

void Relay::put_under_limits(Expected& entry, const LimitTraits& traits) {
  UnderLimits& under = *entry.under;
  under.admitted = traits.cost > 0;
  if (entry.kind == Expected::Kind::execute) {
    timed_execute_ = under.limits->statement_timeout.set();
    segment_writes_ = segment_writes_ || !traits.only_reads;
    segment_control_ = segment_control_ || traits.controls_transactions;
  } else {
    segment_writes_ = segment_control_ = false;
  }
  if (!under.limits->counts_results() || !traits.returns_rows) return;
  under.held = true;
  ++held_;
  if (entry.kind == Expected::Kind::query && guards(traits) && status_ == 'I') {
    under.guard = Guard::opening;
    static const std::string begin = protocol::encoded(protocol::frontend::Query{"BEGIN"});
    to_server_.say(begin);
  }
}

void Relay::meter(Run& run, const sql::Statement& statement, const std::shared_ptr<Meter>& portal) {
  if (statement.kind == sql::StatementKind::replication) return;
  if (statement.kind == sql::StatementKind::fetch) {
    run.meters.push_back(cursor_meter(statement.name));
  } else {
    run.meters.push_back(portal ? portal : std::make_shared<Meter>());
  }
  Meter& newest = *run.meters.back();
  newest.gathers = newest.gathers || gathers_rows(statement) || executes_gathering(statement);
}

// EXECUTE is what it names.
bool Relay::executes_gathering(const sql::Statement& statement) const {
  if (statement.kind != sql::StatementKind::execute) return false;
  const auto named = statements_.find(statement.name, segment_);
  if (named.state != Names::State::found) return false;
  const auto& inner = named.definition->script->statements;
  return std::any_of(inner.begin(), inner.end(), gathers_rows);
}

std::shared_ptr<Meter> Relay::cursor_meter(const std::string& name) {
  const auto cursor = portals_.find(name, segment_);
  if (cursor.state == Names::State::found && cursor.definition->meter) return cursor.definition->meter;
  return loose_meter(name);
}

// Of a cursor that a function has opened, or one from before there were limits: lives until the transaction ends.
std::shared_ptr<Meter> Relay::loose_meter(const std::string& name) {
  const bool full = loose_meters_.size() >= limits_.portals;
  std::shared_ptr<Meter>& meter = loose_meters_[full && !loose_meters_.contains(name) ? std::string() : name];
  if (!meter) meter = std::make_shared<Meter>();
  return meter;
}

// Each portal counts for itself, whatever the statement it was made from.
PreparedPtr Relay::metered(PreparedPtr prepared) const {
  if (!quota_.limits()) return prepared;
  auto portal = std::make_shared<Prepared>(*prepared);
  portal->meter = std::make_shared<Meter>();
  return portal;
}

// The oldest message under way is what the server works on now: its time begins.
void Relay::start_clock() {
  if (expected_.empty() || !expected_.front().under) return;
  UnderLimits& under = *expected_.front().under;
  if (!under.limits->statement_timeout.set() || replication_) return;
  under.deadline = quota_.now() + under.limits->statement_timeout.value;
}

// Nothing is under way, and a transaction is open.
void Relay::note_idle() {
  const auto& limits = quota_.limits();
  if (!limits || !limits->idle_in_transaction.set() || !expected_.empty() || !in_transaction() || hold_) return;
  if (gate_ && gate_->stage != GateStage::idle) return;
  if (idle_due_ == UnderLimits::never) idle_due_ = quota_.now() + limits->idle_in_transaction.value;
}

Relay::Overdue Relay::on_time() {
  if (due() == UnderLimits::never || quota_.now() < due()) return Overdue::nothing;
  if (quota_.now() >= rejudge_due_) return rejudge();
  const auto end = [this](const OverLimit& over) {
    ended_by_ = over.rule;
    failure_ = Error(over.refusal.code, over.refusal.message, over.refusal.hint);
    return Overdue::end;
  };
  if (expected_.empty()) {
    idle_due_ = UnderLimits::never;
    const auto& limits = quota_.limits();
    if (!limits || !limits->idle_in_transaction.set()) return Overdue::nothing;
    return end(too_long_idle(*limits));
  }
  UnderLimits& under = *expected_.front().under;
  if (++under.reminders > most_reminders) {
    under.deadline = UnderLimits::never;
    return end(too_slow(*under.limits));
  }
  under.overdue = true;
  under.deadline = quota_.now() + between_reminders;
  return Overdue::cancel;
}

}  // namespace dbgate::session
