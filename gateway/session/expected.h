#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gateway/base/ids.h"
#include "gateway/policy/footprint.h"
#include "gateway/policy/residue.h"
#include "gateway/policy/values.h"
#include "gateway/policy/verdict.h"
#include "gateway/rewrite/rewrite.h"
#include "gateway/session/fifo.h"
#include "gateway/session/judgement_record.h"
#include "gateway/session/kept_rows.h"
#include "gateway/session/lock_watch.h"
#include "gateway/session/name_table.h"
#include "gateway/session/under_limits.h"
#include "gateway/sql/facts.h"
#include "gateway/upstream/server_memory.h"

namespace dbgate::session {

/// A text with masks and filters, as the server was given it.
struct Sent {
  std::string text;                                         ///< as the frontend wrote it
  std::string rewritten;                                    ///< empty: as it was written
  std::vector<std::vector<rewrite::ColumnOrigin>> origins;  ///< by statement
  std::uint64_t judged_by = 0;                              ///< Judge::version() at that time
};

/// What the parameters of a statement stand for, as Bind said.
using BoundValues = policy::Arguments;

/// What others have agreed to, or have decided otherwise, for the record of the statement.
struct Agreement {
  std::string approvals;  ///< ids, comma-separated
  std::string by;         ///< who has decided, comma-separated
};

/// Of a portal whose statement waits until others agree.
struct HeldValues {
  std::string digest;                          ///< of types and values, as Bind said
  std::shared_ptr<const Agreement> agreement;  ///< null: not yet
};

struct Advice;

/// A statement text that was judged and allowed, kept while the server may hold it under a name.
struct Prepared {
  std::string text;
  std::shared_ptr<const sql::Script> script;
  std::shared_ptr<const policy::Verdict> verdict;
  std::uint64_t judged_by = 0;                         ///< Judge::version() at that time
  bool user_types = false;                             ///< parameters are declared to be of types that users made
  std::shared_ptr<const Sent> sent;                    ///< null: the text as it is
  std::vector<RowCap> row_caps;                        ///< as in Judged
  std::shared_ptr<const policy::Footprint> footprint;  ///< as in Judged
  policy::Residue residue = policy::Residue::none;     ///< as in Judged
  std::vector<std::uint32_t> parameter_types;          ///< OIDs, as Parse declared them
  std::shared_ptr<const BoundValues> bound;            ///< of a portal or cursor, where rules look at them
  bool sql_cursor = false;                             ///< a portal made by DECLARE; `script` is that statement
  std::shared_ptr<Meter> meter;                        ///< of a portal or cursor under limits
  /// Where server connections are shared: what Parse gives to a server that does not have it. Null: it is not to be
  /// given, the server knows it by the same name.
  upstream::StatementKeyPtr key;
  bool open_types = false;  ///< of its parameters: the server finds out one that Parse has not declared
  /// The same with the types that its parameters have, once a server has found them out: on any other they are those,
  /// whatever has become of tables (relay_parameters.cpp). Null: it was not asked, or there is nothing to find out.
  mutable upstream::StatementKeyPtr typed_key;
  bool unnamed = false;      ///< the same of the unnamed statement, which has no key until it is needed
  bool deallocates = false;  ///< it is a DEALLOCATE of a name that only dbgate knows; another text stands for it
  LockWatch seen;            ///< the state of the session that it was judged in: Risk::of_moment
  std::shared_ptr<JudgementRecord> record;  ///< null: rendered anew for each execution
  std::optional<std::string> parsed_under;  ///< TrackedSettings::in_force() then; none: that is not certain
  /// The result type that the frontend was told, where server connections are shared (relay_results.cpp). 0: none yet.
  mutable std::uint64_t told = 0;
  std::string definition;  ///< of one made by PREPARE: the text that it came in
  /// What models have yet to say of it; of a portal that was bound, what is asked afterwards. Null: nothing.
  std::shared_ptr<Advice> advice;
  bool advised = false;                     ///< of a portal: what they have said is in its verdict
  std::shared_ptr<HeldValues> held_values;  ///< of a portal whose statement needs agreement; null of others
};
using PreparedPtr = std::shared_ptr<const Prepared>;
using Names = NameTable<Prepared>;

struct Queued;

/// What runs on the server for one audit record: one Query or one Execute.
struct Run {
  Run();
  ~Run();

