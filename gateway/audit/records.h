#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/trace_context.h"

// The records of sessions, as `,"key":value` pairs for Chain::seal. Keys: docs/audit.md.
namespace dbgate::audit {

/// The same in every record of a session, rendered once.
struct SessionText {
  std::string all;
  std::size_t name_bytes = 0;
  /// Session, user and target: what an outcome repeats of it. The rest stands in the decision that it belongs to.
  std::string_view names() const { return std::string_view(all).substr(0, name_bytes); }
};

/// Who and where.
struct SessionFields {
  std::string session_id;
  std::string user;
  std::string auth_method;
  std::string client_address;
  std::uint16_t client_port = 0;
  std::string application;
  std::string target;
  std::string db_system;  ///< empty where dbgate does not know what it speaks to
  std::string database;
  std::string server_address;
  std::uint16_t server_port = 0;
  std::string upstream_user;

  SessionText render() const;
};

/// What a decision record says of a statement and its verdict, whoever sends it, whenever, and with whatever literals.
struct JudgementFields {
  std::string_view operation;  ///< command tags
  std::vector<std::string> objects;
  std::string_view effect;  ///< allow, mask, log_only, hold or deny
  std::string_view rule_id;
  std::vector<std::string> reasons;
  std::vector<std::string> masked_columns;
  std::vector<std::string> shapes;  ///< where a policy learns
  std::string_view risk_level;      ///< low, medium, high, critical; empty: no rule of risk speaks up
  unsigned risk_score = 0;          ///< 0 to 100
  std::vector<std::string> risk_rules;
  std::string_view risk_model;  ///< JSON; empty: no model was asked
};

/// The same rendered once for many records, in which it stands in three places.
struct JudgementText {
  explicit JudgementText(const JudgementFields& judgement);
  std::string operation;  ///< what was done
  std::string outcome;    ///< to what, and how it was decided
  std::string reasons;    ///< and the rest
};

/// The members of a statement that is part of a trace: `trace_id`, its own `span_id`, its caller's `parent_span_id`,
/// and `trace_flags` as traceparent has them. Empty if it is part of none.
std::string trace_members(const TraceContext& trace, std::string_view query_id);

struct DecisionFields {
  std::string_view query_id;
  std::string_view text;  ///< whole, or empty if `text_sha256` names a blob
  std::string_view text_sha256;
  std::size_t text_bytes = 0;
  std::string_view parameters;   ///< JSON; empty: none
  std::string_view definitions;  ///< JSON; empty: none
  std::string_view protocol;     ///< simple, extended, cursor, function_call, replication
  std::string_view statement_name;
  std::string_view approvals;    ///< ids, comma-separated; empty: nobody was asked
  std::string_view approved_by;  ///< who has decided, comma-separated
  std::string_view trace;        ///< trace_members()
};
/// `Out` is std::string or Text.
template <class Out>
void append_decision(Out& out, const DecisionFields& decision, const JudgementText& judgement);

struct OutcomeFields {
  std::string_view query_id;
  std::string_view outcome;  ///< ok, error, not_run
  std::string_view sqlstate;
  std::string_view tags;
  std::string_view limit;        ///< the rule of the limit that ended it; empty: none
  std::string_view served_from;  ///< "cache": the server was not asked; empty: it was
  std::uint64_t rows_returned = 0;
  std::uint64_t rows_affected = 0;
  std::uint64_t bytes = 0;
  std::uint64_t duration_us = 0;
  std::string_view rows;   ///< JSON of the first ones that were shown; empty: none is kept
  bool rows_cut = false;   ///< there were more
  std::string_view trace;  ///< trace_members()
};
template <class Out>
void append_outcome(Out& out, const OutcomeFields& outcome);

}  // namespace dbgate::audit
