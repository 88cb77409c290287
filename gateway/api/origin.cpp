#include "gateway/api/origin.h"

#include <algorithm>
#include <cctype>

namespace dbgate::api {
namespace {

std::string lower(std::string_view text) {
  std::string folded(text);
  std::transform(folded.begin(), folded.end(), folded.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return folded;
}

// Browsers leave a scheme's own port out of Origin and Host alike; other clients may not.
std::string without_default_port(std::string origin, bool secured) {
  const std::string_view port = secured ? ":443" : ":80";
  if (origin.ends_with(port)) origin.resize(origin.size() - port.size());
  return origin;
}

bool is_own(const Request& request, const std::string& public_url) {
  const std::string origin = lower(request.headers.get("Origin"));
  if (!public_url.empty()) {
    const bool secured = public_url.starts_with("https:");
    if (without_default_port(origin, secured) == without_default_port(lower(public_url), secured)) return true;
  }
  const std::string scheme = request.secured ? "https://" : "http://";
  const std::string own = scheme + lower(request.headers.get("Host"));
  return without_default_port(origin, request.secured) == without_default_port(own, request.secured);
}

}  // namespace

bool is_foreign(const Request& request, const std::string& public_url) {
  const bool elsewhere = request.headers.has("Origin") ? !is_own(request, public_url)
                                                       : request.headers.get("Sec-Fetch-Site") == "cross-site";
  if (request.upgrade || request.tunnel) return elsewhere;
  const bool reads = request.method == "GET" || request.method == "HEAD" || request.method == "OPTIONS";
  return !reads && elsewhere && request.bearer.empty();
}

}  // namespace dbgate::api
