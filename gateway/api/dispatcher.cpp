#include "gateway/api/dispatcher.h"

#include <algorithm>
#include <cctype>
#include <exception>

#include "gateway/api/etag.h"
#include "gateway/api/origin.h"
#include "gateway/api/problem.h"
#include "gateway/api/text.h"
#include "gateway/base/log.h"

namespace dbgate::api {
namespace {

// Of one address, all its callers together.
constexpr std::uint64_t callers_of_an_address = 10;

void add_rate(Request& request, const Allowance& allowance) {
  if (allowance.quota == 0) return;
  request.answer_fields.set("RateLimit-Policy", "\"api\";q=" + std::to_string(allowance.quota) + ";w=60");
  request.answer_fields.set(
      "RateLimit", "\"api\";r=" + std::to_string(allowance.left) + ";t=" + std::to_string(allowance.reset_seconds));
}

void add_farewell(Request& request, const Farewell& farewell) {
  if (farewell.deprecated > 0) request.answer_fields.set("Deprecation", "@" + std::to_string(farewell.deprecated));
  if (farewell.sunset > 0) request.answer_fields.set("Sunset", http_date(farewell.sunset));
}

Response upgrade_required(const Request& request) {
  const bool tunnel = request.operation->demands(Demand::tunnel);
  Response refused =
      problem(request, "upgrade_required", tunnel ? "this path is a tunnel" : "this path is a WebSocket");
  refused.headers.set("Upgrade", (tunnel ? std::string(tunnel_protocol) + ", " : "") + "websocket");
  return refused;
}

std::optional<Response> refuse_by_conditions(const Request& request) {
  const Operation& operation = *request.operation;
  if (operation.demands(Demand::if_match) && !request.headers.has("If-Match")) {
    return problem(request, "precondition_required", "send the ETag of what you have read as If-Match");
  }
  if (operation.demands(Demand::idempotency_key) && request.headers.has("Idempotency-Key") &&
      !acceptable_idempotency_key(request.headers.get("Idempotency-Key"))) {
    return problem(request, "bad_request", "an Idempotency-Key is 1 to 255 visible ASCII characters");
  }
  return {};
}

std::optional<Response> refuse_by_scope(const Request& request) {
  const Operation& operation = *request.operation;
  const std::string_view needed = operation.access == Access::role ? "admin" : operation.scope;
  if (needed.empty() || request.caller->may(needed)) return {};
  return out_of_scope(request, needed);
}

Response replay(const Request& request, const KeptAnswer& kept) {
  if (kept.status == 0) {
    return problem(request, "idempotency_not_kept", "this was done before; its answer was streamed and is not kept");
  }
  Response response = json_response(kept.body, kept.status);
  response.content_type = kept.content_type;
  response.etag = kept.etag;
  if (!kept.location.empty()) response.headers.set("Location", kept.location);
  response.headers.set("Idempotency-Replayed", "true");
  return response;
}

KeptAnswer keep(const Response& response) {
  if (response.stream || response.upgrade) return {};
  return {response.status, response.content_type, std::string(response.headers.get("Location")), response.etag,
          response.kept_body.value_or(response.body)};
}

// Whether the same request may have another end at the next attempt.
bool may_be_tried_again(unsigned status) noexcept {
  return status >= 500 || status == 429 || status == 408;
}

}  // namespace

bool acceptable_request_id(std::string_view id) noexcept {
  return !id.empty() && id.size() <= 64 && std::all_of(id.begin(), id.end(), [](unsigned char c) {
    return c < 0x80 && (std::isalnum(c) != 0 || c == '-' || c == '_');
  });
}

std::optional<Response> Dispatcher::find(Request& request) {
  Route route = router_.find(request.method, request.path);
  request.operation = route.operation;
  request.parameters = std::move(route.parameters);
  switch (route.outcome) {
    case Route::Outcome::found:
      return {};
    case Route::Outcome::malformed:
      return problem(request, "bad_request", route.why);
    case Route::Outcome::no_path:
      return problem(request, "not_found", route.why);
    case Route::Outcome::no_method: {
      Response refused = problem(request, "method_not_allowed", route.why);
      refused.headers.set("Allow", route.allow);
      return refused;
    }
    case Route::Outcome::options: {
      Response answer = no_content();
      answer.headers.set("Allow", route.allow);
      return answer;
    }
  }
  return {};
}

void Dispatcher::note_tls_failure(std::string_view reason) const {
  if (services_.counted == nullptr) return;
  services_.counted->count(telemetry::tls_failures, {{"listener", "api"}, {"reason", std::string(reason)}});
}

std::optional<Response> Dispatcher::refuse_by_rate(Request& request, const std::string& key, std::uint64_t per_minute) {
  const Allowance allowance = rates_.take(key, per_minute, RateLimiter::Clock::now());
  add_rate(request, allowance);
  if (allowance.allowed) return {};
  if (services_.counted != nullptr) services_.counted->count(telemetry::rate_limited, {{"scope", "api"}});
  return problem(request, "too_many_requests", "more requests than " + std::to_string(allowance.quota) + " a minute",
                 {.retry_after_seconds = allowance.wait_seconds});
}

// Who is nobody uses up what his address has.
Task<std::optional<Response>> Dispatcher::identify(Request& request) {
  const std::uint64_t per_minute = services_.requests_per_minute();
  const std::string address = "address " + address_group(request.address);
  const Operation& operation = *request.operation;
  if (operation.access == Access::anybody) co_return refuse_by_rate(request, address, per_minute);
  auto caller = co_await services_.authenticator.authenticate(request);
  if (!caller) {
    const Error why = caller.error();
    auto refused = refuse_by_rate(request, address, per_minute);
    if (refused) co_return refused;
    if (why.code() != sqlstate::invalid_authorization_specification) {
      const bool store_gone = why.code() == sqlstate::connection_failure;
      co_return problem(request, store_gone ? "store_unavailable" : "unavailable", why.message(),
                        {.retry_after_seconds = 5});
    }
    co_return problem(request, "not_authenticated", why.message());
  }
  request.caller = std::move(*caller);
  auto refused = refuse_by_rate(request, "user " + request.caller->user, per_minute);
  if (refused) co_return refused;
  refused = refuse_by_scope(request);
  if (refused) co_return refused;
  if (operation.access == Access::role && !any_of(request.caller->roles, operation.roles)) {
    co_return problem(request, "not_permitted", "this needs an administrative role that you do not have");
  }
  co_return std::nullopt;
}

Task<std::optional<Response>> Dispatcher::admit(Request& request) {
  const std::uint64_t per_minute = services_.requests_per_minute() * callers_of_an_address;
  auto refused = refuse_by_rate(request, "all of " + address_group(request.address), per_minute);
  if (refused) co_return refused;
  refused = find(request);
  if (refused) co_return refused;
  add_farewell(request, request.operation->farewell);
  if (is_foreign(request, services_.public_url ? services_.public_url() : std::string())) {
    co_return problem(request, "origin_refused", "the request comes from a page of another origin");
  }
  const bool upgrades = request.upgrade || (request.tunnel && request.operation->demands(Demand::tunnel));
  if (request.operation->demands(Demand::websocket) && !upgrades) co_return upgrade_required(request);
  refused = co_await identify(request);
  if (refused) co_return refused;
  co_return refuse_by_conditions(request);
}

Task<Response> Dispatcher::call(Request& request) {
  std::string failure;
  try {
    Response response = co_await request.operation->handler(services_, request);
    co_return response;
  } catch (const std::exception& error) {
    failure = error.what();
  }
  log::error("api", "an operation ended by an internal error",
             {{"operation", request.operation->id}, {"request_id", request.request_id}, {"err", failure}});
  co_return problem(request, "internal_error", "the gateway failed");
}

Task<Response> Dispatcher::call_once(Request& request, std::string key) {
  const std::string user = request.caller ? request.caller->user : "";
  IdempotencyKeys& keys = services_.idempotency;
  const auto claimed = co_await keys.claim(user, key, hash_request(request));
  if (!claimed) {
    const Error why = claimed.error();
    co_return problem(request, "unavailable", why.message(), {.retry_after_seconds = 5});
  }
  switch (claimed->state) {
    case IdempotencyClaim::State::running:
      co_return problem(request, "idempotency_in_progress", "the first request with this key is not answered yet");
    case IdempotencyClaim::State::other:
      co_return problem(request, "idempotency_key_reused", "this Idempotency-Key was used for another request");
    case IdempotencyClaim::State::answered:
      co_return replay(request, claimed->answer);
    case IdempotencyClaim::State::fresh:
      break;
  }
  Response response = co_await call(request);
  if (may_be_tried_again(response.status)) {
    co_await keys.forget(user, key);
    co_return response;
  }
  // What was done stays done: an answer that cannot be kept is given all the same.
  const auto kept = co_await keys.answer(user, key, keep(response));
  if (!kept)
    log::warn("api", "an answer could not be kept for its Idempotency-Key", {{"request_id", request.request_id}});
  co_return response;
}

Task<Response> Dispatcher::handle(Request& request) {
  std::string key(request.headers.get("Idempotency-Key"));
  const bool once = request.operation->demands(Demand::idempotency_key) && !key.empty();
  Response response = once ? co_await call_once(request, std::move(key)) : co_await call(request);
  co_return response;
}

// Of paths that are none the method may be anything as well: neither becomes a label.
void Dispatcher::count(const Request& request, unsigned status) const {
  if (services_.counted == nullptr) return;
  const bool known = request.operation != nullptr;
  const telemetry::EventCounters::Labels route = {{"method", known ? std::string(request.operation->method) : "other"},
                                                  {"route", known ? std::string(request.operation->path) : "none"}};
  auto answered = route;
  answered.emplace_back("code", std::to_string(status));
  services_.counted->count(telemetry::http_requests, std::move(answered));
  if (request.begun == std::chrono::steady_clock::time_point()) return;
  const auto took = std::chrono::steady_clock::now() - request.begun;
  services_.counted->observe(telemetry::http_durations, route,
                             std::chrono::duration_cast<std::chrono::microseconds>(took));
}

Response Dispatcher::finish(const Request& request, Response response) const {
  Response finished = complete(request, std::move(response));
  count(request, finished.status);
  return finished;
}

Response Dispatcher::complete(const Request& request, Response response) {
  response.headers.set("X-Request-Id", request.request_id);
  response.headers.set("X-Content-Type-Options", "nosniff");
  // Clients compare it with their own (dbgate doctor); whoever is nobody need not know it.
  if (request.caller) response.headers.set("Server", "dbgate/" DBGATE_VERSION);
  if (!response.headers.has("Cache-Control")) response.headers.set("Cache-Control", "no-store");
  for (const auto& [name, value] : request.answer_fields)
    response.headers.set(name, value);
  const bool reads = request.method == "GET" || request.method == "HEAD";
  if (response.etag.empty()) return response;
  response.headers.set("ETag", response.etag);
  if (reads && response.status == 200 && names_etag(request.headers.get("If-None-Match"), response.etag, true)) {
    response.status = 304;
    response.body.clear();
    response.stream = nullptr;
  }
  return response;
}

}  // namespace dbgate::api
