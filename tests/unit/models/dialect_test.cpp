#include "gateway/models/dialect.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "gateway/models/prompt.h"

namespace dbgate::models {
namespace {

namespace json = boost::json;
using config::ModelDialect;
using ports::HttpFetched;
using ports::ModelOutcome;
using std::chrono::milliseconds;

constexpr ModelDialect all[] = {
    ModelDialect::openai,    ModelDialect::openai_responses, ModelDialect::azure, ModelDialect::azure_deployment,
    ModelDialect::anthropic, ModelDialect::gemini,           ModelDialect::groq,  ModelDialect::ollama,
    ModelDialect::vllm,      ModelDialect::llama_cpp};

config::ModelProvider provider(ModelDialect dialect) {
  config::ModelProvider made;
  made.dialect = dialect;
  made.url = "https://models.example";
  made.model = "MODEL";
  made.key = "secret-key";
  made.api_version = "2024-10-21";
  made.max_output_tokens = 400;
  made.effort = "low";
  made.temperature = 0;
  return made;
}

json::value body(const ports::HttpRequest& request) {
  return json::parse(request.body);
}

std::string header(const ports::HttpRequest& request, std::string_view name) {
  for (const auto& [key, value] : request.headers) {
    if (key == name) return value;
  }
  return {};
}

TEST(Requests, GoWhereTheDialectHasThem) {
  const std::pair<ModelDialect, const char*> paths[] = {
      {ModelDialect::openai, "/v1/chat/completions"},
      {ModelDialect::openai_responses, "/v1/responses"},
      {ModelDialect::azure, "/openai/v1/chat/completions"},
      {ModelDialect::azure_deployment, "/openai/deployments/MODEL/chat/completions?api-version=2024-10-21"},
      {ModelDialect::anthropic, "/v1/messages"},
      {ModelDialect::gemini, "/v1beta/models/MODEL:generateContent"},
      {ModelDialect::groq, "/v1/chat/completions"},
      {ModelDialect::ollama, "/api/chat"},
      {ModelDialect::vllm, "/v1/chat/completions"},
      {ModelDialect::llama_cpp, "/v1/chat/completions"}};
  for (const auto& [dialect, path] : paths) {
    const ports::HttpRequest request = make_request(provider(dialect), "{}", true);
    EXPECT_EQ(request.url, std::string("https://models.example") + path);
    EXPECT_EQ(request.method, "POST");
  }
  config::ModelProvider versioned = provider(ModelDialect::vllm);
  versioned.url += "/v1";
  EXPECT_EQ(make_request(versioned, "{}", true).url, "https://models.example/v1/chat/completions");
}

TEST(Requests, HaveTheKeyInOneHeaderAndNowhereElse) {
  for (const ModelDialect dialect : all) {
    const ports::HttpRequest request = make_request(provider(dialect), "{}", true);
    std::size_t headers = 0;
    for (const auto& [name, value] : request.headers)
      headers += value.find("secret-key") != std::string::npos ? 1 : 0;
    EXPECT_EQ(headers, 1u) << request.url;
    EXPECT_EQ((request.url + request.body).find("secret-key"), std::string::npos) << request.url;
    config::ModelProvider open = provider(dialect);
    open.key.clear();
    const ports::HttpRequest without = make_request(open, "{}", true);
    for (const char* name : {"Authorization", "api-key", "x-api-key", "x-goog-api-key"})
      EXPECT_EQ(header(without, name), "");
  }
  EXPECT_EQ(header(make_request(provider(ModelDialect::openai), "{}", true), "Authorization"), "Bearer secret-key");
  EXPECT_EQ(header(make_request(provider(ModelDialect::azure), "{}", true), "api-key"), "secret-key");
  EXPECT_EQ(header(make_request(provider(ModelDialect::gemini), "{}", true), "x-goog-api-key"), "secret-key");
  const ports::HttpRequest anthropic = make_request(provider(ModelDialect::anthropic), "{}", true);
  EXPECT_EQ(header(anthropic, "x-api-key"), "secret-key");
  EXPECT_EQ(header(anthropic, "anthropic-version"), "2023-06-01");
}

TEST(Requests, AskAsTheDialectWantsIt) {
  const auto of = [](ModelDialect dialect) { return body(make_request(provider(dialect), "{\"a\":1}", true)); };
  const json::value schema = json::parse(answer_schema());

  const json::value chat = of(ModelDialect::openai);
  EXPECT_EQ(chat.at_pointer("/messages/0/role"), json::value("system"));
  EXPECT_EQ(chat.at_pointer("/messages/1/content"), json::value("{\"a\":1}"));
  EXPECT_EQ(chat.at("max_completion_tokens"), json::value(400));
  EXPECT_EQ(chat.at("store"), json::value(false));
  EXPECT_EQ(chat.at("reasoning_effort"), json::value("low"));
  EXPECT_EQ(chat.at_pointer("/response_format/json_schema/schema"), schema);
  EXPECT_EQ(chat.at_pointer("/response_format/json_schema/strict"), json::value(true));
  for (const ModelDialect dialect : {ModelDialect::azure, ModelDialect::azure_deployment, ModelDialect::groq}) {
    EXPECT_EQ(of(dialect).at("max_completion_tokens"), json::value(400));
    EXPECT_FALSE(of(dialect).as_object().contains("store"));
  }
  for (const ModelDialect dialect : {ModelDialect::vllm, ModelDialect::llama_cpp}) {
    EXPECT_EQ(of(dialect).at("max_tokens"), json::value(400));
    EXPECT_FALSE(of(dialect).as_object().contains("max_completion_tokens"));
  }

  const json::value responses = of(ModelDialect::openai_responses);
  EXPECT_EQ(responses.at("input"), json::value("{\"a\":1}"));
  EXPECT_EQ(responses.at("store"), json::value(false));
  EXPECT_EQ(responses.at("max_output_tokens"), json::value(400));
  EXPECT_EQ(responses.at_pointer("/text/format/schema"), schema);
  EXPECT_EQ(responses.at_pointer("/reasoning/effort"), json::value("low"));

  const json::value anthropic = of(ModelDialect::anthropic);
  EXPECT_EQ(anthropic.at("max_tokens"), json::value(400));
  EXPECT_EQ(anthropic.at("system"), json::value(system_prompt()));
  EXPECT_EQ(anthropic.at_pointer("/output_config/format/schema"), schema);
  EXPECT_EQ(anthropic.at_pointer("/output_config/effort"), json::value("low"));
  EXPECT_EQ(anthropic.at("messages").as_array().size(), 1u);  // no assistant's turn is begun

  const json::value gemini = of(ModelDialect::gemini);
  EXPECT_EQ(gemini.at_pointer("/generationConfig/maxOutputTokens"), json::value(400));
  EXPECT_EQ(gemini.at_pointer("/generationConfig/responseJsonSchema"), schema);
  EXPECT_EQ(gemini.at_pointer("/contents/0/parts/0/text"), json::value("{\"a\":1}"));
  EXPECT_EQ(gemini.at_pointer("/systemInstruction/parts/0/text"), json::value(system_prompt()));

  const json::value ollama = of(ModelDialect::ollama);
  EXPECT_EQ(ollama.at("stream"), json::value(false));
  EXPECT_EQ(ollama.at("format"), schema);
  EXPECT_EQ(ollama.at_pointer("/options/num_predict"), json::value(400));
  EXPECT_EQ(ollama.at_pointer("/options/num_ctx"), json::value(8192));
}

TEST(Requests, SayEffortInWordsThatAreKnownThere) {
  const auto said = [](ModelDialect dialect, const char* effort, const char* pointer) {
    config::ModelProvider asked = provider(dialect);
    asked.effort = effort;
    json::error_code missing;
    const json::value whole = body(make_request(asked, "{}", true));
    const json::value* const found = whole.find_pointer(pointer, missing);
    return found == nullptr ? json::value() : *found;
  };
  const char* const thinks = "/generationConfig/thinkingConfig";
  EXPECT_EQ(said(ModelDialect::anthropic, "minimal", "/output_config/effort"), json::value("low"));
  EXPECT_EQ(said(ModelDialect::anthropic, "max", "/output_config/effort"), json::value("max"));
  EXPECT_EQ(said(ModelDialect::anthropic, "none", "/output_config/effort"), json::value());
  EXPECT_EQ(said(ModelDialect::anthropic, "", "/output_config/effort"), json::value());
  EXPECT_EQ(said(ModelDialect::gemini, "none", thinks), json::parse(R"({"thinkingBudget":0})"));
  EXPECT_EQ(said(ModelDialect::gemini, "minimal", thinks), json::parse(R"({"thinkingLevel":"minimal"})"));
  EXPECT_EQ(said(ModelDialect::gemini, "max", thinks), json::parse(R"({"thinkingLevel":"high"})"));
  EXPECT_EQ(said(ModelDialect::gemini, "", thinks), json::value());
  EXPECT_EQ(said(ModelDialect::ollama, "", "/think"), json::value(false));
  EXPECT_EQ(said(ModelDialect::ollama, "none", "/think"), json::value(false));
  EXPECT_EQ(said(ModelDialect::ollama, "xhigh", "/think"), json::value("high"));
  EXPECT_EQ(said(ModelDialect::openai, "minimal", "/reasoning_effort"), json::value("minimal"));
}

TEST(Requests, LeaveTemperatureOutWhereItIsNotWanted) {
  for (const ModelDialect dialect : all) {
    EXPECT_NE(make_request(provider(dialect), "{}", true).body.find("temperature"), std::string::npos);
    EXPECT_EQ(make_request(provider(dialect), "{}", false).body.find("temperature"), std::string::npos);
    config::ModelProvider plain = provider(dialect);
    plain.temperature.reset();
    EXPECT_EQ(make_request(plain, "{}", true).body.find("temperature"), std::string::npos);
  }
}

HttpFetched answer(unsigned status, std::string text, std::vector<std::pair<std::string, std::string>> headers = {}) {
  return {HttpFetched::Fault::none, {status, std::move(text), std::move(headers)}};
}

Reply reply(ModelDialect dialect, const HttpFetched& fetched) {
  return read_reply(provider(dialect), fetched);
}

struct Case {
  ModelDialect dialect;
  const char* body;
  ModelOutcome outcome;
  const char* text = "";
  std::uint64_t input = 0, output = 0;
};

TEST(Replies, AreFoundWhereTheDialectHasThem) {
  const Case cases[] = {
      {ModelDialect::openai,
       R"({"choices":[{"index":0,"message":{"role":"assistant","content":"X","refusal":null},"finish_reason":"stop"}],"usage":{"prompt_tokens":41,"completion_tokens":6}})",
       ModelOutcome::ok, "X", 41, 6},
      {ModelDialect::vllm,
       R"({"choices":[{"message":{"content":"X","reasoning_content":"hm"},"finish_reason":"stop"}]})", ModelOutcome::ok,
       "X"},
      {ModelDialect::openai, R"({"choices":[{"message":{"content":"X"},"finish_reason":"length"}]})",
       ModelOutcome::truncated},
      {ModelDialect::openai, R"({"choices":[{"message":{"content":null,"refusal":"no"},"finish_reason":"stop"}]})",
       ModelOutcome::refused},
      {ModelDialect::azure, R"({"choices":[{"message":{"content":"X"},"finish_reason":"content_filter"}]})",
       ModelOutcome::filtered},
      {ModelDialect::groq, R"({"choices":[{"message":{"content":"X"},"finish_reason":"tool_calls"}]})",
       ModelOutcome::invalid},
      {ModelDialect::openai, R"({"choices":[]})", ModelOutcome::invalid},
      {ModelDialect::openai, R"({"choices":[{"message":{"content":"X"}}]})", ModelOutcome::invalid},
      {ModelDialect::openai_responses,
       R"({"status":"completed","output":[{"type":"reasoning","summary":[]},{"type":"message","content":[{"type":"output_text","text":"X"},{"type":"output_text","text":"Y"}]}],"usage":{"input_tokens":4,"output_tokens":5}})",
       ModelOutcome::ok, "XY", 4, 5},
      {ModelDialect::openai_responses,
       R"({"status":"completed","output":[{"type":"message","content":[{"type":"refusal","refusal":"no"}]}]})",
       ModelOutcome::refused},
      {ModelDialect::openai_responses, R"({"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"}})",
       ModelOutcome::truncated},
      {ModelDialect::openai_responses, R"({"status":"incomplete","incomplete_details":{"reason":"content_filter"}})",
       ModelOutcome::filtered},
      {ModelDialect::openai_responses, R"({"status":"failed","error":{"code":"server_error","message":"x"}})",
       ModelOutcome::failing},
      {ModelDialect::anthropic,
       R"({"content":[{"type":"thinking","thinking":"hm"},{"type":"text","text":"X"}],"stop_reason":"end_turn","usage":{"input_tokens":4,"output_tokens":8,"cache_read_input_tokens":30,"cache_creation_input_tokens":10}})",
       ModelOutcome::ok, "X", 44, 8},
      {ModelDialect::anthropic, R"({"content":[{"type":"text","text":"X"}],"stop_reason":"max_tokens"})",
       ModelOutcome::truncated},
      {ModelDialect::anthropic, R"({"content":[],"stop_reason":"model_context_window_exceeded"})",
       ModelOutcome::truncated},
      {ModelDialect::anthropic, R"({"content":[],"stop_reason":"refusal"})", ModelOutcome::refused},
      {ModelDialect::anthropic, R"({"content":[{"type":"text","text":"X"}],"stop_reason":"tool_use"})",
       ModelOutcome::invalid},
      {ModelDialect::anthropic, R"({"type":"error","error":{"type":"overloaded_error","message":"x"}})",
       ModelOutcome::failing},
      {ModelDialect::gemini,
       R"({"candidates":[{"content":{"parts":[{"text":"hm","thought":true},{"inlineData":{}},{"text":"X"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":40,"candidatesTokenCount":6,"thoughtsTokenCount":20}})",
       ModelOutcome::ok, "X", 40, 26},
      {ModelDialect::gemini, R"({"candidates":[{"finishReason":"MAX_TOKENS"}]})", ModelOutcome::truncated},
      {ModelDialect::gemini, R"({"candidates":[{"finishReason":"SAFETY"}]})", ModelOutcome::filtered},
      {ModelDialect::gemini, R"({"candidates":[{"finishReason":"MALFORMED_FUNCTION_CALL"}]})", ModelOutcome::invalid},
      {ModelDialect::gemini, R"({"promptFeedback":{"blockReason":"SAFETY"}})", ModelOutcome::filtered},
      {ModelDialect::ollama,
       R"({"message":{"role":"assistant","content":"X","thinking":"hm"},"done":true,"done_reason":"stop","prompt_eval_count":38,"eval_count":7})",
       ModelOutcome::ok, "X", 38, 7},
      {ModelDialect::ollama, R"({"message":{"content":"X"},"done":true,"done_reason":"length"})",
       ModelOutcome::truncated},
      {ModelDialect::ollama, R"({"message":{"content":"X"},"done":false})", ModelOutcome::invalid},
      {ModelDialect::ollama, R"({"error":"model not found"})", ModelOutcome::failing},
      {ModelDialect::ollama,
       R"({"message":{"content":"X"},"done":true,"done_reason":"stop","prompt_eval_count":8190,"eval_count":7})",
       ModelOutcome::truncated, "X", 8190, 7}};
  for (const Case& one : cases) {
    const Reply got = reply(one.dialect, answer(200, one.body));
    EXPECT_EQ(ports::word_of(got.outcome), ports::word_of(one.outcome)) << one.body;
    EXPECT_EQ(got.text, one.text) << one.body;
    EXPECT_EQ(got.input_tokens, one.input) << one.body;
    EXPECT_EQ(got.output_tokens, one.output) << one.body;
  }
}

