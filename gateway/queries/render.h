#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "gateway/ports/query_service.h"

// Queries as JSON (docs/api.md): the same in answers, in streams and in problems. The only header of this room that
// gateway/api sees.
namespace dbgate::queries {

/// How a failure is told over HTTP (RFC 9457): a line of api/problems.yaml.
struct ProblemKind {
  unsigned status;
  const char* code;  ///< stable
  const char* title;
};
ProblemKind problem_of(ports::QueryFailureKind kind);

const char* word_of(ports::QueryState state);
/// Where the API has an approval.
std::string approval_url(const std::string& id);
/// RFC 3339 in UTC, in quotes; null for 0.
void append_time(std::string& out, std::int64_t time_us);
void append_columns(std::string& out, const std::vector<ports::QueryColumn>& columns);
/// `{"effect","rule","reasons",…}`.
void append_decision(std::string& out, const ports::DecisionSummary& decision);
/// A problem object. @param request_id, query_id  left out if empty
void append_problem(std::string& out, const ports::QueryFailure& failure, const std::string& request_id,
                    const std::string& query_id);
/// The members of a query without the braces and without its results, so that others can follow.
void append_query_members(std::string& out, const ports::QuerySummary& query);
/// `{"columns":…,"command_tag":…,"row_count":…,"truncated":…` without the closing brace.
void open_result(std::string& out, const ports::QueryResult& result);
void append_schema(std::string& out, const ports::SchemaSummary& schema);

}  // namespace dbgate::queries
