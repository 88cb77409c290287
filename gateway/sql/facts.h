#pragma once
#include <algorithm>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/sql/conditions.h"
#include "gateway/sql/levels.h"
#include "gateway/sql/names.h"

// What a statement would do, read off PostgreSQL's own parse tree. Plain data: no pointer into the tree survives.
namespace dbgate::sql {

struct Signs;

/// One thing a statement does. A statement has a set of them, collected over the whole tree (threat model §4).
enum class Effect : std::uint8_t {
  read,  ///< reads rows of a relation, or computes without one (SELECT 1)
  insert,
  update,
  delete_,
  truncate,
  merge,           ///< accompanied by insert/update/delete_ of its actions
  copy_in,         ///< COPY … FROM STDIN
  copy_out,        ///< COPY … TO STDOUT
  server_file,     ///< COPY from or to a server file, LOAD, …
  server_program,  ///< COPY … PROGRAM
  ddl,             ///< CREATE, ALTER, DROP, COMMENT, … of any object
  dcl,             ///< GRANT, REVOKE, roles, default privileges, SECURITY LABEL, REASSIGN OWNED
  call,            ///< CALL procedure
  do_block,        ///< DO: opaque code
  session,         ///< SET, RESET, DISCARD, SET ROLE, SET SESSION AUTHORIZATION; see Statement::settings
  show,            ///< SHOW
  transaction,     ///< BEGIN … ROLLBACK TO
  two_phase,       ///< PREPARE TRANSACTION, COMMIT PREPARED, ROLLBACK PREPARED
  lock,            ///< LOCK TABLE, SELECT … FOR UPDATE/SHARE
  listen,          ///< LISTEN, UNLISTEN
  notify,          ///< NOTIFY
  cursor,          ///< DECLARE, FETCH, MOVE, CLOSE
  prepare,         ///< PREPARE
  execute,         ///< EXECUTE
  deallocate,      ///< DEALLOCATE
  explain,         ///< EXPLAIN without ANALYZE
  maintenance,     ///< VACUUM, ANALYZE, CLUSTER, REINDEX, REFRESH MATERIALIZED VIEW
  admin,           ///< CHECKPOINT, ALTER SYSTEM, and whatever concerns the server as a whole
  select_into,     ///< SELECT INTO, CREATE TABLE AS (ddl is set too)
  replication,     ///< a walsender command
  opaque,          ///< reaches code or text that the tree does not show
  count_
};
using EffectSet = std::bitset<static_cast<std::size_t>(Effect::count_)>;

/// Columns of one relation used in one way. `whole_row` covers `*`, `t`, `t.*`, INSERT without a column list.
struct ColumnUse {
  std::vector<std::string> names;  ///< sorted, unique
  bool whole_row = false;

