#include "gateway/policy/migrations.h"

#include <unordered_set>

namespace dbgate::policy {

bool is_migration(const sql::Statement& statement) {
  if (statement.beyond_data) return false;
  // Of relations, types and statistics; what has code in it is named by neither.
  if (statement.tag == "ALTER … RENAME" || statement.tag == "ALTER … SET SCHEMA")
    return !statement.relations.empty() || statement.moves_type;
  static const std::unordered_set<std::string_view> tags = {"CREATE TABLE",
                                                            "ALTER TABLE",
                                                            "CREATE TABLE AS",
                                                            "CREATE INDEX",
                                                            "CREATE SEQUENCE",
                                                            "ALTER SEQUENCE",
                                                            "CREATE VIEW",
                                                            "CREATE TYPE",
                                                            "ALTER TYPE",
                                                            "CREATE DOMAIN",
                                                            "ALTER DOMAIN",
                                                            "DROP",
                                                            "COMMENT",
                                                            "SELECT",
                                                            "CREATE SCHEMA",
                                                            "CREATE STATISTICS",
                                                            "CREATE MATERIALIZED VIEW"};
  return tags.contains(statement.tag);
}

bool names_no_target(std::string_view tag) {
  return tag == "CREATE INDEX" || tag == "CREATE TABLE" || tag == "ALTER TABLE" || tag == "CREATE VIEW" ||
         tag == "CREATE TABLE AS" || tag == "CREATE MATERIALIZED VIEW";
}

bool is_type_ddl(const sql::Statement& statement) {
  const std::string_view tag = statement.tag;
  return tag == "CREATE TYPE" || tag == "CREATE DOMAIN" || tag == "ALTER TYPE" || tag == "ALTER DOMAIN" ||
         statement.drops_type || statement.moves_type;
}

bool is_beside_made(const sql::Statement& statement, const sql::QualifiedName& name) {
  // What the elements of CREATE SCHEMA make and what they refer to looks the same.
  if (statement.tag == "CREATE SCHEMA") return true;
  const bool makes = statement.tag == "CREATE TABLE" || statement.tag == "CREATE FOREIGN TABLE";
  return makes && name != statement.relations.front().name;
}

}  // namespace dbgate::policy
