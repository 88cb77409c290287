#include "gateway/api/problem.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "gateway/api/pages.h"
#include "gateway/api/text.h"
#include "gateway/base/utf8.h"

namespace dbgate::api {
namespace {

namespace json = boost::json;

constexpr ProblemKind kinds[] = {
#include "problems.inc"
};

json::array list_of(const std::vector<FieldProblem>& errors) {
  json::array list;
  for (const FieldProblem& error : errors)
    list.push_back(json::object{{"pointer", error.pointer}, {"detail", error.detail}});
  return list;
}

// Members that come as text are made by this process; what is no JSON is left out rather than sent.
void merge(json::object& body, const std::string& members) {
  boost::system::error_code failed;
  const json::value parsed = json::parse("{" + members + "}", failed);
  if (failed) return;
  for (const auto& [key, value] : parsed.as_object())
    body[key] = value;
}

void add_details(json::object& body, const ProblemDetails& more) {
  if (!more.errors.empty()) body["errors"] = list_of(more.errors);
  if (!more.sqlstate.empty()) body["sqlstate"] = more.sqlstate;
  if (more.position > 0) body["position"] = more.position;
  if (!more.decision.empty()) merge(body, "\"decision\":" + more.decision);
  if (!more.approval_url.empty()) body["approval_url"] = more.approval_url;
  if (more.retry_after_seconds >= 0) body["retry_after_seconds"] = more.retry_after_seconds;
  if (!more.members.empty()) merge(body, more.members);
}

}  // namespace

std::span<const ProblemKind> problem_kinds() noexcept {
  return kinds;
}

const ProblemKind* find_problem(std::string_view code) noexcept {
  const auto* const found =
      std::find_if(std::begin(kinds), std::end(kinds), [code](const ProblemKind& kind) { return kind.code == code; });
  return found == std::end(kinds) ? nullptr : found;
}

Response problem(const Request& request, std::string_view code, const std::string& detail, const ProblemDetails& more) {
  const ProblemKind* kind = find_problem(code);
  if (kind == nullptr) kind = find_problem("internal_error");
  json::object body;
  body["type"] = "/problems/" + std::string(kind->code);
  body["title"] = kind->title;
  body["status"] = kind->status;
  body["detail"] = is_utf8(detail) ? detail : std::string(kind->title);
  if (is_utf8(request.path) && !request.path.empty()) body["instance"] = request.path;
  body["code"] = kind->code;
  body["request_id"] = request.request_id;
  add_details(body, more);
  Response response;
  response.status = kind->status;
  response.content_type = "application/problem+json";
  response.body = json::serialize(body);
  if (kind->status == 401) response.headers.set("WWW-Authenticate", "Bearer");
  if (more.retry_after_seconds >= 0) response.headers.set("Retry-After", std::to_string(more.retry_after_seconds));
  return response;
}

Response out_of_scope(const Request& request, std::string_view scope) {
  if (request.caller && request.caller->credential.starts_with("lgn_")) {
    return problem(request, "password_change_required",
                   "the password was for one sign-in only: choose another first, by POST /api/v1/me/password");
  }
  return problem(request, "insufficient_scope", "this needs a token with the scope \"" + std::string(scope) + "\"");
}

std::string problem_page(std::string_view code) {
  const ProblemKind* const kind = find_problem(code);
  if (kind == nullptr) return {};
  std::string page = "<h1>" + escape_html(kind->title) + "</h1>\n<p class=\"facts\"><code>" + escape_html(kind->code) +
                     "</code> · HTTP status " + std::to_string(kind->status) + "</p>\n<p>" +
                     escape_html(kind->meaning) + "</p>\n<h2>What to do</h2>\n<p>" + escape_html(kind->remedy) +
                     "</p>\n<p><a href=\"" + std::string(docs_path) + "#problems\">All problems</a></p>\n";
  return html_page(kind->title, page);
}

}  // namespace dbgate::api
