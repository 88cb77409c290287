#pragma once
#include <chrono>
#include <cstddef>
#include <memory>

#include "gateway/ports/http_client.h"

namespace dbgate::adapters {

struct CurlLimits {
  std::chrono::milliseconds connect{5'000};
  std::chrono::milliseconds whole{10'000};  ///< from the first look-up to the last byte
  std::size_t bytes = 1u << 20;             ///< of an answer's body
};

/// HTTP by libcurl. Certificates and names are always verified; plain HTTP goes to this machine alone, past any proxy.
std::unique_ptr<ports::HttpClient> make_curl_http(const CurlLimits& limits = {});

}  // namespace dbgate::adapters
