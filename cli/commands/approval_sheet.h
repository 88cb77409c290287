#pragma once
#include <boost/json/object.hpp>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

#include "cli/api_client.h"

namespace dbgate::cli {

inline constexpr std::size_t usual_rows = 20;

/// An approval as somebody reads it who is to decide: who asks for what, by which rule, what the rules of risk say,
/// what it concerns, the plan, who has said what. The text is a stranger's: nothing in it reaches the terminal but
/// characters that are seen.
/// @param rows  of a transaction, so many of the rows that it has changed
std::string approval_sheet(const boost::json::object& approval, std::size_t rows = usual_rows);

/// Who may decide, and what is missing, in one line: "1 more of group dba, user carl".
std::string approvers_text(const boost::json::object& approval);

/// What became of it, in one line: "denied by bob: not on a Friday".
std::string outcome_text(const boost::json::object& approval);

/// Waits until it is decided, or no longer than `limit`. @return as it is then
boost::json::object wait_for_approval(Api& api, const std::string& id, std::optional<std::chrono::seconds> limit);

/// Throws Problem unless it was given: denied, pending still, expired, cancelled.
void require_approved(const boost::json::object& approval);

}  // namespace dbgate::cli
