#include "cli/commands/approval_sheet.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <utility>
#include <vector>

#include "cli/commands/change_sheet.h"
#include "cli/output.h"
#include "cli/terminal.h"

namespace dbgate::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t label_width = 11;

std::int64_t number_at(const json::object& object, const std::string& path) {
  const json::value* const found = member_at(object, path);
  return found != nullptr && found->is_int64() ? found->as_int64() : 0;
}

const json::array& list_at(const json::object& object, const std::string& path) {
  static const json::array none;
  const json::value* const found = member_at(object, path);
  return found != nullptr && found->is_array() ? found->as_array() : none;
}

void add_line(std::string& out, const std::string& label, const std::string& text) {
  if (text.empty()) return;
  const std::string blanks(label.size() < label_width ? label_width - label.size() : 1, ' ');
  out += "  " + styled(label, Style::bold) + blanks + printable(text) + "\n";
}

// Every line of a text, further in.
void add_indented(std::string& out, const std::string& text, const std::string& indent) {
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    out += indent + printable(text.substr(begin, end - begin)) + "\n";
    begin = end + 1;
  }
}

void add_section(std::string& out, const std::string& title, const std::string& text) {
  if (text.empty()) return;
  out += "\n" + styled(title, Style::bold) + "\n";
  add_indented(out, text, "  ");
}

std::string with_more(std::string text, const std::string& word, const std::string& more) {
  if (!more.empty()) text += (text.empty() ? "" : ", ") + word + " " + more;
  return text;
}

// One finding of the rules of risk.
void add_finding(std::string& out, const json::value& finding) {
  if (!finding.is_object()) return;
  std::string head = text_at(finding, "id") + "  " + text_at(finding, "title");
  const std::string about = text_at(finding, "about");
  if (!about.empty()) head += ": " + about;
  add_indented(out, head, "  ");
  const std::string why = text_at(finding, "why");
  if (!why.empty()) add_indented(out, why, "      ");
  const std::string remedy = text_at(finding, "remedy");
  if (!remedy.empty()) add_indented(out, "instead: " + remedy, "      ");
}

void add_risk(std::string& out, const json::object& details) {
  const json::value* const risk = details.if_contains("risk");
  if (risk == nullptr || !risk->is_object()) return;
  if (text_at(*risk, "level").empty()) return;
  const std::int64_t score = number_at(risk->as_object(), "score");
  out += "\n" + styled("Risk", Style::bold) + "  " + printable(text_at(*risk, "level")) +
         (score > 0 ? " (" + std::to_string(score) + " of 100)" : "") + "\n";
  for (const json::value& finding : list_at(risk->as_object(), "rules"))
    add_finding(out, finding);
}

std::string relation_text(const json::value& relation) {
  if (!relation.is_object()) return cell_text(relation).value_or("");
  std::string text = text_at(relation, "name");
  for (const char* const member : {"effects", "reads", "writes"}) {
    std::string names;
    for (const json::value& name : list_at(relation.as_object(), member))
      names += (names.empty() ? "" : ", ") + cell_text(name).value_or("");
    if (names.empty()) continue;
    text += member == std::string("effects") ? "  " + names : "; " + std::string(member) + " " + names;
  }
  return text;
}

void add_objects(std::string& out, const json::object& details) {
  std::string text;
  for (const json::value& relation : list_at(details, "relations"))
    text += (text.empty() ? "" : "\n") + relation_text(relation);
  std::string functions;
  for (const json::value& function : list_at(details, "functions"))
    functions += (functions.empty() ? "" : ", ") + cell_text(function).value_or("");
  if (!functions.empty()) text += (text.empty() ? "" : "\n") + std::string("functions: ") + functions;
  add_section(out, "Objects", text);
}

