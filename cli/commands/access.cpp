#include <boost/json.hpp>

#include "cli/api_client.h"
#include "cli/commands/access_text.h"
#include "cli/commands/approval_sheet.h"
#include "cli/commands/commands.h"
#include "cli/commands/targets.h"
#include "cli/output.h"
#include "cli/problem.h"
#include "cli/terminal.h"

namespace dbgate::cli {
namespace {

namespace json = boost::json;

const std::vector<std::string> columns{"id", "state", "user", "target", "tables", "verbs", "ends_at"};
const std::vector<std::string> all_members{
    "id",          "state",     "user",        "target",    "tables",  "verbs",    "offer",      "reason",  "ticket",
    "break_glass", "in_review", "approval_id", "starts_at", "ends_at", "ended_at", "end_reason", "ended_by"};

// By commas, but for those between the parentheses of columns and inside quotes.
json::array split(const std::vector<std::string>& texts) {
  json::array parts;
  for (const std::string& text : texts) {
    std::string part;
    int depth = 0;
    bool in_quotes = false;
    const auto finish = [&] {
      const std::size_t start = part.find_first_not_of(' ');
      if (start != std::string::npos) parts.emplace_back(part.substr(start, part.find_last_not_of(' ') + 1 - start));
      part.clear();
    };
    for (const char c : text) {
      if (c == '"') in_quotes = !in_quotes;
      if (!in_quotes && c == '(') ++depth;
      if (!in_quotes && c == ')') --depth;
      if (c == ',' && depth == 0 && !in_quotes) {
        finish();
      } else {
        part += c;
      }
    }
    finish();
  }
  return parts;
}

json::object wish_of(const Call& call) {
  json::object wish{
      {"target", call.text("TARGET")}, {"tables", split(call.list("tables"))}, {"verbs", split(call.list("verbs"))}};
  for (const char* const needed : {"tables", "verbs", "for"}) {
    if (!call.has(needed)) {
      throw Problem{Exit::usage, std::string("request needs --") + needed,
                    "dbgate access offers --target " + call.text("TARGET") + " shows what you may ask for"};
    }
  }
  wish["duration_seconds"] = call.duration("for", std::chrono::seconds(0)).count();
  std::string reason = call.text("reason");
  if (reason.empty()) reason = ask(call.options, "Reason, told to who decides: ", "give --reason TEXT");
  if (reason.empty()) throw Problem{Exit::usage, "a request needs a reason", "give --reason TEXT"};
  wish["reason"] = reason;
  if (call.has("ticket")) wish["ticket"] = call.text("ticket");
  if (call.has("break-glass")) wish["break_glass"] = true;
  return wish;
}

json::object ask_for(Api& api, const json::object& wish) {
  try {
    return api.request_access(wish);
  } catch (Problem& problem) {
    if (problem.exit == Exit::denied && problem.hint.empty()) {
      problem.hint = "dbgate access offers --target " + text_at(wish, "target");
    }
    throw;
  }
}

int request(const Call& call) {
  Api api(call.options);
  const json::object wish = wish_of(call);
  if (call.has("break-glass")) {
    confirm(call.options, call.has("yes"),
            "Break the glass? It is in force at once; others are told, and look at it afterwards.");
  }
  json::object made = ask_for(api, wish);
  const std::string approval = text_at(made, "approval_id");
  if (text_at(made, "state") == "pending" && call.has("wait")) {
    std::optional<std::chrono::seconds> limit;
    if (call.has("timeout")) limit = call.duration("timeout", std::chrono::seconds(0));
    require_approved(wait_for_approval(api, approval, limit));
    made = api.access_request(text_at(made, "id"));
  }
  print_object(call.options, made, {"id", "state", "target", "tables", "verbs", "ends_at", "approval_id"});
  if (text_at(made, "state") == "active") return 0;
  throw Problem{Exit::approval_required, "access to \"" + call.text("TARGET") + "\" waits for approval " + approval,
                "dbgate approvals wait " + approval};
}

int list(const Call& call) {
  const std::string state = call.has("all") ? "" : call.text("state", "active");
  const Query filters{{"state", state}, {"target", call.text("target")}, {"user", call.text("user")}};
  Listing listing{
      columns,
      Api(call.options).access_requests(filters, static_cast<std::size_t>(call.number("limit", 50, 1, 100'000))),
      {"offer", "break_glass", "in_review", "reason", "ticket", "approval_id", "created_at"}};
  listing.empty = state == "active" ? "nobody has access for a time" : "there is no such request";
  print_listing(call.options, listing);
  return 0;
}

int show(const Call& call) {
  print_object(call.options, Api(call.options).access_request(call.text("ID")), all_members);
  return 0;
}

int end(const Call& call) {
  Api api(call.options);
  confirm(call.options, call.has("yes"), "End " + call.text("ID") + "?");
  json::object words;
  if (call.has("reason")) words["reason"] = call.text("reason");
  print_object(call.options, api.end_access(call.text("ID"), words), {"id", "state", "user", "target"});
  return 0;
}

int offers(const Call& call) {
  Listing listing{{"name", "targets", "tables", "verbs", "longest_seconds", "break_glass_longest_seconds"},
                  Api(call.options).access_offers({{"target", call.text("target")}}),
                  {"approvers", "ticket_required"}};
  listing.empty = "nothing is offered to you on request";
  print_listing(call.options, listing);
  return 0;
}

Verb request_verb() {
  Verb verb{"request", "ask for access for a time"};
  verb.arguments = {{"TARGET", Kind::target, "the target"}};
  verb.flags = {
      options("--tables", Kind::text, "TABLES",
              "schema.table, \"schema.table(column, column)\" or \"schema.*\", with commas"),
      options("--verbs", Kind::text, "VERBS", "kinds of statements, with commas: select, insert, update, delete, …"),
      option("--for", Kind::duration, "DURATION", "for so long, from when it is in force"),
      option("--reason", Kind::text, "TEXT", "why, for who decides and for the record"),
      option("--ticket", Kind::text, "TEXT", "of your own system, for the record"),
      toggle("--break-glass", "in force at once; others are told, and look at it afterwards"),
      toggle("--wait", "wait until it is decided"),
      option("--timeout", Kind::duration, "DURATION", "wait no longer than this"),
      toggle("--yes", "do not ask before breaking the glass")};
  verb.description =
      "What may be asked for, dbgate access offers shows. Others have to agree, as to a statement that is held; then "
      "it is in "
      "force in every session, the ones that are open too, until its time is over or somebody ends it. Ends with 0 if "
      "it is in "
      "force, 6 if it waits for approval.";
  verb.examples = {
      {"dbgate request shop --tables public.orders --verbs select,update --for 2h --reason \"orders are stuck\"",
       "ask for two hours"},
      {"dbgate request shop --tables public.orders --verbs update --for 20m --reason outage --break-glass",
       "at once; somebody looks at it afterwards"}};
  verb.exits = {3, 4, 5, 6, 7, 9, 130};
  verb.run = request;
  return verb;
}

}  // namespace

void spell_out_access(const Options& options, json::object& object, const std::string& member) {
  const json::value* const given = object.if_contains(member);
  if (wants_json(options) || given == nullptr || !given->is_array()) return;
  json::array lines;
  for (const json::value& one : given->as_array()) {
    const auto listed = [&one](const char* name) {
      const json::value* const list = one.is_object() ? one.as_object().if_contains(name) : nullptr;
      return list == nullptr ? std::string() : cell_text(*list).value_or("");
    };
    lines.emplace_back(listed("verbs") + " on " + text_at(one, "target") + ": " + listed("tables") + ", until " +
                       text_at(one, "ends_at") + " (" + text_at(one, "id") + ")");
  }
  object[member] = std::move(lines);
}

Verbs access_verbs() {
  const std::vector<Argument> id{{"ID", Kind::access, "the request: acc_…"}};
  Verb all{"access list",
           "list rights for a time: yours, and those that you decide on; for administrators and auditors all"};
  all.flags = {choice("--state", "STATE", "pending active ended denied expired cancelled", "in this state (active)"),
               toggle("--all", "in any state"), option("--target", Kind::target, "TARGET", "on this target"),
               option("--user", Kind::user, "USER", "of this user"),
               option("--limit", Kind::number, "N", "this many at most (50)")};
  all.examples = {{"dbgate access list", "who has what at this moment?"}};
  all.exits = {4, 5, 7};
  all.run = list;
  Verb one{"access show", "show a request: what for, how long, what became of it", id};
  one.exits = {3, 4, 7};
  one.run = show;
  Verb over{"access end", "end access before its time, or take a request back", id};
  over.flags = {option("--reason", Kind::text, "TEXT", "why, for the record"), toggle("--yes", "do not ask")};
  over.description =
      "For its holder, those who decide on it, and administrators. The next statement is decided without it.";
  over.exits = {3, 4, 5, 7};
  over.run = end;
  Verb menu{"access offers", "list what you may ask for"};
  menu.flags = {option("--target", Kind::target, "TARGET", "on this target")};
  menu.exits = {4, 7};
  menu.run = offers;
  return {request_verb(), all, one, over, menu};
}

}  // namespace dbgate::cli
