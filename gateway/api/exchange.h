#pragma once
#include <cstdint>
#include <string>

namespace dbgate::api {

/// An HTTP request as handlers see it.
struct Request {
  std::string method;
  std::string path;    ///< decoded segments joined by '/', without the query
  std::string query;   ///< as sent, without '?'
  std::string bearer;  ///< of Authorization: Bearer; empty without
  std::string body;
  std::string content_type;
  std::string request_id;
  std::string address;  ///< the client's
};

/// An answer. Bodies are JSON texts.
struct Response {
  unsigned status = 200;
  std::string body;
  bool problem = false;  ///< application/problem+json (RFC 9457)
};

}  // namespace dbgate::api
