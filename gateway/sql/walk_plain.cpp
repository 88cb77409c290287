#include "gateway/sql/walker.h"

// What cannot fail, or tell anything, on a row that conditions leave out (Statement::computes). What is not listed here
// can: new kinds of expressions come with every version of PostgreSQL.
namespace dbgate::sql {
namespace {

bool is_constant(const void* node) {
  return node != nullptr && (nodeTag(node) == T_A_Const || nodeTag(node) == T_ParamRef);
}

bool is_operand(const void* node) {
  if (is_constant(node)) return true;
  return node != nullptr && (nodeTag(node) == T_ColumnRef || nodeTag(node) == T_FuncCall);
}

bool are_constants(const Node* node) {
  if (node == nullptr || nodeTag(node) != T_List) return false;
  const ListCell* cell = nullptr;
  foreach (cell, as<List>(node)) {
    if (!is_constant(lfirst(cell))) return false;
  }
  return true;
}

}  // namespace

bool Walker::is_plain(const A_Expr* expression) {
  switch (expression->kind) {
    case AEXPR_OP:
    case AEXPR_DISTINCT:
    case AEXPR_NOT_DISTINCT:
      return is_operand(expression->lexpr) && is_operand(expression->rexpr);
    case AEXPR_OP_ANY:
    case AEXPR_OP_ALL:
      return is_operand(expression->lexpr) && is_constant(expression->rexpr);
    case AEXPR_IN:
    case AEXPR_BETWEEN:
    case AEXPR_NOT_BETWEEN:
      return is_operand(expression->lexpr) && are_constants(expression->rexpr);
    default:
      return false;
  }
}

// Nodes that hold a query together, and are no expressions themselves.
bool Walker::is_frame(NodeTag tag) {
  switch (tag) {
    case T_Alias:
    case T_WithClause:
    case T_CommonTableExpr:
    case T_RangeSubselect:
    case T_JoinExpr:
    case T_LockingClause:
    case T_GroupingSet:
    case T_WindowDef:
    case T_String:
      return true;
    default:
      return false;
  }
}

}  // namespace dbgate::sql
