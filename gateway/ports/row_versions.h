#pragma once
#include <chrono>
#include <string>
#include <vector>

#include "config/schema.h"
#include "gateway/base/error.h"

namespace dbgate::ports {

/// What one server is asked about rows that a transaction on another connection has changed and not committed.
struct VersionsRequest {
  config::Upstream server;             ///< where, and as whom: one of its hosts is the one
  std::string database;                ///< on that server
  std::string settings;                ///< begins the transaction that the questions are asked in
  std::vector<std::string> questions;  ///< texts of SQL that have one column
  std::string here;                    ///< the first row begins so on the server that is meant
  std::chrono::milliseconds timeout;   ///< for everything
};

/// Reads what others see of such rows. Blocks.
class RowVersions {
 public:
  virtual ~RowVersions() = default;

  /// The rows of all questions, in their order; of a server that is not meant, those of the first alone.
  /// Errors: 08006 no server can be reached or entered, or it went away; 57014 it took too long; 54000 that is more
  /// than anybody would look at; otherwise the server's own SQLSTATE.
  virtual Result<std::vector<std::string>> read(const VersionsRequest& request) = 0;
};

}  // namespace dbgate::ports
