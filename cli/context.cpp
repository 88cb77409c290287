#include "cli/context.h"

#include <boost/json.hpp>
#include <cstdlib>

#include "cli/files.h"
#include "cli/problem.h"

namespace dbgate::cli {
namespace {

namespace json = boost::json;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

std::string credentials_path() {
  return state_directory() + "/credentials.json";
}

std::string member(const json::object& object, const char* name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
}

}  // namespace

Credentials load_credentials() {
  const std::string path = credentials_path();
  const std::string text = read_private_file(path);
  if (text.empty()) return {};
  boost::system::error_code failed;
  const json::value parsed = json::parse(text, failed);
  if (failed || !parsed.is_object()) {
    throw Problem{Exit::failure, path + " is damaged", "sign in again: dbgate login", ""};
  }
  return {member(parsed.as_object(), "url"), member(parsed.as_object(), "access_token"),
          member(parsed.as_object(), "user")};
}

void save_credentials(const Credentials& credentials) {
  const json::object object{{"url", credentials.url}, {"access_token", credentials.token}, {"user", credentials.user}};
  write_private_file(credentials_path(), json::serialize(object) + "\n");
}

void forget_token() {
  Credentials credentials = load_credentials();
  if (!credentials.url.empty()) save_credentials({credentials.url, "", ""});
}

GatewayUrl gateway_of(const Options& options) {
  if (!options.url.empty()) return parse_gateway_url(options.url);
  const std::string from_environment = environment("DBGATE_URL");
  if (!from_environment.empty()) return parse_gateway_url(from_environment);
  const Credentials credentials = load_credentials();
  if (!credentials.url.empty()) return parse_gateway_url(credentials.url);
  throw Problem{Exit::usage, "no gateway is known", "dbgate login --url https://HOST, or set DBGATE_URL", ""};
}

std::string token_for(const GatewayUrl& url) {
  const std::string token = environment("DBGATE_TOKEN");
  if (!token.empty()) return token;
  const std::string file = environment("DBGATE_TOKEN_FILE");
  if (!file.empty()) {
    std::string text = read_private_file(file);
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r'))
      text.pop_back();
    if (text.empty()) throw Problem{Exit::not_authenticated, file + " holds no token", "", ""};
    return text;
  }
  const Credentials credentials = load_credentials();
  // A token goes to the gateway that made it and to no other.
  if (credentials.token.empty() || credentials.url != url.text()) {
    throw Problem{Exit::not_authenticated, "not signed in to " + url.text(), "dbgate login --url " + url.text(), ""};
  }
  return credentials.token;
}

std::string ca_file_of(const Options& options) {
  return options.ca_file.empty() ? environment("DBGATE_CA_FILE") : options.ca_file;
}

}  // namespace dbgate::cli
