#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/policy/verdict.h"
#include "gateway/session/comparison.h"
#include "gateway/session/expected.h"
#include "gateway/session/hold.h"
#include "gateway/session/judge.h"
#include "gateway/sql/facts.h"
#include "protocol/postgres/bytes.h"

// Transactions whose changes are shown to others before they are committed (docs/commit-gate.md).
namespace dbgate::session {

/// What a transaction has changed, as the server tells it (dbgate_gate.changes() of
/// gateway/app/commit_gate/prepare.sql) or a comparison has found.
struct Changes {
  static constexpr std::size_t most_rows = 20'000;
  static constexpr std::size_t most_bytes = 24u << 20;

  bool open = false;                ///< it was captured
  bool compared = false;            ///< … in a database that is not prepared
  std::vector<std::string> unseen;  ///< tables that were changed and cannot be shown
  std::string tables;               ///< JSON objects, comma-separated: name, inserted, updated, deleted
  std::string rows;                 ///< JSON objects, comma-separated: table, change, before, after
  std::size_t count = 0;            ///< of the rows
  bool differs = false;             ///< the server has counted other changes than were captured
  bool too_many = false;            ///< more than may be kept: `rows` holds some of them

  /// Adds one row of the server's answer.
  void add(std::string_view line);
};

enum class GateStage : std::uint8_t {
  idle,
  opening,    ///< the server is asked to capture
  reading,    ///< what has changed is asked for
  comparing,  ///< … and on another connection, what was there before
  rereading,  ///< … and what of that is still there
  asking,     ///< others are asked
  over        ///< the message at hand has been answered
};

/// A text that may have changed something, as it was judged.
struct GatedText {
  std::shared_ptr<const Analysis> analysis;
  std::shared_ptr<const BoundValues> bound;  ///< null: nothing was bound, or nothing looks at it
};

/// A relay's part, from the first statement of a principal whose changes are shown.
struct GateSide {
  GateStage stage = GateStage::idle;
  policy::CommitGatePtr gate;
  bool in_block = false;                   ///< the server is in a transaction block, as far as its replies say
  bool own_block = false;                  ///< … that dbgate has begun
  bool open = false;                       ///< what is changed is captured, from its first change on
  bool undone = false;                     ///< … or not any more: a savepoint was rolled back
  std::shared_ptr<Comparison> comparison;  ///< of this transaction, in a database that is not prepared; else null
  std::shared_ptr<Comparison> reserve;     ///< … for when what is captured is not what the server has counted
  bool wraps = false;                      ///< a text with a transaction of dbgate's own around it is under way
  bool keeps_message = false;              ///< … and the message at hand waits for what becomes of it
  std::string texts;                       ///< of the statements that may have changed something
  std::shared_ptr<sql::Script> script;     ///< the same, as facts
  std::vector<GatedText> judged;           ///< … and to be judged again
  bool forgets = false;                    ///< … but there were too many of them
  std::uint64_t judged_by = 0;             ///< Judge::version() when the last of them was judged
  std::shared_ptr<const policy::Verdict> verdict;
  std::shared_ptr<Changes> changes;
  std::string error;               ///< the server's, to what dbgate has asked by itself: a whole ErrorResponse
  std::string error_code;          ///< its SQLSTATE; empty: there was none
  policy::CommitGatePtr asked_of;  ///< whose holds are asked; null: nobody yet
  std::size_t asked = 0;           ///< of those, how many have agreed
  Agreement agreement;
  std::unique_ptr<HoldAnswer> answer;
  std::unique_ptr<Run> run;  ///< of the text that has a transaction of dbgate's own around it
  std::string last_tag;      ///< the CommandComplete that is true once that is committed

  /// The transaction is over, whatever became of it.
  void forget_transaction();
  /// The same of a text with a transaction of dbgate's own around it that has not come to its end.
  void give_up_wrapped();
  void note(const Judged& judged, std::string_view text, std::shared_ptr<const BoundValues> bound);
  /// What a statement of the client's, or ReadyForQuery, has made of the transaction.
  void follow(const sql::Statement& statement);
  void ready(char status) {
    in_block = status != 'I';
    if (!in_block) forget_transaction();
  }
  /// One row of what the server has answered to dbgate's own question.
  void take_row(std::string_view row);
};

/// What dbgate asks the server by itself: the messages of one statement, without Sync.
void append_own_statement(std::string_view text, std::string& messages);

const char* gate_opening();
const char* gate_reading();
/// Makes the server end the transaction should the gateway vanish.
std::string gate_patience(std::chrono::milliseconds lock_budget);

/// Why what has changed may not be committed, without asking anybody.
Refusal unseen_changes(const Changes& changes);
Refusal gate_closed(std::string_view server_code, bool compares);
/// PostgreSQL's answer to whatever comes in a transaction that has failed: the refusal, and whether a SQLSTATE is it.
Refusal aborted_transaction();
bool is_aborted(std::string_view server_code);
Refusal elsewhere();
/// Others have agreed to what may not be done any more.
Refusal no_longer_allowed(const Refusal& why);
/// Whether the same people have to agree.
bool same_holds(const policy::CommitGate& one, const policy::CommitGate& other);
/// A text that cannot be gated as it is.
Refusal apart_from_control();
Refusal copy_needs_block();

}  // namespace dbgate::session
