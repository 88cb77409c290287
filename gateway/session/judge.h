#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/policy/footprint.h"
#include "gateway/policy/moved_names.h"
#include "gateway/policy/residue.h"
#include "gateway/policy/verdict.h"
#include "gateway/session/expected.h"
#include "gateway/session/lock_watch.h"
#include "gateway/session/path_watch.h"
#include "gateway/session/queued.h"
#include "gateway/sql/facts.h"

namespace dbgate::session {

/// Settings of a server connection by name. Secrets are among them: never to be shown or recorded.
using ServerSettings = std::map<std::string, std::string>;

/// Why a statement does not reach the server, as the client is told it.
struct Refusal {
  SqlState code = sqlstate::insufficient_privilege;
  std::string message;
  std::string detail;
  std::string hint;
  int position = 0;     ///< 1-based character in the statement text; 0: none
  std::string routine;  ///< PostgreSQL's, where clients look for it
  bool fatal = false;
};

/// What can be said of a statement text without knowing who sent it: facts, or why it has none.
struct Analysis {
  std::shared_ptr<const sql::Script> script;  ///< never null; empty when `refused`
  bool refused = false;
  Refusal refusal;
  std::string text;  ///< whole if it may be rewritten; else short ones only, for suggestions
  /// Judge::version() when it was made, if it says all there is to say of the text: a verdict on it may be remembered.
  std::uint64_t read_by = 0;
};

/// What a statement text came in. Texts of Parse may have parameters whose values are yet to come.
enum class TextForm : std::uint8_t { query, parse };

struct Advice;
struct Heard;

/// A statement text with its verdict.
struct Judged {
  /// Of a SELECT, INSERT, UPDATE or DELETE that was recalled, begin, length, text and the places of names may be those
  /// of another text of the same key (docs/verdict-cache.md).
  std::shared_ptr<const sql::Script> script;
  std::shared_ptr<const policy::Verdict> verdict;
  std::uint64_t judged_by = 0;  ///< Judge::version() at that time
  bool refused = false;
  Refusal refusal;
  /// Where masks and filters are in force. Null elsewhere: the text is sent as it is.
  std::shared_ptr<const Sent> sent;
  /// By statement of the script, where rules limit the rows that they may change; shorter or empty: no limits.
  std::vector<RowCap> row_caps;
  /// Shared by all that comes of the same judgement; null: rendered anew for each record.
  std::shared_ptr<JudgementRecord> record;
  /// Where results of reads may be kept; null: it neither writes nor may be kept.
  std::shared_ptr<const policy::Footprint> footprint;
  /// What it leaves on its server connection, where those change hands.
  policy::Residue residue = policy::Residue::none;
  /// What others have decided on it; null: they were not asked.
  std::shared_ptr<const Agreement> agreement;
  /// What models have yet to say of it: Judge::advise(). Null: they are not asked.
  std::shared_ptr<Advice> advice;
  std::string_view parameters;  ///< for the record (BindRecords), lives as long as that; empty: there are none
  /// For the record: what it names that the protocol has made and no record of its own has, as JSON; empty: nothing.
  std::string definitions;
  bool wait = false;  ///< names a prepared statement that only outstanding replies can tell: ask again later
};

/// Whether others have to agree before it runs.
inline bool waits_for_others(const policy::Verdict* verdict) noexcept {
  return verdict != nullptr && verdict->decision == policy::Decision::hold;
}
inline bool needs_agreement(const Judged& judged) noexcept {
  return !judged.refused && waits_for_others(judged.verdict.get());
}

/// What it comes to, in one word: allow, mask, log_only, hold (others have yet to agree), deny; error for text that is
/// no statement, or names none.
std::string_view effect_of(const Judged& judged);

using AnalysisWork = std::function<std::shared_ptr<const Analysis>()>;

/// The one decision function of a session: every path (simple and extended queries, COPY, cursors, PREPARE and EXECUTE,
/// function calls, replication) comes through here. Implemented over policy snapshots by PolicyJudge, scripted in
/// tests.
class Judge {
 public:
  virtual ~Judge() = default;

