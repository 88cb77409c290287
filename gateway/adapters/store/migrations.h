#pragma once
#include <span>
#include <string_view>

#include "gateway/adapters/store/sql_database.h"

namespace dbgate::adapters::store {

/// One file of migrations/.
struct Migration {
  std::int64_t number;    ///< from 1, without gaps
  std::string_view name;  ///< "0001_identity"
  std::string_view sql;
};

/// What this program brings, in order.
std::span<const Migration> known_migrations();

/// Brings the schema up to the last of `migrations`, in one transaction that nobody else's can overlap; does nothing if
/// it is there. Errors: 0A000 the schema is newer than that.
Result<> migrate(SqlDatabase& database, std::span<const Migration> migrations);

}  // namespace dbgate::adapters::store
