#pragma once
#include "gateway/api/exchange.h"

namespace dbgate::api {

/// Whether a browser may have been made to send this by a page of another origin. Cross-origin reading is off in any
/// case (no CORS); this is about what a request does.
///  - Requests that change something: an Origin that is not the gateway's own, or Sec-Fetch-Site: cross-site, is
///  foreign
///    unless the request carries a bearer token, which no browser adds by itself.
///  - WebSockets and tunnels: a foreign Origin always is, because browsers let any page open WebSockets.
/// The gateway's own origin is its scheme and the request's Host, and `public_url`.
/// @param public_url  an origin; may be empty
bool is_foreign(const Request& request, const std::string& public_url);

}  // namespace dbgate::api
