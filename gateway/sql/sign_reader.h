#pragma once
#include <cstddef>
#include <memory>
#include <memory_resource>
#include <string_view>
#include <vector>

#include "gateway/sql/budget.h"
#include "gateway/sql/parse_tree.h"
#include "gateway/sql/signs.h"

namespace dbgate::sql {

/// Reads what speaks of risk off one statement's tree. Iterative like the Walker; what it does not know says nothing.
/// Inside sql/ only.
class SignReader {
 public:
  /// @return null: nothing speaks of risk
  static std::shared_ptr<const Signs> read(const Node* statement, std::string_view text);

 private:
  void visit(const void* node);
  void push(const void* node) {
    if (node != nullptr) pending_.push_back(node);
  }
  void push_children(const void* node);

  // sign_reader.cpp: statements
  void on_client_query(const SelectStmt* select);
  void on_update(const UpdateStmt* update);
  void on_delete(const DeleteStmt* del);
  void on_insert(const InsertStmt* insert);
  void on_merge(const MergeStmt* merge);
  void on_change(const RangeVar* table, bool deletes, const void* where, const List* others);
  void on_with(const WithClause* with, const void* limit);
  // sign_queries.cpp: SELECT
  void on_select(const SelectStmt* select);
  void on_from(const List* from, const void* where);
  void on_union(const SelectStmt* select);
  // sign_expressions.cpp
  void on_expression(const A_Expr* expression);
  void on_conditions(const BoolExpr* expression);
  void on_call(const FuncCall* call);
  void on_cast(const TypeCast* cast);
  void on_case(const CaseExpr* expression);
  void on_sublink(const SubLink* link);

  // As much as most statements need, without memory of their own.
  std::byte room_[1024];
  std::pmr::monotonic_buffer_resource memory_{room_, sizeof room_};
  Signs signs_;
  // Not in braces: the memory's own address would be its first element.
  std::pmr::vector<const void*> pending_ = std::pmr::vector<const void*>(&memory_);
  std::size_t chr_calls_ = 0;
  bool changes_rows_ = false;
  Budget budget_;
};

// sign_queries.cpp
/// Whether FROM of a SELECT, or that of an UPDATE or DELETE with its table, has entries that nothing ties together.
bool is_cartesian(const List* from, const RangeVar* table, const void* where, Budget& budget);
/// Whether a query gives one row, whatever it reads: an aggregate without GROUP BY, or no FROM.
bool gives_one_row(const SelectStmt* select);

/// The signs of a text itself: comments and characters. @param text one statement with what follows it
void add_text_signs(std::string_view text, Signs& signs);

}  // namespace dbgate::sql
