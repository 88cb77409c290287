#include "cli/http/trace.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <iostream>

#include "cli/terminal.h"

namespace dbgate::cli {
namespace {

namespace json = boost::json;

// Members whose values may be shown. Anything else is a secret, a statement, or of no help.
constexpr std::array shown = std::to_array<std::string_view>(
    {"type",     "title",  "status", "detail",   "instance", "code",   "request_id", "retry_after_seconds",
     "error",    "target", "name",   "username", "provider", "format", "principal",  "error_description",
     "sqlstate", "limit",  "group",  "groups",   "client",   "reason", "ticket",     "expires_at"});

bool may_show(std::string_view name) {
  return std::find(shown.begin(), shown.end(), name) != shown.end();
}

json::value masked(const json::value& value, bool problem) {
  if (!value.is_object()) return "***";
  json::object object;
  for (const auto& [name, inner] : value.as_object()) {
    // In a request, "code" is an authorization code.
    const bool plain = may_show(name) && (problem || name != "code");
    object[name] = plain ? inner : json::value("***");
  }
  return object;
}

std::string masked_json(const std::string& body, bool problem) {
  boost::system::error_code failed;
  const json::value value = json::parse(body, failed);
  return failed ? "(" + std::to_string(body.size()) + " bytes)" : json::serialize(masked(value, problem));
}

}  // namespace

std::string masked_body(const std::string& content_type, const std::string& body) {
  if (body.empty()) return {};
  if (content_type.find("json") != std::string::npos) {
    return masked_json(body, content_type.find("problem") != std::string::npos);
  }
  std::string out;
  for (std::size_t at = 0; at < body.size();) {
    const std::size_t end = std::min(body.find('&', at), body.size());
    const std::string pair = body.substr(at, end - at);
    const std::string name = pair.substr(0, pair.find('='));
    out += (out.empty() ? "" : "&") + (name == "grant_type" ? pair : name + "=***");
    at = end + 1;
  }
  return out;
}

void trace(const Options& options, const std::string& what) {
  if (options.debug) std::cerr << styled("* " + what, Style::dim, 2) << '\n';
}

void trace_request(const Options& options, const HttpRequest& request) {
  if (!options.debug) return;
  // A query may hold a search text.
  std::cerr << "> " << request.method << ' ' << request.path.substr(0, request.path.find('?')) << '\n';
  if (!request.token.empty()) std::cerr << "> Authorization: Bearer ***\n";
  for (const auto& [name, value] : request.headers)
    std::cerr << "> " << name << ": " << value << '\n';
  if (!request.body.empty()) std::cerr << "> " << masked_body(request.content_type, request.body) << '\n';
}

void trace_answer(const Options& options, const HttpAnswer& answer) {
  if (!options.debug) return;
  std::cerr << "< " << answer.status << '\n';
  for (const char* name : {"X-Request-Id", "Content-Type", "Retry-After", "RateLimit", "Server"}) {
    const std::string value = answer.header(name);
    if (!value.empty()) std::cerr << "< " << name << ": " << value << '\n';
  }
  const std::string type = answer.header("Content-Type");
  if (answer.status >= 400 && !answer.body.empty()) std::cerr << "< " << masked_body(type, answer.body) << '\n';
}

}  // namespace dbgate::cli