  /// Whether it knows all it needs. Else wait for what Host::catalog_read() brings, or judge all the same: what rests
  /// on it is denied.
  virtual bool ready() { return true; }
  /// Scans, parses and extracts facts.
  virtual std::shared_ptr<const Analysis> analyze(std::string_view text) const = 0;
  /// The same as work that any thread may do that has the stack gateway/sql asks for. `text` must outlive it.
  virtual AnalysisWork analysis_work(std::string_view text) const {
    return [this, text] { return analyze(text); };
  }
  /// Whether what the server holds under a name is what it would be given now: masks and filters may have changed
  /// since.
  virtual bool stands(const Prepared&) { return true; }
  /// Whether a statement that waits on the server may still run, from its statement numbered `from` on.
  virtual Stands still_stands(const Queued& queued, std::size_t from) = 0;
  /// Whether texts are rewritten: places in them that the server speaks of are not the frontend's.
  virtual bool rewrites() { return false; }
  /// Whether the server's errors could show what the principal may not see: they are reduced (reduced_errors.h).
  virtual bool reduces_errors() { return false; }
  /// Whether rules look at the values of parameters: Bind is judged then.
  virtual bool looks_at_values() { return false; }
  /// Whether some columns or rows are hidden from the principal.
  virtual bool hides() { return false; }
  /// The state of the session that what is analysed and judged next will run in.
  /// @param moved  by its transaction; null: nothing
  virtual void see(const LockWatch&, const policy::MovedNames* /*moved*/) {}
  /// Whether the session's settings are such as the principal might set now: names are judged by the target's
  /// search_path, and filters may rest on the zone. What is judged next runs in such a session.
  virtual bool keeps_settings(const PathWatch& /*paths*/) { return true; }
  /// A statement that may have changed the catalog is through, and its transaction too.
  virtual void catalog_changed() {}
  /// Decides on a whole Query or Parse text. `statements` and `portals` are what EXECUTE and FETCH may name.
  virtual Judged judge(const Analysis& analysis, const Names& statements, const Names& portals, Segment now) = 0;
  /// The same of one statement whose parameters stand for `values`; null: Bind has not brought them yet.
  virtual Judged judge_bound(const Analysis& analysis, const BoundValues* /*values*/, const Names& statements,
                             const Names& portals, Segment now) {
    return judge(analysis, statements, portals, now);
  }
  /// The verdict on a whole text that was remembered, just as judging it now would say it; without a script if none
  /// was. Not to be asked for in a transaction that has moved names.
  virtual Judged recall(std::string_view /*text*/, TextForm) { return {}; }
  /// Keeps what judging `analysis` of `text` came to, if it would come to the same again. Only where judge() was not
  /// told anything else, such as values or types of parameters.
  virtual void remember(std::string_view /*text*/, TextForm, const Analysis&, const Judged&) {}
  /// Lets what models say of `judged.advice` count; what was judged may become refused by it. Each time before it runs.
  /// @param heard  what they have answered for this message, all that it will ever be; null: they were not asked yet
  /// @return false if they have to be asked first: nothing has changed then
  virtual bool advise(Judged& /*judged*/, const Heard* /*heard*/) { return true; }
  /// Whether the principal may LISTEN to a channel now, and so be told what is said there.
  virtual bool may_hear(const std::string& /*channel*/) { return true; }
  /// Adds to the key of a result what was judged by.
  virtual void add_premises(std::string& /*key*/) {}
  /// What agreement to a statement is bound to, see hold.h.
  virtual std::string digest_of_hold(const policy::Hold& /*hold*/, std::string_view /*text*/,
                                     std::string_view /*values*/) {
    return {};
  }
  /// What the names in a text stand for, as SHA-256: who agrees to the text agrees to that. Empty: not known.
  virtual std::string meaning_of_names(const sql::Script& /*script*/) { return {}; }
  /// A FunctionCall message (PostgreSQL docs ch. 55.2.4).
  virtual Judged judge_function_call() = 0;
  /// A whole connection of an engine that does not look into it.
  virtual Judged judge_connection() = 0;
  /// A command of the walsender grammar on a replication connection. Without a script if the text is SQL instead.
  virtual Judged judge_replication(std::string_view text) = 0;
  /// The version that judges now; verdicts of another version are judged again before they are used.
  virtual std::uint64_t version() = 0;
};

}  // namespace dbgate::session
