#include "gateway/models/answer.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <optional>

namespace dbgate::models {
namespace {

namespace json = boost::json;

constexpr std::size_t most_bytes = 16u << 10;
constexpr std::size_t most_characters = 300;
constexpr std::size_t members = 5;
constexpr std::array<std::string_view, 4> levels = {"low", "medium", "high", "critical"};
constexpr std::array<std::string_view, 9> known_factors = {"data_loss", "mass_read",    "sensitive_read",
                                                           "privilege", "availability", "injection_shape",
                                                           "recon",     "exfiltration", "unclear_intent"};

// The index of a word; nothing: it is none of them, or no string.
template <std::size_t N>
std::optional<std::size_t> index_of(const json::value* value, const std::array<std::string_view, N>& words) {
  if (value == nullptr || !value->is_string()) return {};
  const std::string_view text = value->get_string();
  const auto found = std::find(words.begin(), words.end(), text);
  if (found == words.end()) return {};
  return static_cast<std::size_t>(found - words.begin());
}

bool read_factors(const json::value* value, std::vector<std::string>& factors) {
  if (value == nullptr || !value->is_array()) return false;
  for (const json::value& one : value->get_array()) {
    const auto index = index_of(&one, known_factors);
    if (!index) return false;
    factors.emplace_back(known_factors[*index]);
  }
  std::sort(factors.begin(), factors.end());
  factors.erase(std::unique(factors.begin(), factors.end()), factors.end());
  return true;
}

struct Character {
  char32_t code = 0;
  std::size_t bytes = 1;
};

// The one at the beginning; code 0 for bytes that are no UTF-8.
Character first_of(std::string_view text) {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const std::size_t bytes = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC2 ? 2 : 1;
  if (bytes == 1 || bytes > text.size()) return {};
  char32_t code = lead & (0x7Fu >> bytes);
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {};
    code = (code << 6) | (byte(i) & 0x3Fu);
  }
  return {code, bytes};
}

bool is_blank(char32_t c) {
  return c == ' ' || (c >= '\t' && c <= '\r') || c == 0x85 || c == 0xA0 || c == 0x2028 || c == 0x2029;
}

bool is_shown(char32_t c) {
  const bool control = c < 0x20 || (c >= 0x7F && c <= 0x9F);
  const bool unseen = c == 0xAD || (c >= 0x200B && c <= 0x200F) || (c >= 0x202A && c <= 0x202E) ||
                      (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF || (c >= 0xFFF0 && c <= 0xFFFB) ||
                      (c >= 0xE0000 && c <= 0xE0FFF) || (c >= 0xFE00 && c <= 0xFE0F);
  const bool none = (c >= 0xD800 && c <= 0xDFFF) || c > 0x10FFFF;
  return !control && !unseen && !none;
}

}  // namespace

std::string plain_words(std::string_view text) {
  std::string plain;
  std::size_t shown = 0;
  bool blank = false;
  while (!text.empty() && shown < most_characters) {
    const Character next = first_of(text);
    const std::string_view bytes = text.substr(0, next.bytes);
    text.remove_prefix(next.bytes);
    if (is_blank(next.code)) {
      blank = !plain.empty();
      continue;
    }
    if (!is_shown(next.code)) continue;
    if (blank && ++shown < most_characters) plain += ' ';
    blank = false;
    if (shown == most_characters) break;
    plain += bytes;
    ++shown;
  }
  return plain;
}

void read_answer(std::string_view text, ports::RiskOpinion& opinion) {
  opinion.outcome = ports::ModelOutcome::invalid;
  if (text.size() > most_bytes) return;
  json::error_code wrong;
  json::parse_options options;
  options.max_depth = 4;
  const json::value value = json::parse(text, wrong, {}, options);
  if (wrong || !value.is_object() || value.get_object().size() != members) return;
  const json::object& answer = value.get_object();
  const auto level = index_of(answer.if_contains("level"), levels);
  constexpr std::array<std::string_view, 3> surety = {"low", "medium", "high"};
  const auto confidence = index_of(answer.if_contains("confidence"), surety);
  const json::value* const approval = answer.if_contains("needs_approval");
  const json::value* const why = answer.if_contains("why");
  std::vector<std::string> factors;
  if (!level || !confidence || approval == nullptr || !approval->is_bool() || why == nullptr || !why->is_string())
    return;
  if (!read_factors(answer.if_contains("factors"), factors)) return;
  opinion.outcome = ports::ModelOutcome::ok;
  opinion.level = static_cast<config::RiskLevel>(*level + 1);
  opinion.factors = std::move(factors);
  opinion.needs_approval = approval->get_bool();
  opinion.confidence = surety[*confidence];
  opinion.why = plain_words(why->get_string());
}

}  // namespace dbgate::models