TEST(Replies, ErrorsAreToldApart) {
  const std::pair<unsigned, ModelOutcome> statuses[] = {
      {204, ModelOutcome::rejected},     {302, ModelOutcome::rejected},  {400, ModelOutcome::rejected},
      {401, ModelOutcome::unauthorized}, {402, ModelOutcome::exhausted}, {403, ModelOutcome::unauthorized},
      {404, ModelOutcome::rejected},     {408, ModelOutcome::failing},   {413, ModelOutcome::rejected},
      {422, ModelOutcome::rejected},     {429, ModelOutcome::limited},   {498, ModelOutcome::failing},
      {500, ModelOutcome::failing},      {503, ModelOutcome::failing},   {504, ModelOutcome::failing},
      {529, ModelOutcome::failing}};
  for (const ModelDialect dialect : all) {
    for (const auto& [status, outcome] : statuses) {
      for (const char* text : {"", "<html>no</html>", R"({"error":{"message":"m","type":"t","code":"c"}})",
                               R"({"error":"m"})", R"({"error":{"code":429,"message":"m","status":"S"}})"}) {
        EXPECT_EQ(ports::word_of(reply(dialect, answer(status, text)).outcome), ports::word_of(outcome))
            << status << text;
      }
    }
    for (const char* text :
         {"", "<html>hello</html>", "[]", "null", "{}", "{\"choices\":7}", "{\"output\":{}}", "\xff"})
      EXPECT_EQ(reply(dialect, answer(200, text)).outcome, ModelOutcome::invalid) << text;
  }
}

