#pragma once
#include <libpq-fe.h>

#include <cstdint>

#include "config/schema.h"

namespace dbgate::adapters {

/// Looks at what a server asks for before libpq sees it: libpq 15 answers a request for a clear-text password, takes
/// md5 and lets itself be waved through. A server that sends another request in the very moment between look and read
/// is not caught; libpq 16 and newer have require_auth for that.
class LoginGuard {
 public:
  enum class Finding { wait, fine, refused };

  explicit LoginGuard(const config::Upstream& server) : server_(server) {}
  /// Another login begins, on another connection.
  void start() { answered_ = done_ = false; }
  /// @return wait: a message is not complete yet; fine: libpq may read on
  Finding look(PGconn* connection);

 private:
  Finding judge(std::uint32_t request);

  const config::Upstream& server_;
  bool answered_ = false;  // by a method that needs the password
  bool done_ = false;
};

}  // namespace dbgate::adapters
