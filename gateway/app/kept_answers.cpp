#include "gateway/app/kept_answers.h"

#include <boost/json.hpp>

#include "gateway/base/clock.h"
#include "gateway/base/log.h"

namespace dbgate::app {
namespace {

namespace json = boost::json;
using State = api::IdempotencyClaim::State;
using ports::store::RequestState;

constexpr std::int64_t kept_us = 24ll * 3600 * 1'000'000;
constexpr std::size_t most_body_bytes = 128u << 10;
constexpr int not_kept = 0;

std::string packed(const api::KeptAnswer& answer) {
  return json::serialize(json::object{
      {"type", answer.content_type}, {"location", answer.location}, {"etag", answer.etag}, {"body", answer.body}});
}

// Sealed by the store: what stands there is what packed() has written.
api::KeptAnswer unpacked(int status, const std::string& text) {
  api::KeptAnswer answer;
  answer.status = static_cast<unsigned>(status);
  boost::system::error_code failed;
  const json::value parsed = json::parse(text, failed);
  if (failed || !parsed.is_object()) return answer;
  const auto member = [&parsed](std::string_view name) {
    const json::value* const found = parsed.get_object().if_contains(name);
    return found != nullptr && found->is_string() ? std::string(found->get_string()) : std::string();
  };
  answer.content_type = member("type");
  answer.location = member("location");
  answer.etag = member("etag");
  answer.body = member("body");
  return answer;
}

State state_of(RequestState state) {
  switch (state) {
    case RequestState::started:
      return State::fresh;
    case RequestState::running:
      return State::running;
    case RequestState::finished:
      return State::answered;
    case RequestState::mismatch:
      return State::other;
  }
  return State::running;
}

}  // namespace

Task<Result<api::IdempotencyClaim>> KeptAnswers::claim(std::string user, std::string key, std::string request_hash) {
  Result<ports::store::IdempotentRequest> begun = Error();
  co_await net::run_on(identity_.blocking(), [&]() -> Task<> {
    const std::int64_t now = wall_clock_us();
    begun = identity_.store().work().begin_request(user, key, request_hash, now + kept_us, now);
    co_return;
  });
  if (!begun) co_return begun.error();
  api::IdempotencyClaim claim;
  claim.state = state_of(begun->state);
  if (claim.state == State::answered) claim.answer = unpacked(begun->status, begun->body);
  co_return claim;
}

Task<Result<>> KeptAnswers::answer(std::string user, std::string key, api::KeptAnswer answer) {
  const bool small = answer.body.size() <= most_body_bytes;
  const std::string text = small ? packed(answer) : std::string();
  Result<> written = Error();
  co_await net::run_on(identity_.blocking(), [&]() -> Task<> {
    const int status = small ? static_cast<int>(answer.status) : not_kept;
    written = identity_.store().work().finish_request(user, key, status, text);
    co_return;
  });
  co_return written;
}

Task<> KeptAnswers::forget(std::string user, std::string key) {
  co_await net::run_on(identity_.blocking(), [&]() -> Task<> {
    const auto gone = identity_.store().work().abandon_request(user, key);
    if (!gone) log::warn("api", "an Idempotency-Key cannot be given back; it stays taken for a day");
    co_return;
  });
}

}  // namespace dbgate::app
