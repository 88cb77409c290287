#include "config/certificate_names.h"

#include <algorithm>

namespace dbgate::config {
namespace {

constexpr std::size_t longest_name = 1024;

bool printable(char c) {
  return c > 0x20 && c < 0x7f;
}

void fold(std::string& text, std::size_t from) {
  std::transform(text.begin() + static_cast<std::ptrdiff_t>(from), text.end(),
                 text.begin() + static_cast<std::ptrdiff_t>(from),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
}

}  // namespace

std::string normal_certificate_name(std::string_view name) {
  const std::size_t colon = name.find(':');
  if (colon == std::string_view::npos || name.size() > longest_name) return {};
  const std::string_view kind = name.substr(0, colon);
  const std::string_view value = name.substr(colon + 1);
  if (value.empty() || !std::all_of(value.begin(), value.end(), printable)) return {};
  std::string normal(name);
  if (kind == "uri") return value.find(':') == std::string_view::npos ? std::string() : normal;
  if (value.find('*') != std::string_view::npos) return {};
  const std::size_t at = value.rfind('@');
  if (kind == "dns" && at == std::string_view::npos) {
    fold(normal, colon + 1);
    return normal;
  }
  if (kind != "email" || at == std::string_view::npos || at == 0 || at + 1 == value.size()) return {};
  fold(normal, colon + 1 + at);
  return normal;
}

}  // namespace dbgate::config
