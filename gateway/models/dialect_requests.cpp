#include <boost/json.hpp>

#include "gateway/models/dialect.h"
#include "gateway/models/prompt.h"

namespace dbgate::models {
namespace {

namespace json = boost::json;
using config::ModelDialect;
using config::ModelProvider;

const json::value& schema() {
  static const json::value parsed = json::parse(answer_schema());
  return parsed;
}

json::array messages(std::string_view brief) {
  return {json::object{{"role", "system"}, {"content", system_prompt()}},
          json::object{{"role", "user"}, {"content", brief}}};
}

// vLLM and llama.cpp know nothing else; the others have deprecated it, and their reasoning models refuse it.
const char* token_field(ModelDialect dialect) {
  const bool own_server = dialect == ModelDialect::vllm || dialect == ModelDialect::llama_cpp;
  return own_server ? "max_tokens" : "max_completion_tokens";
}

json::object chat(const ModelProvider& provider, std::string_view brief, bool with_temperature) {
  json::object body{{"model", provider.model}, {"messages", messages(brief)}};
  body[token_field(provider.dialect)] = provider.max_output_tokens;
  body["response_format"] = json::object{
      {"type", "json_schema"}, {"json_schema", json::object{{"name", "risk"}, {"strict", true}, {"schema", schema()}}}};
  if (provider.dialect == ModelDialect::openai) body["store"] = false;
  if (!provider.effort.empty()) body["reasoning_effort"] = provider.effort;
  if (with_temperature && provider.temperature) body["temperature"] = *provider.temperature;
  return body;
}

json::object responses(const ModelProvider& provider, std::string_view brief, bool with_temperature) {
  json::object body{{"model", provider.model},
                    {"instructions", system_prompt()},
                    {"input", brief},
                    {"max_output_tokens", provider.max_output_tokens},
                    {"store", false}};
  body["text"] = json::object{
      {"format", json::object{{"type", "json_schema"}, {"name", "risk"}, {"strict", true}, {"schema", schema()}}}};
  if (!provider.effort.empty()) body["reasoning"] = json::object{{"effort", provider.effort}};
  if (with_temperature && provider.temperature) body["temperature"] = *provider.temperature;
  return body;
}

// Not every word is known everywhere; the nearest that is.
std::string_view effort_between_low_and(std::string_view highest, std::string_view effort) {
  if (effort == "minimal") return "low";
  const bool higher = effort == "xhigh" || effort == "max";
  return higher && highest == "high" ? highest : effort;
}

json::object anthropic(const ModelProvider& provider, std::string_view brief, bool with_temperature) {
  json::object output{{"format", json::object{{"type", "json_schema"}, {"schema", schema()}}}};
  if (!provider.effort.empty() && provider.effort != "none")
    output["effort"] = effort_between_low_and("max", provider.effort);
  json::object body{{"model", provider.model},
                    {"max_tokens", provider.max_output_tokens},
                    {"system", system_prompt()},
                    {"messages", json::array{json::object{{"role", "user"}, {"content", brief}}}}};
  body["output_config"] = std::move(output);
  if (with_temperature && provider.temperature) body["temperature"] = *provider.temperature;
  return body;
}

json::object text_part(std::string_view text) {
  return {{"parts", json::array{json::object{{"text", text}}}}};
}

json::object gemini(const ModelProvider& provider, std::string_view brief, bool with_temperature) {
  json::object user = text_part(brief);
  user["role"] = "user";
  json::object generation{{"maxOutputTokens", provider.max_output_tokens},
                          {"responseMimeType", "application/json"},
                          {"responseJsonSchema", schema()}};
  if (provider.effort == "none") {
    generation["thinkingConfig"] = json::object{{"thinkingBudget", 0}};
  } else if (!provider.effort.empty()) {
    const bool least = provider.effort == "minimal";
    const std::string_view level = least ? provider.effort : effort_between_low_and("high", provider.effort);
    generation["thinkingConfig"] = json::object{{"thinkingLevel", level}};
  }
  if (with_temperature && provider.temperature) generation["temperature"] = *provider.temperature;
  return {{"systemInstruction", text_part(system_prompt())},
          {"contents", json::array{std::move(user)}},
          {"generationConfig", std::move(generation)}};
}

// Its context is cut off in silence where it is too short, so its size is said.
json::object ollama(const ModelProvider& provider, std::string_view brief, bool with_temperature) {
  json::object options{{"num_ctx", provider.context_tokens}, {"num_predict", provider.max_output_tokens}};
  if (with_temperature && provider.temperature) options["temperature"] = *provider.temperature;
  json::object body{{"model", provider.model},     {"stream", false},    {"keep_alive", "10m"},
                    {"messages", messages(brief)}, {"format", schema()}, {"options", std::move(options)}};
  const bool thinks = !provider.effort.empty() && provider.effort != "none";
  body["think"] = thinks ? json::value(effort_between_low_and("high", provider.effort)) : json::value(false);
  return body;
}

std::string path_of(const ModelProvider& provider) {
  switch (provider.dialect) {
    case ModelDialect::openai_responses:
      return "/v1/responses";
    case ModelDialect::azure:
      return "/openai/v1/chat/completions";
    case ModelDialect::azure_deployment:
      return "/openai/deployments/" + provider.model + "/chat/completions?api-version=" + provider.api_version;
    case ModelDialect::anthropic:
      return "/v1/messages";
    case ModelDialect::gemini:
      return "/v1beta/models/" + provider.model + ":generateContent";
    case ModelDialect::ollama:
      return "/api/chat";
    case ModelDialect::openai:
    case ModelDialect::groq:
    case ModelDialect::vllm:
    case ModelDialect::llama_cpp:
      break;
  }
  return "/v1/chat/completions";
}

// Many write the address with the version that the paths begin with.
std::string url_of(const ModelProvider& provider) {
  const std::string path = path_of(provider);
  std::string_view base = provider.url;
  if (base.ends_with("/v1") && path.starts_with("/v1/")) base.remove_suffix(3);
  return std::string(base) + path;
}

json::object body_of(const ModelProvider& provider, std::string_view brief, bool with_temperature) {
  switch (provider.dialect) {
    case ModelDialect::openai_responses:
      return responses(provider, brief, with_temperature);
    case ModelDialect::anthropic:
      return anthropic(provider, brief, with_temperature);
    case ModelDialect::gemini:
      return gemini(provider, brief, with_temperature);
    case ModelDialect::ollama:
      return ollama(provider, brief, with_temperature);
    default:
      return chat(provider, brief, with_temperature);
  }
}

std::pair<std::string, std::string> key_header(const ModelProvider& provider) {
  switch (provider.dialect) {
    case ModelDialect::azure:
    case ModelDialect::azure_deployment:
      return {"api-key", provider.key};
    case ModelDialect::anthropic:
      return {"x-api-key", provider.key};
    case ModelDialect::gemini:
      return {"x-goog-api-key", provider.key};  // ?key= would show in logs
    default:
      return {"Authorization", "Bearer " + provider.key};
  }
}

}  // namespace

ports::HttpRequest make_request(const ModelProvider& provider, std::string_view brief, bool with_temperature) {
  ports::HttpRequest request;
  request.method = "POST";
  request.url = url_of(provider);
  request.ca_file = provider.ca_file;
  request.headers = {{"Content-Type", "application/json"}, {"Accept", "application/json"}};
  if (!provider.key.empty()) request.headers.push_back(key_header(provider));
  if (provider.dialect == ModelDialect::anthropic) request.headers.emplace_back("anthropic-version", "2023-06-01");
  request.body = json::serialize(body_of(provider, brief, with_temperature));
  return request;
}

}  // namespace dbgate::models
