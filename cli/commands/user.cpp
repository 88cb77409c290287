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

namespace json = boost::json;

const std::vector<std::string> columns{"name", "kind", "state", "display_name", "email", "groups", "roles"};

int add(const Call& call) {
  Api api(call.options);
  json::object user = members_of(call, {"email", "display-name"});
  user["name"] = call.text("NAME");
  add_list(user, "groups", call, "group");
  add_list(user, "roles", call, "role");
  show_created(call.options, api.create_user(user), {"name", "state", "email", "one_time_password"},
               "one_time_password");
  return 0;
}

int list(const Call& call) {
  Api api(call.options);
  Listing listing{
      columns, api.users({{"state", call.text("state")}, {"group", call.text("group")}}), {"created_at", "source"}};
  listing.empty = "there is no user; dbgate user add NAME makes one";
  print_listing(call.options, listing);
  return 0;
}

int show(const Call& call) {
  const json::value user = Api(call.options).user(call.text("NAME"));
  print_object(call.options, user.as_object(), columns);
  return 0;
}

int remove(const Call& call) {
  const std::string name = call.text("NAME");
  confirm(call.options, call.has("yes"), "Remove " + name + " with all sign-ins, keys and passwords?");
  Api(call.options).remove_user(name);
  std::cerr << "removed " << name << '\n';
  return 0;
}

int set_state(const Call& call, const char* state) {
  Api(call.options).change_user(call.text("NAME"), {{"state", state}});
  std::cerr << call.text("NAME") << " is " << state << '\n';
  return 0;
}

int disable(const Call& call) {
  confirm(call.options, call.has("yes"), "Disable " + call.text("NAME") + " and end all sessions of theirs?");
  return set_state(call, "disabled");
}

int enable(const Call& call) {
  return set_state(call, "active");
}

int reset(const Call& call) {
  Api api(call.options);
  const std::string name = call.text("NAME");
  confirm(call.options, call.has("yes"), "Take " + name + "'s password and second factor away, and end all sign-ins?");
  show_created(call.options, api.reset_user(name), {"name", "one_time_password", "expires_at"}, "one_time_password");
  return 0;
}

}  // namespace

Verbs user_verbs() {
  const std::vector<Argument> name{{"NAME", Kind::user, "the user's name"}};
  const Flag yes = toggle("--yes", "do not ask");
  Verb make{"user add",
            "make a user, who signs in with a one-time password first",
            {{"NAME", Kind::text, "the user's name"}}};
  make.flags = {option("--email", Kind::text, "ADDRESS", "the e-mail address"),
                option("--display-name", Kind::text, "TEXT", "the name as people write it"),
                options("--group", Kind::group, "GROUP", "a member of this group; may stand several times"),
                options("--role", Kind::text, "ROLE", "admin, user_admin, target_admin, policy_admin or auditor")};
  make.examples = {{"dbgate user add ana --group analysts", "somebody new"}};
  make.exits = {4, 5, 7};
  make.run = add;
  Verb all{"user list", "list users"};
  all.flags = {choice("--state", "STATE", "active disabled invited pending", "in this state"),
               option("--group", Kind::group, "GROUP", "in this group")};
  all.exits = {4, 5, 7};
  all.run = list;
  Verb one{"user show", "show a user", name};
  one.exits = {3, 4, 5, 7};
  one.run = show;
  Verb off{"user disable", "keep a user out; live sessions end within a second", name, {yes}};
  off.exits = {3, 4, 5, 7};
  off.run = disable;
  Verb on{"user enable", "let a disabled user in again", name};
  on.exits = {3, 4, 5, 7};
  on.run = enable;
  Verb anew{"user reset", "give a user a one-time password and take the second factor away", name, {yes}};
  anew.exits = {3, 4, 5, 7};
  anew.run = reset;
  Verb away{"user remove", "remove a user, or a service account; live sessions end within a second", name, {yes}};
  away.exits = {3, 4, 5, 7};
  away.run = remove;
  return {make, all, one, off, on, anew, away};
}

}  // namespace dbgate::cli
