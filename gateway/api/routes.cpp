#include "gateway/api/routes.h"

#include <algorithm>
#include <boost/json.hpp>
#include <boost/url/params_encoded_view.hpp>
#include <boost/url/parse_query.hpp>
#include <chrono>
#include <ctime>
#include <initializer_list>

#include "gateway/api/decisions.h"
#include "gateway/base/clock.h"

namespace dbgate::api {
namespace {

namespace json = boost::json;

constexpr std::chrono::seconds token_lifetime{12 * 3600};
constexpr std::string_view base = "/api/v1/";

Response ok(const json::value& body) {
  return {200, json::serialize(body), false};
}

Response unauthenticated(const Request& request, const std::string& detail) {
  return problem(request, 401, "not_authenticated", "Not signed in", detail);
}

std::string rfc3339(std::int64_t seconds) {
  return format_time(seconds * 1'000'000).substr(0, 19) + "Z";
}

/// The members of a JSON body: all of `names`, each a string, and nothing else.
class Body {
 public:
  Body(const Request& request, std::initializer_list<const char*> names) { read(request, names); }
  bool valid() const noexcept { return status_ == 0; }
  const std::string& operator[](std::size_t index) const { return values_[index]; }
  Response refused(const Request& request) const {
    const char* const code = status_ == 415 ? "unsupported_media_type" : "bad_request";
    return problem(request, status_, code, "Malformed request", why_);
  }

