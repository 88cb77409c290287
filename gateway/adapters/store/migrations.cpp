#include "gateway/adapters/store/migrations.h"

#include <array>
#include <string>

#include "gateway/base/clock.h"
#include "gateway/base/log.h"

namespace dbgate::adapters::store {
namespace {

const Result<> done = boost::system::in_place_value;

// Made from migrations/ by CMakeLists.txt.
constexpr auto migrations_of_files = std::to_array<Migration>({
#include "store_migrations.inc"
});

constexpr std::string_view own_table =
    "CREATE TABLE IF NOT EXISTS schema_migrations ("
    "number BIGINT PRIMARY KEY, name TEXT NOT NULL, applied_us BIGINT NOT NULL)";

bool part_of_word(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

// The script with the database's own word for every type TEXT.
std::string spoken(std::string_view sql, std::string_view text_type) {
  constexpr std::string_view word = "TEXT";
  std::string script;
  while (!sql.empty()) {
    const std::size_t at = sql.find(word);
    const std::size_t end = at == std::string_view::npos ? sql.size() : at + word.size();
    const bool whole = at != std::string_view::npos && (at == 0 || !part_of_word(sql[at - 1])) &&
                       (end == sql.size() || !part_of_word(sql[end]));
    script += sql.substr(0, whole ? at : end);
    if (whole) script += text_type;
    sql.remove_prefix(end);
  }
  return script;
}

Result<> apply(SqlTransaction& transaction, const Migration& migration, std::string_view text_type) {
  DBGATE_CHECK(transaction.run_script(spoken(migration.sql, text_type)));
  DBGATE_CHECK(transaction.run("INSERT INTO schema_migrations (number, name, applied_us) VALUES ($1, $2, $3)",
                               {migration.number, migration.name, wall_clock_us()}));
  log::info("store", "migrated", {{"migration", migration.name}});
  return done;
}

}  // namespace

std::span<const Migration> known_migrations() {
  return migrations_of_files;
}

Result<> migrate(SqlDatabase& database, std::span<const Migration> migrations) {
  return database.migrate([&](SqlTransaction& transaction) -> Result<> {
    DBGATE_CHECK(transaction.run_script(spoken(own_table, database.text_type())));
    DBGATE_TRY(SqlResult found, transaction.run("SELECT COALESCE(MAX(number), 0) FROM schema_migrations"));
    const std::int64_t there = found.row(0).number();
    const std::int64_t last = migrations.empty() ? 0 : migrations.back().number;
    if (there > last) {
      return Error(sqlstate::feature_not_supported,
                   "the identity store has schema " + std::to_string(there) + ", which is newer than this program (" +
                       std::to_string(last) + ")",
                   "Run the dbgate-gateway that made it, or a newer one.");
    }
    for (const Migration& migration : migrations) {
      if (migration.number > there) DBGATE_CHECK(apply(transaction, migration, database.text_type()));
    }
    return done;
  });
}

}  // namespace dbgate::adapters::store
