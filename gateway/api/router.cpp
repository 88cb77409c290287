#include "gateway/api/router.h"

#include <algorithm>
#include <cctype>
#include <optional>

#include "gateway/api/text.h"

namespace dbgate::api {
namespace {

constexpr std::size_t most_path_bytes = 2048;
constexpr std::size_t most_name_bytes = 128;

bool all_of(std::string_view text, int (*is)(int)) noexcept {
  return std::all_of(text.begin(), text.end(), [is](unsigned char c) { return is(c) != 0; });
}

bool is_id(std::string_view text) noexcept {
  const std::size_t split = text.find('_');
  if (split == std::string_view::npos || split < 2 || split > 4 || text.size() != split + 1 + 26) return false;
  return all_of(text.substr(0, split), [](int c) { return std::islower(c); }) &&
         all_of(text.substr(split + 1), [](int c) { return static_cast<int>(std::isupper(c) || std::isdigit(c)); });
}

bool is_code(std::string_view text) noexcept {
  return text.size() <= 64 &&
         all_of(text, [](int c) { return static_cast<int>(std::islower(c) || std::isdigit(c) || c == '_'); });
}

bool fits(std::string_view parameter, std::string_view text) noexcept {
  if (parameter == "{id}") return is_id(text);
  if (parameter == "{number}") return text.size() <= 9 && all_of(text, std::isdigit);
  if (parameter == "{code}") return is_code(text);
  return text.size() <= most_name_bytes;
}

bool is_parameter(std::string_view segment) noexcept {
  return segment.starts_with('{');
}

std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> segments;
  path.remove_prefix(1);
  for (;;) {
    const std::size_t slash = path.find('/');
    segments.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return segments;
    path.remove_prefix(slash + 1);
  }
}

bool matches(const std::vector<std::string_view>& pattern, const std::vector<std::string>& segments) {
  return std::equal(pattern.begin(), pattern.end(), segments.begin(), segments.end(),
                    [](std::string_view wanted, const std::string& segment) {
                      return is_parameter(wanted) ? fits(wanted, segment) : wanted == segment;
                    });
}

// Names that are written out come before parameters: "/login/methods" is not a login called "methods".
bool more_exact(const std::vector<std::string_view>& left, const std::vector<std::string_view>& right) {
  return std::lexicographical_compare(
      left.begin(), left.end(), right.begin(), right.end(),
      [](std::string_view a, std::string_view b) { return is_parameter(b) && !is_parameter(a); });
}

}  // namespace

std::size_t Operation::position_of(std::string_view name) const noexcept {
  std::size_t at = 0;
  for (std::size_t open = path.find('{'); open != std::string_view::npos; open = path.find('{', open + 1)) {
    if (path.substr(open + 1, path.find('}', open) - open - 1) == name) return at;
    ++at;
  }
  return std::string_view::npos;
}

Router::Router(std::span<const Operation> operations) : operations_(operations) {
  for (const Operation& operation : operations)
    entries_.push_back({&operation, split(operation.path)});
  std::stable_sort(entries_.begin(), entries_.end(),
                   [](const Entry& left, const Entry& right) { return more_exact(left.segments, right.segments); });
}

Route Router::find(std::string_view method, std::string_view path) const {
  Route route;
  route.why = "there is nothing at this path";
  if (!path.starts_with('/') || path.size() > most_path_bytes) return route;
  std::vector<std::string> segments;
  for (const std::string_view raw : split(path)) {
    std::optional<std::string> decoded = decode_percent(raw);
    if (!decoded || !is_plain_text(*decoded)) {
      route.outcome = Route::Outcome::malformed;
      route.why = "the path is not percent-encoded UTF-8 without control characters";
      return route;
    }
    if (decoded->empty() || *decoded == "." || *decoded == ".." || decoded->find('/') != std::string::npos)
      return route;
    segments.push_back(std::move(*decoded));
  }
  const std::vector<std::string_view>* pattern = nullptr;  // the most exact; what others offer there does not count
  std::string_view wanted = method == "HEAD" ? "GET" : method;
  for (const Entry& entry : entries_) {
    if (pattern == nullptr ? !matches(entry.segments, segments) : entry.segments != *pattern) continue;
    pattern = &entry.segments;
    route.allow += std::string(entry.operation->method) + ", ";
    if (entry.operation->method == "GET") route.allow += "HEAD, ";
    if (entry.operation->method == wanted) route.operation = entry.operation;
  }
  if (pattern == nullptr) return route;
  route.allow += "OPTIONS";
  if (method == "OPTIONS") {
    route.outcome = Route::Outcome::options;
  } else if (route.operation == nullptr) {
    route.outcome = Route::Outcome::no_method;
    route.why = "the methods of this path are " + route.allow;
  } else {
    route.outcome = Route::Outcome::found;
    for (std::size_t i = 0; i < segments.size(); ++i) {
      if (is_parameter((*pattern)[i])) route.parameters.push_back(std::move(segments[i]));
    }
  }
  return route;
}

}  // namespace dbgate::api
