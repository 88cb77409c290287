#include "gateway/adapters/store/sql_core.h"
#include "gateway/adapters/store/sql_store.h"

namespace dbgate::adapters::store {
namespace {

// Where sealed values stand, and the row that each is bound to: as the parts of the store write them.
struct Sealed {
  const char* column;  // of the place: table.column
  const char* select;  // row, value
  const char* update;  // $1 row, $2 new value, $3 old value
};
constexpr Sealed everything[] = {
    {"sign_ins.sealed_totp", "SELECT user_name, sealed_totp FROM sign_ins WHERE sealed_totp <> ''",
     "UPDATE sign_ins SET sealed_totp = $2 WHERE user_name = $1 AND sealed_totp = $3"},
    {"signing_keys.sealed_private", "SELECT kid, sealed_private FROM signing_keys",
     "UPDATE signing_keys SET sealed_private = $2 WHERE kid = $1 AND sealed_private = $3"},
    {"pending_logins.sealed_data", "SELECT kind || '/' || hash, sealed_data FROM pending_logins",
     "UPDATE pending_logins SET sealed_data = $2 WHERE kind || '/' || hash = $1 AND sealed_data = $3"},
    {"targets.sealed_password", "SELECT id, sealed_password FROM targets WHERE sealed_password <> ''",
     "UPDATE targets SET sealed_password = $2 WHERE id = $1 AND sealed_password = $3"},
    {"replica_messages.sealed_body", "SELECT id, sealed_body FROM replica_messages",
     "UPDATE replica_messages SET sealed_body = $2 WHERE id = $1 AND sealed_body = $3"},
    {"shared_secrets.sealed_value", "SELECT name, sealed_value FROM shared_secrets",
     "UPDATE shared_secrets SET sealed_value = $2 WHERE name = $1 AND sealed_value = $3"},
    {"approvals.sealed_body", "SELECT id, sealed_body FROM approvals WHERE sealed_body <> ''",
     "UPDATE approvals SET sealed_body = $2 WHERE id = $1 AND sealed_body = $3"},
    {"requests.sealed_body", "SELECT user_name || '/' || key, sealed_body FROM requests WHERE sealed_body <> ''",
     "UPDATE requests SET sealed_body = $2 WHERE user_name || '/' || key = $1 AND sealed_body = $3"},
};

Result<std::int64_t> rewrap(SqlTransaction& transaction, const identity::Sealing& sealing, const Sealed& where) {
  std::int64_t count = 0;
  DBGATE_TRY(SqlResult found, transaction.run(where.select));
  for (std::size_t i = 0; i < found.rows(); ++i) {
    SqlRow row = found.row(i);
    const std::string key = row.text();
    const std::string old = row.text();
    DBGATE_TRY(const auto fresh, sealing.rewrap(old, place(where.column, key)));
    if (!fresh) continue;
    DBGATE_TRY(const SqlResult changed, transaction.run(where.update, {key, *fresh, old}));
    count += changed.changed;
  }
  return count;
}

}  // namespace

Result<std::int64_t> rewrap_all(SqlDatabase& database, const identity::Sealing& sealing) {
  const SqlCore core{database, sealing};
  std::int64_t total = 0;
  for (const Sealed& where : everything) {
    DBGATE_TRY(const std::int64_t count, core.write<std::int64_t>([&](SqlTransaction& transaction) {
      return rewrap(transaction, sealing, where);
    }));
    total += count;
  }
  return total;
}

}  // namespace dbgate::adapters::store
