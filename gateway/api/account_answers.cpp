#include "gateway/api/account_answers.h"

#include <array>
#include <utility>

#include "gateway/api/text.h"

namespace dbgate::api {
namespace {

namespace json = boost::json;

constexpr std::size_t most_client_bytes = 100;
constexpr std::int64_t store_pause_s = 5;
constexpr std::int64_t queue_pause_s = 1;
constexpr std::int64_t attempts_pause_s = 60;

struct Meaning {
  SqlState sqlstate;
  std::string_view code;
  std::int64_t retry_after_s = -1;
};

const std::array meanings = {
    Meaning{sqlstate::connection_failure, "store_unavailable", store_pause_s},
    Meaning{sqlstate::too_many_connections, "unavailable", queue_pause_s},
    Meaning{sqlstate::io_error, "unavailable", store_pause_s},
    Meaning{sqlstate::configuration_limit_exceeded, "too_many_attempts", attempts_pause_s},
    Meaning{sqlstate::invalid_password, "wrong_password"},
    Meaning{sqlstate::invalid_parameter_value, "unprocessable"},
    Meaning{sqlstate::unique_violation, "conflict"},
    Meaning{sqlstate::serialization_failure, "conflict"},
    Meaning{sqlstate::object_not_in_prerequisite_state, "conflict"},
    Meaning{sqlstate::undefined_object, "not_found"},
    Meaning{sqlstate::invalid_catalog_name, "not_found"},
    // Nothing in the store of somebody who is signed in: the configuration file has the user.
    Meaning{sqlstate::no_data, "managed_by_configuration"},
    Meaning{sqlstate::feature_not_supported, "managed_by_configuration"},
};

}  // namespace

Response account_problem(const Request& request, const Error& why) {
  for (const Meaning& meaning : meanings) {
    if (meaning.sqlstate != why.code()) continue;
    return problem(request, meaning.code, why.message(), {.retry_after_seconds = meaning.retry_after_s});
  }
  return problem(request, "internal_error", "the gateway failed");
}

ports::AccountCaller account_caller(const Request& request) {
  return {request.caller->user, request.caller->credential, request.caller->expires, request.address};
}

ports::Device device_of(const Request& request, const std::string& named) {
  std::string client = named.empty() ? std::string(request.headers.get("User-Agent")) : named;
  const bool fine = is_plain_text(client) && client.size() <= most_client_bytes;
  return {fine ? std::move(client) : std::string(), request.address};
}

json::object tokens_object(const ports::IssuedTokens& tokens) {
  json::object answer;
  answer["access_token"] = tokens.access_token;
  answer["token_type"] = "Bearer";
  answer["expires_in_seconds"] = tokens.expires_in_s;
  answer["refresh_token"] = tokens.refresh_token;
  answer["refresh_expires_in_seconds"] = tokens.refresh_expires_in_s;
  answer["user"] = json::object{{"name", tokens.user}};
  answer["must_change_password"] = tokens.must_change_password;
  return answer;
}

json::value time_or_null(std::int64_t micros) {
  if (micros == 0) return nullptr;
  return json::value(rfc3339(micros / 1'000'000));
}

}  // namespace dbgate::api
