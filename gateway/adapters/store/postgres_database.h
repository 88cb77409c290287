#pragma once
#include <memory>

#include "gateway/adapters/store/postgres_place.h"
#include "gateway/adapters/store/sql_database.h"

namespace dbgate::adapters::store {

/// A schema of its own on a PostgreSQL server, made if it is not there. Keeps a few connections, opens new ones when
/// they are lost. Signals come by NOTIFY on channel dbgate_directory. Errors: 08006 if nobody answers now.
Result<std::unique_ptr<SqlDatabase>> open_postgres(PostgresPlace place);

}  // namespace dbgate::adapters::store