  void add(std::string_view name) {
    constexpr std::size_t usual = 4;
    if (names.empty()) names.reserve(usual);
    const auto at = std::lower_bound(names.begin(), names.end(), name);
    if (at == names.end() || *at != name) names.emplace(at, name);
  }
};

/// How a statement touches one relation that is not a CTE, an alias or a function.
struct RelationUse {
  QualifiedName name;
  bool only = false;       ///< ONLY: without children and partitions
  bool sampled = false;    ///< TABLESAMPLE
  bool aliased = false;    ///< has an alias
  std::size_t at = none;   ///< where its name begins if its rows are read from there (FROM, TABLE, COPY TO); bytes
  EffectSet effects;       ///< read, insert, update, delete_, truncate, lock, copy_in, copy_out, ddl, maintenance, …
  ColumnUse reads;         ///< columns read that are, or may be, of this relation
  ColumnUse values;        ///< those of them that are not just put out: compared, computed with, ordered by
  ColumnUse writes;        ///< columns written (INSERT list, SET, COPY list)
  bool has_where = false;  ///< for update and delete_: the statement has a WHERE (WHERE CURRENT OF counts)
};

enum class FunctionForm : std::uint8_t {
  call,
  operator_,
  cast,
  table_sample,
  procedure,
  type_constructor,
  field  ///< (x).f or alias.f of a function in FROM: a column if there is one, else the function f of x
};

/// What can be said of an argument's type from the text alone.
struct Argument {
  enum class Kind : std::uint8_t {
    untyped,    ///< a string literal or NULL: the server chooses
    typed,      ///< a constant of `type`, or a cast to it
    parameter,  ///< $1: the server chooses, or the client has declared it
    any,        ///< given by name or as VARIADIC: whatever the function takes
    column,     ///< a column called `type.name`, of the table or alias `type.schema` if that is written
    other
  };
  Kind kind = Kind::other;
  QualifiedName type;
  friend bool operator==(const Argument&, const Argument&) = default;
};

struct FunctionUse {
  QualifiedName name;  ///< operators: the operator text; casts: the type name
  FunctionForm form = FunctionForm::call;
  std::uint16_t arguments = 0;
  /// Of the arguments of a call; of operators two for each different pair of operands (left, right).
  std::vector<Argument> types;
  std::string constant;  ///< pg_get_viewdef: its first argument, if that is a constant
  bool star = false;     ///< count(*)
  bool window = false;
  bool sets = false;  ///< set_config(), current_setting() of constants: what they do is in Statement::settings
  friend bool operator==(const FunctionUse&, const FunctionUse&) = default;
};

enum class SettingAction : std::uint8_t { set, set_default, reset, reset_all, show, show_all, discard };
struct SettingUse {
  std::string name;  ///< lower case; "role", "session_authorization", "transaction_…" for their special forms
  SettingAction action = SettingAction::set;
  std::vector<std::string> values;  ///< as written, constants only
  bool local = false;               ///< SET LOCAL
};

/// PostgreSQL's words for what kind of statement this is, at its top level.
enum class StatementKind : std::uint8_t {
  select,
  insert,
  update,
  delete_,
  merge,
  values,
  copy_in,
  copy_out,
  explain,
  declare_cursor,
  fetch,
  close_cursor,
  prepare,
  execute,
  deallocate,
  begin,
  commit,
  rollback,
  savepoint,
  release,
  rollback_to,
  prepared_transaction,
  set,
  reset,
  show,
  discard,
  lock,
  truncate,
  call,
  do_block,
  listen,
  unlisten,
  notify,
  ddl,
  dcl,
  maintenance,
  admin,
  replication,
  other
};

/// A name in a text that has letters beyond ASCII, or may have: a server whose encoding is not UTF8 folds and cuts it
/// in its own.
struct WideName {
  std::string name;    ///< not cut; empty: it cannot be told
  bool exact = false;  ///< stands in double quotes, without escapes
};

/// Everything that policy may look at in one statement.
struct Statement {
  StatementKind kind = StatementKind::other;
  std::string tag;  ///< PostgreSQL's name of the statement, such as "SELECT", "CREATE TABLE"
  EffectSet effects;
  std::vector<RelationUse> relations;
  std::vector<Level> levels;
  std::size_t result = 0;  ///< the level whose outputs the client sees, if it sees any
  /// Where some of the values come from could not be followed: any column read may be among RelationUse::values.
  bool lineage_unsure = false;
  std::vector<FunctionUse> functions;
  std::vector<QualifiedName> types;    ///< types named in casts and column definitions
  std::vector<QualifiedName> objects;  ///< DDL targets that are not relations (functions, schemas, types, roles, …)
  std::vector<SettingUse> settings;
  std::vector<WideName> wide_names;  ///< all identifiers of its text that are not plainly ASCII
  /// Has an expression that is more than a column, a constant, a parameter, a comparison of two of them (with a list of
  /// constants too), IS NULL, AND, OR, NOT, or a call of what `functions` names: evaluated for a row, it may
  /// fail.
  bool computes = false;
  /// The client declared parameters to be of types that users made (Parse); what reads the text cannot know.
  bool declares_user_types = false;
  /// … or of types that columns may be converted to when they are compared with such a parameter.
  bool declares_odd_types = false;
  std::string name;  ///< of a prepared statement, cursor, savepoint or channel
  // Conditions by which psql asks for definitions: all of them hold for every row of the query.
  std::string rules_of;             ///< ev_class = 'constant'
  bool without_view_rules = false;  ///< rulename <> '_RETURN'
  std::string of_oid;               ///< table.oid = constant
  std::string of_oid_table;         ///< the table or alias of that; empty if not written
  /// name = 'a', name IN ('a', 'b') and nothing else as the WHERE of a query of pg_settings or pg_show_all_settings():
  /// the settings whose rows it shows. Empty: it may be any.
  std::vector<std::string> settings_of_rows;
  /// RENAME TO, SET SCHEMA: what the relation or other object is called then, with the schema that is written.
  QualifiedName becomes;
  bool moves_type = false;  ///< … and it is a type, a domain, a constraint of one, or a statistics object
  /// TRUNCATE, DROP, ALTER TABLE … DROP with CASCADE: what hangs on what it names goes as well.
  bool cascades = false;
  bool drops_type = false;  ///< DROP TYPE, DROP DOMAIN
  /// DROP of what is neither relation, type, statistics nor schema; ALTER TABLE of triggers, rules, row security,
  /// owner.
  bool beyond_data = false;
  bool holdable = false;               ///< DECLARE … WITH HOLD
  bool returning = false;              ///< has a RETURNING clause, itself or within
  bool array_subquery = false;         ///< has an ARRAY(SELECT …) anywhere
  bool recursive = false;              ///< has a WITH RECURSIVE anywhere
  bool copy_header = false;            ///< COPY with HEADER: a line of names comes first
  bool read_write = false;             ///< BEGIN/SET TRANSACTION/SET SESSION CHARACTERISTICS … READ WRITE
  std::size_t begin = 0;               ///< offset of the statement in the message text, bytes
  std::size_t length = 0;              ///< bytes; without the semicolon
  std::string text;                    ///< its own, for shape_of(); empty: too long for a shape
  std::shared_ptr<ValueFacts> values;  ///< where somebody asked for them; null: there are none
  /// What speaks of risk (signs.h), in the statements inside it too; null: nothing does. Of inner
  /// statements, those of PREPARE and DECLARE alone have their own.
  std::shared_ptr<const Signs> signs;
  /// A construct that the walk does not know or cannot see through; non-empty means: deny unless everything is granted.
  std::string unknown;
  /// Kind, tag and name of the statement inside PREPARE, DECLARE, EXPLAIN, COPY (query), CREATE TABLE AS. What it does
  /// is part of this one's facts.
  std::shared_ptr<const Statement> inner;
};

/// Whether it may leave the catalog different, on the face of it or unseen.
bool may_change_catalog(const Statement& statement);

/// The statements of one Query or Parse text, in order. Empty: only blanks, comments and semicolons.
struct Script {
  std::vector<Statement> statements;
};

}  // namespace dbgate::sql
