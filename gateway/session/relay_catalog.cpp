#include "gateway/audit/sha256.h"
#include "gateway/session/relay.h"
#include "gateway/sql/vacates.h"

// Statements that may change the catalog: whoever judges has to read it again when they are committed, and until then
// nobody but the server knows what names stand for in this transaction.
namespace dbgate::session {

void Relay::note_catalog_change() {
  judge_.catalog_changed();
  if (pool_ && pool_->server->catalog_changes) pool_->server->catalog_changes->fetch_add(1);
}

// @param text  that the statement came in
void Relay::touch_catalog(const sql::Statement& statement, std::string_view text) {
  catalog_touched_ = true;
  touched_in_ = segment_;
  if (!moved_) moved_ = std::make_unique<policy::MovedNames>();
  moved_->follow(statement);
  moved_by_ = audit::sha256_hex(moved_by_.append(text));
  // The server waits for them to be gone.
  if (const std::string* const database = sql::vacates(statement); database != nullptr && vacate_) vacate_(*database);
}

// COMMIT is seen by others at once, though more may come before ReadyForQuery, or another transaction with it.
void Relay::catalog_follows(const Run& run, const sql::Statement& statement, std::string_view tag) {
  if (statement.kind != sql::StatementKind::commit || tag == "ROLLBACK") return;
  const bool last = run.statement + 1 == run.script->statements.size();
  const Expected& entry = expected_.front();
  const bool ready_next = entry.kind == Expected::Kind::query ||
                          (expected_.size() > 1 && (expected_.begin() + 1)->kind == Expected::Kind::sync);
  if (last && ready_next) {
    catalog_committed_ = true;
  } else {
    note_catalog_change();
  }
}

// What was sent behind the answered stretch of messages may have touched it again.
void Relay::catalog_ready(char status, Segment answered) {
  const bool committed = std::exchange(catalog_committed_, false);
  if (status != 'I' && !committed) return;
  note_catalog_change();
  if (touched_in_ > answered) return;
  catalog_touched_ = false;
  moved_ = nullptr;
  moved_by_.clear();
}

}  // namespace dbgate::session