 private:
  void read(const Request& request, std::initializer_list<const char*> names) {
    if (!request.content_type.starts_with("application/json")) return fail(415, "send application/json");
    boost::system::error_code failed;
    json::parse_options options;
    options.max_depth = 8;
    const json::value parsed = json::parse(request.body, failed, {}, options);
    if (failed || !parsed.is_object()) return fail(400, "the body is not a JSON object");
    for (const auto& [key, value] : parsed.as_object()) {
      const std::string name(key);
      if (std::find(names.begin(), names.end(), name) == names.end()) {
        return fail(400, "unknown member \"" + name + "\"");
      }
    }
    for (const char* name : names) {
      const json::value* value = parsed.as_object().if_contains(name);
      if (value == nullptr || !value->is_string()) return fail(400, std::string("needs \"") + name + "\", a string");
      values_.emplace_back(value->as_string());
    }
  }
  void fail(unsigned status, std::string why) {
    status_ = status;
    why_ = std::move(why);
  }
  std::vector<std::string> values_;
  unsigned status_ = 0;
  std::string why_;
};

// "targets/NAME/tunnel" → NAME
std::optional<std::string> tunnel_target(std::string_view path) {
  constexpr std::string_view before = "/api/v1/targets/";
  constexpr std::string_view after = "/tunnel";
  if (!path.starts_with(before) || !path.ends_with(after) || path.size() <= before.size() + after.size()) return {};
  const std::string_view name = path.substr(before.size(), path.size() - before.size() - after.size());
  if (name.find('/') != std::string_view::npos) return {};
  return std::string(name);
}

std::string query_parameter(const std::string& query, std::string_view wanted) {
  const auto parsed = boost::urls::parse_query(query);
  if (!parsed) return {};
  for (const auto& parameter : *parsed) {
    if (parameter.key.decode() == wanted) return parameter.value.decode();
  }
  return {};
}

}  // namespace

Response problem(const Request& request, unsigned status, const char* code, const char* title,
                 const std::string& detail) {
  json::object body;
  body["type"] = std::string("/problems/") + code;
  body["title"] = title;
  body["status"] = status;
  body["detail"] = detail;
  body["code"] = code;
  body["request_id"] = request.request_id;
  return {status, json::serialize(body), true};
}

std::optional<ports::TokenClaims> Routes::caller(const Request& request) {
  if (request.bearer.empty()) return {};
  auto claims = tokens_.verify(request.bearer);
  if (!claims || !service_.knows(claims->user)) return {};
  return std::move(*claims);
}

Task<Response> Routes::handle(Request request) {
  const std::string& path = request.path;
  const auto is = [&](std::string_view method, std::string_view name) {
    return request.method == method && path.size() == base.size() + name.size() && path.starts_with(base) &&
           path.ends_with(name);
  };
  if (is("POST", "login")) {
    Response response = co_await login(request);
    co_return response;
  }
  const bool known = is("POST", "logout") || is("GET", "me") || is("GET", "targets") || is("POST", "decisions");
  if (!known) {
    for (const std::string_view name : {"login", "logout", "me", "targets", "decisions"}) {
      if (path == std::string(base) + std::string(name)) {
        co_return problem(request, 405, "method_not_allowed", "Method not allowed", request.method + " " + path);
      }
    }
    co_return problem(request, 404, "not_found", "Not found", "there is no " + path);
  }
  const auto claims = caller(request);
  if (!claims) co_return unauthenticated(request, "the access token is missing, expired or revoked");
  if (is("POST", "logout")) co_return logout(request, *claims);
  if (is("GET", "me")) co_return me(*claims);
  if (is("GET", "targets")) co_return targets(*claims);
  Response response = co_await decide(service_, request, claims->user);
  co_return response;
}

Task<Response> Routes::login(const Request& request) {
  const Body body(request, {"username", "password"});
  if (!body.valid()) co_return body.refused(request);
  const auto checked = co_await service_.check_password(body[0], body[1], request.address);
  if (!checked) {
    const Error why = checked.error();
    const bool limited = why.code() == sqlstate::invalid_authorization_specification;
    if (limited) co_return problem(request, 429, "too_many_attempts", "Too many attempts", why.message());
    co_return unauthenticated(request, "the user name or the password is wrong");
  }
  const auto token = tokens_.issue(body[0], token_lifetime);
  if (!token) co_return problem(request, 500, "internal_error", "Internal error", "cannot make a token");
  json::object answer;
  answer["access_token"] = *token;
  answer["token_type"] = "Bearer";
  answer["expires_in_seconds"] = token_lifetime.count();
  answer["user"] = json::object{{"name", body[0]}};
  co_return ok(answer);
}

Response Routes::logout(const Request& request, const ports::TokenClaims& claims) {
  const auto revoked = tokens_.revoke(claims);
  if (!revoked) {
    return problem(request, 503, "not_revoked", "The token could not be revoked",
                   "the state directory cannot be written");
  }
  return {204, {}, false};
}

Response Routes::me(const ports::TokenClaims& claims) {
  json::array groups;
  for (const std::string& group : service_.groups(claims.user))
    groups.emplace_back(group);
  json::object answer;
  answer["user"] = json::object{{"name", claims.user}};
  answer["groups"] = std::move(groups);
  answer["expires_at"] = rfc3339(claims.expires);
  return ok(answer);
}

Response Routes::targets(const ports::TokenClaims& claims) {
  json::array items;
  for (const ports::TargetSummary& target : service_.targets(claims.user)) {
    json::object item;
    item["name"] = target.name;
    item["engine"] = target.engine;
    item["databases"] = json::value_from(target.databases);
    item["access"] = target.access;
    items.push_back(std::move(item));
  }
  return ok(json::object{{"items", std::move(items)}, {"next_cursor", nullptr}});
}

bool Routes::is_tunnel(const Request& request) {
  return request.method == "GET" && tunnel_target(request.path).has_value();
}

Result<ports::TunnelRequest> Routes::open_tunnel(const Request& request, Response& refused) {
  const Error no(sqlstate::insufficient_privilege, "refused");
  const auto claims = caller(request);
  if (!claims) {
    refused = unauthenticated(request, "the access token is missing, expired or revoked");
    return no;
  }
  ports::TunnelRequest tunnel;
  tunnel.user = claims->user;
  tunnel.credential = claims->id;
  tunnel.credential_expires = claims->expires;
  tunnel.database = *tunnel_target(request.path);
  tunnel.address = request.address;
  const std::vector<ports::TargetSummary> targets = service_.targets(claims->user);
  const auto found = std::find_if(targets.begin(), targets.end(), [&tunnel](const ports::TargetSummary& target) {
    return target.name == tunnel.database;
  });
  const std::string other = query_parameter(request.query, "database");
  if (found == targets.end() || (!other.empty() && std::find(found->databases.begin(), found->databases.end(), other) ==
                                                       found->databases.end())) {
    refused = problem(request, 404, "no_such_target", "No such target",
                      "there is no target \"" + tunnel.database + (other.empty() ? "" : "/" + other) + "\" for you");
    return no;
  }
  if (!other.empty()) tunnel.database += "/" + other;
  return tunnel;
}

}  // namespace dbgate::api
