#include "cli/api_client.h"

#include <boost/json.hpp>
#include <boost/url/encode.hpp>
#include <boost/url/rfc/unreserved_chars.hpp>
#include <condition_variable>
#include <mutex>

#include "cli/http/trace.h"
#include "cli/output.h"
#include "cli/problem.h"
#include "gateway/base/ids.h"

namespace dbgate::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t page_items = 500;
constexpr std::chrono::seconds longest_wait{10};  // for a rate limit, before it is an error
constexpr std::chrono::seconds renewal_margin{30};

/// Waits, unless it is told to stop.
void pause(std::chrono::seconds time, const std::stop_token& stop) {
  std::mutex mutex;
  std::unique_lock lock(mutex);
  std::condition_variable_any().wait_for(lock, stop, time, [] { return false; });
}

Exit exit_for(unsigned status, const json::object& body) {
  if (text_at(body, "code") == "wrong_password") return Exit::not_authenticated;
  if (text_at(body, "decision.effect") == "hold" || text_at(body, "code") == "approval_required") {
    return Exit::approval_required;
  }
  switch (status) {
    case 401:
      return Exit::not_authenticated;
    case 403:
      return Exit::denied;
    case 404:
      return Exit::not_found;
    case 408:
    case 504:
      return Exit::timed_out;
    case 502:
    case 503:
      return Exit::unreachable;
    default:
      return body.contains("sqlstate") ? Exit::database_error : Exit::failure;
  }
}

std::string hint_for(Exit exit, const json::object& body) {
  const std::string approval = text_at(body, "approval_url");
  if (!approval.empty()) return "dbgate approvals wait " + approval.substr(approval.rfind('/') + 1);
  const std::string own = text_at(body, "hint");
  if (!own.empty()) return own;
  if (exit == Exit::timed_out) return "--timeout allows more, as far as the gateway does";
  const std::string code = text_at(body, "code");
  if (code == "changed_meanwhile") return "somebody else changed it meanwhile; look again and repeat";
  if (code == "managed_by_configuration") return "the gateway reads its configuration file again on SIGHUP";
  if (code == "password_change_required") return "dbgate password";
  if (code == "wrong_password") return "try again; an administrator can reset it: dbgate user reset";
  if (code == "not_permitted") return "dbgate whoami shows your roles";
  if (code == "not_an_approver") return "dbgate approvals show names those who may decide";
  if (exit == Exit::not_authenticated) return "dbgate login";
  return {};
}

std::string lower_first(std::string text) {
  const bool sentence = text.size() > 1 && std::islower(static_cast<unsigned char>(text[1])) != 0;
  if (sentence) text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  if (!text.empty() && text.back() == '.') text.pop_back();
  return text;
}

Problem problem_of(const HttpAnswer& answer) {
  boost::system::error_code failed;
  const json::value parsed = answer.body.empty() ? json::value() : json::parse(answer.body, failed);
  Problem problem = problem_in(!failed && parsed.is_object() ? parsed.as_object() : json::object(), answer.status);
  problem.request_id = answer.header("X-Request-Id");
  if (problem.cause.empty()) problem.cause = "the gateway answered " + std::to_string(answer.status);
  const std::string wait = answer.header("Retry-After");
  if (problem.hint.empty() && !wait.empty()) problem.hint = "try again in " + wait + " s";
  return problem;
}

json::value json_of(const HttpAnswer& answer, const GatewayUrl& url) {
  if (answer.body.empty()) return nullptr;
  boost::system::error_code failed;
  json::value parsed = json::parse(answer.body, failed);
  if (!failed) return parsed;
  throw Problem{Exit::failure, url.text() + " does not answer as a gateway does", "check the URL",
                answer.header("X-Request-Id")};
}

const std::string base = "/api/v1";

}  // namespace

Problem problem_in(json::object body, unsigned status) {
  Problem problem;
  problem.body = std::move(body);
  const json::value* said = problem.body.if_contains("status");
  problem.status =
      status == 0 && said != nullptr && said->is_int64() ? static_cast<unsigned>(said->as_int64()) : status;
  problem.exit = exit_for(problem.status, problem.body);
  problem.code = text_at(problem.body, "code");
  problem.cause = text_at(problem.body, "detail");
  if (problem.code.empty()) problem.code = text_at(problem.body, "error");  // RFC 6749 §5.2
  if (problem.cause.empty()) problem.cause = text_at(problem.body, "error_description");
  if (problem.cause.empty()) problem.cause = text_at(problem.body, "title");
  problem.cause = lower_first(problem.cause);
  // Of what is wrong in a body, the first is what to mend first.
  if (const json::value* errors = problem.body.if_contains("errors"); errors != nullptr && errors->is_array()) {
    for (const json::value& one : errors->as_array()) {
      const std::string detail = text_at(one, "detail");
      if (!detail.empty() && problem.cause.find(detail) == std::string::npos)
        problem.cause += ": " + lower_first(detail);
      break;
    }
  }
  // Whoever reads of an error of the database wants to look its code up.
  if (problem.exit == Exit::database_error) problem.cause += " (SQLSTATE " + text_at(problem.body, "sqlstate") + ")";
  problem.hint = hint_for(problem.exit, problem.body);
  // Here that is done by a verb, not by a path.
  if (problem.code == "password_change_required") problem.cause = problem.cause.substr(0, problem.cause.find(','));
  return problem;
}

