#include <boost/json.hpp>
#include <iostream>

#include "cli/api_client.h"
#include "cli/commands/admin.h"
#include "cli/commands/commands.h"
#include "cli/commands/targets.h"
#include "cli/output.h"
#include "cli/problem.h"
#include "cli/terminal.h"

namespace dbgate::cli {
namespace {

namespace json = boost::json;

const std::vector<std::string> columns{"name", "target", "owner", "shared", "description"};

// Names are of their owner: of several, one's own is meant.
json::object find(Api& api, const std::string& name) {
  const std::string me = text_at(api.me(), "user.name");
  std::vector<json::object> found;
  for (const json::value& one : api.saved_queries()) {
    if (text_at(one, "name") != name && text_at(one, "id") != name) continue;
    if (text_at(one, "owner") == me) return one.as_object();
    found.push_back(one.as_object());
  }
  if (found.empty())
    throw Problem{Exit::not_found, "there is no saved query \"" + name + "\"", "dbgate saved-query list"};
  if (found.size() > 1) {
    throw Problem{Exit::not_found, "\"" + name + "\" is the name of several saved queries",
                  "name one by its id: dbgate saved-query list -o wide"};
  }
  return found.front();
}

int list(const Call& call) {
  Listing listing{columns, Api(call.options).saved_queries(), {"id", "updated_at"}};
  listing.empty = "there is no saved query; dbgate saved-query add NAME TARGET -c SQL keeps one";
  print_listing(call.options, listing);
  return 0;
}

int show(const Call& call) {
  Api api(call.options);
  std::vector<std::string> names = columns;
  names.emplace_back("sql");
  print_object(call.options, find(api, call.text("NAME")), names);
  return 0;
}

int add(const Call& call) {
  Api api(call.options);
  json::object query = members_of(call, {"description"});
  query["name"] = call.text("NAME");
  query["target"] = call.text("TARGET");
  query["sql"] = sql_of(call);
  query["shared"] = call.has("shared");
  show_created(call.options, api.create_saved_query(query), columns, "");
  return 0;
}

int remove(const Call& call) {
  Api api(call.options);
  const json::object query = find(api, call.text("NAME"));
  confirm(call.options, call.has("yes"), "Remove the saved query " + call.text("NAME") + "?");
  api.remove_saved_query(text_at(query, "id"));
  std::cerr << "removed " << call.text("NAME") << '\n';
  return 0;
}

// As `exec` would run it: judged by the policies of now.
int run(const Call& call) {
  Api api(call.options);
  const json::object query = find(api, call.text("NAME"));
  Call again = call;
  again.verb = command_table().find("exec");
  again.values["TARGET"] = {text_at(query, "target")};
  again.values["command"] = {text_at(query, "sql")};
  return again.verb->run(again);
}

}  // namespace

Verbs saved_query_verbs() {
  const std::vector<Argument> name{{"NAME", Kind::text, "its name, or id"}};
  Verb all{"saved-query list", "list saved queries: yours, and what others share"};
  all.exits = {4, 7};
  all.run = list;
  Verb one{"saved-query show", "show a saved query", name};
  one.exits = {3, 4, 7};
  one.run = show;
  Verb make{"saved-query add", "keep a statement under a name"};
  make.arguments = {{"NAME", Kind::text, "its name"},
                    {"TARGET", Kind::target, "the target, or target/database, it is for"},
                    {"INPUT", Kind::file, "a file with the statement; - is standard input", false}};
  make.flags = {option("-c,--command", Kind::text, "SQL", "the statement"),
                option("-f,--file", Kind::file, "FILE", "a file with it; - is standard input"),
                option("--description", Kind::text, "TEXT", "what it is for"),
                toggle("--shared", "everybody may see and run it, each with their own rights")};
  make.examples = {{"dbgate saved-query add cities shop -c 'SELECT DISTINCT city FROM customers'", "keep it"}};
  make.exits = {4, 5, 7};
  make.run = add;
  Verb again{"saved-query run", "run a saved query through policy", name};
  again.exits = {3, 4, 5, 6, 7, 8, 9, 130};
  again.run = run;
  Verb away{"saved-query remove", "forget a saved query of yours", name, {toggle("--yes", "do not ask")}};
  away.exits = {3, 4, 5, 7};
  away.run = remove;
  return {all, one, make, again, away};
}

}  // namespace dbgate::cli
