#pragma once
#include <string>
#include <string_view>

#include "gateway/policy/engine.h"

namespace dbgate::policy {

/// Longer statements get no suggestion: what a denial costs is bounded.
inline constexpr std::size_t max_suggestion_bytes = 1024;

/// The nearest form of a denied statement that passes: without what may not be read in a select list, the columns that
/// rules name in place of `*`, a query in place of COPY … TO STDOUT, with a WHERE clause where one is required. It was
/// parsed and judged like any statement, and is made of nothing but the statement and the principal's own rules.
///
/// @param text of the statement alone
/// @return one statement; empty if there is none near
std::string suggest(const Grants& grants, const sql::Statement& denied, std::string_view text,
                    const NameContext& context);

}  // namespace dbgate::policy
