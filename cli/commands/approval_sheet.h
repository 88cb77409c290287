#pragma once
#include <boost/json/object.hpp>
#include <string>

namespace dbgate::cli {

/// An approval as somebody reads it who is to decide: who asks for what, by which rule, what the rules of risk say,
/// what it concerns, the plan, who has said what. The text is a stranger's: nothing in it reaches the terminal but
/// characters that are seen.
std::string approval_sheet(const boost::json::object& approval);

/// Who may decide, and what is missing, in one line: "1 more of group dba, user carl".
std::string approvers_text(const boost::json::object& approval);

/// What became of it, in one line: "denied by bob: not on a Friday".
std::string outcome_text(const boost::json::object& approval);

}  // namespace dbgate::cli
