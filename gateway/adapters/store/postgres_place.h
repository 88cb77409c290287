#pragma once
#include <chrono>
#include <string>

#include "config/schema.h"
#include "gateway/base/error.h"

namespace dbgate::adapters::store {

/// Where a store on PostgreSQL is.
struct PostgresPlace {
  config::Upstream server;
  std::string schema = "dbgate";
  std::chrono::milliseconds timeout{5'000};  ///< of one operation
  std::size_t connections = 8;
};

/// Reads `postgresql://user@host:port,host/database?sslmode=…&sslrootcert=…&schema=…` as libpq does, but with sslmode
/// verify-full unless it says otherwise.
/// @param password  in place of one in the URL; may be empty
/// Errors: 22023, naming store.url, for what is no URL, lacks user or database, or has parameters that dbgate does not
/// use.
Result<PostgresPlace> parse_postgres_url(const std::string& url, const std::string& password);

}  // namespace dbgate::adapters::store
