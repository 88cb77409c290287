#include <set>
#include <utility>

#include "gateway/audit/json.h"
#include "gateway/session/relay.h"
#include "gateway/session/replies.h"

// What waits on the server behind other statements, and may be there for long
// (docs/decisions/0045-what-waits-on-the-server.md).
namespace dbgate::session {
namespace {

// A right that has gone ends what rests on it within one second.
constexpr std::chrono::milliseconds between_looks{500};
// Without a catalog nothing is allowed; it is waited for as long as reading one may take.
constexpr unsigned most_unread = 20;

}  // namespace

Run::Run() = default;
Run::~Run() = default;

// What EXECUTE and FETCH name. PREPARE and DECLARE have records of their own; Parse and Bind have none, as it is
// Execute that has, and what they have made may run without it.
std::string Relay::definitions_by_protocol(const sql::Script& script) const {
  std::string all;
  std::set<std::pair<bool, std::string_view>> known;
  for (const sql::Statement& statement : script.statements) {
    for (const sql::Statement* at = &statement; at != nullptr; at = at->inner.get()) {
      const bool fetches = at->kind == sql::StatementKind::fetch;
      if ((!fetches && at->kind != sql::StatementKind::execute) || !known.emplace(fetches, at->name).second) continue;
      const auto found = (fetches ? portals_ : statements_).find(at->name, segment_);
      if (!found.definition || found.definition->text.empty()) continue;
      all += all.empty() ? "[{\"name\":" : ",{\"name\":";
      audit::append_json_string(all, at->name);
      audit::append_field(all, "text", std::string_view(found.definition->text));
      if (found.note) all.append(",\"parameters\":").append(*found.note);
      all += '}';
    }
  }
  return all.empty() ? all : all + ']';
}

// Before `run` is the last of those under way.
void Relay::queue(Run& run, const Judged& judged, const std::shared_ptr<const BoundValues>& bound) {
  if (judged.script->statements.size() < 2 && !running_since()) return;
  auto queued = std::make_unique<Queued>();
  queued->judged_by = judged.judged_by;
  queued->agreed = judged.agreement != nullptr;
  queued->script = judged.script;
  queued->sent = judged.sent;
  queued->bound = bound;
  if (names_others(*judged.script)) {
    for (const sql::Statement& statement : judged.script->statements) {
      for (const sql::Statement* at = &statement; at != nullptr; at = at->inner.get()) {
        const bool fetches = at->kind == sql::StatementKind::fetch;
        if (!fetches && at->kind != sql::StatementKind::execute) continue;
        auto found = (fetches ? portals_ : statements_).find(at->name, segment_);
        if (found.definition) queued->named.push_back(std::move(found.definition));
      }
    }
  }
  run.queued = std::move(queued);
  if (rejudge_due_ == UnderLimits::never) rejudge_due_ = quota_.now() + between_looks;
}

bool Relay::has_queue() const noexcept {
  bool running = true;
  for (const Expected& entry : expected_) {
    if (!entry.run) continue;
    if (!running) return true;
    running = false;
    if (entry.run->script && entry.run->statement + 1 < entry.run->script->statements.size()) return true;
  }
  return false;
}

Stands Relay::stands_now(const Expected& entry, const Queued& queued, std::size_t from) {
  if (entry.kind != Expected::Kind::function_call) return judge_.still_stands(queued, from);
  return judge_.judge_function_call().refused ? Stands::no : Stands::yes;
}

// Looks at all that the server has not come to.
Relay::Overdue Relay::rejudge() {
  rejudge_due_ = UnderLimits::never;
  bool running = true;
  bool unread = false;
  const Queued* last = nullptr;  // of a batch, one stands for all: they come of one judgement
  for (const Expected& entry : expected_) {
    if (!entry.run) continue;
    const bool first = std::exchange(running, false);
    Queued* const queued = entry.run->queued.get();
    const std::size_t from = first ? entry.run->statement + 1 : 0;
    if (queued == nullptr || from >= queued->script->statements.size()) continue;
    rejudge_due_ = quota_.now() + between_looks;
    const std::uint64_t now = judge_.version();
    if (queued->judged_by == now) continue;
    const bool same = last != nullptr && from == 0 && last->script == queued->script && last->sent == queued->sent &&
                      !last->bound && !queued->bound && last->named.empty() && queued->named.empty();
    const Stands stands = same ? Stands::yes : stands_now(entry, *queued, from);
    if (stands == Stands::no) return outlived();
    unread = unread || stands == Stands::unknown;
    if (stands == Stands::unknown) continue;
    queued->judged_by = now;
    last = queued;
  }
  unread_ = unread ? unread_ + 1 : 0;
  if (unread_ > most_unread) return outlived();
  return unread ? Overdue::unread : Overdue::nothing;
}

Relay::Overdue Relay::outlived() {
  failure_ = Error(sqlstate::admin_shutdown, "terminating connection: a statement that was sent may not run any more",
                   "Policies, or what they rest on, have changed while it waited behind another one.");
  return Overdue::outlived;
}

}  // namespace dbgate::session
