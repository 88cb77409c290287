#pragma once
#include <string>

#include "gateway/ports/plan_source.h"
#include "gateway/session/host.h"

namespace dbgate::app {

/// What those who decide on a held statement or transaction are shown, as JSON: docs/approvals.md. Takes long where a
/// transaction has changed many rows.
/// Errors: 08006 the server has told nothing that could be shown.
Result<std::string> approval_body(const session::SessionInfo& session, const session::HoldQuestion& question);

/// The same for those who are not asked: without the rows that were changed, and without the plan. Both rest on rows
/// and columns that are hidden from the requester, who could ask for one plan after the other.
std::string for_others(const std::string& body);
/// The same without the rows that were changed.
std::string without_rows(const std::string& body);
/// Whether there is a plan for it: one statement whose plan says what it will do.
bool has_plan(const session::HoldQuestion& question);
/// Adds what the server means to do with it, or why that is not known.
void add_plan(std::string& body, const Result<ports::Plan>& plan);

}  // namespace dbgate::app
