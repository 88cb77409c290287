#include <termios.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cstdlib>
#include <iostream>

#include "cli/api_client.h"
#include "cli/commands/commands.h"
#include "cli/output.h"

namespace dbgate::cli {
namespace {

namespace json = boost::json;

std::string first_line_of_stdin() {
  std::string line;
  std::getline(std::cin, line);
  if (!line.empty() && line.back() == '\r') line.pop_back();
  return line;
}

bool may_prompt() {
  const char* no_input = std::getenv("DBGATE_NO_INPUT");
  return ::isatty(STDIN_FILENO) != 0 && (no_input == nullptr || *no_input == '\0');
}

std::string prompt_password(const std::string& username, const std::string& url) {
  if (!may_prompt()) {
    throw Problem{Exit::usage, "no terminal to ask for a password on", "use --password-stdin", ""};
  }
  std::cerr << "Password for " << username << " at " << url << ": " << std::flush;
  termios shown{};
  ::tcgetattr(STDIN_FILENO, &shown);
  termios hidden = shown;
  hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
  std::string password = first_line_of_stdin();
  ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
  std::cerr << '\n';
  return password;
}

std::string joined(const json::value& list) {
  std::string text;
  for (const json::value& item : list.as_array()) {
    if (!text.empty()) text += ",";
    text += std::string(item.as_string());
  }
  return text;
}

std::string text_of(const json::value& value) {
  return std::string(value.as_string());
}

}  // namespace

Exit login(const Options& options, const LoginOptions& login) {
  const GatewayUrl url = gateway_of(options);
  Credentials credentials;
  credentials.url = url.text();
  if (login.with_token) {
    credentials.token = first_line_of_stdin();
    const ApiAnswer me = call_api(options, url, credentials.token, "GET", "/me", nullptr);
    credentials.user = text_of(me.body.at("user").at("name"));
  } else {
    const char* const account = std::getenv("USER");
    credentials.user = !login.username.empty() ? login.username : (account == nullptr ? "" : account);
    if (credentials.user.empty()) throw Problem{Exit::usage, "no user name", "use --username", ""};
    const std::string password =
        login.password_stdin ? first_line_of_stdin() : prompt_password(credentials.user, credentials.url);
    const json::object body{{"username", credentials.user}, {"password", password}};
    const ApiAnswer answer = call_api(options, url, "", "POST", "/login", body);
    credentials.token = text_of(answer.body.at("access_token"));
  }
  save_credentials(credentials);
  std::cerr << "signed in to " << credentials.url << " as " << credentials.user << '\n';
  return Exit::ok;
}

Exit logout(const Options& options) {
  try {
    call_api(options, "POST", "/logout");
  } catch (const Problem& problem) {
    // An expired token needs no revocation; a gateway that is away is another matter.
    if (problem.exit != Exit::not_authenticated) throw;
  }
  forget_token();
  std::cerr << "signed out\n";
  return Exit::ok;
}

Exit whoami(const Options& options) {
  const ApiAnswer me = call_api(options, "GET", "/me");
  if (wants_json(options)) {
    std::cout << json::serialize(me.body) << '\n';
    return Exit::ok;
  }
  const Listing listing{{"user", "groups", "expires_at", "gateway"},
                        {{text_of(me.body.at("user").at("name")), joined(me.body.at("groups")),
                          text_of(me.body.at("expires_at")), gateway_of(options).text()}}};
  print_listing(listing, options, std::cout);
  return Exit::ok;
}

Exit list_targets(const Options& options) {
  const ApiAnswer answer = call_api(options, "GET", "/targets");
  const json::array& items = answer.body.at("items").as_array();
  if (options.output == "json") {
    std::cout << json::serialize(items) << '\n';
    return Exit::ok;
  }
  if (options.output == "jsonl") {
    for (const json::value& item : items)
      std::cout << json::serialize(item) << '\n';
    return Exit::ok;
  }
  Listing listing{{"name", "engine", "databases", "access"}, {}};
  for (const json::value& item : items) {
    listing.rows.push_back({text_of(item.at("name")), text_of(item.at("engine")), joined(item.at("databases")),
                            text_of(item.at("access"))});
  }
  print_listing(listing, options, std::cout);
  return Exit::ok;
}

}  // namespace dbgate::cli
