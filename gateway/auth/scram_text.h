#pragma once
#include <optional>
#include <string>
#include <string_view>

// The attribute grammar of SCRAM messages (RFC 5802 §7).
namespace dbgate::auth {

/// Cuts `text` at the first `separator`; the part before it is returned and removed together with the separator.
inline std::optional<std::string_view> scram_cut(std::string_view& text, char separator) {
  const std::size_t at = text.find(separator);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view before = text.substr(0, at);
  text.remove_prefix(at + 1);
  return before;
}

/// Takes the attribute `name=value` that must stand next, up to a comma or the end.
inline std::optional<std::string> scram_attribute(std::string_view& text, char name) {
  if (text.size() < 2 || text[0] != name || text[1] != '=') return std::nullopt;
  const std::size_t end = text.find(',');
  std::string value(text.substr(2, end == std::string_view::npos ? end : end - 2));
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return value;
}

/// A nonce is printable ASCII without commas, and neither empty nor longer than anybody needs.
inline bool scram_printable(std::string_view nonce) {
  constexpr std::size_t longest = 512;
  if (nonce.empty() || nonce.size() > longest) return false;
  for (const char c : nonce) {
    if (c < 0x21 || c > 0x7e || c == ',') return false;
  }
  return true;
}

}  // namespace dbgate::auth
