#pragma once
#include <functional>
#include <string>

#include "gateway/catalog/snapshot.h"
#include "gateway/ports/schema_summary.h"
#include "gateway/session/judge.h"

namespace dbgate::app {

/// What is known of one user.
struct OutlineRules {
  /// What would be decided about a statement of theirs.
  std::function<session::Judged(const std::string& sql)> ask;
  std::function<bool(std::string_view schema, std::string_view relation)> filtered;
  bool may_write = true;  ///< false: nothing that changes data needs to be asked for
};

/// What of a catalog a user may know: what they can use. Asks, for every name, whether a statement that uses it would
/// pass, so that browsing never shows what querying would not; a column that cannot be read or written is not there.
/// The system's own schemas are left out. Pure but for `rules`.
ports::SchemaSummary outline_of(const catalog::Snapshot& catalog, const OutlineRules& rules);

/// As \d shows it: with its schema unless that is pg_catalog, arrays with []; empty if the catalog has no such type.
std::string name_of_type(const catalog::Snapshot& catalog, catalog::Oid oid);

}  // namespace dbgate::app
