#pragma once
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gateway/sql/names.h"

// What the structure of a statement says of the harm it could do, rather than of the rights it needs: conditions that
// hold for every row, shapes of injections, locks and rewrites of DDL. Facts only: what they are worth, gateway/risk
// says. Plain data, without any text of the client's but names.
namespace dbgate::sql {

enum class Sign : std::uint8_t {
  plan_only,     ///< EXPLAIN without ANALYZE: nothing of what is inside runs
  explain_runs,  ///< EXPLAIN ANALYZE
  // Queries.
  unbounded,            ///< what the client sees has neither a WHERE that names a column nor a LIMIT of a constant
  limited,              ///< … has a LIMIT of a constant: Signs::limit
  cartesian,            ///< FROM has entries that no condition ties together
  leading_wildcard,     ///< LIKE or ILIKE with a constant that begins with % or _
  unbounded_recursion,  ///< WITH RECURSIVE without LIMIT or CYCLE
  large_series,         ///< generate_series() of more than a million, repeat() of more than a million
  // Changes.
  limit_locks_in_change,  ///< IN (SELECT … LIMIT … FOR UPDATE) in an UPDATE or DELETE
  merge_unconditional,    ///< MERGE … WHEN MATCHED THEN UPDATE or DELETE, without AND
  upsert_unconditional,   ///< ON CONFLICT DO UPDATE without WHERE
  insert_without_columns,
  insert_of_everything,  ///< INSERT … SELECT from a relation without WHERE and LIMIT
  // Shapes of injections.
  constant_or,         ///< OR beside what holds for every row: OR 1=1, OR x=x, OR true
  constant_and,        ///< AND beside a comparison of constants that does not hold: AND 1=2
  union_of_nulls,      ///< UNION with an arm that is nothing but NULLs
  union_padded,        ///< UNION with an arm padded by NULLs or numbers that reads what no other arm reads
  union_catalog,       ///< UNION with an arm that reads the system catalog where another arm does not
  error_extraction,    ///< a sub-select cast to a number, a division by one, an XML function over one
  blind_probe,         ///< letters of a sub-select compared with a constant; CASE whose branches sleep or fail
  comment_at_end,      ///< "--" behind a literal or an unclosed condition, up to the end of the text
  odd_comment,         ///< a comment in a comment, or one that MySQL would run: /*! … */
  assembled_text,      ///< chr() after chr(), decode() or convert_from() of a constant
  odd_characters,      ///< characters without width, or that turn the direction of writing, outside of literals
  unicode_identifier,  ///< U&"…"
  quote_residue,       ///< '' || something || ''
  count_
};

/// The WHERE of an UPDATE or DELETE, or the condition of a branch of MERGE.
enum class Where : std::uint8_t {
  none,
  always,    ///< it holds for every row
  constant,  ///< it names no column of the row
  never,     ///< it holds for none
  columns,
  cursor  ///< WHERE CURRENT OF
};

/// One UPDATE or DELETE, wherever it stands in the statement.
struct Change {
  QualifiedName table;
  bool deletes = false;
  Where where = Where::none;
  bool unlinked = false;           ///< FROM or USING has tables that no condition ties to it
  std::vector<std::string> equal;  ///< columns that are held equal to constants or parameters by ANDed conditions
};

/// What a piece of DDL, DCL or maintenance does, as far as locks, rewrites and rights go.
enum class ActionKind : std::uint8_t {
  grant,
  revoke,
  grant_role,
  default_privileges,
  create_role,
  alter_role,
  drop_role,
  role_setting,
  row_security_off,  ///< DISABLE or NO FORCE ROW LEVEL SECURITY, DROP POLICY
  open_policy,       ///< CREATE or ALTER POLICY … USING (true), permissive
  change_owner,
  function,  ///< CREATE FUNCTION or PROCEDURE
  language,
  alter_system,
  load,
  create_extension,
  event_trigger,
  database_setting,
  disable_trigger,  ///< triggers and rules
  drop_trigger,     ///< triggers and rules
  drop,             ///< what has or holds rows: tables, schemas, databases, materialized views, DROP OWNED
  drop_index,
  drop_other,
  truncate,
  drop_column,
  rename,
  add_column,
  column_type,
  set_not_null,
  add_check,
  add_foreign_key,
  add_unique,  ///< or PRIMARY KEY, EXCLUDE
  validate_constraint,
  rewrite,           ///< SET LOGGED, UNLOGGED, ACCESS METHOD, TABLESPACE
  storage_settings,  ///< SET STATISTICS, SET (fillfactor = …), CLUSTER ON: readers and writers go on
  brief_lock,        ///< all else that takes ACCESS EXCLUSIVE for a moment
  create_trigger,
  attach_partition,
  detach_partition,
  create_index,
  reindex,
  vacuum,  ///< VACUUM, ANALYZE, CREATE STATISTICS, COMMENT
  vacuum_full,
  cluster,
  refresh_view,
  lock_table,
  foreign_server,  ///< CREATE SERVER, USER MAPPING, SUBSCRIPTION, IMPORT FOREIGN SCHEMA, FOREIGN DATA WRAPPER
  create_table     ///< one for the table, and one for each of its columns
};

/// One of them. Members mean what they say for the kinds they are named after, and nothing for others.
struct Action {
  ActionKind kind = ActionKind::brief_lock;
  QualifiedName name = {};  ///< the relation; empty: none, or not one
  std::string column = {};  ///< of add_column, column_type, set_not_null, drop_column, create_table
  std::string type = {};    ///< of add_column, column_type and create_table: the last part of its name
  int type_length = -1;     ///< its first modifier: varchar(20)
  bool cascade = false;     ///< of drops and revokes; of add_foreign_key: ON DELETE CASCADE
  bool concurrently = false;
  bool gentle = false;            ///< NOT VALID, USING INDEX
  bool wide = false;              ///< to PUBLIC, WITH GRANT or ADMIN OPTION, ALL, a power of a role, SECURITY DEFINER
  bool volatile_default = false;  ///< or identity, serial, GENERATED … STORED: every row is written anew
  int lock_mode = 0;  ///< of lock_table: 1 ACCESS SHARE to 8 ACCESS EXCLUSIVE, as in PostgreSQL's lockdefs.h
  std::vector<std::string> columns = {};  ///< of add_foreign_key, create_index: their columns
};

struct Signs {
  std::bitset<static_cast<std::size_t>(Sign::count_)> flags;
  /// Some of it rests on the values of constants that text_key.h takes out: of another text with the same key it may
  /// not hold. The same for all texts of one key.
  bool by_value = false;
  std::uint64_t limit = 0;  ///< rows
  std::vector<Change> changes;
  std::vector<Action> actions;

  bool has(Sign sign) const { return flags.test(static_cast<std::size_t>(sign)); }
  void set(Sign sign) { flags.set(static_cast<std::size_t>(sign)); }
  bool empty() const { return flags.none() && !by_value && changes.empty() && actions.empty(); }
};

}  // namespace dbgate::sql
