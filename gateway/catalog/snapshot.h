#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "gateway/catalog/arena.h"
#include "gateway/catalog/flat_index.h"

// What a database's system catalog says, as of one moment. Names follow the catalog's own columns (PostgreSQL manual
// ch. 53); all text lives in the snapshot's arena and is valid as long as the snapshot.
namespace dbgate::catalog {

using Oid = std::uint32_t;  ///< 0: none

struct Schema {
  Oid oid = 0;
  std::string_view name;
};

/// pg_attribute; dropped columns are left out, system columns are not listed.
struct Column {
  std::string_view name;
  Oid type = 0;
  std::int32_t typmod = -1;
  std::int16_t number = 0;
  bool generated = false;
  bool not_null = false;
};

/// One column that a virtual generated column of the same relation is computed from whenever it is read (attgenerated
/// 'v', from PostgreSQL 18 on). Beside columns it can rest on built-in functions only.
struct VirtualPart {
  std::int16_t column = 0;
  std::int16_t from = 0;
};

enum class RelationKind : char {
  table = 'r',
  partitioned_table = 'p',
  view = 'v',
  materialized_view = 'm',
  foreign_table = 'f',
  sequence = 'S',
  composite_type = 'c',
  toast_table = 't',
  index = 'i',
  partitioned_index = 'I'
};

/// pg_class.
struct Relation {
  Oid oid = 0;
  Oid schema = 0;
  std::string_view name;
  RelationKind kind = RelationKind::table;
  bool row_security = false;
  double rows = -1;  ///< reltuples; -1: never analysed
  std::int64_t pages = 0;
  std::span<const Column> columns;  ///< by number
  std::span<const Oid> parents;     ///< inheritance and partitioning, direct
  std::span<const Oid> children;
  std::span<const std::uint32_t> rules;          ///< into Snapshot::rules(): a view's own SELECT rule too
  std::span<const std::uint32_t> triggers;       ///< into Snapshot::triggers()
  std::span<const std::uint32_t> referenced_by;  ///< into Snapshot::foreign_keys(): keys that point here
  std::span<const std::uint32_t> expressions;    ///< into Snapshot::expressions()
  /// Columns that an index over all rows begins with and that equality can be looked up by (btree, hash), by number.
  std::span<const std::int16_t> indexed;
  std::span<const VirtualPart> virtual_parts;  ///< by column
};

/// The name of a column by its number; empty if the relation has none of it.
std::string_view name_of_column(const Relation& relation, std::int16_t number);

/// pg_rewrite. For views and materialized views `definition` is the query (pg_get_viewdef), for other rules the whole
/// CREATE RULE (pg_get_ruledef); every name in it carries its schema, except those of pg_catalog. Empty for the
/// system's own schemas, and where the server could not tell: whoever needs to see through it must refuse.
struct Rule {
  Oid relation = 0;
  std::string_view name;
  char event = '1';  ///< ev_type: '1' SELECT, '2' UPDATE, '3' INSERT, '4' DELETE
  bool instead = false;
  bool enabled = true;
  std::string_view definition;
};

/// pg_trigger, those of users; internal ones of foreign keys are ForeignKeys.
struct Trigger {
  Oid relation = 0;
  Oid function = 0;
  std::string_view name;
  std::int16_t type = 0;  ///< tgtype: bits of row/statement, before/after, insert/delete/update/truncate
  bool enabled = true;
  std::string_view old_table = {};  ///< tgoldtable, tgnewtable: transition tables, empty if there are none
  std::string_view new_table = {};
};

/// What the server computes on its own when rows are read or written (pg_attrdef, pg_constraint, pg_index, pg_policy).
enum class ExpressionKind : char {
  column_default = 'd',
  generated = 'g',
  check = 'c',
  index = 'i',  ///< of an index: its expressions, or its predicate
  policy = 'p'  ///< USING or WITH CHECK of a row security policy
};
struct Expression {
  Oid relation = 0;
  ExpressionKind kind = ExpressionKind::check;
  std::string_view text;  ///< pg_get_expr: names as in Rule::definition; empty where the server could not tell
};

/// pg_constraint, contype 'f'.
struct ForeignKey {
  Oid relation = 0;      ///< that has the key
  Oid referenced = 0;    ///< that it points to
  char on_update = 'a';  ///< 'a' no action, 'r' restrict, 'c' cascade, 'n' set null, 'd' set default
  char on_delete = 'a';
  std::span<const std::int16_t> columns = {};             ///< conkey: column numbers of `relation`
  std::span<const std::int16_t> referenced_columns = {};  ///< confkey; both empty if not known
};

/// pg_constraint, contype 'p' and 'u': for people to read.
struct UniqueKey {
  Oid relation = 0;
  bool primary = false;
  std::span<const std::int16_t> columns = {};  ///< conkey
};

/// pg_description, of users' relations and their columns: for people to read. Cut off after 1000 characters.
struct Comment {
  Oid relation = 0;
  std::int16_t column = 0;  ///< 0: the relation itself
  std::string_view text;
};

/// pg_proc.
struct Function {
  Oid oid = 0;
  Oid schema = 0;
  std::string_view name;
  char kind = 'f';        ///< prokind: 'f' function, 'p' procedure, 'a' aggregate, 'w' window function
  char volatility = 'v';  ///< provolatile: 'i', 's', 'v'
  char parallel = 'u';    ///< proparallel: 's' safe, 'r' restricted, 'u' unsafe
  bool security_definer = false;
  bool returns_set = false;
  bool strict = false;
  std::uint16_t defaults = 0;  ///< how many of the last arguments have one
  Oid variadic = 0;            ///< element type of the last argument, or 0
  Oid result = 0;
  std::span<const Oid> arguments;             ///< input arguments
  std::span<const std::string_view> names;    ///< of the input arguments; empty if they have none
  std::span<const std::string_view> columns;  ///< OUT, INOUT and TABLE arguments: the columns in FROM
  std::string_view language;
  std::string_view body;         ///< prosrc; of SQL-standard bodies pg_get_function_sqlbody; empty for internal and C
  std::span<const Oid> support;  ///< aggregates: the functions that they are made of (pg_aggregate)
  std::string_view search_path;  ///< SET search_path of the function, as in proconfig; empty: the caller's
};

/// pg_operator.
struct Operator {
  Oid oid = 0;
  Oid schema = 0;
  std::string_view name;
  Oid left = 0;  ///< 0: prefix operator
  Oid right = 0;
  Oid result = 0;
  Oid function = 0;
};

/// pg_type.
struct Type {
  Oid oid = 0;
  Oid schema = 0;
  std::string_view name;
  char kind = 'b';  ///< typtype: 'b' base, 'c' composite, 'd' domain, 'e' enum, 'p' pseudo, 'r' range, 'm' multirange
  char category = 'U';  ///< typcategory
  bool preferred = false;
  Oid relation = 0;          ///< composite types
  Oid element = 0;           ///< of an array type
  Oid array = 0;             ///< the array of this type
  Oid base = 0;              ///< domains
  std::int32_t typmod = -1;  ///< domains: type modifier of the base, -1 for none
  std::string_view check;    ///< domains: their CHECK constraints (pg_get_constraintdef), joined by newlines
};

/// pg_cast.
struct Cast {
  Oid source = 0;
  Oid target = 0;
  Oid function = 0;    ///< 0: binary coercible or by input and output functions
  char context = 'e';  ///< 'i' implicit, 'a' assignment, 'e' explicit
  char method = 'f';   ///< 'f' function, 'i' input and output functions, 'b' binary coercible
};

/// Immutable; shared by all threads. Made by SnapshotBuilder from what a server answered. What a server says twice or
/// not at all is taken as it comes: an identity that is named somewhere may be missing here.
class Snapshot {
 public:
  Snapshot() = default;
  Snapshot(const Snapshot&) = delete;  // its spans point into itself
  Snapshot& operator=(const Snapshot&) = delete;

