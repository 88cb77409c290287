#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gateway/base/error.h"
#include "gateway/base/task.h"

namespace dbgate::ports {

/// What records are found by. The values are the numbers of terms in the index: new ones go to the end.
enum class AuditField : std::uint8_t {
  user,
  target,
  session,
  address,    ///< of the client
  event,      ///< such as statement.decided
  effect,     ///< of a decision
  rule,       ///< of a decision
  object,     ///< a relation of a statement, as it stands there; also its name without schema
  operation,  ///< a command tag of a statement
  outcome,    ///< ok, error, not_run
  sqlstate,
  query,  ///< query_id
  id      ///< of the record
};

struct AuditFilter {
  /// All must fit; a field may stand several times.
  std::vector<std::pair<AuditField, std::string>> is;
  std::string text;                      ///< stands in the statement's text, upper and lower case apart
  std::optional<std::int64_t> since_us;  ///< at or after
  std::optional<std::int64_t> until_us;  ///< before
};

/// Where a record stands in the order of all: by time, then chain, then sequence number.
struct AuditPosition {
  std::int64_t time_us = 0;  ///< since 1970 UTC
  std::string chain;
  std::uint64_t sequence = 0;
  friend auto operator<=>(const AuditPosition&, const AuditPosition&) = default;
};

/// What of a list is wanted: the newest first.
struct AuditPage {
  std::size_t limit = 50;
  std::optional<AuditPosition> before;  ///< only what stands before it; empty: from the end of the log
};

struct FoundRecords {
  std::vector<std::string> lines;     ///< of the log, without newlines: JSON objects
  std::optional<AuditPosition> next;  ///< to go on from; empty: there is no more
  bool cut = false;                   ///< there may be more that fits: so much was read that the rest has to wait
};

/// A statement: what was decided, and what came of it.
struct Statement {
  enum class State : std::uint8_t {
    unfinished,  ///< no outcome in the log: it runs, or the gateway was killed meanwhile
    succeeded,
    failed,
    cancelled,  ///< SQLSTATE 57014
    not_run,    ///< allowed, and given up before it ran
    denied
  };
  std::string id;  ///< qry_…
  std::string session, user, target, database, protocol, operation;
  std::string text;
  std::size_t text_bytes = 0;  ///< more than `text` has if it was cut, or is not there any more
  std::string effect, rule;
  std::vector<std::string> reasons;
  State state = State::unfinished;
  std::string sqlstate;  ///< empty: none
  std::string limit;     ///< the rule of the limit that ended it
  bool from_cache = false;
  std::uint64_t rows = 0, rows_affected = 0, bytes = 0, duration_us = 0;
  std::int64_t decided_us = 0;
  std::int64_t ended_us = 0;  ///< 0: not
};

struct FoundStatements {
  std::vector<Statement> statements;
  std::optional<AuditPosition> next;
  bool cut = false;
};

struct StatementQuery {
  AuditFilter filter;  ///< of decisions; without `event`
  std::optional<Statement::State> state;
};

/// Looks into the audit log of this gateway, the newest records first. Called on the API's event loop; the work is done
/// elsewhere.
///
/// Errors: 53300 too many searches are under way, by this caller or by all; 58030 the log cannot be read.
class AuditSearch {
 public:
  virtual ~AuditSearch() = default;
  /// @param caller  who asks: few searches of one caller are done at once
  virtual Task<Result<FoundRecords>> records(std::string caller, AuditFilter filter, AuditPage page) = 0;
  /// Statements by the time of their decision, with at most 4 kB of their text.
  virtual Task<Result<FoundStatements>> statements(std::string caller, StatementQuery query, AuditPage page) = 0;
  /// One with all of its text. @param id  qry_…; without a value: there is none
  virtual Task<Result<std::optional<Statement>>> statement(std::string caller, std::string id) = 0;
  /// Proofs that its records are in the log, one each, as JSON: proof/receipt.h. @param id  qry_…; empty: there is no such
  /// statement. Errors: also 55000, the log has not been signed as far as that; XX001, it is not what was signed.
  virtual Task<Result<std::vector<std::string>>> receipts(std::string caller, std::string id) = 0;
};

}  // namespace dbgate::ports
