#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "gateway/ports/audit_search.h"
#include "gateway/search/outcomes.h"

namespace dbgate::search {

/// The statement of a decision.
/// @param directory  of the log, where long texts are kept
/// @param most_text  bytes of its text that are wanted
/// @return nothing if the line is no decision
std::optional<ports::Statement> read_statement(std::string_view line, const std::string& directory,
                                               std::size_t most_text);

/// Adds what became of it. @param outcome  null: nothing is known
void add_outcome(ports::Statement& statement, const Outcome* outcome);

}  // namespace dbgate::search
