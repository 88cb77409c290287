#pragma once
#include <optional>
#include <span>

#include "gateway/api/rate_limit.h"
#include "gateway/api/router.h"
#include "gateway/api/services.h"

namespace dbgate::api {

/// From a request to its answer: finds the operation, applies the rules that hold for all of them, and calls the
/// handler. Knows neither sockets nor HTTP's syntax. Used on the API's thread.
class Dispatcher {
 public:
  Dispatcher(Services& services, std::span<const Operation> operations) : services_(services), router_(operations) {}

  /// Decides by the header whether the request goes on: path, method, origin, rate, credential, role, conditions. Sets
  /// request.operation, its parameters and caller. @return the refusal, or nothing: read the body, then handle()
  Task<std::optional<Response>> admit(Request& request);
  /// The answer to a request that was admitted and has its body.
  Task<Response> handle(Request& request);
  /// What all answers have: request id, rate limit, 304 where the client has it already.
  /// Counts it as answered.
  Response finish(const Request& request, Response response) const;
  RateLimiter& rates() noexcept { return rates_; }

  /// A client's TLS handshake has failed. @param reason  of telemetry::tls_reasons
  void note_tls_failure(std::string_view reason) const;

 private:
  std::optional<Response> find(Request& request);
  std::optional<Response> refuse_by_rate(Request& request, const std::string& key, std::uint64_t per_minute);
  static Response complete(const Request& request, Response response);
  void count(const Request& request, unsigned status) const;
  Task<std::optional<Response>> identify(Request& request);
  Task<Response> call(Request& request);
  Task<Response> call_once(Request& request, std::string key);

  Services& services_;
  Router router_;
  RateLimiter rates_;
};

/// 1 to 64 of letters, digits, '-' and '_'.
bool acceptable_request_id(std::string_view id) noexcept;

}  // namespace dbgate::api
