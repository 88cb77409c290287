#include <boost/json.hpp>
#include <charconv>

#include "gateway/models/dialect.h"
#include "gateway/models/prompt.h"

namespace dbgate::models {
namespace {

namespace json = boost::json;
using config::ModelDialect;
using config::ModelProvider;
using ports::ModelOutcome;
using std::chrono::milliseconds;

constexpr milliseconds longest_wait{3'600'000};
constexpr std::uint64_t most_counted = 10'000'000;  // tokens of one call that anybody believes

// Members along a path; a null value where there are none. Numbers are positions in arrays.
const json::value nothing;
const json::value& at(const json::value& value, std::string_view name) {
  const json::object* const object = value.if_object();
  const json::value* const found = object == nullptr ? nullptr : object->if_contains(name);
  return found == nullptr ? nothing : *found;
}
const json::value& at(const json::value& value, std::size_t index) {
  const json::array* const array = value.if_array();
  return array == nullptr || index >= array->size() ? nothing : (*array)[index];
}
std::string_view text_of(const json::value& value) {
  const json::string* const text = value.if_string();
  return text == nullptr ? std::string_view() : std::string_view(*text);
}
std::uint64_t count_of(const json::value& value) {
  const std::int64_t* const number = value.if_int64();
  if (number == nullptr || *number < 0) return 0;
  return std::min(static_cast<std::uint64_t>(*number), most_counted);
}
template <class Visit>
void each(const json::value& list, Visit&& visit) {
  if (const json::array* const array = list.if_array()) {
    for (const json::value& one : *array)
      visit(one);
  }
}

void count(Reply& reply, const json::value& input, const json::value& output) {
  reply.counted = input.is_int64() && output.is_int64();
  reply.input_tokens = count_of(input);
  reply.output_tokens = count_of(output);
}

void read_chat(const json::value& body, Reply& reply) {
  const json::value& usage = at(body, "usage");
  count(reply, at(usage, "prompt_tokens"), at(usage, "completion_tokens"));
  const json::value& choice = at(at(body, "choices"), 0u);
  const json::value& message = at(choice, "message");
  const std::string_view finish = text_of(at(choice, "finish_reason"));
  if (finish == "length") {
    reply.outcome = ModelOutcome::truncated;
  } else if (finish == "content_filter") {
    reply.outcome = ModelOutcome::filtered;
  } else if (!text_of(at(message, "refusal")).empty()) {
    reply.outcome = ModelOutcome::refused;
  } else if (finish == "stop" && at(message, "content").is_string()) {
    reply.outcome = ModelOutcome::ok;
    reply.text = text_of(at(message, "content"));
  }
}

void read_responses(const json::value& body, Reply& reply) {
  const json::value& usage = at(body, "usage");
  count(reply, at(usage, "input_tokens"), at(usage, "output_tokens"));
  const std::string_view status = text_of(at(body, "status"));
  if (status == "failed") reply.outcome = ModelOutcome::failing;
  if (status == "incomplete") {
    const bool filter = text_of(at(at(body, "incomplete_details"), "reason")) == "content_filter";
    reply.outcome = filter ? ModelOutcome::filtered : ModelOutcome::truncated;
  }
  if (status != "completed") return;
  bool refused = false, spoke = false;
  each(at(body, "output"), [&](const json::value& item) {
    if (text_of(at(item, "type")) != "message") return;
    each(at(item, "content"), [&](const json::value& part) {
      const std::string_view type = text_of(at(part, "type"));
      refused = refused || type == "refusal";
      if (type != "output_text") return;
      spoke = true;
      reply.text += text_of(at(part, "text"));
    });
  });
  if (spoke) reply.outcome = ModelOutcome::ok;
  if (refused) reply.outcome = ModelOutcome::refused;
}

void read_anthropic(const json::value& body, Reply& reply) {
  const json::value& usage = at(body, "usage");
  count(reply, at(usage, "input_tokens"), at(usage, "output_tokens"));
  reply.input_tokens +=
      count_of(at(usage, "cache_read_input_tokens")) + count_of(at(usage, "cache_creation_input_tokens"));
  const std::string_view stop = text_of(at(body, "stop_reason"));
  if (stop == "max_tokens" || stop == "model_context_window_exceeded") reply.outcome = ModelOutcome::truncated;
  if (stop == "refusal") reply.outcome = ModelOutcome::refused;
  if (stop != "end_turn" && stop != "stop_sequence") return;
  each(at(body, "content"), [&](const json::value& part) {
    if (text_of(at(part, "type")) != "text") return;
    reply.outcome = ModelOutcome::ok;
    reply.text += text_of(at(part, "text"));
  });
}

void read_gemini(const json::value& body, Reply& reply) {
  const json::value& usage = at(body, "usageMetadata");
  count(reply, at(usage, "promptTokenCount"), at(usage, "candidatesTokenCount"));
  reply.output_tokens += count_of(at(usage, "thoughtsTokenCount"));
  const json::value& candidate = at(at(body, "candidates"), 0u);
  if (candidate.is_null()) {
    if (!text_of(at(at(body, "promptFeedback"), "blockReason")).empty()) reply.outcome = ModelOutcome::filtered;
    return;
  }
  const std::string_view finish = text_of(at(candidate, "finishReason"));
  for (const std::string_view filter : {"SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII"}) {
    if (finish == filter) reply.outcome = ModelOutcome::filtered;
  }
  if (finish == "MAX_TOKENS") reply.outcome = ModelOutcome::truncated;
  if (finish != "STOP") return;
  each(at(at(candidate, "content"), "parts"), [&](const json::value& part) {
    const bool* const thought = at(part, "thought").if_bool();
    if ((thought != nullptr && *thought) || !at(part, "text").is_string()) return;
    reply.outcome = ModelOutcome::ok;
    reply.text += text_of(at(part, "text"));
  });
}

void read_ollama(const json::value& body, Reply& reply) {
  count(reply, at(body, "prompt_eval_count"), at(body, "eval_count"));
  const std::string_view done = text_of(at(body, "done_reason"));
  if (done == "length") reply.outcome = ModelOutcome::truncated;
  const bool* const whole = at(body, "done").if_bool();
  if (done != "stop" || whole == nullptr || !*whole || !at(at(body, "message"), "content").is_string()) return;
  reply.outcome = ModelOutcome::ok;
  reply.text = text_of(at(at(body, "message"), "content"));
}

// "7s", "0.5s" or "7", in seconds; `unit` is how many milliseconds one of them is.
milliseconds duration_of(std::string_view text, double unit = 1'000) {
  double number = 0;
  const char* const behind = text.data() + text.size();
  const auto [end, wrong] = std::from_chars(text.data(), behind, number, std::chars_format::fixed);
  const std::string_view rest(end, static_cast<std::size_t>(behind - end));
  if (wrong != std::errc() || (!rest.empty() && rest != "s") || !(number >= 0)) return milliseconds(0);
  if (number * unit >= static_cast<double>(longest_wait.count())) return longest_wait;
  return milliseconds(static_cast<std::int64_t>(number * unit + 0.999));
}

milliseconds retry_after(const ports::HttpResponse& response, const json::value& body) {
  milliseconds exact{0}, wait{0};
  for (const auto& [name, value] : response.headers) {
    if (name == "retry-after-ms") exact = duration_of(value, 1);
    if (name == "retry-after") wait = duration_of(value);  // a date counts as none
  }
  if (exact.count() > 0) return exact;
  each(at(at(body, "error"), "details"),
       [&](const json::value& detail) { wait = std::max(wait, duration_of(text_of(at(detail, "retryDelay")))); });
  return wait;
}

ModelOutcome outcome_of_status(unsigned status) {
  if (status >= 500 || status == 408 || status == 409 || status == 498 || status == 499) return ModelOutcome::failing;
  switch (status) {
    case 401:
    case 403:
      return ModelOutcome::unauthorized;
    case 402:
      return ModelOutcome::exhausted;
    case 429:
      return ModelOutcome::limited;
    default:
      return ModelOutcome::rejected;
  }
}

void read_error(const ports::HttpResponse& response, const json::value& body, Reply& reply) {
  reply.outcome = outcome_of_status(response.status);
  reply.retry_after = retry_after(response, body);
  const json::value& error = at(body, "error");
  const std::string_view code = text_of(at(error, "code"));
  if (code == "insufficient_quota" || text_of(at(error, "type")) == "insufficient_quota")
    reply.outcome = ModelOutcome::exhausted;
  if (response.status != 400) return;
  if (code == "content_filter" || text_of(at(at(error, "innererror"), "code")) == "ResponsibleAIPolicyViolation")
    reply.outcome = ModelOutcome::filtered;
  if (code == "json_validate_failed") reply.outcome = ModelOutcome::invalid;
  const std::string_view message = error.is_string() ? text_of(error) : text_of(at(error, "message"));
  reply.dislikes_temperature =
      text_of(at(error, "param")) == "temperature" || message.find("temperature") != std::string_view::npos;
}

ModelOutcome outcome_of_fault(ports::HttpFetched::Fault fault) {
  using Fault = ports::HttpFetched::Fault;
  switch (fault) {
    case Fault::untrusted:
      return ModelOutcome::untrusted;
    case Fault::timeout:
      return ModelOutcome::timeout;
    case Fault::too_long:
      return ModelOutcome::invalid;
    case Fault::bad_url:
      return ModelOutcome::rejected;
    case Fault::stopped:
      return ModelOutcome::unavailable;
    case Fault::none:
    case Fault::unreachable:
      break;
  }
  return ModelOutcome::unreachable;
}

void read_success(const ModelProvider& provider, const json::value& body, Reply& reply) {
  switch (provider.dialect) {
    case ModelDialect::openai_responses:
      return read_responses(body, reply);
    case ModelDialect::anthropic:
      return read_anthropic(body, reply);
    case ModelDialect::gemini:
      return read_gemini(body, reply);
    case ModelDialect::ollama:
      return read_ollama(body, reply);
    default:
      return read_chat(body, reply);
  }
}

}  // namespace

Reply read_reply(const ModelProvider& provider, const ports::HttpFetched& fetched) {
  Reply reply;
  if (fetched.fault != ports::HttpFetched::Fault::none) {
    reply.outcome = outcome_of_fault(fetched.fault);
    return reply;
  }
  const ports::HttpResponse& response = fetched.response;
  json::error_code wrong;
  json::value body = json::parse(response.body, wrong);  // 32 levels at most
  if (wrong) body = nullptr;
  const json::value& error = at(body, "error");
  if (response.status != 200) {
    read_error(response, body, reply);
  } else if (error.is_object() || error.is_string()) {
    reply.outcome = ModelOutcome::failing;  // some say 200 before they know
  } else {
    read_success(provider, body, reply);
  }
  if (reply.outcome != ModelOutcome::ok) reply.text.clear();
  // A prompt that was cut off to fit is not what was asked (Ollama does that in silence).
  const bool cut = provider.dialect == ModelDialect::ollama && reply.counted &&
                   reply.input_tokens + reply.output_tokens >= provider.context_tokens;
  if (cut && reply.outcome == ModelOutcome::ok) reply.outcome = ModelOutcome::truncated;
  return reply;
}

}  // namespace dbgate::models