  std::uint64_t version() const noexcept { return version_; }
  int server_version() const noexcept { return server_version_; }  ///< as server_version_num: 150004
  /// Whether the server reads names as dbgate does: in UTF-8.
  bool reads_utf8() const noexcept { return reads_utf8_; }
  /// Where it does not: names of objects that have letters beyond ASCII and that come back as they are when a client
  /// writes them. Sorted.
  std::span<const std::string_view> wide_names() const noexcept { return wide_names_; }

  const Schema* schema(Oid oid) const;
  const Schema* schema(std::string_view name) const;
  const Relation* relation(Oid oid) const;
  const Relation* relation(Oid schema, std::string_view name) const;
  const Type* type(Oid oid) const;
  const Type* type(Oid schema, std::string_view name) const;
  const Function* function(Oid oid) const;
  /// All overloads of a name in a schema, procedures and aggregates too.
  std::span<const Function> functions(Oid schema, std::string_view name) const;
  std::span<const Operator> operators(Oid schema, std::string_view name) const;
  const Operator* operator_of(Oid oid) const;
  /// Null if there is none.
  const Cast* cast(Oid source, Oid target) const;

  /// Whether any relation has columns that are computed from others when they are read.
  bool has_virtual_columns() const noexcept { return has_virtual_columns_; }

