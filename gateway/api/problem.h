#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/api/exchange.h"

namespace dbgate::api {

/// A line of api/problems.yaml, the table of everything that can be wrong.
struct ProblemKind {
  std::string_view code;  ///< stable
  unsigned status;
  std::string_view title;
  std::string_view meaning;  ///< for people, on the help page
  std::string_view remedy;
};

std::span<const ProblemKind> problem_kinds() noexcept;
/// @return null if there is no such code
const ProblemKind* find_problem(std::string_view code) noexcept;

/// What is wrong with one member of a body or one parameter.
struct FieldProblem {
  std::string pointer;  ///< JSON Pointer (RFC 6901) into the body; "?limit" for a parameter of the query
  std::string detail;
};

/// Extension members; what is empty or negative is left out.
struct ProblemDetails {
  std::vector<FieldProblem> errors;
  std::string sqlstate;
  int position = 0;      ///< 1-based character of the statement; 0: none
  std::string decision;  ///< a JSON object: effect, rule, reasons, risk
  std::string approval_url;
  std::string members;                    ///< more members, as the inside of a JSON object: "\"challenge\":\"…\""
  std::int64_t retry_after_seconds = -1;  ///< also sent as Retry-After
};

/// An RFC 9457 answer. Status and title come from the table; a code that is not there becomes `internal_error`.
/// @param detail  what is wrong this time, never a secret
Response problem(const Request& request, std::string_view code, const std::string& detail,
                 const ProblemDetails& more = {});

/// For a credential that is not good for `scope`. A login lacks one only while its user has to choose another password.
Response out_of_scope(const Request& request, std::string_view scope);

/// The help page of a code: HTML. Empty if there is no such code.
std::string problem_page(std::string_view code);

}  // namespace dbgate::api
