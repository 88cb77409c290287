#include "config/models.h"

#include <algorithm>
#include <charconv>

#include "config/reader.h"

namespace dbgate::config {
namespace {

constexpr Milliseconds shortest{50};
constexpr Milliseconds longest{60'000};
constexpr Milliseconds longest_kept{24 * 3'600'000};
constexpr std::size_t most_tokens = 100'000;
constexpr double most_money = 1e6;
constexpr double nano = 1e9;

struct Known {
  std::string_view word;
  const char* url;  // empty: everybody has their own
};
constexpr Known dialects[] = {{"openai", "https://api.openai.com"},
                              {"openai_responses", "https://api.openai.com"},
                              {"azure", ""},
                              {"azure_deployment", ""},
                              {"anthropic", "https://api.anthropic.com"},
                              {"gemini", "https://generativelanguage.googleapis.com"},
                              {"groq", "https://api.groq.com/openai"},
                              {"ollama", "http://127.0.0.1:11434"},
                              {"vllm", ""},
                              {"llama_cpp", ""}};

void read_money(const Value& value, std::int64_t& nanos) {
  double amount = 0;
  value.read_decimal(amount, most_money);
  if (value.present()) nanos = static_cast<std::int64_t>(amount * nano + 0.5);
}

void read_between(const Value& value, Milliseconds& target, Milliseconds least, Milliseconds most, const char* words) {
  value.read(target);
  if (target < least || target > most) value.error(std::string("must be from ") + words);
}

void read_url(const Value& value, ModelProvider& provider) {
  provider.url = dialects[static_cast<std::size_t>(provider.dialect)].url;
  value["url"].read(provider.url);
  while (provider.url.ends_with('/'))
    provider.url.pop_back();
  if (provider.url.empty()) return value["url"].error("is needed: scheme, host and port of the server");
  if (!provider.url.starts_with("https://") && !is_loopback_url(provider.url))
    return value["url"].error("must be https; http is for this machine alone");
  // What is behind a question mark, or a name and password, would show in logs of proxies and servers.
  if (provider.url.find_first_of("?#@ ") != std::string::npos)
    value["url"].error("must be scheme, host, port and path alone; a key belongs into key_file");
}

void read_effort(const Value& value, ModelProvider& provider) {
  if (!value.present()) return;
  const std::initializer_list<std::string_view> words = {"none", "minimal", "low", "medium", "high", "xhigh", "max"};
  std::size_t index = words.size();
  value.read_word(words, index);
  if (index < words.size()) provider.effort = std::data(words)[index];
}

void read_price(const Value& value, TokenPrice& price) {
  value.expect_keys({"input", "output"});
  read_money(value["input"], price.input);
  read_money(value["output"], price.output);
}

void check_key(const Value& value, const ModelProvider& provider) {
  const bool breaks = std::any_of(provider.key.begin(), provider.key.end(),
                                  [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == '\x7f'; });
  if (breaks) value.error("the key has blanks or control characters");
}

ModelProvider read_provider(const Value& value) {
  value.expect_keys({"name", "dialect", "url", "model", "key", "key_file", "key_env", "key_credential", "ca_file",
                     "api_version", "effort", "temperature", "max_output_tokens", "context_tokens", "timeout",
                     "concurrency", "price"});
  ModelProvider provider;
  value["name"].read(provider.name);
  if (provider.name.empty()) value.error("needs a name");
  std::size_t dialect = 0;
  if (!value["dialect"].present()) value.error("needs dialect");
  value["dialect"].read_word({dialects[0].word, dialects[1].word, dialects[2].word, dialects[3].word, dialects[4].word,
                              dialects[5].word, dialects[6].word, dialects[7].word, dialects[8].word, dialects[9].word},
                             dialect);
  provider.dialect = static_cast<ModelDialect>(dialect);
  read_url(value, provider);
  value["model"].read(provider.model);
  if (provider.model.empty()) value.error("needs model");
  constexpr std::string_view in_paths = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-:/";
  if (provider.model.find_first_not_of(in_paths) != std::string::npos || provider.model.find("..") != std::string::npos)
    value["model"].error("may have letters, digits and . _ - : / only");
  value.read_secret("key", provider.key, true);
  check_key(value, provider);
  value["ca_file"].read_file_path(provider.ca_file);
  const bool versioned = provider.dialect == ModelDialect::azure_deployment;
  if (versioned) provider.api_version = "2024-10-21";
  value["api_version"].read(provider.api_version);
  if (!versioned && value["api_version"].present()) value["api_version"].error("is for azure_deployment only");
  if (provider.api_version.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") != std::string::npos)
    value["api_version"].error("may have lower-case letters, digits and - only");
  read_effort(value["effort"], provider);
  if (value["temperature"].present()) {
    double temperature = 0;
    value["temperature"].read_decimal(temperature, 2);
    provider.temperature = temperature;
  }
  value["max_output_tokens"].read_count(provider.max_output_tokens, most_tokens);
  if (provider.max_output_tokens < 100) value["max_output_tokens"].error("must be at least 100");
  value["context_tokens"].read_count(provider.context_tokens, 10'000'000);
  if (provider.dialect != ModelDialect::ollama && value["context_tokens"].present())
    value["context_tokens"].error("is for ollama only");
  read_between(value["timeout"], provider.timeout, shortest, longest, "50ms to 60s");
  value["concurrency"].read_count(provider.concurrency, 1'000);
  if (provider.concurrency == 0) value["concurrency"].error("must be at least 1");
  read_price(value["price"], provider.price);
  return provider;
}

void read_budget(const Value& value, ModelBudget& budget) {
  value.expect_keys({"tokens", "cost"});
  std::size_t tokens = 0;
  value["tokens"].read_count(tokens, 1'000'000'000'000);
  budget.tokens = tokens;
  read_money(value["cost"], budget.cost_nano);
}

}  // namespace

void read_models(const Value& value, Models& models) {
  value.expect_keys({"providers", "deadline", "budget", "total_budget", "cache", "cache_ttl", "names"});
  value["providers"].each([&models](const Value& one) {
    ModelProvider provider = read_provider(one);
    const bool doubled = std::any_of(models.providers.begin(), models.providers.end(),
                                     [&](const ModelProvider& other) { return other.name == provider.name; });
    if (doubled) one["name"].error("provider \"" + provider.name + "\" is defined twice");
    models.providers.push_back(std::move(provider));
  });
  const Value deadline = value["deadline"];
  deadline.expect_keys({"person", "service", "agent"});
  constexpr const char* kinds[] = {"person", "service", "agent"};
  for (std::size_t kind = 0; kind < models.deadline.size(); ++kind)
    read_between(deadline[kinds[kind]], models.deadline[kind], shortest, longest, "50ms to 60s");
  read_budget(value["budget"], models.each);
  read_budget(value["total_budget"], models.all);
  value["cache"].read_bytes(models.cache_bytes);
  if (models.cache_bytes > (1u << 30)) value["cache"].error("must not exceed 1GiB");
  read_between(value["cache_ttl"], models.cache_ttl, Milliseconds(0), longest_kept, "0 to 24h");
  value["names"].read(models.names);
}

}  // namespace dbgate::config