  std::span<const Schema> schemas() const noexcept { return schemas_; }
  std::span<const Rule> rules() const noexcept { return rules_; }
  std::span<const Trigger> triggers() const noexcept { return triggers_; }
  std::span<const ForeignKey> foreign_keys() const noexcept { return foreign_keys_; }  ///< by relation
  std::span<const UniqueKey> unique_keys() const noexcept { return unique_keys_; }     ///< by relation, primary first
  std::span<const Comment> comments() const noexcept { return comments_; }             ///< by relation and column
  std::span<const Expression> expressions() const noexcept { return expressions_; }    ///< by relation
  std::span<const Relation> relations() const noexcept { return relations_; }          ///< by schema and name
  std::span<const Function> all_functions() const noexcept { return functions_; }      ///< by schema and name
  std::span<const Operator> all_operators() const noexcept { return operators_; }      ///< by schema and name
  std::span<const Type> types() const noexcept { return types_; }
  std::span<const Cast> casts() const noexcept { return casts_; }
  /// Catalogs that the account may not read ("pg_rewrite"). What they would have said is missing here: whoever needs it
  /// must refuse.
  std::span<const std::string_view> unreadable() const noexcept { return unreadable_; }
  /// Everything this holds, with what allocation rounds up.
  std::size_t memory_bytes() const noexcept;

 private:
  friend class SnapshotBuilder;
  std::uint64_t version_ = 0;
  int server_version_ = 0;
  bool reads_utf8_ = true;
  std::vector<std::string_view> wide_names_;
  bool has_virtual_columns_ = false;
  std::vector<Schema> schemas_;
  std::vector<Relation> relations_;
  std::vector<Function> functions_;
  std::vector<Operator> operators_;
  std::vector<Type> types_;
  std::vector<Cast> casts_;
  std::vector<Rule> rules_;
  std::vector<Trigger> triggers_;
  std::vector<ForeignKey> foreign_keys_;
  std::vector<UniqueKey> unique_keys_;
  std::vector<Comment> comments_;
  std::vector<Expression> expressions_;
  std::vector<std::string_view> unreadable_;
  FlatIndex schema_by_oid_, schema_by_name_;
  FlatIndex relation_by_oid_, relation_by_name_;
  FlatIndex type_by_oid_, type_by_name_;
  FlatIndex function_by_oid_, functions_by_name_;
  FlatIndex operator_by_oid_, operators_by_name_;
  FlatIndex cast_by_types_;
  Arena arena_;  // all text, and what the spans point to
};

/// Whether both say the same of every object, the numbers of rows and pages aside.
bool same_objects(const Snapshot& a, const Snapshot& b);

}  // namespace dbgate::catalog
