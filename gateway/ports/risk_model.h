#pragma once
#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/risk.h"

namespace dbgate::ports {

/// What came of asking. All but `ok` are unusable: they say nothing of the statement, least of all that it is harmless.
enum class ModelOutcome : std::uint8_t {
  ok,
  truncated,     ///< the answer was cut off
  refused,       ///< the model would not answer
  filtered,      ///< the provider's content filter would not let it
  invalid,       ///< something else than what was asked for
  rejected,      ///< the provider will not take such a request
  unauthorized,  ///< … not with this key
  exhausted,     ///< … not before its bill is paid
  limited,       ///< too many requests
  failing,       ///< the provider is in trouble
  unreachable,   ///< no connection, or it broke
  untrusted,     ///< its certificate cannot be verified
  timeout,
  over_budget,  ///< the principal, or everybody together, has had enough for today
  busy,         ///< as many questions are open as may be
  unavailable,  ///< no provider is to be asked at the moment
  count_
};

constexpr std::string_view word_of(ModelOutcome outcome) {
  constexpr std::array<std::string_view, static_cast<std::size_t>(ModelOutcome::count_)> words = {
      "ok",      "truncated", "refused",     "filtered",  "invalid", "rejected",    "unauthorized", "exhausted",
      "limited", "failing",   "unreachable", "untrusted", "timeout", "over_budget", "busy",         "unavailable"};
  return words[static_cast<std::size_t>(outcome)];
}

struct RiskQuestion {
  std::string brief;      ///< what is sent: JSON, without a word of the client's (gateway/models/brief.h)
  std::string key;        ///< equal ones may have one answer; empty: each has its own
  std::string principal;  ///< whose budget it is asked at
  config::PrincipalKind caller = config::PrincipalKind::person;
};

/// What a model says of a statement, and what it took to get that.
struct RiskOpinion {
  ModelOutcome outcome = ModelOutcome::unavailable;
  config::RiskLevel level = config::RiskLevel::info;  ///< the following: `ok` only
  std::vector<std::string> factors;                   ///< words of the schema, sorted: data_loss, mass_read, …
  bool needs_approval = false;
  std::string confidence;  ///< low, medium, high
  std::string why;  ///< the model's own words: plain text of 300 characters at most, for people to read, not for models

  std::string provider;     ///< by the name it has in the configuration; empty: none was asked
  std::string model;        ///< as configured
  std::string prompt_hash;  ///< SHA-256, hexadecimal, of all that was sent: system prompt, schema and brief
  std::uint64_t input_tokens = 0;
  std::uint64_t output_tokens = 0;
  std::int64_t cost_nano = 0;  ///< billionths of the currency that prices are given in
  std::int64_t ms = 0;         ///< from the question to the answer
  unsigned status = 0;         ///< of HTTP; 0: there was none
  bool cached = false;         ///< known from an earlier question
  /// Whoever asks the same before that time may take this for the answer; the default: each asks anew.
  std::chrono::steady_clock::time_point until{};
};

/// Asks language models what rules are unsure about. Safe to use from any thread; never blocks.
class RiskModel {
 public:
  virtual ~RiskModel() = default;
  /// The answer, if it is there without anybody being asked: it is known from before, or nobody is to be asked at the
  /// moment. None: ask().
  virtual std::optional<RiskOpinion> known(const RiskQuestion& question) = 0;
  /// `done` is called once, no later than the configured deadline for such a caller: before this returns, or by a
  /// thread of this object's own, which it must not hold up.
  virtual void ask(RiskQuestion question, std::function<void(RiskOpinion)> done) = 0;
};

}  // namespace dbgate::ports
