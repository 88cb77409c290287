#include <algorithm>

#include "gateway/sql/walker.h"

namespace dbgate::sql {

namespace {

Argument constant(const A_Const* constant) {
  if (constant->isnull) return {Argument::Kind::untyped, {}};
  switch (nodeTag(&constant->val.node)) {
    case T_String:
      return {Argument::Kind::untyped, {}};
    case T_Integer:
      return {Argument::Kind::typed, {"", "pg_catalog", "int4"}};
    case T_Boolean:
      return {Argument::Kind::typed, {"", "pg_catalog", "bool"}};
    default:
      return {};  // a number is int8 or numeric, by its size
  }
}

// Whether what is cast is the same afterwards, for the server too: 'abc'::varchar(1) is 'a'.
bool keeps_value(const TypeName* type) {
  if (type->names == nullptr || type->typmods != nullptr || type->arrayBounds != nullptr || type->setof) return false;
  const std::string_view name = string_of(llast(type->names));
  const bool system = list_length(type->names) == 1 ||
                      (list_length(type->names) == 2 && string_of(linitial(type->names)) == "pg_catalog");
  return system && (name == "regclass" || name == "oid" || name == "text");
}

// Text of a string or an integer, cast or not; empty if it is none, or may be another by its cast.
std::string constant_of(const void* node) {
  while (node != nullptr && nodeTag(node) == T_TypeCast) {
    if (!keeps_value(as<TypeCast>(node)->typeName)) return {};
    node = as<TypeCast>(node)->arg;
  }
  if (node == nullptr || nodeTag(node) != T_A_Const || as<A_Const>(node)->isnull) return {};
  const auto& value = as<A_Const>(node)->val;
  if (nodeTag(&value.node) == T_Integer) return std::to_string(value.ival.ival);
  return nodeTag(&value.node) == T_String ? value.sval.sval : std::string();
}

// The column that an expression is; empty if it is none.
std::string_view column_of(const void* node) {
  if (node == nullptr || nodeTag(node) != T_ColumnRef) return {};
  return string_of(llast(as<ColumnRef>(node)->fields));
}

// In one level.
constexpr std::size_t usual_names = 4;

}  // namespace

// ev_class = '16384' AND rulename <> '_RETURN', c.oid = 16384: how psql asks for definitions.
void Walker::on_rule_conditions(const Node* where) {
  std::pmr::vector<const Node*> conditions({where}, &scratch_);
  while (!conditions.empty()) {
    const Node* const condition = conditions.back();
    conditions.pop_back();
    if (condition == nullptr) continue;
    if (nodeTag(condition) == T_BoolExpr && as<BoolExpr>(condition)->boolop == AND_EXPR) {
      const ListCell* cell = nullptr;
      foreach (cell, as<BoolExpr>(condition)->args)
        conditions.push_back(static_cast<const Node*>(lfirst(cell)));
    }
    if (nodeTag(condition) != T_A_Expr) continue;
    const auto* expression = as<A_Expr>(condition);
    if (expression->kind != AEXPR_OP || list_length(expression->name) != 1) continue;
    const std::string_view name = string_of(linitial(expression->name));
    const std::string_view column = column_of(expression->lexpr);
    if (name == "=" && column == "ev_class") facts_.rules_of = constant_of(expression->rexpr);
    if (name == "<>" && column == "rulename" && constant_of(expression->rexpr) == "_RETURN")
      facts_.without_view_rules = true;
    if (name == "=" && column == "oid") {
      const List* const fields = as<ColumnRef>(expression->lexpr)->fields;
      facts_.of_oid = constant_of(expression->rexpr);
      facts_.of_oid_table = list_length(fields) == 2 ? string_of(linitial(fields)) : std::string_view();
    }
  }
}

Argument Walker::argument_of(const void* node) {
  switch (nodeTag(node)) {
    case T_A_Const:
      return constant(as<A_Const>(node));
    case T_ParamRef:
      return {Argument::Kind::parameter, {}};
    case T_NamedArgExpr:
      return {Argument::Kind::any, {}};
    case T_TypeCast: {
      const TypeName* const type = as<TypeCast>(node)->typeName;
      if (type->names == nullptr || type->arrayBounds != nullptr || type->setof || type->pct_type) return {};
      return {Argument::Kind::typed, qualified(type->names)};
    }
    case T_ColumnRef: {
      const List* const fields = as<ColumnRef>(node)->fields;
      const int count = list_length(fields);
      if (count > 2 || nodeTag(llast(fields)) != T_String) return {};
      const std::string_view table = count == 2 ? string_of(linitial(fields)) : std::string_view();
      return {Argument::Kind::column, {"", std::string(table), std::string(string_of(llast(fields)))}};
    }
    default:
      return {};
  }
}

void Walker::on_name(std::string_view column, const Scope* scope, NameUse::As as) {
  NameUse& use = level_of(scope).names.emplace_back();
  use.column = column;
  use.as = as;
}

std::size_t Walker::on_column(const ColumnRef* column, const Scope* scope, NameUse::As as) {
  const int count = list_length(column->fields);
  std::vector<NameUse>& names = level_of(scope).names;
  if (names.empty()) names.reserve(usual_names);
  NameUse& use = names.emplace_back();
  use.as = as;
  if (nodeTag(list_nth(column->fields, count - 1)) != T_A_Star) {
    use.column = string_of(list_nth(column->fields, count - 1));
  }
  // A column, and from PostgreSQL 16 on a keyword: the name by which dbgate is known to the server.
  if (count == 1 && use.column == "system_user") {
    FunctionUse& function = facts_.functions.emplace_back();
    function.name = {"", "pg_catalog", use.column};
  }
  if (count > 1) use.qualifier = string_of(list_nth(column->fields, count - 2));
  if (count > 2) {
    use.schema = string_of(list_nth(column->fields, count - 3));
    use.at = static_cast<std::size_t>(column->location);
  }
  return names.size() - 1;
}

void Walker::on_function(const FuncCall* call, Scope* scope) {
  FunctionUse& use = facts_.functions.emplace_back();
  use.name = qualified(call->funcname);
  use.arguments = static_cast<std::uint16_t>(list_length(call->args));
  use.star = call->agg_star;
  use.window = call->over != nullptr;
  use.sets = on_setting_function(call, use.name);
  const ListCell* cell = nullptr;
  use.types.reserve(use.arguments);
  foreach (cell, call->args)
    use.types.push_back(argument_of(lfirst(cell)));
  if (use.name.name == "pg_get_viewdef" && call->args != nullptr) use.constant = constant_of(linitial(call->args));
  if (call->func_variadic) use.types.back().kind = Argument::Kind::any;
  push(call->over, scope);
  push(call->agg_filter, scope);
  push_list(call->agg_order, scope);
  push_list(call->args, scope);
}

// A field of a value, or a function of it: PostgreSQL takes (x).f for f(x) if x has no column f (manual ch. 4.2.6).
void Walker::on_field(std::string_view name) {
  add_once(FunctionForm::field, {"", "", name});
}

void Walker::on_operator(const List* name, const void* left, const void* right) {
  const int count = list_length(name);
  if (count == 0) return;
  const auto part = [&](int from_end) {
    return count >= from_end ? string_of(list_nth(name, count - from_end)) : std::string_view();
  };
  add_operands(add_once(FunctionForm::operator_, {part(3), part(2), part(1)}), left, right);
}

// Looked up by this name like one that is written: it can be anybody's (manual ch. 10.2).
void Walker::on_implied_operator(const char* name, const void* left, const void* right) {
  add_operands(add_once(FunctionForm::operator_, {"", "", name}), left, right);
}

void Walker::on_comparison(const A_Expr* expression) {
  switch (expression->kind) {
    case AEXPR_BETWEEN:
    case AEXPR_BETWEEN_SYM:
      on_implied_operator(">=");
      on_implied_operator("<=");
      break;
    case AEXPR_NOT_BETWEEN:
    case AEXPR_NOT_BETWEEN_SYM:
      on_implied_operator("<");
      on_implied_operator(">");
      break;
    case AEXPR_OP:
    case AEXPR_NULLIF:
    case AEXPR_DISTINCT:
    case AEXPR_NOT_DISTINCT:
      on_operator(expression->name, expression->lexpr, expression->rexpr);
      break;
    case AEXPR_IN:
    case AEXPR_OP_ANY:
    case AEXPR_OP_ALL:
      on_operator(expression->name, expression->lexpr);
      break;
    default:
      on_operator(expression->name);
      break;
  }
}

FunctionUse* Walker::add_once(FunctionForm form, const NameParts& name) {
  if (budget_.exhausted()) return nullptr;
  for (const std::size_t index : once_) {
    FunctionUse& use = facts_.functions[index];
    const bool same = use.form == form && use.name.name == name.name && use.name.schema == name.schema;
    if (same && use.name.catalog == name.catalog) return &use;
  }
  if (!budget_.spend(once_.size())) return nullptr;
  once_.push_back(facts_.functions.size());
  FunctionUse& use = facts_.functions.emplace_back();
  use.name.catalog = name.catalog;
  use.name.schema = name.schema;
  use.name.name = name.name;
  use.form = form;
  use.arguments = form == FunctionForm::operator_ ? 2 : 1;
  return &use;
}

// Beyond this many, operands of which nothing is known stand for all others.
constexpr std::size_t most_operands = 32;

// What stands on the two sides of an operator; null: nothing that is known.
void Walker::add_operands(FunctionUse* use, const void* left, const void* right) {
  if (use == nullptr || use->types.size() > most_operands) return;
  const bool full = use->types.size() == most_operands;
  add_operand_types(*use, full || left == nullptr ? Argument() : argument_of(left),
                    full || right == nullptr ? Argument() : argument_of(right));
}

void Walker::add_operand_types(FunctionUse& use, Argument left, Argument right) {
  for (std::size_t i = 0; i + 1 < use.types.size(); i += 2) {
    if (use.types[i] == left && use.types[i + 1] == right) return;
  }
  if (use.types.empty()) use.types.reserve(2);
  use.types.push_back(std::move(left));
  use.types.push_back(std::move(right));
}

// USING compares columns, never rows.
void Walker::on_equal_columns(const std::string& column) {
  FunctionUse* const use = add_once(FunctionForm::operator_, {"", "", "="});
  if (use == nullptr || use->types.size() >= most_operands) return add_operands(use, nullptr, nullptr);
  const Argument operand{Argument::Kind::column, {"", "", column}};
  add_operand_types(*use, operand, operand);
}

void Walker::on_value_function(const SQLValueFunction* function) {
  std::string_view name;
  switch (function->op) {
    case SVFOP_CURRENT_DATE:
      name = "current_date";
      break;
    case SVFOP_CURRENT_TIME:
    case SVFOP_CURRENT_TIME_N:
      name = "current_time";
      break;
    case SVFOP_CURRENT_TIMESTAMP:
    case SVFOP_CURRENT_TIMESTAMP_N:
      name = "current_timestamp";
      break;
    case SVFOP_LOCALTIME:
    case SVFOP_LOCALTIME_N:
      name = "localtime";
      break;
    case SVFOP_LOCALTIMESTAMP:
    case SVFOP_LOCALTIMESTAMP_N:
      name = "localtimestamp";
      break;
    case SVFOP_CURRENT_ROLE:
    case SVFOP_CURRENT_USER:
    case SVFOP_USER:
      name = "current_user";
      break;
    case SVFOP_SESSION_USER:
      name = "session_user";
      break;
    case SVFOP_CURRENT_CATALOG:
      name = "current_catalog";
      break;
    case SVFOP_CURRENT_SCHEMA:
      name = "current_schema";
      break;
  }
  if (name.empty()) return unknown("SQL value function");
  FunctionUse& use = facts_.functions.emplace_back();
  use.name = {"", "pg_catalog", std::string(name)};
}

void Walker::on_type(const TypeName* type) {
  if (type->names == nullptr) return;
  QualifiedName name = qualified(type->names);
  // tab.col%TYPE names a relation.
  if (type->pct_type) {
    facts_.objects.push_back(name);
    return;
  }
  if (std::find(facts_.types.begin(), facts_.types.end(), name) != facts_.types.end()) return;
  if (budget_.spend(facts_.types.size())) facts_.types.push_back(std::move(name));
}

}  // namespace dbgate::sql
