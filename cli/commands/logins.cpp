#include <boost/json.hpp>
#include <iostream>

#include "cli/api_client.h"
#include "cli/commands/commands.h"
#include "cli/output.h"
#include "cli/problem.h"
#include "cli/terminal.h"

namespace dbgate::cli {
namespace {

namespace json = boost::json;

int list(const Call& call) {
  Api api(call.options);
  const bool others = call.has("all") || call.has("user");
  Listing listing{{"id", "client", "address", "created_at", "last_used_at"}, {}, {"method", "expires_at"}};
  listing.items = others ? api.logins({{"user", call.text("user")}}) : api.my_logins();
  listing.columns.insert(listing.columns.begin() + 1, others ? "user" : "current");
  listing.empty = "nobody is signed in";
  print_listing(call.options, listing);
  return 0;
}

int end(const Call& call) {
  Api api(call.options);
  const std::string id = call.text("ID");
  confirm(call.options, call.has("yes"), "End the sign-in " + id + " and its sessions?");
  try {
    api.end_my_login(id);
  } catch (const Problem& problem) {
    if (problem.status != 404) throw;  // somebody else's is for administrators to end
    api.end_login(id);
  }
  std::cerr << "ended " << id << '\n';
  return 0;
}

}  // namespace

Verbs login_list_verbs() {
  Verb all{"logins list", "list sign-ins: yours, or those of others for administrators"};
  all.flags = {option("--user", Kind::user, "USER", "of this user"), toggle("--all", "of everybody")};
  all.exits = {4, 5, 7};
  all.run = list;
  Verb gone{"logins end", "end a sign-in; its sessions end within a second"};
  gone.arguments = {{"ID", Kind::text, "the sign-in: lgn_…"}};
  gone.flags = {toggle("--yes", "do not ask")};
  gone.exits = {3, 4, 5, 7};
  gone.run = end;
  return {all, gone};
}

}  // namespace dbgate::cli