std::int64_t lifetime_of(const json::value& answer) {
  for (const char* name : {"expires_in_seconds", "expires_in"}) {
    const json::value* value = answer.is_object() ? answer.as_object().if_contains(name) : nullptr;
    if (value != nullptr && value->is_int64() && value->as_int64() > 0) return value->as_int64();
  }
  return 900;
}

std::string percent_encoded(const std::string& text) {
  return boost::urls::encode(text, boost::urls::unreserved_chars);
}

Api::Api(const Options& options) : Api(options, gateway_of(options)) {}
Api::Api(const Options& options, const GatewayUrl& url) : options_(options), url_(url) {}
Api::~Api() = default;

// Sends a request as it is. A rate limit that ends soon is waited for: what was refused was not done.
HttpAnswer Api::send(HttpRequest request, bool stream) {
  for (bool waited = false;; waited = true) {
    if (!connection_ || !connection_->reusable()) connection_ = std::make_unique<HttpConnection>(options_, url_);
    HttpAnswer answer = stream ? connection_->open(request) : connection_->exchange(request);
    if (stream && answer.status < 400) trace_answer(options_, answer);
    if (answer.status < 400) return answer;
    if (stream) {
      for (std::string piece = connection_->read_some(longest_wait); !piece.empty();
           piece = connection_->read_some(longest_wait))
        answer.body += piece;
      trace_answer(options_, answer);
    }
    const std::string after = answer.header("Retry-After");
    const bool seconds =
        !after.empty() && after.size() < 4 && after.find_first_not_of("0123456789") == std::string::npos;
    const std::chrono::seconds wait(seconds ? std::stoi(after) : 1000);
    if (answer.status != 429 || waited || wait > longest_wait) throw problem_of(answer);
    pause(wait, options_.stop);
  }
}

void Api::renew() {
  if (fixed_token().empty()) token_for(options_, url_, renewal_margin, token_for(options_, url_, renewal_margin));
}

// The same with an access token. One that the gateway does not accept is renewed once.
HttpAnswer Api::send_signed(HttpRequest request, bool stream) {
  request.token = token_for(options_, url_, renewal_margin);
  try {
    return send(request, stream);
  } catch (const Problem& problem) {
    if (problem.status != 401) throw;
    if (!fixed_token().empty()) {
      Problem refused = problem;
      refused.hint = "unset DBGATE_TOKEN and DBGATE_TOKEN_FILE, or set a valid token";
      throw refused;
    }
    const std::string renewed = [&] {
      try {
        return token_for(options_, url_, renewal_margin, request.token);
      } catch (const Problem& none) {
        if (none.exit != Exit::not_authenticated || none.status != 0) throw;
        return std::string();
      }
    }();
    if (renewed.empty()) throw;
    request.token = renewed;
  }
  return send(std::move(request), stream);
}

json::value Api::call(const std::string& method, const std::string& path, const json::value& body) {
  HttpRequest request{method, base + path, "", "", ""};
  if (!body.is_null()) {
    request.content_type = "application/json";
    request.body = json::serialize(body);
  }
  return json_of(send_signed(std::move(request)), url_);
}

json::value Api::open_call(const std::string& path, const json::object& body) {
  return json_of(send({"POST", base + path, "", "application/json", json::serialize(body)}), url_);
}

json::value Api::form(std::initializer_list<std::pair<const char*, std::string>> fields) {
  std::string body;
  for (const auto& [name, value] : fields)
    body += (body.empty() ? "" : "&") + std::string(name) + "=" + percent_encoded(value);
  return json_of(send({"POST", base + "/token", "", "application/x-www-form-urlencoded", body}), url_);
}

json::array Api::items(const std::string& path, Query query, std::size_t limit) {
  json::array all;
  for (std::string cursor; all.size() < limit;) {
    query["limit"] = limit < page_items ? std::to_string(limit - all.size()) : std::to_string(page_items);
    query["cursor"] = cursor;
    std::string whole = path;
    char mark = '?';
    for (const auto& [name, value] : query) {
      if (value.empty()) continue;
      whole += mark + name + "=" + percent_encoded(value);
      mark = '&';
    }
    const json::value answer = call("GET", whole);
    const json::value* page = answer.is_object() ? answer.as_object().if_contains("items") : nullptr;
    if (page == nullptr || !page->is_array()) break;
    for (const json::value& item : page->as_array())
      if (all.size() < limit) all.push_back(item);
    const std::string next = text_at(answer, "next_cursor");
    if (next.empty() || next == cursor) break;
    cursor = next;
  }
  return all;
}

json::value Api::create(const std::string& path, const json::object& body, const std::string& etag) {
  HttpRequest request{"POST", base + path, "", "application/json", json::serialize(body)};
  request.headers.emplace_back("Idempotency-Key", make_id("idk_"));
  if (!etag.empty()) request.headers.emplace_back("If-Match", etag);
  return json_of(send_signed(std::move(request)), url_);
}

json::value Api::change(const std::string& method, const std::string& path, const json::value& body) {
  const HttpAnswer seen = send_signed({"GET", base + path, "", "", ""});
  HttpRequest request{method, base + path, "", "", ""};
  if (!body.is_null()) {
    request.content_type = method == "PATCH" ? "application/merge-patch+json" : "application/json";
    request.body = json::serialize(body);
  }
  const std::string tag = seen.header("ETag");
  if (!tag.empty()) request.headers.emplace_back("If-Match", tag);
  return json_of(send_signed(std::move(request)), url_);
}

}  // namespace dbgate::cli
