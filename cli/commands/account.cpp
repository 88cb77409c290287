#include <boost/json.hpp>
#include <iostream>

#include "cli/api_client.h"
#include "cli/commands/access_text.h"
#include "cli/commands/commands.h"
#include "cli/output.h"
#include "cli/problem.h"
#include "cli/terminal.h"

namespace dbgate::cli {
namespace {

namespace json = boost::json;

int logout(const Call& call) {
  Api api(call.options);
  try {
    if (call.has("all")) {
      for (const json::value& login : api.my_logins()) {
        const json::value* current = login.is_object() ? login.as_object().if_contains("current") : nullptr;
        const bool own = current != nullptr && current->is_bool() && current->as_bool();
        if (!own && text_at(login, "ended_at").empty()) api.end_my_login(text_at(login, "id"));
      }
    }
    api.logout();
  } catch (const Problem& problem) {
    // An expired token needs no revocation; a gateway that is away is another matter.
    if (problem.exit != Exit::not_authenticated) throw;
  }
  if (fixed_token().empty()) forget_login(call.options, api.url());
  std::cerr << "signed out of " << api.url().text() << '\n';
  return 0;
}

int whoami(const Call& call) {
  Api api(call.options);
  const Progress progress(call.options, "asking " + api.url().text());
  json::object me = api.me().as_object();
  me["gateway"] = api.url().text();
  spell_out_access(call.options, me, "access");
  print_object(call.options, me, {"user.name", "groups", "roles", "access", "expires_at", "gateway"});
  return 0;
}

int token(const Call& call) {
  const GatewayUrl url = gateway_of(call.options);
  std::cout << token_for(call.options, url, call.duration("ttl", std::chrono::seconds(60))) << '\n';
  return 0;
}

int password(const Call& call) {
  Api api(call.options);
  if (call.has("password-stdin")) {
    const std::string current = line_of_stdin();
    api.change_password(current, line_of_stdin());
  } else {
    const std::string instead = "use --password-stdin";
    const std::string current = ask_secret(call.options, "Password now: ", instead);
    const std::string next = ask_secret(call.options, "New password: ", instead);
    if (next != ask_secret(call.options, "New password again: ", instead)) {
      throw Problem{Exit::usage, "the two new passwords differ", "dbgate password"};
    }
    api.change_password(current, next);
  }
  std::cerr << "the password is changed\n";
  return 0;
}

int enable_second_factor(const Call& call) {
  Api api(call.options);
  // A secret that nobody confirms would be in nobody's authenticator.
  if (!may_ask(call.options)) throw Problem{Exit::usage, "a code has to be typed in", "run it on a terminal"};
  const json::value started = api.start_totp();
  const std::string uri = text_at(started, "uri").empty() ? text_at(started, "otpauth_uri") : text_at(started, "uri");
  std::cerr << "Add this to your authenticator:\n";
  std::cout << uri << '\n';
  const std::string code = ask(call.options, "Code that it shows: ", "run it on a terminal");
  const json::value confirmed = api.confirm_totp(code);
  std::cerr << "The second factor is on. Recovery codes, each good once; they are shown this one time:\n";
  const json::value* codes = confirmed.is_object() ? confirmed.as_object().if_contains("recovery_codes") : nullptr;
  if (codes != nullptr && codes->is_array()) {
    for (const json::value& one : codes->as_array())
      std::cout << cell_text(one).value_or("") << '\n';
  }
  return 0;
}

int disable_second_factor(const Call& call) {
  Api api(call.options);
  confirm(call.options, call.has("yes"), "Sign in without a second factor from now on?");
  const std::string secret =
      call.has("password-stdin") ? line_of_stdin() : ask_secret(call.options, "Password: ", "use --password-stdin");
  api.remove_totp(secret);
  std::cerr << "the second factor is off\n";
  return 0;
}

}  // namespace

Verbs account_verbs() {
  Verb out{"logout", "end the sign-in and forget its tokens"};
  out.flags = {toggle("--all", "end all sign-ins of yours, on every device")};
  out.description = "Sessions that were opened with the sign-in end within a second.";
  out.exits = {7};
  out.run = logout;

  Verb who{"whoami", "show who is signed in: groups, roles, expiry, gateway"};
  who.exits = {4, 7};
  who.run = whoami;

  Verb print{"token", "print the access token, renewed if need be"};
  print.flags = {option("--ttl", Kind::duration, "DURATION", "good for at least this much longer (1m)")};
  print.examples = {{"curl -H \"Authorization: Bearer $(dbgate token)\" https://HOST:8443/api/v1/me", "call the API"}};
  print.exits = {4, 7};
  print.run = token;

  Verb change{"password", "change your password"};
  change.flags = {toggle("--password-stdin", "read the current and the new password from standard input, a line each")};
  change.exits = {4, 7};
  change.run = password;

  Verb enable{"second-factor enable", "ask for a code of an authenticator (TOTP) when you sign in"};
  enable.exits = {4, 7};
  enable.run = enable_second_factor;
  Verb disable{"second-factor disable", "sign in by password alone again"};
  disable.flags = {toggle("--yes", "do not ask"), toggle("--password-stdin", "read the password from standard input")};
  disable.exits = {4, 7};
  disable.run = disable_second_factor;
  return {out, who, print, change, enable, disable};
}

}  // namespace dbgate::cli
