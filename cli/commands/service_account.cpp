#include <boost/json.hpp>
#include <iostream>

#include "cli/api_client.h"
#include "cli/commands/admin.h"
#include "cli/commands/commands.h"
#include "cli/output.h"
#include "cli/terminal.h"

namespace dbgate::cli {
namespace {

int add(const Call& call) {
  boost::json::object account = members_of(call, {"display-name"});
  account["name"] = call.text("NAME");
  if (call.has("agent")) account["kind"] = "agent";
  add_list(account, "groups", call, "group");
  show_created(call.options, Api(call.options).create_service_account(account), {"name", "kind", "state", "groups"},
               "");
  return 0;
}

int list(const Call& call) {
  Listing listing{
      {"name", "kind", "state", "groups"}, Api(call.options).service_accounts(), {"display_name", "created_at"}};
  listing.empty = "there is no service account; dbgate service-account add NAME makes one";
  print_listing(call.options, listing);
  return 0;
}

int key_list(const Call& call) {
  print_listing(call.options, {{"id", "name", "hint", "scopes", "expires_at", "last_used_at"},
                               Api(call.options).keys(call.text("ACCOUNT")),
                               {"created_at", "revoked_at"}});
  return 0;
}

int key_add(const Call& call) {
  boost::json::object key{{"name", call.text("name", "dbgate")}};
  add_scopes(key, call);
  add_ttl(key, call);
  show_created(call.options, Api(call.options).create_key(call.text("ACCOUNT"), key),
               {"id", "name", "expires_at", "secret"}, "secret");
  return 0;
}

int key_revoke(const Call& call) {
  confirm(call.options, call.has("yes"), "Revoke the key " + call.text("ID") + " and end its sessions?");
  Api(call.options).revoke_key(call.text("ACCOUNT"), call.text("ID"));
  std::cerr << "revoked " << call.text("ID") << '\n';
  return 0;
}

}  // namespace

Verbs service_account_verbs() {
  const Argument account{"ACCOUNT", Kind::service, "the service account"};
  Verb make{"service-account add", "make an account for a program", {{"NAME", Kind::text, "its name"}}};
  make.flags = {toggle("--agent", "it is an AI agent"),
                option("--display-name", Kind::text, "TEXT", "what it is, for people"),
                options("--group", Kind::group, "GROUP", "a member of this group; may stand several times")};
  make.exits = {4, 5, 7};
  make.run = add;
  Verb all{"service-account list", "list service accounts and agents"};
  all.exits = {4, 5, 7};
  all.run = list;
  Verb keys{"service-account key-list", "list the keys of a service account", {account}};
  keys.exits = {3, 4, 5, 7};
  keys.run = key_list;
  Verb key{"service-account key-add", "make a key, shown this one time", {account}};
  key.flags = {option("--name", Kind::text, "TEXT", "what it is for"), scope_flag(),
               option("--ttl", Kind::duration, "DURATION", "how long it is good (90d)")};
  key.examples = {{"dbgate service-account key-add etl --ttl 90d -q > etl.key", "for a program"}};
  key.exits = {3, 4, 5, 7};
  key.run = key_add;
  Verb gone{"service-account key-revoke",
            "end a key; its sessions end within a second",
            {account, {"ID", Kind::text, "the key: key_…"}},
            {toggle("--yes", "do not ask")}};
  gone.exits = {3, 4, 5, 7};
  gone.run = key_revoke;
  return {make, all, keys, key, gone};
}

}  // namespace dbgate::cli
