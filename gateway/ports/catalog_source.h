#pragma once
#include <chrono>
#include <memory>
#include <stop_token>
#include <string>

#include "config/schema.h"
#include "gateway/base/error.h"
#include "gateway/catalog/snapshot.h"

namespace dbgate::ports {

/// Which catalog to load, and within which bounds.
struct CatalogRequest {
  config::Upstream server;    ///< where, and as whom
  std::string database;       ///< on that server
  std::uint64_t version = 0;  ///< that the snapshot will carry
  std::shared_ptr<const catalog::Snapshot>
      previous;                               ///< whose version comes again if no object has changed; may be null
  std::chrono::milliseconds timeout{60'000};  ///< for everything: connecting, reading, building
};

/// Reads system catalogs. Called on threads of its own, from several at once; blocks.
class CatalogSource {
 public:
  virtual ~CatalogSource() = default;

  /// Reads all of one database's catalog, as of one moment. Ends soon after `stop` is requested, except while it looks
  /// up a host's name.
  /// Errors: 08006 the server cannot be reached or entered, or went away; 57014 it took too long; 57P01 stopped;
  /// 54000 the catalog is beyond all bounds; otherwise the server's own SQLSTATE. Messages say no more than what was
  /// tried: what the server said goes to the log.
  virtual Result<std::shared_ptr<const catalog::Snapshot>> load(const CatalogRequest& request,
                                                                const std::stop_token& stop) = 0;
};

}  // namespace dbgate::ports
