#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace dbgate::models {

/// Raised with every change of system_prompt() or answer_schema().
inline constexpr int prompt_version = 1;

/// What every model is told, word for word the same: that data are data, what the levels mean, and what to answer.
std::string_view system_prompt();

/// The JSON Schema of an answer: the subset that all providers take (one object, everything required, words for every
/// decision, the free text last). The same bytes every time, as providers compile it once.
std::string_view answer_schema();

/// SHA-256, hexadecimal, of all that is sent: system prompt, schema and brief.
std::string prompt_hash(std::string_view brief);

/// How many tokens a text comes to at most, on average: providers count differently.
constexpr std::size_t estimated_tokens(std::size_t bytes) {
  return bytes / 3 + 1;
}

}  // namespace dbgate::models
