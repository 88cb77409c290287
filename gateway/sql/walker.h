#pragma once
#include <deque>
#include <forward_list>
#include <memory_resource>

#include "gateway/sql/budget.h"
#include "gateway/sql/facts.h"
#include "gateway/sql/parse_tree.h"

namespace dbgate::sql {

/// Reads the facts of one statement off PostgreSQL's raw parse tree.
///
/// Iterative: a list of nodes still to be visited, each with the scope in which its names stand, so that a tree as deep
/// as its text is long needs no stack. Node types with a meaning of their own have a function; of all others every
/// child is visited. A type that is not in the table of node shapes makes the statement unknown.
class Walker {
 public:
  /// @param parts how many levels, sources and relations there may be; those of this statement are taken off
  /// @param wanted  if given, the values that rules look at are read too; by position with the help of `tables`
  Walker(Statement& facts, std::size_t& parts, const ValuesWanted* wanted = nullptr,
         const TableColumns* tables = nullptr)
      : facts_(facts), parts_(parts), wanted_(wanted), tables_(tables) {}

  /// Fills the facts from the statement node of a RawStmt, or of a statement inside another. When no parts are left it
  /// stops, and the facts are worth nothing.
  void read(const Node* statement);
  /// A name as the grammar lists its parts.
  static QualifiedName qualified(const List* names);

 private:
  /// A common table expression that is visible from here on outwards.
  struct Cte {
    std::string_view name;
    std::size_t level;
    const Cte* outer = nullptr;
  };
  /// Where names stand: one level of the statement, and the WITH queries in sight.
  struct Scope {
    const Scope* outer = nullptr;
    const Cte* ctes = nullptr;
    std::size_t level = 0;
    bool fresh = false;         ///< made for a query that has not come yet: it takes this scope as its own
    bool has_subquery = false;  ///< in FROM
  };
  /// What is left to do of one FROM clause: entries, and the ends of the sides of joins.
  struct FromEntry {
    const void* node = nullptr;
    std::size_t join = none;   ///< without a node: a side of this join ends here
    std::size_t quals = none;  ///< the level of its ON; with it the right side ends
    std::size_t hidden_by = none;
    bool sampled = false;
  };
  using FromEntries = std::pmr::vector<FromEntry>;
  struct NameParts {
    std::string_view catalog, schema, name;
  };
  struct Visit {
    const void* node;
    Scope* scope;
  };

  // walker.cpp
  void run();
  void visit(const void* node, Scope* scope);
  void visit_children(const void* node, Scope* scope);
  void push(const void* node, Scope* scope);
  void push_list(const List* list, Scope* scope);
  Scope* inner_scope(const Scope* outer);
  /// For a query that is visited later.
  Scope* body_scope(const Scope* outer, const Cte* ctes);
  /// Where expressions inside FROM stand, as they look from source number `inside`.
  Scope* from_scope(const Scope* scope, std::size_t from, std::size_t inside);
  /// The scope of a query: made for it in advance, or a new one.
  Scope* own_scope(Scope* scope);
  Level& level_of(const Scope* scope) { return facts_.levels[scope->level]; }
  Source& add_source(const Scope* scope, Source::Kind kind, std::string_view alias, std::size_t index);
  void add(Effect effect) { set(facts_.effects, effect); }
  void unknown(const std::string& what);
  RelationUse& relation(const RangeVar* name, Effect effect);
  RelationUse& relation_named(const List* names, Effect effect);
  static std::string_view alias_of(const RangeVar* name) {
    if (name->alias != nullptr) return name->alias->aliasname;
    return name->relname == nullptr ? std::string_view() : name->relname;
  }
  static void set(EffectSet& effects, Effect effect) { effects.set(static_cast<std::size_t>(effect)); }

  // walk_query.cpp
  void on_select(const SelectStmt* select, Scope* outer);
  void on_insert(const InsertStmt* insert, Scope* outer);
  void on_update(const UpdateStmt* update, Scope* outer);
  void on_delete(const DeleteStmt* del, Scope* outer);
  void on_merge(const MergeStmt* merge, Scope* outer);
  void on_returning(const List* list, std::size_t target, Scope* scope);
  void on_subquery(const SubLink* link, Scope* scope);
  void on_with(const WithClause* with, Scope* scope);
  void on_from(const List* from, Scope* scope);
  void on_from_entries(FromEntries& entries, Scope* scope);
  void on_from_entry(const FromEntry& entry, Scope* scope, FromEntries& entries);
  void on_join(const JoinExpr* join, const FromEntry& entry, Scope* scope, FromEntries& entries);
  void on_range_function(const void* node, std::size_t hidden_by, Scope* scope);
  void on_arms(const SelectStmt* select, Scope* scope);
  void on_outputs(const List* targets, Scope* scope);
  void on_values(const List* rows, Scope* scope);
  void on_grouping(const List* clauses, Scope* scope);
  bool on_position(const void* node, Scope* scope);
  void on_locking(const SelectStmt* select, Scope* scope);
  void on_ordering(const List* clauses, const SelectStmt* select, Scope* scope);
  void on_into(const IntoClause* into, Scope* scope);
  std::size_t target(const RangeVar* name, Effect effect, Scope* scope);
  void write_columns(std::size_t relation, const List* targets);
  const Cte* cte_of(const RangeVar* name, const Scope* scope);
  bool names_output(const void* node, const SelectStmt* select);