  Id query_id;  ///< empty: nothing was announced to the audit log
  std::shared_ptr<const sql::Script> script;
  std::chrono::steady_clock::time_point started;
  std::uint64_t rows_returned = 0;
  std::uint64_t rows_affected = 0;
  std::uint64_t bytes = 0;
  std::size_t masked_columns = 0;  ///< of each row
  std::size_t statement = 0;       ///< of the script, the one whose reply is due
  std::string tags;                ///< command tags so far, joined by "; "
  /// By statement of the script; empty: nothing is counted against limits.
  std::vector<std::shared_ptr<Meter>> meters;
  bool from_cache = false;         ///< it was answered from memory
  bool copy_binary = false;        ///< of the COPY … TO STDOUT that is under way
  bool header_due = false;         ///< … a line of names comes before its rows
  std::string limit;               ///< the rule of the limit that ended it
  std::string text;                ///< where server connections are shared and settings may change; else empty
  std::unique_ptr<Queued> queued;  ///< null: the server has come to all of it
  std::unique_ptr<KeptRows> kept;  ///< null: the audit log keeps nothing of its result
};

/// One message forwarded to the server whose reply is still owed to the frontend. Replies come in the order of these.
struct Expected {
  enum class Kind : std::uint8_t {
    query,
    parse,
    bind,
    describe_statement,
    describe_portal,
    execute,
    close,
    sync,
    function_call
  };
  Kind kind = Kind::sync;
  Segment segment = 0;
  /// parse, bind, close: the name whose table entry is pending. describe_…: what is described. execute of an SQL-level
  /// PREPARE or DECLARE as well.
  std::string name;
  bool names_portal = false;         ///< `name` is a portal, not a prepared statement
  bool pended = false;               ///< the table has a change to settle
  bool blocks_names = false;         ///< may forget any prepared statement: look-ups wait until it is over
  bool discards = false;             ///< DISCARD ALL: nothing may follow before dbgate's own settings are back
  bool restores = false;             ///< what dbgate says to that end (relay_restore.cpp); a gate_step as well
  std::size_t copies_in = 0;         ///< COPY … FROM STDIN in it that the server has not answered yet
  bool copied_in = false;            ///< the server has asked for copy data
  bool replicates = false;           ///< a command of the replication protocol: may stream both ways
  bool failed = false;               ///< query, function_call: the server's error has come
  bool row_description_due = false;  ///< describe_statement: ParameterDescription has come
  std::shared_ptr<const Sent> sent;  ///< query
  std::unique_ptr<Run> run;          ///< query, execute, function_call
  /// Non-empty: dbgate sent a statement that fails in place of a refused one; the server's error is replaced by this
  /// whole ErrorResponse message.
  std::string refusal;
  std::unique_ptr<UnderLimits> under;  ///< null: no limits
  bool wrapped = false;                ///< query: with a transaction of dbgate's own around it (relay_gate.cpp)
  bool gate_step =
      false;  ///< what dbgate asks by itself, for that or another end: nothing of the reply is the frontend's
  bool gate_ends = false;   ///< query: dbgate ends that transaction; of the reply, ReadyForQuery is the frontend's
  bool own = false;         ///< dbgate's own message: the frontend does not see the reply, only an error
  std::string server_name;  ///< parse, where server connections are shared: the name on the server
  PreparedPtr describes;    ///< describe_…: whose result type the answer tells
};

using ExpectedReplies = Fifo<Expected>;

}  // namespace dbgate::session
