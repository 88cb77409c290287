#pragma once
#include <cstdint>
#include <string_view>

#include "gateway/adapters/store/sql_core.h"

// Ending credentials, so that what they let in ends everywhere. Call raise_generation() first.
namespace dbgate::adapters::store {

/// @param keep  id of one that stays; may be empty. @return how many ended
Result<std::int64_t> end_logins(SqlTransaction& transaction, std::string_view user, std::string_view keep,
                                const Ending& why, Micros now_us);
/// @return whether it had not ended before
Result<bool> end_login(SqlTransaction& transaction, std::string_view id, const Ending& why, Micros now_us);
/// @param user  whose it must be; empty: anybody's
Result<bool> end_access_key(SqlTransaction& transaction, std::string_view user, std::string_view id, const Ending& why,
                            Micros now_us);
Result<bool> end_database_password(SqlTransaction& transaction, std::string_view user, std::string_view id,
                                   const Ending& why, Micros now_us);
/// Ends all credentials of a user and deletes whatever else stands under the name.
Result<> clear_user(SqlTransaction& transaction, std::string_view user, const Ending& why, Micros now_us);

}  // namespace dbgate::adapters::store
