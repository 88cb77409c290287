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
  Listing listing{{"id", "name", "target", "expires_at", "last_used_at"},
                  Api(call.options).my_database_passwords(),
                  {"created_at"}};
  listing.empty = "you have no database password; dbgate database-password create NAME makes one";
  print_listing(call.options, listing);
  return 0;
}

int create(const Call& call) {
  boost::json::object password = members_of(call, {"target"});
  password["name"] = call.text("NAME");
  add_ttl(password, call);
  show_created(call.options, Api(call.options).create_database_password(password),
               {"id", "name", "target", "expires_at", "password"}, "password");
  return 0;
}

int revoke(const Call& call) {
  confirm(call.options, call.has("yes"), "Revoke " + call.text("ID") + " and end its sessions?");
  Api(call.options).revoke_database_password(call.text("ID"));
  std::cerr << "revoked " << call.text("ID") << '\n';
  return 0;
}

}  // namespace

Verbs database_password_verbs() {
  Verb all{"database-password list", "list your generated passwords for PostgreSQL clients"};
  all.exits = {4, 7};
  all.run = list;
  Verb make{"database-password create",
            "make a password for psql and drivers, shown this one time",
            {{"NAME", Kind::text, "the device or program that will use it"}}};
  make.flags = {option("--target", Kind::target, "TARGET", "good for this target only"),
                option("--ttl", Kind::duration, "DURATION", "how long it is good (90d)")};
  make.description = "For clients that connect to the gateway itself. Through dbgate connect none is needed.";
  make.examples = {{"dbgate database-password create laptop --ttl 90d", "one for each device"}};
  make.exits = {3, 4, 7};
  make.run = create;
  Verb gone{"database-password revoke",
            "end a password; its sessions end within a second",
            {{"ID", Kind::text, "the password: dpw_…"}},
            {toggle("--yes", "do not ask")}};
  gone.exits = {3, 4, 7};
  gone.run = revoke;
  return {all, make, gone};
}

}  // namespace dbgate::cli
