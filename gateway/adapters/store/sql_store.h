#pragma once
#include <memory>

#include "gateway/adapters/store/sql_database.h"
#include "gateway/identity/sealing.h"
#include "gateway/ports/store.h"

namespace dbgate::adapters::store {

/// The identity store over a database, whose schema is brought up to date first.
/// Errors: 0A000 the schema is newer than this program; 08006.
Result<std::unique_ptr<ports::store::Store>> make_sql_store(std::unique_ptr<SqlDatabase> database,
                                                            identity::Sealing sealing);

/// Wraps the data keys of everything that is sealed with the first key, one transaction for each table. What changes
/// meanwhile is left as it is written: new values have the first key anyway.
/// @return how many values were wrapped anew. Errors: XX001 for the first value that no key opens; that table is
/// unchanged then.
Result<std::int64_t> rewrap_all(SqlDatabase& database, const identity::Sealing& sealing);

}  // namespace dbgate::adapters::store
