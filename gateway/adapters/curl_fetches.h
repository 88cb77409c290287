#pragma once
#include <memory>

#include "gateway/ports/http_fetches.h"

namespace dbgate::adapters {

/// HTTP by libcurl's multi interface, all of it on one thread. Connections are kept and used again. Destroying it ends
/// what has not ended yet as `stopped`.
std::unique_ptr<ports::HttpFetches> make_curl_fetches();

}  // namespace dbgate::adapters
