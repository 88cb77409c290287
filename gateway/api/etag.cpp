#include "gateway/api/etag.h"

#include "gateway/api/problem.h"
#include "gateway/api/text.h"

namespace dbgate::api {
namespace {

std::string_view trim(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
    text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
    text.remove_suffix(1);
  return text;
}

}  // namespace

std::string etag_of(std::string_view representation) {
  return '"' + encode_base64url(sha256(representation).substr(0, 16)) + '"';
}

std::string etag_of(std::string_view id, std::int64_t revision) {
  return '"' + std::string(id) + '.' + std::to_string(revision) + '"';
}

// No tag that is made here has a comma in it, so that commas separate.
bool names_etag(std::string_view list, std::string_view etag, bool weak) noexcept {
  list = trim(list);
  if (list == "*") return true;
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    std::string_view one = trim(list.substr(0, comma));
    if (weak && one.starts_with("W/")) one.remove_prefix(2);
    if (one == etag) return true;
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
  return false;
}

std::optional<Response> refuse_unless_match(const Request& request, std::string_view etag) {
  if (names_etag(request.headers.get("If-Match"), etag, false)) return {};
  Response refused = problem(request, "changed_meanwhile", "somebody else has changed this since you read it");
  refused.etag = etag;
  return refused;
}

}  // namespace dbgate::api
