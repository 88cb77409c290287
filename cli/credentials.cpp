#include "cli/credentials.h"

#include <boost/json.hpp>
#include <ctime>

#include "cli/api_client.h"
#include "cli/credential_store.h"
#include "cli/files.h"
#include "cli/output.h"
#include "cli/problem.h"

namespace dbgate::cli {
namespace {

namespace json = boost::json;

std::int64_t now() {
  return static_cast<std::int64_t>(std::time(nullptr));
}

Problem not_signed_in(const Options& options, const GatewayUrl& url) {
  std::string hint = "dbgate login --url " + url.text();
  if (!options.profile.empty()) hint = "dbgate login --profile " + options.profile;
  return {Exit::not_authenticated, "not signed in to " + url.text(), hint};
}

bool is_for(const Login& login, const Options& options, const std::string& url) {
  return login.profile == options.profile && login.url == url;
}

Login login_of(const json::value& value) {
  Login login{
      text_at(value, "profile"),      text_at(value, "url"), text_at(value, "user"), text_at(value, "access_token"), 0,
      text_at(value, "refresh_token")};
  const json::value* expires = value.is_object() ? value.as_object().if_contains("access_expires") : nullptr;
  if (expires != nullptr && expires->is_int64()) login.access_expires = expires->as_int64();
  return login;
}

json::object object_of(const Login& login) {
  json::object object{{"profile", login.profile}, {"url", login.url}, {"user", login.user}};
  if (!login.access_token.empty()) object["access_token"] = login.access_token;
  if (login.access_expires != 0) object["access_expires"] = login.access_expires;
  if (!login.refresh_token.empty()) object["refresh_token"] = login.refresh_token;
  return object;
}

void save_logins(const Options& options, const std::vector<Login>& logins) {
  json::array list;
  for (const Login& login : logins)
    list.push_back(object_of(login));
  write_credentials(options, json::serialize(json::object{{"version", 1}, {"logins", std::move(list)}}) + "\n");
}

std::string lock_path() {
  return state_directory() + "/credentials.lock";
}

void replace(const Options& options, const Login& login) {
  std::vector<Login> kept{login};
  for (Login& other : load_logins(options)) {
    if (other.profile != login.profile || other.url != login.url) kept.push_back(std::move(other));
  }
  save_logins(options, kept);
}

// Renews a sign-in; the lock is held.
Login renewed(const Options& options, const GatewayUrl& url, Login login) {
  try {
    const json::value answer = Api(options, url).refresh(login.refresh_token);
    login.access_token = text_at(answer, "access_token");
    login.access_expires = now() + lifetime_of(answer);
    const std::string next = text_at(answer, "refresh_token");
    if (!next.empty()) login.refresh_token = next;
  } catch (Problem& problem) {
    const bool ended = problem.status == 400 || problem.status == 401;
    if (!ended) throw;
    // It is worth nothing any more: the next command need not ask.
    login.access_token.clear();
    login.refresh_token.clear();
    replace(options, login);
    const std::string why = problem.cause.empty() ? "" : ": " + problem.cause;
    throw Problem{Exit::not_authenticated,
                  "the sign-in at " + url.text() + " has ended" + why,
                  not_signed_in(options, url).hint,
                  problem.request_id,
                  problem.code,
                  problem.status};
  }
  replace(options, login);
  return login;
}

}  // namespace

std::vector<Login> load_logins(const Options& options) {
  const std::string text = read_credentials(options);
  std::vector<Login> logins;
  if (text.empty()) return logins;
  boost::system::error_code failed;
  const json::value parsed = json::parse(text, failed);
  const json::value* list = !failed && parsed.is_object() ? parsed.as_object().if_contains("logins") : nullptr;
  if (list == nullptr || !list->is_array()) {
    throw Problem{Exit::failure, "the kept credentials are damaged",
                  "remove " + credentials_place(options) + " and sign in again"};
  }
  for (const json::value& entry : list->as_array())
    logins.push_back(login_of(entry));
  return logins;
}

void keep_login(const Options& options, const Login& login) {
  const FileLock lock(lock_path());
  replace(options, login);
}

void forget_login(const Options& options, const GatewayUrl& url) {
  const FileLock lock(lock_path());
  std::vector<Login> logins = load_logins(options);
  for (Login& login : logins) {
    if (!is_for(login, options, url.text())) continue;
    login.access_token.clear();
    login.refresh_token.clear();
    login.access_expires = 0;
  }
  if (!logins.empty()) save_logins(options, logins);
}

std::optional<Login> find_login(const Options& options, const GatewayUrl& url) {
  for (Login& login : load_logins(options)) {
    // A token goes to the gateway that made it and to no other.
    if (is_for(login, options, url.text())) return std::move(login);
  }
  return std::nullopt;
}

std::string fixed_token() {
  const std::string token = environment("DBGATE_TOKEN");
  if (!token.empty()) return token;
  const std::string file = environment("DBGATE_TOKEN_FILE");
  if (file.empty()) return {};
  std::string text = read_private_file(file);
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r'))
    text.pop_back();
  if (text.empty()) throw Problem{Exit::not_authenticated, file + " holds no token", "unset DBGATE_TOKEN_FILE"};
  return text;
}

std::string token_for(const Options& options, const GatewayUrl& url, std::chrono::seconds needed,
                      const std::string& refused) {
  const std::string fixed = fixed_token();
  if (!fixed.empty()) {
    if (fixed != refused) return fixed;
    throw Problem{Exit::not_authenticated, "the gateway does not accept the token of the environment",
                  "unset DBGATE_TOKEN and DBGATE_TOKEN_FILE, or set a valid token"};
  }
  const auto good = [&](const Login& login) {
    return !login.access_token.empty() && login.access_token != refused &&
           (login.access_expires == 0 || login.access_expires > now() + needed.count());
  };
  std::optional<Login> login = find_login(options, url);
  if (login && good(*login)) return login->access_token;
  if (!login || (login->access_token.empty() && login->refresh_token.empty())) throw not_signed_in(options, url);
  const FileLock lock(lock_path());
  login = find_login(options, url);  // another command may have renewed it meanwhile
  if (login && good(*login)) return login->access_token;
  if (login && !login->refresh_token.empty()) return renewed(options, url, std::move(*login)).access_token;
  const bool usable = login && login->access_token != refused && login->access_expires > now();
  if (usable) return login->access_token;
  throw not_signed_in(options, url);
}

GatewayUrl gateway_of(const Options& options) {
  if (!options.url.empty()) return parse_gateway_url(options.url);
  if (environment("DBGATE_TOKEN").empty()) {
    for (const Login& login : load_logins(options))
      if (login.profile == options.profile) return parse_gateway_url(login.url);
  }
  throw Problem{Exit::usage, "no gateway is known", "dbgate login --url https://HOST, or set DBGATE_URL"};
}

}  // namespace dbgate::cli
