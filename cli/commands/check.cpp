#include <boost/json.hpp>
#include <iostream>

#include "cli/commands/approval_sheet.h"
#include "cli/commands/commands.h"
#include "cli/commands/targets.h"
#include "cli/output.h"
#include "cli/problem.h"
#include "cli/terminal.h"

namespace dbgate::cli {
namespace {

namespace json = boost::json;

constexpr const char* risk_levels = "low medium high critical";

Exit exit_for(const std::string& effect) {
  if (effect == "allow" || effect == "mask" || effect == "log_only") return Exit::ok;
  if (effect == "hold") return Exit::approval_required;
  return effect == "deny" ? Exit::denied : Exit::database_error;
}

// Whether the risk of a decision is at least as high as --fail-on. A decision without risk is below all.
bool risky(const json::value& decision, const std::string& limit) {
  const std::string order = std::string(" ") + risk_levels + " ";
  const std::string level = text_at(decision, "risk.level");
  if (limit.empty() || level.empty()) return false;
  const std::size_t at = order.find(" " + level + " ");
  return at != std::string::npos && at >= order.find(" " + limit + " ");
}

// Who would have to agree, each rule on a line.
void show_approvers(const json::value& decision) {
  const json::value* const approvals = decision.as_object().if_contains("approvals");
  if (approvals == nullptr || !approvals->is_array()) return;
  std::cout.flush();  // what it is about comes first, where both go to one place
  for (const json::value& one : approvals->as_array()) {
    if (!one.is_object()) continue;
    const json::value* const needed = one.as_object().if_contains("needed");
    const json::object as_asked{{"approvers", one}, {"missing", needed == nullptr ? json::value(nullptr) : *needed}};
    std::cerr << "  needs approval: " << printable(approvers_text(as_asked)) << " (" << text_at(one, "rule") << ")\n";
  }
}

// Each rule that speaks up, with what to do instead.
void explain_risk(const json::value& decision) {
  boost::system::error_code none;
  const json::value* const rules = decision.find_pointer("/risk/rules", none);
  if (rules == nullptr || !rules->is_array()) return;
  for (const json::value& rule : rules->get_array()) {
    const std::string about = text_at(rule, "about");
    std::cerr << "  " << text_at(rule, "level") << ": " << text_at(rule, "id") << ' ' << text_at(rule, "title")
              << (about.empty() ? "" : " (" + about + ")") << "\n        instead: " << text_at(rule, "remedy") << '\n';
  }
}

int check(const Call& call) {
  Api api(call.options);
  const std::string target = call.text("TARGET");
  json::object question{{"target", target}, {"sql", sql_of(call)}};
  if (call.has("as")) question["principal"] = call.text("as");
  json::value decision;
  try {
    const Progress progress(call.options, "asking " + api.url().text());
    decision = api.decide(question);
  } catch (const Problem& problem) {
    if (problem.code == "no_such_target" && !call.has("as") && target.find('/') == std::string::npos) {
      no_target(api, target);
    }
    throw;
  }
  const std::string effect = text_at(decision, "effect");
  if (wants_json(call.options) && call.options.fields.empty()) {
    print_json(decision);
  } else {
    Listing listing{{"effect", "operation", "rule", "sqlstate", "message"}, {decision}, {"reasons", "risk.level"}};
    print_listing(call.options, listing);
    show_approvers(decision);
    const std::string hint = text_at(decision, "hint");
    if (!hint.empty()) std::cerr << "  hint: " << hint << '\n';
    explain_risk(decision);
  }
  const Exit exit = exit_for(effect);
  if (exit == Exit::ok && risky(decision, call.text("fail-on"))) return static_cast<int>(Exit::risk_too_high);
  return static_cast<int>(exit);
}

}  // namespace

Verbs check_verbs() {
  Verb verb{"check", "say what would be decided about a statement; nothing runs"};
  verb.arguments = {{"TARGET", Kind::target, "target, or target/database"},
                    {"INPUT", Kind::file, "a file with the statement; - is standard input", false}};
  verb.flags = {
      option("-c,--command", Kind::text, "SQL", "the statement"),
      option("-f,--file", Kind::file, "FILE", "a file with it; - is standard input"),
      option("--as", Kind::user, "USER", "decide for this user; for those who may do everything on the target"),
      choice("--fail-on", "LEVEL", risk_levels, "exit with 10 if the risk is at least low, medium, high or critical"),
  };
  verb.description = "Shows the decision, the rule and the nearest statement that passes. The exit status suits CI.";
  verb.examples = {{"dbgate check shop -c 'DELETE FROM orders'", "would that be allowed?"},
                   {"dbgate check shop -f migration.sql", "in CI"}};
  verb.exits = {3, 4, 5, 6, 7, 8, 10};
  verb.run = check;
  return {verb};
}

}  // namespace dbgate::cli
