#pragma once
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "config/models.h"
#include "gateway/ports/http_fetches.h"
#include "gateway/ports/risk_model.h"

// How providers are spoken to. Requests and answers as values; who sends them is another question. Sources: the
// providers' own API references, as of November 2026.
namespace dbgate::models {

/// What a provider has answered, whatever it is called there.
struct Reply {
  ports::ModelOutcome outcome = ports::ModelOutcome::invalid;
  std::string text;  ///< `ok` only: what the model says
  std::uint64_t input_tokens = 0;
  std::uint64_t output_tokens = 0;
  bool counted = false;                      ///< it says how many tokens it took
  std::chrono::milliseconds retry_after{0};  ///< it asks not to be asked again before; 0: it does not say
  bool dislikes_temperature = false;         ///< the request would do without it
};

/// The request that asks about a brief. The key stands in a header and nowhere else.
ports::HttpRequest make_request(const config::ModelProvider& provider, std::string_view brief, bool with_temperature);

/// Reads the answer to it. Never throws, for any bytes.
Reply read_reply(const config::ModelProvider& provider, const ports::HttpFetched& fetched);

/// Longer answers are not read: a verdict has a few hundred bytes, thoughts that come with it some thousands.
inline constexpr std::size_t most_reply_bytes = 256u << 10;

}  // namespace dbgate::models
