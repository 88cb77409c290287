#include <boost/json.hpp>
#include <ctime>
#include <iostream>

#include "cli/commands/commands.h"
#include "cli/commands/sign_in.h"
#include "cli/files.h"
#include "cli/output.h"
#include "cli/problem.h"
#include "cli/terminal.h"

namespace dbgate::cli {
namespace {

namespace json = boost::json;

/// What the gateway offers.
struct Methods {
  bool password = true;
  std::string provider;  ///< the first one, or the one that was asked for; empty: none
  bool device = false;
};

Methods methods_of(Api& api, const std::string& wanted) {
  Methods methods;
  try {
    const json::value answer = api.login_methods();
    const json::value* providers = answer.is_object() ? answer.as_object().if_contains("providers") : nullptr;
    if (providers == nullptr || !providers->is_array()) return methods;
    for (const json::value& one : providers->as_array()) {
      const std::string name = one.is_string() ? std::string(one.as_string()) : text_at(one, "name");
      if (!methods.provider.empty() || (!wanted.empty() && wanted != name)) continue;
      methods.provider = name;
      const json::value* device = one.is_object() ? one.as_object().if_contains("device") : nullptr;
      methods.device = device == nullptr || !device->is_bool() || device->as_bool();
    }
    const json::value* password = answer.as_object().if_contains("password");
    methods.password = password == nullptr || !password->is_bool() || password->as_bool();
  } catch (const Problem& problem) {
    if (problem.status != 404 && problem.status != 401) throw;  // a gateway that knows passwords only
  }
  if (!wanted.empty() && methods.provider.empty()) {
    throw Problem{Exit::not_found, "the gateway has no provider \"" + wanted + "\"", "leave --provider out"};
  }
  return methods;
}

json::value sign_in(Api& api, const Call& call) {
  if (call.has("username") || call.has("password-stdin")) return sign_in_with_password(api, call);
  const Methods methods = methods_of(api, call.text("provider"));
  if (call.has("device")) return sign_in_with_device(api, methods.provider);
  if (methods.provider.empty()) return sign_in_with_password(api, call);
  const bool browser = has_display() && !call.has("no-browser");
  if (!browser && methods.device && !call.has("no-browser")) return sign_in_with_device(api, methods.provider);
  return sign_in_with_browser(api, methods.provider, browser);
}

std::string only_token() {
  std::string token = line_of_stdin();
  if (token.empty()) throw Problem{Exit::usage, "no token on standard input", "dbgate login --with-token < FILE"};
  return token;
}

int login(const Call& call) {
  if (!fixed_token().empty()) {
    throw Problem{Exit::usage, "the environment has a token, so nothing would be kept",
                  "unset DBGATE_TOKEN and DBGATE_TOKEN_FILE"};
  }
  Api api(call.options);
  Login kept;
  bool once = false;
  kept.profile = call.options.profile;
  kept.url = api.url().text();
  if (call.has("with-token")) {
    kept.access_token = only_token();
    kept.user = text_at(api.me_with(kept.access_token), "user.name");
  } else {
    const json::value answer = sign_in(api, call);
    kept.access_token = text_at(answer, "access_token");
    kept.refresh_token = text_at(answer, "refresh_token");
    kept.access_expires = static_cast<std::int64_t>(std::time(nullptr)) + lifetime_of(answer);
    kept.user = text_at(answer, "user.name");
    if (kept.access_token.empty()) throw Problem{Exit::failure, "the gateway answered without a token", ""};
    if (kept.user.empty()) kept.user = text_at(api.me_with(kept.access_token), "user.name");
    const json::value* change = answer.as_object().if_contains("must_change_password");
    once = change != nullptr && change->is_bool() && change->as_bool();
  }
  keep_login(call.options, kept);
  if (once) std::cerr << "this password was for one sign-in only\n";
  if (once && may_ask(call.options)) {
    command_table().find("password")->run(call);
  } else if (once) {
    std::cerr << "  hint: dbgate password\n";
  }
  std::cerr << "signed in to " << kept.url << " as " << kept.user << '\n';
  return 0;
}

}  // namespace

Verbs login_verbs() {
  Verb verb{"login", "sign in to a gateway"};
  verb.flags = {
      toggle("--device", "show a code to enter on another device (RFC 8628)"),
      toggle("--no-browser", "print the address to sign in on instead of opening a browser"),
      option("--provider", Kind::text, "NAME", "the identity provider, where there are several"),
      toggle("--with-token", "read an access token, personal token or service key from standard input"),
      option("--username", Kind::text, "NAME", "sign in with a password, as this user (default: your account's name)"),
      toggle("--password-stdin",
             "read the password from standard input; a code of the second factor is its second line"),
  };
  verb.description =
      "With an identity provider, a browser opens and comes back to this machine; without a display or over SSH a code "
      "is "
      "shown instead. Otherwise the password is asked for without echo. It never stands on the command line.\n"
      "What is kept: an access token, and a refresh token that renews it until the sign-in ends (dbgate help files).";
  verb.examples = {{"dbgate login --url https://gateway.example.com", "the first time"},
                   {"dbgate login --username ana --password-stdin < FILE", "without a terminal"}};
  verb.exits = {4, 7, 9, 130};
  verb.run = login;
  return {verb};
}

}  // namespace dbgate::cli
