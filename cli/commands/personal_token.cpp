#include <boost/json.hpp>
#include <iostream>

#include "cli/api_client.h"
#include "cli/commands/admin.h"
#include "cli/commands/commands.h"
#include "cli/output.h"
#include "cli/terminal.h"

namespace dbgate::cli {
namespace {

int list(const Call& call) {
  Listing listing{
      {"id", "name", "hint", "scopes", "expires_at", "last_used_at"}, Api(call.options).my_tokens(), {"created_at"}};
  listing.empty = "you have no personal token; dbgate personal-token create NAME makes one";
  print_listing(call.options, listing);
  return 0;
}

int create(const Call& call) {
  boost::json::object token{{"name", call.text("NAME")}};
  add_scopes(token, call);
  add_ttl(token, call);
  show_created(call.options, Api(call.options).create_token(token), {"id", "name", "scopes", "expires_at", "secret"},
               "secret");
  return 0;
}

int revoke(const Call& call) {
  confirm(call.options, call.has("yes"), "Revoke " + call.text("ID") + " and end its sessions?");
  Api(call.options).revoke_token(call.text("ID"));
  std::cerr << "revoked " << call.text("ID") << '\n';
  return 0;
}

}  // namespace

Verbs personal_token_verbs() {
  Verb all{"personal-token list", "list your personal tokens"};
  all.exits = {4, 7};
  all.run = list;
  Verb make{
      "personal-token create", "make a personal token, shown this one time", {{"NAME", Kind::text, "what it is for"}}};
  make.flags = {scope_flag(), option("--ttl", Kind::duration, "DURATION", "how long it is good (90d)")};
  make.examples = {{"dbgate personal-token create ci --ttl 30d -q > token", "for a script"}};
  make.exits = {4, 7};
  make.run = create;
  Verb gone{"personal-token revoke",
            "end a personal token; its sessions end within a second",
            {{"ID", Kind::text, "the token: key_…"}},
            {toggle("--yes", "do not ask")}};
  gone.exits = {3, 4, 7};
  gone.run = revoke;
  return {all, make, gone};
}

}  // namespace dbgate::cli
