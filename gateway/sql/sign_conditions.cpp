#include "gateway/sql/sign_conditions.h"

#include <algorithm>

namespace dbgate::sql {
namespace {

// As much as people and tools write; what is larger names columns.
constexpr int deepest = 32;
constexpr int most_nodes = 2'000;

Truth negated(Truth truth) {
  if (truth == Truth::always) return Truth::never;
  if (truth == Truth::never) return Truth::always;
  return truth;
}

bool same_column(const void* a, const void* b) {
  if (nodeTag(a) != T_ColumnRef || nodeTag(b) != T_ColumnRef) return false;
  const List* const first = as<ColumnRef>(a)->fields;
  const List* const second = as<ColumnRef>(b)->fields;
  if (list_length(first) != list_length(second)) return false;
  for (int i = 0; i < list_length(first); ++i) {
    const std::string_view name = string_of(list_nth(first, i));
    if (name.empty() || name != string_of(list_nth(second, i))) return false;
  }
  return true;
}

Truth from_order(std::string_view oper, int order) {
  const bool holds = oper == "="    ? order == 0
                     : oper == "<>" ? order != 0
                     : oper == "<"  ? order < 0
                     : oper == ">"  ? order > 0
                     : oper == "<=" ? order <= 0
                                    : order >= 0;
  return holds ? Truth::always : Truth::never;
}

bool is_comparison(std::string_view oper) {
  return oper == "=" || oper == "<>" || oper == "<" || oper == ">" || oper == "<=" || oper == ">=";
}

Truth compare(const A_Const* a, const A_Const* b, std::string_view oper) {
  if (a->isnull || b->isnull) return Truth::never;
  const NodeTag kind = nodeTag(&a->val.node);
  if (kind != nodeTag(&b->val.node)) return Truth::constant;
  if (kind == T_Integer) {
    const int left = a->val.ival.ival, right = b->val.ival.ival;
    return from_order(oper, left < right ? -1 : left > right ? 1 : 0);
  }
  // The order of strings is the collation's.
  if (kind != T_String || (oper != "=" && oper != "<>")) return Truth::constant;
  return from_order(oper, std::string_view(a->val.sval.sval) == b->val.sval.sval ? 0 : 1);
}

// x >= the least value of its type. Shorter constants may be taken out of keys; these never are (text_key.h).
bool is_least(const void* node) {
  const A_Const* const constant = constant_of(node);
  if (constant == nullptr || constant->isnull || nodeTag(&constant->val.node) != T_Float) return false;
  const std::string_view text = constant->val.fval.fval;
  return text == "-2147483648" || text == "-9223372036854775808";
}

Truth comparison_truth(const A_Expr* expression, bool& by_value) {
  const std::string_view oper = operator_of(expression);
  const void* const left = expression->lexpr;
  const void* const right = expression->rexpr;
  if (left == nullptr || right == nullptr) return Truth::columns;
  if (expression->kind == AEXPR_LIKE || expression->kind == AEXPR_ILIKE) {
    const char* const pattern = string_constant(right);
    const bool any = pattern != nullptr && *pattern != '\0' &&
                     std::string_view(pattern).find_first_not_of('%') == std::string_view::npos;
    return !any ? Truth::columns : oper.starts_with('!') ? Truth::never : Truth::always;
  }
  if (expression->kind != AEXPR_OP || !is_comparison(oper)) return Truth::columns;
  if (same_column(left, right)) return from_order(oper, 0);
  if (oper == ">=" && is_least(right)) return Truth::always;
  const bool parameters = nodeTag(left) == T_ParamRef && nodeTag(right) == T_ParamRef &&
                          as<ParamRef>(left)->number == as<ParamRef>(right)->number;
  if (parameters) return from_order(oper, 0);
  const A_Const* const a = constant_of(left);
  const A_Const* const b = constant_of(right);
  if (a == nullptr || b == nullptr) return Truth::columns;
  by_value = true;
  return compare(a, b, oper);
}

// Whether any column stands in it. Those of sub-selects count: they may be the row's own.
bool names_columns(const void* root) {
  // Nearly all of them: a column and something else.
  if (nodeTag(root) == T_A_Expr && as<A_Expr>(root)->lexpr != nullptr &&
      nodeTag(as<A_Expr>(root)->lexpr) == T_ColumnRef)
    return true;
  std::vector<const void*> pending{root};
  for (int seen = 0; !pending.empty(); ++seen) {
    const void* const node = pending.back();
    pending.pop_back();
    if (node == nullptr) continue;
    if (seen == most_nodes || nodeTag(node) == T_ColumnRef) return true;
    each_child(node, [&](const void* child) { pending.push_back(child); });
  }
  return false;
}

// x IS NULL OR x IS NOT NULL.
bool covers_null(const List* args) {
  const ListCell* cell = nullptr;
  foreach (cell, args) {
    if (nodeTag(lfirst(cell)) != T_NullTest || as<NullTest>(lfirst(cell))->nulltesttype != IS_NULL) continue;
    const ListCell* other = nullptr;
    foreach (other, args) {
      if (nodeTag(lfirst(other)) != T_NullTest || as<NullTest>(lfirst(other))->nulltesttype != IS_NOT_NULL) continue;
      if (same_column(as<NullTest>(lfirst(cell))->arg, as<NullTest>(lfirst(other))->arg)) return true;
    }
  }
  return false;
}

Truth truth_within(const void* condition, bool& by_value, int depth);

Truth combined(const BoolExpr* expression, bool& by_value, int depth) {
  // AND is OR with always and never exchanged.
  const bool any = expression->boolop == OR_EXPR;
  if (any && list_length(expression->args) < most_nodes / 10 && covers_null(expression->args)) return Truth::always;
  const Truth decides = any ? Truth::always : Truth::never;
  Truth result = negated(decides);
  const ListCell* cell = nullptr;
  foreach (cell, expression->args) {
    const Truth one = truth_within(lfirst(cell), by_value, depth + 1);
    if (one == decides) return decides;
    if (one == Truth::columns || result == Truth::columns) {
      result = Truth::columns;
    } else if (one == Truth::constant) {
      result = Truth::constant;
    }
  }
  return result;
}

Truth truth_within(const void* condition, bool& by_value, int depth) {
  if (depth > deepest) return Truth::columns;
  if (nodeTag(condition) == T_BoolExpr) {
    const auto* const expression = as<BoolExpr>(condition);
    if (expression->boolop != NOT_EXPR) return combined(expression, by_value, depth);
    return negated(truth_within(linitial(expression->args), by_value, depth + 1));
  }
  const Truth plain = plain_truth(condition, by_value);
  if (plain != Truth::columns) return plain;
  return names_columns(condition) ? Truth::columns : Truth::constant;
}

}  // namespace

Truth plain_truth(const void* expression, bool& by_value) {
  if (expression == nullptr) return Truth::columns;
  if (nodeTag(expression) == T_A_Expr) return comparison_truth(as<A_Expr>(expression), by_value);
  const A_Const* const constant = constant_of(expression);
  if (constant == nullptr) return Truth::columns;
  if (constant->isnull) return Truth::never;
  if (nodeTag(&constant->val.node) == T_Boolean) return constant->val.boolval.boolval ? Truth::always : Truth::never;
  return Truth::constant;
}

Truth truth_of(const void* condition, bool& by_value) {
  return truth_within(condition, by_value, 0);
}

namespace {

// The column that an equality holds to a value; empty for anything else.
std::string_view column_held_by(const void* condition) {
  if (nodeTag(condition) != T_A_Expr || operator_of(as<A_Expr>(condition)) != "=") return {};
  const auto* const expression = as<A_Expr>(condition);
  const bool fits = expression->kind == AEXPR_OP || expression->kind == AEXPR_IN || expression->kind == AEXPR_OP_ANY;
  const void* column = expression->lexpr;
  const void* value = expression->rexpr;
  if (!fits || column == nullptr || value == nullptr) return {};
  if (nodeTag(column) != T_ColumnRef && expression->kind == AEXPR_OP) std::swap(column, value);
  if (nodeTag(column) != T_ColumnRef || names_columns(value)) return {};
  return string_of(llast(as<ColumnRef>(column)->fields));
}

}  // namespace

std::vector<std::string> equal_columns(const void* condition) {
  std::vector<std::string> columns;
  int seen = 0;
  each_conjunct(condition, [&](const void* term) {
    const std::string_view column = column_held_by(term);
    if (!column.empty()) columns.emplace_back(column);
    return ++seen < most_nodes;
  });
  std::sort(columns.begin(), columns.end());
  columns.erase(std::unique(columns.begin(), columns.end()), columns.end());
  return columns;
}

const void* beneath_casts(const void* node) {
  for (int casts = 0; node != nullptr && nodeTag(node) == T_TypeCast && casts < deepest; ++casts)
    node = as<TypeCast>(node)->arg;
  return node;
}

const A_Const* constant_of(const void* node) {
  node = beneath_casts(node);
  return node != nullptr && nodeTag(node) == T_A_Const ? as<A_Const>(node) : nullptr;
}

const char* string_constant(const void* node) {
  const A_Const* const constant = constant_of(node);
  const bool text = constant != nullptr && !constant->isnull && nodeTag(&constant->val.node) == T_String;
  return text ? constant->val.sval.sval : nullptr;
}

std::string_view operator_of(const A_Expr* expression) {
  return list_length(expression->name) == 0 ? std::string_view() : string_of(llast(expression->name));
}

std::string_view function_of(const FuncCall* call) {
  return list_length(call->funcname) == 0 ? std::string_view() : string_of(llast(call->funcname));
}

}  // namespace dbgate::sql
