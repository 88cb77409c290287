#include "gateway/api/exchange.h"

#include <algorithm>
#include <cassert>
#include <cctype>

#include "gateway/api/router.h"

namespace dbgate::api {
namespace {

bool same_name(std::string_view left, std::string_view right) noexcept {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); });
}

}  // namespace

void Headers::set(std::string_view name, std::string value) {
  std::erase_if(fields_, [name](const Field& field) { return same_name(field.first, name); });
  fields_.emplace_back(name, std::move(value));
}

std::string_view Headers::get(std::string_view name) const noexcept {
  const auto found =
      std::find_if(fields_.begin(), fields_.end(), [name](const Field& field) { return same_name(field.first, name); });
  return found == fields_.end() ? std::string_view() : std::string_view(found->second);
}

std::size_t Headers::count(std::string_view name) const noexcept {
  return static_cast<std::size_t>(std::count_if(fields_.begin(), fields_.end(),
                                                [name](const Field& field) { return same_name(field.first, name); }));
}

bool Caller::may(std::string_view scope) const noexcept {
  return scopes.empty() || std::find(scopes.begin(), scopes.end(), scope) != scopes.end();
}

const std::string& Request::parameter(std::string_view name) const {
  const std::size_t at = operation->position_of(name);
  assert(at < parameters.size());
  return parameters[at];
}

Response json_response(std::string body, unsigned status) {
  Response response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

Response no_content() {
  Response response;
  response.status = 204;
  return response;
}

}  // namespace dbgate::api
