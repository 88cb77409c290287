#include "gateway/api/idempotency.h"

#include <algorithm>

#include "gateway/api/text.h"

namespace dbgate::api {

std::string hash_request(const Request& request) {
  std::string text;
  for (const std::string* part : {&request.method, &request.path, &request.query, &request.body})
    text += std::to_string(part->size()) + ':' + *part;
  // What one credential was answered, another that is good for less may not hear.
  if (request.caller) {
    for (const std::string& scope : request.caller->scopes)
      text += scope + ',';
  }
  return encode_base64url(sha256(text));
}

bool acceptable_idempotency_key(std::string_view key) noexcept {
  return !key.empty() && key.size() <= 255 &&
         std::all_of(key.begin(), key.end(), [](char c) { return c > 0x20 && c < 0x7F; });
}

}  // namespace dbgate::api
