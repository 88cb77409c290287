#include "gateway/catalog/search_path.h"

namespace dbgate::catalog {
namespace {

// As PostgreSQL's scanner_isspace().
bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

void skip_spaces(std::string_view& rest) {
  while (!rest.empty() && is_space(rest.front()))
    rest.remove_prefix(1);
}

// Behind the opening quote. False: it is never closed.
bool take_quoted(std::string_view& rest, std::string& name) {
  for (;;) {
    const std::size_t quote = rest.find('"');
    if (quote == std::string_view::npos) return false;
    name += rest.substr(0, quote);
    rest.remove_prefix(quote + 1);
    if (!rest.starts_with('"')) return true;
    name += '"';
    rest.remove_prefix(1);
  }
}

bool take_plain(std::string_view& rest, std::string& name) {
  while (!rest.empty() && rest.front() != ',' && !is_space(rest.front())) {
    const char c = rest.front();
    name += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    rest.remove_prefix(1);
  }
  return !name.empty();
}

}  // namespace

// The value is no SQL: comments, literals and numbers in it are names (PostgreSQL, SplitIdentifierString()).
std::vector<std::string> read_search_path(std::string_view value) {
  std::vector<std::string> schemas;
  skip_spaces(value);
  if (value.empty()) return schemas;
  for (;;) {
    std::string name;
    const bool quoted = value.starts_with('"');
    if (quoted) value.remove_prefix(1);
    if (!(quoted ? take_quoted(value, name) : take_plain(value, name))) return {};
    schemas.push_back(std::move(name));
    skip_spaces(value);
    if (value.empty()) return schemas;
    if (value.front() != ',') return {};
    value.remove_prefix(1);
    skip_spaces(value);
  }
}

}  // namespace dbgate::catalog
