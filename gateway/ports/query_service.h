#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gateway/base/task.h"
#include "gateway/base/trace_context.h"
#include "gateway/ports/gateway_service.h"
#include "gateway/ports/schema_summary.h"

namespace dbgate::ports {

/// A statement that somebody wants to have run, through policy like any other.
struct QueryRequest {
  std::string user;
  std::string address;     ///< of who asks
  std::string credential;  ///< what they got in by; the session ends with it
  std::string target;      ///< or target/database
  std::string sql;
  std::vector<std::optional<std::string>> parameters;  ///< $1 and so on, as text; nothing: NULL
  bool script = false;                                 ///< several statements, by the simple query protocol
  std::size_t max_rows = 0;                            ///< of each result; 0: the default
  std::chrono::milliseconds timeout{0};                ///< 0: the longest that is allowed
  std::string reason;              ///< why, for whoever decides on it and for policies that ask for one; may be empty
  TraceContext trace;              ///< whose part it is
  bool waits_for_approval = true;  ///< what policy holds waits; false: it is refused, and its approval is asked for
  /// Is told once how to stop the query when whoever waits for the answer has gone. Empty: nobody says so.
  std::function<void(std::function<void()> stop)> when_gone;
};

/// Held is for statements that wait for somebody's approval.
enum class QueryState : std::uint8_t { queued, running, held, succeeded, failed, cancelled };

enum class QueryFailureKind : std::uint8_t {
  malformed,          ///< the request cannot be sent as it is
  unsupported,        ///< a statement that has no place in a session of one statement
  no_target,          ///< there is none for the user, or no such query
  denied,             ///< by policy
  approval_required,  ///< somebody else has to agree first, and is asked
  statement,          ///< the server, or dbgate in its place, refused the statement
  cancelled,
  timed_out,
  upstream,     ///< the database cannot be reached, or went away
  busy,         ///< too many at once
  unavailable,  ///< the audit log or dbgate itself
  too_large     ///< more than limits allow
};

/// Why a query did not end well.
struct QueryFailure {
  QueryFailureKind kind = QueryFailureKind::statement;
  std::string sqlstate;
  std::string message;
  std::string detail;
  std::string hint;
  int position = 0;  ///< 1-based character of the text; 0: none
  std::optional<DecisionSummary> decision;
  std::string approval;  ///< of approval_required: apr_…
};

struct QueryColumn {
  std::string name;
  std::string type;  ///< as the catalog calls it, with its schema unless that is pg_catalog
  std::uint32_t type_oid = 0;
  std::int32_t type_modifier = -1;
};

/// One result of a query. Rows are kept as JSON arrays (docs/api.md, "Values").
struct QueryResult {
  std::vector<QueryColumn> columns;  ///< empty: the statement has none
  std::string tag;                   ///< the command tag; empty if rows were cut off
  std::size_t rows = 0;
  bool truncated = false;  ///< there are more rows
};

/// A query as its owner sees it.
struct QuerySummary {
  std::string id;
  std::string user;
  std::string target;
  QueryState state = QueryState::queued;
  std::int64_t created_us = 0;
  std::int64_t started_us = 0;  ///< 0: not yet
  std::int64_t ended_us = 0;    ///< 0: not yet
  bool kept = false;            ///< rows() has them
  std::vector<QueryResult> results;
  std::optional<DecisionSummary> decision;  ///< once it is known
  std::string audit_id;                     ///< the query_id of the audit log's records
  std::string approval;                     ///< that it waits for, or has waited for: apr_…; empty: none
  std::optional<QueryFailure> failure;
};

/// Some rows of a kept result.
struct QueryRows {
  std::vector<QueryColumn> columns;
  std::vector<std::string> rows;  ///< JSON arrays
  std::size_t next = 0;           ///< the first row of the next page
  bool more = false;              ///< there is one
};

/// What is sent as it comes. Destroyed before its end: the statement is cancelled.
class QueryStream {
 public:
  virtual ~QueryStream() = default;
  virtual const std::string& id() const = 0;
  virtual const char* content_type() const = 0;
  /// Appends what comes next, as soon as there is something. False: that was all. Errors: what has been sent is not
  /// whole and never will be; break the answer off.
  virtual Task<Result<bool>> next(std::string& chunk) = 0;
};

/// A stream, or why there is none.
struct QueryOpened {
  std::unique_ptr<QueryStream> stream;
  QuerySummary query;  ///< its failure is the reason
};

enum class ExportFormat : std::uint8_t { csv, json, jsonl, parquet };
struct ExportOptions {
  ExportFormat format = ExportFormat::csv;
  std::string null_text;         ///< csv: what stands for NULL; other values that read the same are quoted
  bool header = true;            ///< csv: names of the columns first
  bool escape_formulas = false;  ///< csv: texts that spreadsheets would compute get an apostrophe
};

/// An earlier query as a file: its statement runs again, as of now, through policy.
struct ExportRequest {
  std::string user;
  std::string address;
  std::string credential;
  std::string id;                         ///< of a query of the same user
  std::optional<QueryRequest> statement;  ///< what that was, if another gateway has it
  ExportOptions options;
  std::function<void(std::function<void()> stop)> when_gone;  ///< as in QueryRequest
};

/// Who asks about queries. A query is its owner's; an administrator may see and cancel those of others.
struct QueryCaller {
  std::string user;
  bool administrator = false;
};

/// Statements that the API runs for its users: each in a session of the gateway's own, so that policies, masks, limits,
/// the audit log and cancels are those of every other client. Used from the API's thread; nothing blocks it.
class QueryService {
 public:
  virtual ~QueryService() = default;

  /// Runs it and keeps the result for a while. Returns when it has ended, or has taken longer than `wait`.
  virtual Task<QuerySummary> run(QueryRequest request, std::chrono::milliseconds wait) = 0;
  /// Runs it and sends rows as they come (application/x-ndjson); nothing is kept of them.
  virtual Task<QueryOpened> stream(QueryRequest request) = 0;
  /// Only statements that read. A file that cannot be whole is broken off.
  virtual Task<QueryOpened> run_export(ExportRequest request) = 0;
  /// Nothing: there is no such query for the caller, or no more.
  virtual std::optional<QuerySummary> find(const QueryCaller& caller, const std::string& id) = 0;
  /// Whether the caller would be shown the same by the same statement now: what they may do on the target, what is
  /// masked and filtered for them and what names stand for is as it was when it ran. False also if there is no such
  /// query.
  virtual Task<bool> still_shown(QueryCaller caller, std::string id) = 0;
  /// Of those that are still_shown().
  virtual std::optional<QueryRows> rows(const QueryCaller& caller, const std::string& id, std::size_t result,
                                        std::size_t from, std::size_t limit) = 0;
  /// What was asked for, for its owner.
  virtual std::optional<QueryRequest> statement(const QueryCaller& caller, const std::string& id) = 0;
  /// Asks for its end; a query that has ended stays as it is. False: there is no such query for the caller.
  virtual bool cancel(const QueryCaller& caller, const std::string& id) = 0;
  /// The names that the user's policies let them use. @param target  or target/database
  /// Errors: 3D000 there is no such target for the user; 0A000 it is not a PostgreSQL database; 08006 its catalog
  /// cannot be read.
  virtual Task<Result<SchemaSummary>> schema(std::string user, std::string target) = 0;
};

}  // namespace dbgate::ports
