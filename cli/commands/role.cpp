#include <boost/json.hpp>
#include <iostream>

#include "cli/api_client.h"
#include "cli/commands/commands.h"
#include "cli/output.h"

namespace dbgate::cli {
namespace {

namespace json = boost::json;

constexpr const char* roles = "admin user_admin target_admin policy_admin auditor";

void add(json::array& items, const json::array& holders, const char* kind) {
  for (const json::value& holder : holders) {
    const json::value* const held = holder.is_object() ? holder.as_object().if_contains("roles") : nullptr;
    if (held == nullptr || !held->is_array()) continue;
    for (const json::value& role : held->as_array())
      items.push_back({{"role", role}, {"kind", kind}, {"name", text_at(holder, "name")}});
  }
}

int list(const Call& call) {
  Api api(call.options);
  Listing listing{{"role", "kind", "name"}, {}};
  add(listing.items, api.users(), "user");
  add(listing.items, api.service_accounts(), "service-account");
  add(listing.items, api.groups(), "group");
  listing.empty = "nobody has a role; dbgate role grant ROLE USER gives one";
  print_listing(call.options, listing);
  return 0;
}

int grant(const Call& call) {
  Api(call.options).grant_role(call.text("ROLE"), call.has("group"), call.text("NAME"));
  std::cerr << call.text("NAME") << " has the role " << call.text("ROLE") << '\n';
  return 0;
}

int revoke(const Call& call) {
  Api(call.options).revoke_role(call.text("ROLE"), call.has("group"), call.text("NAME"));
  std::cerr << call.text("NAME") << " no longer has the role " << call.text("ROLE") << '\n';
  return 0;
}

}  // namespace

Verbs role_verbs() {
  const std::vector<Argument> arguments{
      {"ROLE", Kind::choice, "admin, user_admin, target_admin, policy_admin or auditor", true, false, roles},
      {"NAME", Kind::user, "the user or service account, or with --group the group"}};
  const Flag group = toggle("--group", "NAME is a group: everybody in it has the role");
  Verb all{"role list", "list who has which administrative role"};
  all.exits = {4, 5, 7};
  all.run = list;
  Verb give{"role grant", "give an administrative role, in force at the next request", arguments, {group}};
  give.examples = {{"dbgate role grant auditor ana", "may read the records"}};
  give.exits = {3, 4, 5, 7};
  give.run = grant;
  Verb take{"role revoke", "take an administrative role away", arguments, {group}};
  take.exits = {3, 4, 5, 7};
  take.run = revoke;
  return {all, give, take};
}

}  // namespace dbgate::cli