// Whatever else a gateway says, newer ones too.
void add_rest(std::string& out, const json::object& details) {
  for (const auto& [key, value] : details) {
    const bool shown = key == "risk" || key == "relations" || key == "functions" || key == "changes";
    const bool empty = value.is_null() || (value.is_array() && value.as_array().empty());
    if (shown || empty) continue;
    std::string title(key);
    std::replace(title.begin(), title.end(), '_', ' ');
    if (!title.empty() && title[0] >= 'a' && title[0] <= 'z') title[0] = static_cast<char>(title[0] - 'a' + 'A');
    std::string text;
    if (value.is_array()) {
      for (const json::value& item : value.as_array())
        text += (text.empty() ? "" : "\n") + cell_text(item).value_or("NULL");
    } else if (value.is_object()) {
      for (const auto& [name, item] : value.as_object())
        text += (text.empty() ? "" : "\n") + std::string(name) + ": " + cell_text(item).value_or("NULL");
    } else {
      text = cell_text(value).value_or("");
    }
    add_section(out, title, text);
  }
}

void add_votes(std::string& out, const json::object& approval) {
  for (const json::value& vote : list_at(approval, "votes")) {
    const json::value* const yes = vote.is_object() ? vote.as_object().if_contains("approve") : nullptr;
    std::string text = text_at(vote, "by") + (yes != nullptr && yes->is_bool() && yes->as_bool() ? ": yes" : ": no");
    text += ", " + text_at(vote, "voted_at");
    text = with_more(std::move(text), "because:", text_at(vote, "reason"));
    add_line(out, "vote", with_more(std::move(text), "ticket", text_at(vote, "ticket")));
  }
}

}  // namespace

std::string approvers_text(const json::object& approval) {
  std::string who;
  for (const auto& [member, word] : {std::pair("approvers.groups", "group "), std::pair("approvers.users", "user ")}) {
    for (const json::value& name : list_at(approval, member))
      who += (who.empty() ? "" : ", ") + std::string(word) + cell_text(name).value_or("");
  }
  const std::int64_t missing = number_at(approval, "missing");
  return (missing > 0 ? std::to_string(missing) + " more of " : "") + who;
}

std::string outcome_text(const json::object& approval) {
  const std::string state = text_at(approval, "state");
  std::string text = state;
  if (state == "pending") return text;
  for (const json::value& vote : list_at(approval, "votes")) {
    const json::value* const yes = vote.is_object() ? vote.as_object().if_contains("approve") : nullptr;
    const bool assent = yes != nullptr && yes->is_bool() && yes->as_bool();
    if (assent == (state == "denied")) continue;
    text += (text == state ? " by " : ", ") + text_at(vote, "by");
    const std::string reason = text_at(vote, "reason");
    if (!reason.empty()) text += ": " + reason;
  }
  return printable(text);
}

std::string approval_sheet(const json::object& approval, std::size_t rows) {
  std::string out = styled(printable(text_at(approval, "id")), Style::bold) + "  " + outcome_text(approval) + "\n";
  const std::string target = text_at(approval, "target");
  const std::string database = text_at(approval, "database");
  const bool plain = database.empty() || database == target;
  add_line(out, "asked by", with_more(text_at(approval, "requester"), "at", text_at(approval, "created_at")));
  const std::string operation = text_at(approval, "operation");
  add_line(out, "for", with_more(target + (plain ? "" : "/" + database), text_at(approval, "kind"), operation));
  add_line(out, "session", text_at(approval, "session_id"));
  add_line(out, "reason", text_at(approval, "reason"));
  add_line(out, "ticket", text_at(approval, "ticket"));
  add_line(out, "rule", text_at(approval, "rule"));
  add_line(out, "approvers", approvers_text(approval));
  const json::value* const mine = approval.if_contains("may_decide");
  if (mine != nullptr && mine->is_bool() && mine->as_bool()) add_line(out, "you", "may decide");
  add_votes(out, approval);
  if (text_at(approval, "state") == "pending") add_line(out, "decide by", text_at(approval, "decide_by"));
  add_line(out, "good until", text_at(approval, "good_until"));
  add_section(out, "SQL", text_at(approval, "sql"));
  const json::value* const details = approval.if_contains("details");
  if (details == nullptr || !details->is_object()) return out;
  const json::value* const changes = details->as_object().if_contains("changes");
  if (changes != nullptr && changes->is_object()) {
    add_section(out, "Changes", change_sheet(changes->as_object(), rows));
  }
  add_risk(out, details->as_object());
  add_objects(out, details->as_object());
  add_rest(out, details->as_object());
  return out;
}

}  // namespace dbgate::cli
