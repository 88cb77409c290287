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

int create(const Call& call) {
  json::object invitation;
  if (call.has("EMAIL")) invitation["email"] = call.text("EMAIL");
  add_list(invitation, "groups", call, "group");
  add_list(invitation, "roles", call, "role");
  invitation["expires_in_seconds"] = call.duration("ttl", std::chrono::seconds(7 * 86400)).count();
  show_created(call.options, Api(call.options).create_invitation(invitation),
               {"id", "email", "groups", "roles", "expires_at", "secret"}, "secret");
  return 0;
}

int list(const Call& call) {
  Listing listing{
      {"id", "email", "groups", "roles", "expires_at", "used_at"}, Api(call.options).invitations(), {"created_at"}};
  listing.empty = "there is no invitation; dbgate invitation create EMAIL makes one";
  print_listing(call.options, listing);
  return 0;
}

int revoke(const Call& call) {
  confirm(call.options, call.has("yes"), "Revoke the invitation " + call.text("ID") + "?");
  Api(call.options).revoke_invitation(call.text("ID"));
  std::cerr << "revoked " << call.text("ID") << '\n';
  return 0;
}

int registrations(const Call& call) {
  Listing listing{{"name", "email", "display_name", "created_at"}, Api(call.options).registrations()};
  listing.empty = "nobody waits for approval";
  print_listing(call.options, listing);
  return 0;
}

int approve(const Call& call) {
  json::object approval;
  add_list(approval, "groups", call, "group");
  add_list(approval, "roles", call, "role");
  const std::string name = call.text("NAME");
  Api(call.options).approve_registration(name, approval);
  std::cerr << name << " may sign in\n";
  return 0;
}

int deny(const Call& call) {
  const std::string name = call.text("NAME");
  confirm(call.options, call.has("yes"), "Turn " + name + " down?");
  Api(call.options).deny_registration(name);
  std::cerr << name << " was turned down\n";
  return 0;
}

int enroll(const Call& call) {
  Api api(call.options);
  json::object registration = members_of(call, {"email", "display-name"});
  registration["name"] = call.text("NAME");
  const bool piped = call.has("password-stdin");
  if (call.has("invitation")) {
    const std::string secret =
        piped ? line_of_stdin() : ask_secret(call.options, "Invitation: ", "use --password-stdin");
    registration["invitation"] = secret;
  }
  const std::string password = piped ? line_of_stdin() : ask_secret(call.options, "Password: ", "use --password-stdin");
  if (!piped && password != ask_secret(call.options, "Password again: ", "use --password-stdin")) {
    throw Problem{Exit::usage, "the two passwords differ", "dbgate registration create"};
  }
  registration["password"] = password;
  const std::string state = text_at(api.register_user(registration), "state");
  std::cerr << (state == "active" ? "you may sign in: dbgate login --username " + call.text("NAME")
                                  : std::string("registered; an administrator has to approve it"))
            << '\n';
  return 0;
}

}  // namespace

Verbs invitation_verbs() {
  const Flag group = options("--group", Kind::group, "GROUP", "a member of this group; may stand several times");
  const Flag role = options("--role", Kind::text, "ROLE", "with this administrative role; may stand several times");
  Verb make{"invitation create",
            "invite somebody; the secret is shown this one time",
            {{"EMAIL", Kind::text, "for this address only", false}}};
  make.flags = {group, role, option("--ttl", Kind::duration, "DURATION", "how long it is good (7d)")};
  make.exits = {4, 5, 7};
  make.run = create;
  Verb all{"invitation list", "list invitations"};
  all.exits = {4, 5, 7};
  all.run = list;
  Verb gone{"invitation revoke",
            "take an invitation back that nobody has used",
            {{"ID", Kind::text, "the invitation: inv_…"}},
            {toggle("--yes", "do not ask")}};
  gone.exits = {3, 4, 5, 7};
  gone.run = revoke;
  Verb waiting{"registration list", "list who waits for approval"};
  waiting.exits = {4, 5, 7};
  waiting.run = registrations;
  Verb yes{"registration approve", "let somebody in who registered", {{"NAME", Kind::text, "the user"}}, {group, role}};
  yes.exits = {3, 4, 5, 7};
  yes.run = approve;
  Verb no{"registration deny",
          "turn somebody down who registered",
          {{"NAME", Kind::text, "the user"}},
          {toggle("--yes", "do not ask")}};
  no.exits = {3, 4, 5, 7};
  no.run = deny;
  Verb self{"registration create",
            "register yourself, with an invitation or for approval",
            {{"NAME", Kind::text, "the name you want"}}};
  self.flags = {
      toggle("--invitation", "I have an invitation, and will be asked for it"),
      option("--email", Kind::text, "ADDRESS", "the e-mail address"),
      option("--display-name", Kind::text, "TEXT", "the name as people write it"),
      toggle("--password-stdin", "read the invitation, if there is one, and the password from standard input")};
  self.exits = {5, 7};
  self.run = enroll;
  return {make, all, gone, waiting, yes, no, self};
}

}  // namespace dbgate::cli
