#include <algorithm>
#include <array>
#include <cstdlib>

#include "gateway/sql/sign_conditions.h"
#include "gateway/sql/sign_reader.h"

// Expressions that are known from injections, and those that cost more than they look.
namespace dbgate::sql {
namespace {

constexpr double large = 1e6;

template <std::size_t size>
bool is_one_of(std::string_view name, const std::array<std::string_view, size>& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_scalar_query(const void* node) {
  node = beneath_casts(node);
  return node != nullptr && nodeTag(node) == T_SubLink && as<SubLink>(node)->subLinkType == EXPR_SUBLINK;
}

// How many there are, and not what they say.
bool counts(const void* node) {
  node = beneath_casts(node);
  const void* const query = as<SubLink>(node)->subselect;
  if (query == nullptr || nodeTag(query) != T_SelectStmt || list_length(as<SelectStmt>(query)->targetList) != 1)
    return false;
  const void* const output = as<ResTarget>(linitial(as<SelectStmt>(query)->targetList))->val;
  if (output == nullptr || nodeTag(output) != T_FuncCall) return false;
  constexpr std::array<std::string_view, 3> names = {"count", "sum", "avg"};
  return is_one_of(function_of(as<FuncCall>(output)), names);
}

// ascii(substr((SELECT …), 1, 1)) and the like, however deep.
bool picks_letters(const void* node) {
  constexpr std::array<std::string_view, 9> pickers = {"substr",      "substring", "ascii", "get_byte", "length",
                                                       "char_length", "left",      "right", "position"};
  bool picked = false;
  for (int depth = 0; node != nullptr && depth < 16; ++depth) {
    if (picked && is_scalar_query(node)) return true;
    if (nodeTag(node) == T_TypeCast) {
      node = as<TypeCast>(node)->arg;
      continue;
    }
    if (nodeTag(node) != T_FuncCall) return false;
    picked = picked || is_one_of(function_of(as<FuncCall>(node)), pickers);
    const List* const args = as<FuncCall>(node)->args;
    node = list_length(args) == 0 ? nullptr : linitial(args);
  }
  return false;
}

// Sets by_value where it takes the value of a divisor: that may be taken out of keys.
bool is_sleep_or_failure(const void* node, bool& by_value) {
  for (int depth = 0; node != nullptr && depth < 8; ++depth) {
    if (nodeTag(node) == T_FuncCall) return function_of(as<FuncCall>(node)).starts_with("pg_sleep");
    if (nodeTag(node) == T_SubLink) {
      const void* const query = as<SubLink>(node)->subselect;
      if (query == nullptr || nodeTag(query) != T_SelectStmt || list_length(as<SelectStmt>(query)->targetList) != 1)
        return false;
      node = as<ResTarget>(linitial(as<SelectStmt>(query)->targetList))->val;
      continue;
    }
    if (nodeTag(node) == T_A_Expr && operator_of(as<A_Expr>(node)) == "/") {
      const A_Const* const by = constant_of(as<A_Expr>(node)->rexpr);
      if (by == nullptr || by->isnull || nodeTag(&by->val.node) != T_Integer) return false;
      by_value = true;
      return by->val.ival.ival == 0;
    }
    if (nodeTag(node) != T_TypeCast) return false;
    node = as<TypeCast>(node)->arg;
  }
  return false;
}

std::optional<double> number_of(const void* node) {
  const A_Const* const constant = constant_of(node);
  if (constant == nullptr || constant->isnull) return {};
  if (nodeTag(&constant->val.node) == T_Integer) return constant->val.ival.ival;
  if (nodeTag(&constant->val.node) == T_Float) return std::strtod(constant->val.fval.fval, nullptr);
  return {};
}

bool is_large_call(std::string_view name, const List* args) {
  const int count = list_length(args);
  if (name == "repeat" && count == 2) return number_of(lsecond(args)).value_or(0) > large;
  if (name != "generate_series" || count < 2) return false;
  const auto from = number_of(linitial(args)), to = number_of(lsecond(args));
  if (!from || !to) return false;
  const double step = count > 2 ? number_of(lthird(args)).value_or(1) : 1;
  return step != 0 && (*to - *from) / step > large;
}

bool is_number_type(const TypeName* type) {
  constexpr std::array<std::string_view, 8> numbers = {"int4",   "int8",   "int2", "numeric",
                                                       "float8", "float4", "bool", "date"};
  return list_length(type->names) > 0 && is_one_of(string_of(llast(type->names)), numbers);
}

}  // namespace

void SignReader::on_expression(const A_Expr* expression) {
  const std::string_view oper = operator_of(expression);
  const void* const left = expression->lexpr;
  const void* const right = expression->rexpr;
  if (expression->kind == AEXPR_LIKE || expression->kind == AEXPR_ILIKE) {
    const char* const pattern = string_constant(right);
    if (pattern != nullptr && (*pattern == '%' || *pattern == '_')) signs_.set(Sign::leading_wildcard);
    return;
  }
  if (oper == "/" && right != nullptr && is_scalar_query(right) && !counts(right)) signs_.set(Sign::error_extraction);
  if (oper == "||" && left != nullptr && right != nullptr) {
    // '' || x || '' is read from the left.
    const bool closes = string_constant(right) != nullptr && *string_constant(right) == '\0';
    const bool inner = nodeTag(left) == T_A_Expr && operator_of(as<A_Expr>(left)) == "||";
    const char* const opened = inner ? string_constant(as<A_Expr>(left)->lexpr) : nullptr;
    if (closes && opened != nullptr && constant_of(as<A_Expr>(left)->rexpr) == nullptr) signs_.set(Sign::quote_residue);
  }
  const bool compares =
      expression->kind == AEXPR_OP || expression->kind == AEXPR_BETWEEN || expression->kind == AEXPR_IN;
  if (!compares || left == nullptr || right == nullptr || oper == "||") return;
  const bool probes = (constant_of(right) != nullptr && picks_letters(left)) ||
                      (constant_of(left) != nullptr && picks_letters(right)) ||
                      (nodeTag(right) == T_List && picks_letters(left));
  if (probes) signs_.set(Sign::blind_probe);
}

void SignReader::on_conditions(const BoolExpr* expression) {
  if (expression->boolop == NOT_EXPR) return;
  const bool any = expression->boolop == OR_EXPR;
  const ListCell* cell = nullptr;
  foreach (cell, expression->args) {
    const Truth truth = plain_truth(lfirst(cell), signs_.by_value);
    // OR true is what injections add; AND true is what query builders begin with.
    if (any && truth == Truth::always) signs_.set(Sign::constant_or);
    if (!any && truth == Truth::never && nodeTag(lfirst(cell)) == T_A_Expr) signs_.set(Sign::constant_and);
  }
}

void SignReader::on_call(const FuncCall* call) {
  const std::string_view name = function_of(call);
  const List* const args = call->args;
  if (is_large_call(name, args)) signs_.set(Sign::large_series);
  if (name == "chr" && ++chr_calls_ > 2) signs_.set(Sign::assembled_text);
  constexpr std::array<std::string_view, 2> decoders = {"decode", "convert_from"};
  if (is_one_of(name, decoders) && list_length(args) == 2 && string_constant(linitial(args)) != nullptr)
    signs_.set(Sign::assembled_text);
  constexpr std::array<std::string_view, 3> xml = {"xpath", "query_to_xml", "xmlparse"};
  const bool over_query = list_length(args) > 1 && is_scalar_query(lsecond(args));
  if (is_one_of(name, xml) && over_query) signs_.set(Sign::error_extraction);
}

void SignReader::on_cast(const TypeCast* cast) {
  const bool extracts =
      cast->arg != nullptr && is_scalar_query(cast->arg) && is_number_type(cast->typeName) && !counts(cast->arg);
  if (extracts) signs_.set(Sign::error_extraction);
}

void SignReader::on_case(const CaseExpr* expression) {
  const ListCell* cell = nullptr;
  foreach (cell, expression->args) {
    if (is_sleep_or_failure(as<CaseWhen>(lfirst(cell))->result, signs_.by_value)) signs_.set(Sign::blind_probe);
  }
  if (is_sleep_or_failure(expression->defresult, signs_.by_value)) signs_.set(Sign::blind_probe);
}

void SignReader::on_sublink(const SubLink* link) {
  const void* const query = link->subselect;
  if (query == nullptr || nodeTag(query) != T_SelectStmt || link->subLinkType != ANY_SUBLINK) return;
  const auto* const select = as<SelectStmt>(query);
  if (select->limitCount != nullptr && select->lockingClause != nullptr) signs_.set(Sign::limit_locks_in_change);
}

}  // namespace dbgate::sql
