#pragma once
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dbgate::config {

/// How a provider of language models is spoken to.
enum class ModelDialect : std::uint8_t {
  openai,            ///< Chat Completions
  openai_responses,  ///< Responses
  azure,             ///< Azure OpenAI, v1
  azure_deployment,  ///< Azure OpenAI, with the deployment in the path and an api-version
  anthropic,
  gemini,
  groq,
  ollama,    ///< its own API
  vllm,      ///< and others that speak as OpenAI does
  llama_cpp  ///< the same
};

/// Of a million tokens, in billionths of the currency; so it is thousandths of a billionth for one.
struct TokenPrice {
  std::int64_t input = 0;
  std::int64_t output = 0;

  bool operator==(const TokenPrice&) const = default;
};

struct ModelProvider {
  std::string name;
  ModelDialect dialect = ModelDialect::openai;
  std::string url;  ///< scheme, host, port, and a path that the dialect's own is added to
  std::string model;
  std::string key;  ///< empty: none is sent
  std::string ca_file;
  std::string api_version;  ///< azure_deployment only
  std::string effort;       ///< of reasoning; empty: not said
  std::optional<double> temperature;
  std::size_t max_output_tokens = 1'000;
  std::size_t context_tokens = 8'192;  ///< ollama only
  std::chrono::milliseconds timeout{3'000};
  std::size_t concurrency = 8;
  TokenPrice price;

  bool operator==(const ModelProvider&) const = default;
};

/// Of one day (UTC); 0: no limit.
struct ModelBudget {
  std::uint64_t tokens = 0;
  std::int64_t cost_nano = 0;  ///< billionths of the currency that prices are given in

  bool operator==(const ModelBudget&) const = default;
};

/// Who is asked about statements that rules are unsure of.
struct Models {
  std::vector<ModelProvider> providers;  ///< in the order in which they are tried; none: rules alone
  /// Of a question, by kind of principal in the order of PrincipalKind.
  std::array<std::chrono::milliseconds, 3> deadline{std::chrono::milliseconds(4'000), std::chrono::milliseconds(1'000),
                                                    std::chrono::milliseconds(4'000)};
  ModelBudget each;  ///< principal
  ModelBudget all;   ///< principals together
  std::size_t cache_bytes = 4u << 20;
  std::chrono::milliseconds cache_ttl{24 * 3'600'000};
  bool names = false;  ///< names of tables and columns that the catalog knows are sent

  bool operator==(const Models&) const = default;
};

}  // namespace dbgate::config
