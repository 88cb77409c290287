#pragma once
#include <deque>

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
  explicit Walker(Statement& facts) : facts_(facts) {}

  /// Fills the facts from the statement node of a RawStmt, or of a statement inside another.
  void read(const Node* statement);

 private:
  /// A common table expression that is visible from here on outwards.
  struct Cte {
    std::string_view name;
    const Cte* outer = nullptr;
  };
  /// What a FROM item is called and which relations its columns may come from.
  struct Item {
    std::string_view alias;
    std::size_t first = 0;  ///< into facts_.relations
    std::size_t count = 0;  ///< 1, or whole_level; 0: a subquery, function or CTE, accounted for elsewhere
    bool hidden = false;    ///< below a join that has an alias: the level does not see it, but may be charged for it
    bool subquery = false;
    const RangeFunction* function = nullptr;
  };
  /// An alias of a join: every relation of its level.
  static constexpr std::size_t whole_level = static_cast<std::size_t>(-1);
  /// One level of query: names are looked up here, then in the outer ones.
  struct Scope {
    const Scope* outer = nullptr;
    const Cte* ctes = nullptr;
    std::vector<Item> items;
    /// Expressions of the FROM clause of the level outside: they see only some of its items, the others they see past.
    bool in_from = false;
  };
  /// What is left to do of one FROM clause.
  struct FromItems {
    struct Entry {
      const void* node;
      bool hidden;
    };
    std::vector<Entry> pending;
    std::vector<std::string_view> using_columns;
    bool all_columns = false;  ///< NATURAL, or a join whose alias renames columns
    Scope* inside = nullptr;   ///< where the expressions of the clause stand
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
  void add(Effect effect) { set(facts_.effects, effect); }
  void unknown(const std::string& what);
  RelationUse& relation(const RangeVar* name, Effect effect);
  RelationUse& relation_named(const List* names, Effect effect);
  static void set(EffectSet& effects, Effect effect) { effects.set(static_cast<std::size_t>(effect)); }
  static QualifiedName qualified(const List* names);
  /// Column aliases hide the real names: any of the columns may be meant.
  static bool renames_columns(const Alias* alias) { return alias != nullptr && alias->colnames != nullptr; }

  // walk_query.cpp
  void on_select(const SelectStmt* select, const Scope* outer);
  void on_insert(const InsertStmt* insert, const Scope* outer);
  void on_update(const UpdateStmt* update, const Scope* outer);
  void on_delete(const DeleteStmt* del, const Scope* outer);
  void on_merge(const MergeStmt* merge, const Scope* outer);
  void on_with(const WithClause* with, Scope* scope);
  void on_from(const List* from, Scope* scope);
  void on_from_items(FromItems& items, Scope* scope);
  void on_from_item(FromItems::Entry entry, Scope* scope, FromItems& items);
  void on_locking(const SelectStmt* select, Scope* scope);
  void on_ordering(const List* clauses, const SelectStmt* select, Scope* scope);
  void on_into(const IntoClause* into, Scope* scope);
  std::size_t target(const RangeVar* name, Effect effect, Scope* scope);
  void write_columns(std::size_t relation, const List* targets);
  bool is_cte(const RangeVar* name, const Scope* scope) const;

  // walk_names.cpp
  void on_column(const ColumnRef* column, const Scope* scope);
  void charge(const Item& item, std::string_view column, const Scope* level);
  void charge_unqualified(std::string_view column, const Scope* scope);
  void on_function(const FuncCall* call, Scope* scope);
  void on_field(std::string_view name);
  void on_operator(const List* name);
  void on_value_function(const SQLValueFunction* function);
  void on_type(const TypeName* type);

  // walk_utility.cpp
  bool on_utility(const Node* statement, Scope* scope);
  bool on_session_statement(const Node* statement, Scope* scope);
  bool on_data_statement(const Node* statement, Scope* scope);
  void on_ddl(const Node* statement, Scope* scope);
  void see_rows_of(const RangeVar* relation, Scope* scope);
  void on_copy(const CopyStmt* copy, Scope* scope);
  void on_transaction(const TransactionStmt* transaction);
  void on_set(const VariableSetStmt* set);
  bool on_set_config(const FuncCall* call, const QualifiedName& name);
  void on_object(ObjectType type, const void* object, Effect effect);
  void embed(const Node* query);

  Statement& facts_;
  std::vector<Visit> pending_;
  std::deque<Scope> scopes_;
  std::deque<Cte> ctes_;
  Effect relation_effect_ = Effect::read;  // of a RangeVar outside FROM
  bool locks_inside_ = false;              // FOR UPDATE of a subquery: of every relation in it
};

}  // namespace dbgate::sql
