#include "gateway/adapters/store/sql_parts.h"

namespace dbgate::adapters::store {
namespace {

constexpr const char* all_keys =
    "SELECT kid, sealed_private, public_pem, created_us, retired_us FROM signing_keys ORDER BY created_us DESC, kid";

std::string private_place(std::string_view kid) {
  return place("signing_keys.sealed_private", kid);
}

}  // namespace

Result<std::vector<SigningKey>> SqlKeys::opened(SqlResult result) const {
  std::vector<SigningKey> keys;
  for (std::size_t i = 0; i < result.rows(); ++i) {
    SqlRow row = result.row(i);
    SigningKey key;
    key.kid = row.text();
    DBGATE_TRY(key.private_pem, core_.sealing.open(row.text(), private_place(key.kid)));
    key.public_pem = row.text();
    key.created_us = row.number();
    key.retired_us = row.number();
    keys.push_back(std::move(key));
  }
  return keys;
}

Result<> SqlKeys::add_signing_key(SqlTransaction& transaction, const SigningKey& key, Micros now_us) const {
  const std::string sealed = core_.sealing.seal(key.private_pem, private_place(key.kid));
  const auto added = transaction.run(
      "INSERT INTO signing_keys (kid, sealed_private, public_pem, created_us, retired_us) "
      "VALUES ($1, $2, $3, $4, 0)",
      {key.kid, sealed, key.public_pem, now_us});
  if (!added) return taken(added.error(), "signing key");
  return done;
}

Result<std::vector<SigningKey>> SqlKeys::signing_keys() {
  DBGATE_TRY(SqlResult result, core_.database.query(all_keys));
  return opened(std::move(result));
}

Result<std::vector<SigningKey>> SqlKeys::ensure_signing_key(const SigningKey& candidate, Micros now_us) {
  return core_.write<std::vector<SigningKey>>([&](SqlTransaction& transaction) -> Result<std::vector<SigningKey>> {
    DBGATE_CHECK(take_turn(transaction));
    DBGATE_TRY(const SqlResult found, transaction.run("SELECT 1 FROM signing_keys WHERE retired_us = 0"));
    if (found.rows() == 0) {
      DBGATE_CHECK(raise_generation(transaction));
      DBGATE_CHECK(add_signing_key(transaction, candidate, now_us));
    }
    DBGATE_TRY(SqlResult result, transaction.run(all_keys));
    return opened(std::move(result));
  });
}

Result<> SqlKeys::rotate_signing_key(const SigningKey& fresh, Micros now_us) {
  return core_.database.write([&](SqlTransaction& transaction) -> Result<> {
    DBGATE_CHECK(raise_generation(transaction));
    DBGATE_CHECK(transaction.run("UPDATE signing_keys SET retired_us = $1 WHERE retired_us = 0", {now_us}));
    return add_signing_key(transaction, fresh, now_us);
  });
}

Result<> SqlKeys::remove_signing_keys_retired_before(Micros retired_us) {
  return core_.database.write([&](SqlTransaction& transaction) -> Result<> {
    DBGATE_CHECK(raise_generation(transaction));
    DBGATE_CHECK(transaction.run("DELETE FROM signing_keys WHERE retired_us > 0 AND retired_us < $1", {retired_us}));
    return done;
  });
}

}  // namespace dbgate::adapters::store
