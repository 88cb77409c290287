#include <boost/json.hpp>
#include <iostream>

#include "cli/api_client.h"
#include "cli/commands/commands.h"
#include "cli/output.h"
#include "cli/problem.h"

namespace dbgate::cli {
namespace {

namespace json = boost::json;

int list(const Call& call) {
  Api api(call.options);
  Query filters{{"target", call.text("target")},
                {"state", call.text("state")},
                {"since", call.text("since")},
                {"until", call.text("until")}};
  Listing listing{{"id", "created_at", "target", "state", "sql"},
                  api.history(filters, static_cast<std::size_t>(call.number("limit", 50, 1, 100'000))),
                  {"elapsed_ms", "rows"}};
  listing.empty = "you have run nothing yet; dbgate exec TARGET -c SQL does";
  print_listing(call.options, listing);
  return 0;
}

int show(const Call& call) {
  const json::value entry = Api(call.options).history_entry(call.text("ID"));
  print_object(call.options, entry.as_object(),
               {"id", "created_at", "target", "state", "elapsed_ms", "decision.effect", "decision.rule", "sql"});
  return 0;
}

// The same text again, as `exec` would: judged anew, by the policies of now.
int rerun(const Call& call) {
  const json::value entry = Api(call.options).history_entry(call.text("ID"));
  const std::string sql = text_at(entry, "sql");
  if (sql.empty()) throw Problem{Exit::not_found, "the text of this query is not kept", "dbgate history list"};
  Call again = call;
  again.verb = command_table().find("exec");
  again.values["TARGET"] = {text_at(entry, "target")};
  again.values["command"] = {sql};
  return again.verb->run(again);
}

}  // namespace

Verbs history_verbs() {
  const Argument id{"ID", Kind::text, "the query: qry_…"};
  Verb all{"history list", "list the queries that you have run through the gateway's API"};
  all.flags = {option("--target", Kind::target, "TARGET", "on this target"),
               choice("--state", "STATE", "queued running held succeeded failed cancelled", "in this state"),
               option("--since", Kind::text, "TIME", "from this time on (RFC 3339, UTC)"),
               option("--until", Kind::text, "TIME", "before this time"),
               option("--limit", Kind::number, "N", "this many at most (50)")};
  all.exits = {4, 7};
  all.run = list;
  Verb one{"history show", "show a query: its text, decision and outcome", {id}};
  one.exits = {3, 4, 7};
  one.run = show;
  Verb again{"history rerun", "run a query again, judged anew", {id}};
  again.exits = {3, 4, 5, 6, 7, 8, 9, 130};
  again.run = rerun;
  return {all, one, again};
}

}  // namespace dbgate::cli
