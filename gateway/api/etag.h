#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/api/exchange.h"

// Strong entity tags (RFC 9110 §8.8.3) and the conditions on them (§13.1).
namespace dbgate::api {

/// Of a representation: changes with any byte.
std::string etag_of(std::string_view representation);
/// Of an object of the store: `id` keeps a later object of the same name apart, `revision` counts its changes.
std::string etag_of(std::string_view id, std::int64_t revision);

/// Whether a list of tags, or "*", as If-Match and If-None-Match have them, names `etag`.
/// @param weak  "W/" does not matter (If-None-Match); otherwise weak tags match nothing
bool names_etag(std::string_view list, std::string_view etag, bool weak) noexcept;

/// For PUT, PATCH and DELETE of an object that has `etag` now. @return the 412 answer, or nothing: go on, and let the
/// store compare the revision again when it writes
std::optional<Response> refuse_unless_match(const Request& request, std::string_view etag);

}  // namespace dbgate::api