TEST(Replies, SomeErrorsMeanMoreThanTheirStatus) {
  const auto chat = [](unsigned status, const char* text) { return reply(ModelDialect::azure, answer(status, text)); };
  EXPECT_EQ(chat(429, R"({"error":{"code":"insufficient_quota"}})").outcome, ModelOutcome::exhausted);
  EXPECT_EQ(chat(429, R"({"error":{"type":"insufficient_quota"}})").outcome, ModelOutcome::exhausted);
  EXPECT_EQ(chat(400, R"({"error":{"code":"content_filter"}})").outcome, ModelOutcome::filtered);
  EXPECT_EQ(chat(400, R"({"error":{"innererror":{"code":"ResponsibleAIPolicyViolation"}}})").outcome,
            ModelOutcome::filtered);
  EXPECT_EQ(chat(400, R"({"error":{"code":"json_validate_failed","failed_generation":"{"}})").outcome,
            ModelOutcome::invalid);
  EXPECT_TRUE(chat(400, R"({"error":{"param":"temperature","message":"no"}})").dislikes_temperature);
  EXPECT_TRUE(chat(400, R"({"error":{"message":"`temperature` is not supported"}})").dislikes_temperature);
  EXPECT_FALSE(chat(500, R"({"error":{"message":"temperature"}})").dislikes_temperature);
  EXPECT_FALSE(chat(400, R"({"error":{"message":"model"}})").dislikes_temperature);
}

TEST(Replies, SayWhenToComeBack) {
  const auto after = [](std::vector<std::pair<std::string, std::string>> headers, const char* text = "") {
    return reply(ModelDialect::openai, answer(429, text, std::move(headers))).retry_after;
  };
  EXPECT_EQ(after({}), milliseconds(0));
  EXPECT_EQ(after({{"retry-after", "2"}}), milliseconds(2'000));
  EXPECT_EQ(after({{"retry-after", "2"}, {"retry-after-ms", "1500"}}), milliseconds(1'500));
  EXPECT_EQ(after({{"retry-after", "Wed, 21 Oct 2026 07:28:00 GMT"}}), milliseconds(0));
  EXPECT_EQ(after({{"retry-after", "-1"}}), milliseconds(0));
  EXPECT_EQ(after({{"retry-after", "1e999"}}), milliseconds(0));
  EXPECT_EQ(after({{"retry-after", "99999999999999999999"}}), milliseconds(3'600'000));
  EXPECT_EQ(after({}, R"({"error":{"details":[{"@type":"x"},{"retryDelay":"7s"}]}})"), milliseconds(7'000));
  EXPECT_EQ(after({}, R"({"error":{"details":[{"retryDelay":"0.25s"}]}})"), milliseconds(250));
}

TEST(Replies, FaultsAreOutcomes) {
  using Fault = HttpFetched::Fault;
  const std::pair<Fault, ModelOutcome> faults[] = {
      {Fault::timeout, ModelOutcome::timeout},     {Fault::unreachable, ModelOutcome::unreachable},
      {Fault::untrusted, ModelOutcome::untrusted}, {Fault::too_long, ModelOutcome::invalid},
      {Fault::bad_url, ModelOutcome::rejected},    {Fault::stopped, ModelOutcome::unavailable}};
  for (const ModelDialect dialect : all) {
    for (const auto& [fault, outcome] : faults)
      EXPECT_EQ(reply(dialect, {fault, {}}).outcome, outcome);
  }
}

}  // namespace
}  // namespace dbgate::models
