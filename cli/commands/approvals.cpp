#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <iostream>

#include "cli/api_client.h"
#include "cli/commands/approval_sheet.h"
#include "cli/commands/commands.h"
#include "cli/output.h"
#include "cli/problem.h"
#include "cli/terminal.h"

namespace dbgate::cli {
namespace {

namespace json = boost::json;
using Clock = std::chrono::steady_clock;

// A gateway that restarts keeps approvals: whoever waits goes on waiting for as long.
constexpr std::chrono::seconds longest_outage{60};
constexpr std::chrono::seconds longest_question{25};

const std::vector<std::string> columns{"id",        "state",      "requester", "target",
                                       "operation", "risk_level", "decide_by", "sql"};

void show_approval(const Options& options, const json::object& approval, std::size_t rows) {
  const std::string format = format_of(options);
  const bool for_people = (format == "table" || format == "wide") && options.fields.empty() && !options.quiet;
  if (for_people) return page(options, approval_sheet(approval, rows));
  print_object(options, approval, columns);
}

int list(const Call& call) {
  const std::string state = call.has("all") ? "" : call.text("state", "pending");
  const Query filters{{"state", state}, {"target", call.text("target")}, {"requester", call.text("requester")}};
  Listing listing{columns,
                  Api(call.options).approvals(filters, static_cast<std::size_t>(call.number("limit", 50, 1, 100'000))),
                  {"missing", "may_decide", "rule", "reason", "ticket", "created_at"}};
  listing.empty = state == "pending" ? "nothing waits for approval" : "there is no such approval";
  print_listing(call.options, listing);
  return 0;
}

int show(const Call& call) {
  const auto rows = static_cast<std::size_t>(call.number("rows", usual_rows, 0));
  show_approval(call.options, Api(call.options).approval(call.text("ID")).approval, rows);
  return 0;
}

json::object members(const Call& call, const std::string& reason) {
  json::object body;
  if (!reason.empty()) body["reason"] = reason;
  if (call.has("ticket")) body["ticket"] = call.text("ticket");
  return body;
}

// What is decided on is what was shown: somebody else's vote meanwhile is worth another look.
Api::SeenApproval look(Api& api, const Call& call) {
  Api::SeenApproval seen = api.approval(call.text("ID"));
  if (text_at(seen.approval, "state") != "pending") {
    throw Problem{Exit::failure, call.text("ID") + " is " + outcome_text(seen.approval),
                  "dbgate approvals show " + call.text("ID")};
  }
  if (may_ask(call.options) && !call.has("yes")) std::cerr << approval_sheet(seen.approval) << '\n';
  return seen;
}

int approve(const Call& call) {
  Api api(call.options);
  const Api::SeenApproval seen = look(api, call);
  const std::string question = "Approve what " + printable(text_at(seen.approval, "requester")) + " asks for?";
  confirm(call.options, call.has("yes"), question);
  const json::object decided = api.decide_approval(seen, true, members(call, call.text("reason")));
  print_object(call.options, decided, {"id", "state", "missing", "good_until"});
  return 0;
}

int deny(const Call& call) {
  Api api(call.options);
  const Api::SeenApproval seen = look(api, call);
  std::string reason = call.text("reason");
  if (reason.empty()) reason = ask(call.options, "Reason, told to who has asked: ", "give --reason TEXT");
  if (reason.empty()) throw Problem{Exit::usage, "a no needs a reason", "give --reason TEXT"};
  const json::object decided = api.decide_approval(seen, false, members(call, reason));
  print_object(call.options, decided, {"id", "state"});
  return 0;
}

int cancel(const Call& call) {
  Api api(call.options);
  confirm(call.options, call.has("yes"), "Take back " + call.text("ID") + "?");
  print_object(call.options, api.cancel_approval(call.text("ID")), {"id", "state"});
  return 0;
}

int wait(const Call& call) {
  Api api(call.options);
  std::optional<std::chrono::seconds> limit;
  if (call.has("timeout")) limit = call.duration("timeout", std::chrono::seconds(0));
  const json::object approval = wait_for_approval(api, call.text("ID"), limit);
  print_object(call.options, approval, {"id", "state", "requester", "target", "missing", "good_until"});
  require_approved(approval);
  return 0;
}

}  // namespace

json::object wait_for_approval(Api& api, const std::string& id, std::optional<std::chrono::seconds> limit) {
  const Progress progress(api.options(), "waiting for " + id);
  const Clock::time_point end = Clock::now() + limit.value_or(std::chrono::hours(24 * 365));
  Clock::time_point heard = Clock::now();
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::seconds>(end - Clock::now());
    const auto patience = std::clamp(left, std::chrono::seconds(0), longest_question);
    try {
      json::object approval = api.approval(id, patience).approval;
      heard = Clock::now();
      if (text_at(approval, "state") != "pending" || heard >= end) return approval;
    } catch (const Problem& problem) {
      const bool away = problem.exit == Exit::unreachable && Clock::now() - heard < longest_outage;
      if (!away || Clock::now() >= end) throw;
      ::sleep(1);
    }
  }
}

void require_approved(const json::object& approval) {
  const std::string state = text_at(approval, "state");
  const std::string id = text_at(approval, "id");
  if (state == "approved" || state == "used") return;
  const std::string look_at_it = "dbgate approvals show " + id;
  if (state == "pending") {
    throw Problem{Exit::approval_required, id + " is still pending: " + printable(approvers_text(approval)),
                  "dbgate approvals wait " + id};
  }
  if (state == "denied") throw Problem{Exit::denied, id + " was " + outcome_text(approval), look_at_it};
  if (state == "expired") throw Problem{Exit::timed_out, id + " has expired: nobody has decided in time", look_at_it};
  throw Problem{Exit::failure, id + " is " + state, look_at_it};
}

Verbs approval_verbs() {
  const std::vector<Argument> id{{"ID", Kind::approval, "the approval: apr_…"}};
  const Flag reason = option("--reason", Kind::text, "TEXT", "why, for the record");
  const Flag ticket = option("--ticket", Kind::text, "TEXT", "of your own system, for the record");
  const Flag yes = toggle("--yes", "do not ask");
  Verb all{"approvals list", "list what waits for approval: yours, and what you may decide; for auditors all"};
  all.flags = {choice("--state", "STATE", "pending approved denied expired cancelled used", "in this state (pending)"),
               toggle("--all", "in any state"), option("--target", Kind::target, "TARGET", "for this target"),
               option("--requester", Kind::user, "USER", "that this user has asked for"),
               option("--limit", Kind::number, "N", "this many at most (50)")};
  all.examples = {{"dbgate approvals list", "what waits?"},
                  {"dbgate approvals list --all --requester ana", "ana's, old ones too"}};
  all.exits = {4, 5, 7};
  all.run = list;
  Verb one{"approvals show",
           "show an approval: what is asked for, its risk and plan, who may decide",
           id,
           {option("--rows", Kind::number, "N", "of a transaction: so many of the rows that it changes (20)")}};
  one.exits = {3, 4, 7};
  one.run = show;
  Verb assent{"approvals approve", "say yes to what somebody asks for", id, {reason, ticket, yes}};
  assent.description =
      "Shows what is asked for, and asks. Who has asked cannot approve; of several approvers all must say yes.";
  assent.exits = {3, 4, 5, 7};
  assent.run = approve;
  Verb refusal{"approvals deny", "say no, with a reason", id, {reason, ticket, yes}};
  refusal.exits = {3, 4, 5, 7};
  refusal.run = deny;
  Verb back{"approvals cancel", "take back what you have asked for", id, {yes}};
  back.exits = {3, 4, 5, 7};
  back.run = cancel;
  Verb patience{"approvals wait", "wait until an approval is decided", id};
  patience.flags = {option("--timeout", Kind::duration, "DURATION", "wait no longer than this")};
  patience.description =
      "Ends with 0 once it is approved, 5 if it is denied, 9 if it has expired, 6 if it is still pending when "
      "--timeout is over. A "
      "gateway that restarts meanwhile is asked again.";
  patience.examples = {{"dbgate approvals wait apr_… && dbgate exec shop -f fix.sql", "run it once it may"}};
  patience.exits = {3, 4, 5, 6, 7, 9, 130};
  patience.run = wait;
  return {all, one, assent, refusal, back, patience};
}

}  // namespace dbgate::cli