  // walk_conditions.cpp
  bool is_wanted(std::string_view column) const;
  ValueFacts& values();
  void on_parameter(const ParamRef* parameter);
  void on_conditions(const void* quals, std::size_t level, WrittenEquality::Of of = WrittenEquality::Of::all);
  void on_equality(const A_Expr* expression, std::size_t level, WrittenEquality::Of of);
  void on_join_conditions(const JoinExpr* join, std::size_t level);
  void on_list(const A_Expr* expression);
  void on_limit(const SelectStmt* select, const Scope* scope);
  void on_setting_rows(const SelectStmt* select);
  void on_assignments(std::size_t relation, const List* targets);
  static Operand assigned_operand(const void* node);
  void on_inserted_rows(const InsertStmt* insert, std::size_t relation);
  std::vector<std::pair<int, std::string>> wanted_columns_of(const InsertStmt* insert, std::size_t relation);
  void on_execute_values(const ExecuteStmt* execute);
  void on_prepare_types(const PrepareStmt* prepare);
  void embed_values(Statement& inner, std::size_t levels, std::size_t relations);

  // walk_plain.cpp
  static bool is_plain(const A_Expr* expression);
  static bool is_frame(NodeTag tag);

  // walk_names.cpp
  std::size_t on_column(const ColumnRef* column, const Scope* scope, NameUse::As as = NameUse::As::value);
  void on_name(std::string_view column, const Scope* scope, NameUse::As as = NameUse::As::value);
  void on_function(const FuncCall* call, Scope* scope);
  void on_rule_conditions(const Node* where);
  static Argument argument_of(const void* node);
  void on_field(std::string_view name);
  void on_operator(const List* name, const void* left = nullptr, const void* right = nullptr);
  void on_implied_operator(const char* name, const void* left = nullptr, const void* right = nullptr);
  void on_comparison(const A_Expr* expression);
  FunctionUse* add_once(FunctionForm form, const NameParts& name);
  static void add_operands(FunctionUse* use, const void* left, const void* right);
  void on_equal_columns(const std::string& column);
  static void add_operand_types(FunctionUse& use, Argument left, Argument right);
  void on_value_function(const SQLValueFunction* function);
  void on_type(const TypeName* type);

  // walk_utility.cpp
  bool on_utility(const Node* statement, Scope* scope);
  bool on_session_statement(const Node* statement, Scope* scope);
  bool on_data_statement(const Node* statement, Scope* scope);
  void on_copy(const CopyStmt* copy, Scope* scope);
  void on_transaction(const TransactionStmt* transaction);
  void on_set(const VariableSetStmt* set);
  bool on_setting_function(const FuncCall* call, const QualifiedName& name);
  bool on_current_setting(const FuncCall* call);
  void embed(const Node* query);

  // walk_ddl.cpp
  void on_ddl(const Node* statement, Scope* scope);
  void on_object(ObjectType type, const void* object, Effect effect);
  void on_rename(const RenameStmt* rename);
  void on_new_schema(const AlterObjectSchemaStmt* alter);
  void on_sequence_owner(const List* options);
  void see_rows_of(const RangeVar* relation, Scope* scope);

  void take_part() { parts_ -= parts_ > 0 ? 1 : 0; }

  Statement& facts_;
  std::size_t& parts_;
  const ValuesWanted* const wanted_;
  const TableColumns* const tables_;
  // What the walk needs for itself goes with it. For a usual statement there is room enough in here.
  std::byte room_[3072];
  std::pmr::monotonic_buffer_resource scratch_{room_, sizeof room_};
  std::pmr::vector<Visit> pending_{&scratch_};
  std::pmr::deque<Scope> scopes_{&scratch_};
  std::pmr::forward_list<Cte> ctes_{&scratch_};
  Effect relation_effect_ = Effect::read;          // of a RangeVar outside FROM
  bool locks_inside_ = false;                      // FOR UPDATE of a subquery: of every relation in it
  std::pmr::vector<std::size_t> once_{&scratch_};  // operators and fields in facts_.functions: each is there once
  Budget budget_;                                  // spent: some names are missing from the facts, and they are unknown
};

}  // namespace dbgate::sql
