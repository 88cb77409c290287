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
  Query filters{{"all", call.has("all") ? "true" : ""}};
  for (const char* const name : {"target", "state", "user", "object", "operation", "text", "since", "until"})
    filters[name] = call.text(name);
  Listing listing{{"id", "created_at", "target", "state", "sql"},
                  api.history(filters, static_cast<std::size_t>(call.number("limit", 50, 1, 100'000))),
                  {"elapsed_ms", "rows", "decision.rule"}};
  if (call.has("all")) listing.columns.insert(listing.columns.begin() + 2, "user");
  listing.empty = "nothing was run, or nothing that fits; dbgate exec TARGET -c SQL runs a statement";
  print_listing(call.options, listing);
  return 0;
}

int show(const Call& call) {
  const json::value entry = Api(call.options).history_entry(call.text("ID"));
  print_object(call.options, entry.as_object(),
               {"id", "created_at", "user", "target", "database", "session_id", "operation", "state", "sqlstate",
                "rows", "rows_affected", "elapsed_ms", "decision.effect", "decision.rule", "sql"});
  return 0;
}

// The same text again, as `exec` would: judged anew, by the policies of now.
int rerun(const Call& call) {
  const json::value entry = Api(call.options).history_entry(call.text("ID"));
  const std::string sql = text_at(entry, "sql");
  if (sql.empty()) throw Problem{Exit::not_found, "the text of this statement is not kept", "dbgate history list"};
  Call again = call;
  again.verb = command_table().find("exec");
  again.values["TARGET"] = {text_at(entry, "target")};
  again.values["command"] = {sql};
  return again.verb->run(again);
}

}  // namespace

Verbs history_verbs() {
  const Argument id{"ID", Kind::text, "the statement: qry_…"};
  Verb all{"history list", "list the statements that you have run, by whatever way: psql, tunnels, exec"};
  all.flags = {option("--target", Kind::target, "TARGET", "on this target"),
               choice("--state", "STATE", "unfinished succeeded failed cancelled not_run denied", "what became of it"),
               option("--object", Kind::text, "NAME", "about this relation"),
               option("--operation", Kind::text, "TAG", "with this command tag, such as DELETE"),
               option("--text", Kind::text, "TEXT", "with this in the statement"),
               option("--user", Kind::text, "USER", "of this user; for auditors"),
               toggle("--all", "of everybody; for auditors"),
               option("--since", Kind::text, "TIME", "from this time on (RFC 3339, UTC)"),
               option("--until", Kind::text, "TIME", "before this time"),
               option("--limit", Kind::number, "N", "this many at most (50)")};
  all.description =
      "The newest first, from the gateway's audit log; with several gateways each has its own. A statement is "
      "unfinished "
      "while it runs, and stays so if the gateway was killed meanwhile.";
  all.examples = {{"dbgate history list --state failed", "what has failed?"},
                  {"dbgate history list --all --object payroll --operation DELETE", "who has deleted there?"}};
  all.exits = {4, 5, 7};
  all.run = list;
  Verb one{"history show", "show a statement: its text, decision and outcome", {id}};
  one.exits = {3, 4, 7};
  one.run = show;
  Verb again{"history rerun", "run a statement again, judged anew", {id}};
  again.exits = {3, 4, 5, 6, 7, 8, 9, 130};
  again.run = rerun;
  return {all, one, again};
}

}  // namespace dbgate::cli
