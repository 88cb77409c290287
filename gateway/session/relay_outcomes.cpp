#include "gateway/session/relay.h"

// What becomes of a message under way when its replies have come, or will not come.
namespace dbgate::session {

std::optional<Relay::Clock::time_point> Relay::running_since() const noexcept {
  for (const Expected& entry : expected_) {
    if (entry.run) return entry.run->started;
  }
  return {};
}

void Relay::settle_effects(const Run& /*run*/, const sql::Statement& statement, bool succeeded) {
  switch (statement.kind) {
    case sql::StatementKind::prepare:
      statements_.settle(statement.name, succeeded);
      break;
    case sql::StatementKind::declare_cursor:
      portals_.settle(statement.name, succeeded);
      break;
    case sql::StatementKind::close_cursor:
      if (!succeeded) break;
      if (statement.name.empty()) {
        portals_.forget_if([](const Prepared&) { return true; });
      } else {
        portals_.forget(statement.name);
      }
      break;
    case sql::StatementKind::deallocate:
    case sql::StatementKind::discard:
      if (!succeeded) break;
      if (statement.kind == sql::StatementKind::deallocate && !statement.name.empty()) {
        statements_.forget(statement.name);
      } else if (statement.kind == sql::StatementKind::deallocate || statement.tag == "DISCARD ALL") {
        statements_.forget_if([](const Prepared&) { return true; });
      }
      if (statement.tag == "DISCARD ALL") portals_.forget_if([](const Prepared&) { return true; });
      break;
    default:
      break;
  }
}

// Writes the outcome once, and settles what the statements that did not complete would have defined.
void Relay::finish_run(Run& run, std::string_view sqlstate) {
  if (run.query_id.empty()) return;
  if (reads_ && !run.from_cache && sqlstate != "00000") reads_->drop();
  trail_.done(run, sqlstate);
  run.query_id.clear();
  if (!run.script) return;
  for (; run.statement < run.script->statements.size(); ++run.statement) {
    settle_effects(run, run.script->statements[run.statement], false);
  }
}

void Relay::pop_front(bool succeeded) {
  Expected& entry = expected_.front();
  if (pool_) settle_on_server(entry, succeeded);
  if (entry.pended) (entry.names_portal ? portals_ : statements_).settle(entry.name, succeeded);
  bool restore = false;
  if (entry.blocks_names) {
    statements_.unblock();
    restore = left_discard(entry, succeeded);
  }
  copies_to_come_ -= entry.copies_in;
  if (entry.under) leave_limits(*entry.under);
  expected_.pop_front();
  if (restore) say_restore(true);
  start_clock();
}

void Relay::trim() {
  expected_.trim();
  if (reads_ && local_replies_.empty()) reads_->give_back();
  for (Outgoing* const outgoing : {&to_server_, &to_client_, &local_replies_, &own_words_})
    outgoing->trim();
}

void Relay::abandon(const Error& why) {
  while (!expected_.empty()) {
    if (expected_.front().run) finish_run(*expected_.front().run, why.code().text());
    pop_front(false);
  }
  // What was under way may have been committed for all that.
  if (std::exchange(catalog_touched_, false)) judge_.catalog_changed();
}

}  // namespace dbgate::session
