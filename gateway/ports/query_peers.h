#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "gateway/ports/query_service.h"

namespace dbgate::ports {

/// What somebody asks about a query, so that another gateway can answer it.
struct QueryQuestion {
  enum class What : std::uint8_t {
    show,
    rows,
    cancel,
    statement  ///< what has to be run again for an export
  };
  What what = What::show;
  QueryCaller caller;
  std::string id;
  std::size_t result = 0;      ///< of rows, as the next three
  std::size_t from = 0;        ///< the first row
  std::size_t limit = 0;       ///< of rows of a page
  std::size_t most_bytes = 0;  ///< of a page with more than one row; 0: any number
};

/// What the answer of the API is. Cursors are good at all gateways.
struct QueryAnswer {
  static constexpr unsigned rights_changed = 409;  ///< without a body: the rows may not be shown any more
  unsigned status = 200;
  std::string body;    ///< JSON
  std::string cursor;  ///< of the next page; empty: there is none
};

/// The queries that other gateways on the store run or keep. Used from the API's thread.
class QueryPeers {
 public:
  virtual ~QueryPeers() = default;
  /// Nothing: none of them has it for the caller. Errors: 08006 not all of them have answered, and those who have do
  /// not have it.
  virtual Task<Result<std::optional<QueryAnswer>>> ask(QueryQuestion question) = 0;
};

}  // namespace dbgate::ports
