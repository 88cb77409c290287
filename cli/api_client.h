#pragma once
#include <boost/json/value.hpp>
#include <string>

#include "cli/context.h"

namespace dbgate::cli {

struct ApiAnswer {
  unsigned status = 0;
  boost::json::value body;
  std::string request_id;
};

/// One request to the gateway's API, blocking. `body` null: none is sent. `token` empty: no authorization.
/// Throws Problem: 7 if the gateway cannot be reached or its certificate is not trusted, and what the gateway answered
/// for any status of 400 and above.
ApiAnswer call_api(const Options& options, const GatewayUrl& url, const std::string& token, const std::string& method,
                   const std::string& path, const boost::json::value& body);

/// call_api with the gateway and token of the options.
ApiAnswer call_api(const Options& options, const std::string& method, const std::string& path,
                   const boost::json::value& body = nullptr);

}  // namespace dbgate::cli
