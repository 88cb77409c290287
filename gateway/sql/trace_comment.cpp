#include "gateway/sql/trace_comment.h"

#include <cctype>

namespace dbgate::sql {
namespace {

constexpr std::size_t most_bytes = 4096;  // of a comment; tracestate may have 512, and others write keys of their own

void trim(std::string_view& text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())) != 0)
    text.remove_prefix(1);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0)
    text.remove_suffix(1);
}

// The inside of the last comment; empty if anything but blanks and semicolons is behind it.
std::string_view last_comment(std::string_view text) {
  const std::size_t end = text.find_last_not_of("; \t\r\n\f\v");
  if (end == std::string_view::npos || end < 3 || text[end] != '/' || text[end - 1] != '*') return {};
  text = text.substr(0, end - 1);
  if (text.size() > most_bytes) text.remove_prefix(text.size() - most_bytes);
  const std::size_t begin = text.rfind("/*");
  return begin == std::string_view::npos ? std::string_view() : text.substr(begin + 2);
}

// Takes "key='value'" and the comma behind it. A quote in a value is written \'.
bool take_pair(std::string_view& rest, std::string_view& key, std::string_view& value) {
  const std::size_t equals = rest.find('=');
  if (equals == std::string_view::npos) return false;
  key = rest.substr(0, equals);
  trim(key);
  rest.remove_prefix(equals + 1);
  trim(rest);
  if (rest.empty() || rest.front() != '\'') return false;
  std::size_t end = 1;
  while (end < rest.size() && rest[end] != '\'')
    end += rest[end] == '\\' ? 2 : 1;
  if (end >= rest.size()) return false;
  value = rest.substr(1, end - 1);
  rest.remove_prefix(end + 1);
  trim(rest);
  if (rest.empty()) return true;
  if (rest.front() != ',') return false;
  rest.remove_prefix(1);
  return true;
}

}  // namespace

// A traceparent has nothing in it that URL-encoding would change.
TraceContext trace_of(std::string_view text) {
  std::string_view rest = last_comment(text);
  std::string_view key, value;
  while (!rest.empty() && take_pair(rest, key, value)) {
    if (key == "traceparent") return parse_traceparent(value);
  }
  return {};
}

}  // namespace dbgate::sql
