#include <boost/json.hpp>
#include <iostream>

#include "cli/api_client.h"
#include "cli/commands/admin.h"
#include "cli/commands/commands.h"
#include "cli/output.h"
#include "cli/problem.h"
#include "cli/terminal.h"

namespace dbgate::cli {
namespace {

int list(const Call& call) {
  Listing listing{{"name", "description", "members"}, Api(call.options).groups(), {"roles", "created_at"}};
  listing.empty = "there is no group; dbgate group add NAME makes one";
  print_listing(call.options, listing);
  return 0;
}

int add(const Call& call) {
  boost::json::object group = members_of(call, {"description"});
  group["name"] = call.text("NAME");
  show_created(call.options, Api(call.options).create_group(group), {"name", "description"}, "");
  return 0;
}

int remove(const Call& call) {
  const std::string name = call.text("NAME");
  confirm(call.options, call.has("yes"), "Remove the group " + name + "?");
  Api(call.options).remove_group(name);
  std::cerr << "removed " << name << '\n';
  return 0;
}

int member(const Call& call) {
  Api api(call.options);
  const std::string group = call.text("GROUP");
  const std::vector<std::string> users = call.list("USER");
  if (users.empty()) throw Problem{Exit::usage, "group member needs a USER", "dbgate help group member"};
  const bool adds = call.text("CHANGE") == "add";
  for (const std::string& user : users) {
    if (adds) {
      api.add_member(group, user);
    } else {
      api.remove_member(group, user);
    }
    std::cerr << user << (adds ? " is in " : " is no longer in ") << group << '\n';
  }
  return 0;
}

}  // namespace

Verbs group_verbs() {
  const std::vector<Argument> name{{"NAME", Kind::group, "the group's name"}};
  Verb all{"group list", "list groups with their members"};
  all.exits = {4, 5, 7};
  all.run = list;
  Verb make{"group add", "make a group", {{"NAME", Kind::text, "the group's name"}}};
  make.flags = {option("--description", Kind::text, "TEXT", "what it is for")};
  make.exits = {4, 5, 7};
  make.run = add;
  Verb away{"group remove", "remove a group", name, {toggle("--yes", "do not ask")}};
  away.exits = {3, 4, 5, 7};
  away.run = remove;
  Verb change{"group member", "add users to a group or remove them; policies follow at their next statement"};
  change.arguments = {{"CHANGE", Kind::choice, "add or remove", true, false, "add remove"},
                      {"GROUP", Kind::group, "the group"},
                      {"USER", Kind::user, "the users", true, true}};
  change.examples = {{"dbgate group member add analysts ana omar", "two more analysts"}};
  change.exits = {3, 4, 5, 7};
  change.run = member;
  return {all, make, away, change};
}

}  // namespace dbgate::cli
