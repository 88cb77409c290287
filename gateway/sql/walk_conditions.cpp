#include <algorithm>

#include "gateway/sql/resolve_names.h"
#include "gateway/sql/walker.h"

// What rules over values look at: equalities that hold for every row, values that rows are given, lists and LIMITs.
namespace dbgate::sql {
namespace {

// libpg_query has LIMIT_OPTION_DEFAULT first, PostgreSQL's headers last; self_test() checks.
constexpr int limit_option_count = 1;

bool is_equals(const List* name) {
  if (list_length(name) == 1) return string_of(linitial(name)) == "=";
  return list_length(name) == 2 && string_of(linitial(name)) == "pg_catalog" && string_of(lsecond(name)) == "=";
}

Operand constant(const A_Const* node) {
  Operand operand;
  if (node->isnull) {
    operand.kind = Operand::Kind::null;
    return operand;
  }
  switch (nodeTag(&node->val.node)) {
    case T_Integer:
      operand.kind = Operand::Kind::integer;
      operand.text = std::to_string(node->val.ival.ival);
      break;
    case T_Float:
      operand.kind = Operand::Kind::number;
      operand.text = text_of(node->val.fval.fval);
      break;
    case T_Boolean:
      operand.kind = Operand::Kind::boolean;
      operand.text = node->val.boolval.boolval ? "true" : "false";
      break;
    case T_String:
      operand.kind = Operand::Kind::string;
      operand.text = text_of(node->val.sval.sval);
      break;
    default:
      break;
  }
  return operand;
}

// What a cast to the type is; without a type if its modifiers could change a value.
Operand cast_to(const TypeName* type) {
  Operand operand;
  const int names = list_length(type->names);
  if (type->typmods != nullptr || type->setof || type->pct_type || names < 1 || names > 2) return operand;
  operand.cast = true;
  operand.cast_type = string_of(llast(type->names));
  if (names == 2) operand.cast_schema = string_of(linitial(type->names));
  operand.cast_to_array = type->arrayBounds != nullptr;
  return operand;
}

Operand plain_operand(const void* node) {
  Operand operand;
  if (node == nullptr) return operand;
  if (nodeTag(node) == T_A_Const) return constant(as<A_Const>(node));
  if (nodeTag(node) == T_ColumnRef) operand.kind = Operand::Kind::column;
  if (nodeTag(node) == T_ParamRef && as<ParamRef>(node)->number > 0) {
    operand.kind = Operand::Kind::parameter;
    operand.parameter = static_cast<std::size_t>(as<ParamRef>(node)->number);
  }
  return operand;
}

// One cast at most: of two, the inner one may change the value.
Operand element_operand(const void* node) {
  if (node == nullptr || nodeTag(node) != T_TypeCast) return plain_operand(node);
  const Operand type = cast_to(as<TypeCast>(node)->typeName);
  Operand operand = plain_operand(as<TypeCast>(node)->arg);
  if (!type.cast) return {};
  operand.cast = true;
  operand.cast_schema = type.cast_schema;
  operand.cast_type = type.cast_type;
  operand.cast_to_array = type.cast_to_array;
  return operand;
}

Operand list_of(const List* list) {
  Operand operand;
  operand.kind = Operand::Kind::list;
  const ListCell* cell = nullptr;
  foreach (cell, list)
    operand.elements.push_back(element_operand(lfirst(cell)));
  return operand;
}

Operand operand_of(const void* node) {
  if (node == nullptr) return {};
  if (nodeTag(node) == T_A_ArrayExpr) return list_of(as<A_ArrayExpr>(node)->elements);
  if (nodeTag(node) != T_TypeCast || nodeTag(as<TypeCast>(node)->arg) != T_A_ArrayExpr) return element_operand(node);
  const Operand type = cast_to(as<TypeCast>(node)->typeName);
  if (!type.cast) return {};
  Operand operand = list_of(as<A_ArrayExpr>(as<TypeCast>(node)->arg)->elements);
  operand.cast = true;
  operand.cast_schema = type.cast_schema;
  operand.cast_type = type.cast_type;
  operand.cast_to_array = type.cast_to_array;
  return operand;
}

// pg_settings or pg_show_all_settings(), under the names of columns that it has itself.
bool is_settings(const Node* entry) {
  const auto is_system = [](std::string_view schema) { return schema.empty() || schema == "pg_catalog"; };
  const Alias* alias = nullptr;
  if (nodeTag(entry) == T_RangeVar) {
    const auto* name = as<RangeVar>(entry);
    if (text_of(name->relname) != "pg_settings" || !is_system(text_of(name->schemaname))) return false;
    alias = name->alias;
  } else if (nodeTag(entry) == T_RangeFunction) {
    const auto* range = as<RangeFunction>(entry);
    if (range->is_rowsfrom || range->ordinality || range->coldeflist != nullptr) return false;
    const auto* item = static_cast<const Node*>(linitial(as<List>(linitial(range->functions))));
    if (nodeTag(item) != T_FuncCall) return false;
    const List* const name = as<FuncCall>(item)->funcname;
    const bool written = list_length(name) == 2;
    if (list_length(name) > 2 || string_of(llast(name)) != "pg_show_all_settings") return false;
    if (written && string_of(linitial(name)) != "pg_catalog") return false;
    alias = range->alias;
  } else {
    return false;
  }
  return alias == nullptr || alias->colnames == nullptr;
}

// Adds the constants that the condition holds the column `name` to; false if it is another condition.
bool names_of(const void* condition, std::vector<std::string>& names) {
  if (nodeTag(condition) != T_A_Expr) return false;
  const auto* expression = as<A_Expr>(condition);
  const bool one = expression->kind == AEXPR_OP;
  if ((!one && expression->kind != AEXPR_IN) || !is_equals(expression->name)) return false;
  if (expression->lexpr == nullptr || nodeTag(expression->lexpr) != T_ColumnRef) return false;
  if (string_of(llast(as<ColumnRef>(expression->lexpr)->fields)) != "name") return false;
  const auto take = [&names](const void* value) {
    const Operand operand = plain_operand(value);
    if (operand.kind != Operand::Kind::string) return false;
    names.push_back(operand.text);
    return true;
  };
  if (one) return take(expression->rexpr);
  const ListCell* cell = nullptr;
  foreach (cell, as<List>(expression->rexpr)) {
    if (!take(lfirst(cell))) return false;
  }
  return true;
}

}  // namespace

bool Walker::is_wanted(std::string_view column) const {
  return wanted_ != nullptr && std::binary_search(wanted_->columns.begin(), wanted_->columns.end(), column);
}

ValueFacts& Walker::values() {
  if (!facts_.values) facts_.values = std::make_shared<ValueFacts>();
  return *facts_.values;
}

void Walker::on_parameter(const ParamRef* parameter) {
  if (wanted_ == nullptr || parameter->number < 1 || parameter->number > UINT16_MAX) return;
  const auto number = static_cast<std::size_t>(parameter->number);
  std::vector<std::size_t>& uses = values().parameter_uses;
  if (uses.size() < number) uses.resize(number);
  ++uses[number - 1];
}

// The ANDed conditions that a row must meet, however the brackets stand. Anything else among them holds no column to a
// value.
void Walker::on_conditions(const void* quals, std::size_t level, WrittenEquality::Of of) {
  if (wanted_ == nullptr || quals == nullptr) return;
  each_conjunct(quals, [&](const void* term) {
    if (nodeTag(term) == T_A_Expr) on_equality(as<A_Expr>(term), level, of);
    return true;
  });
}

void Walker::on_equality(const A_Expr* expression, std::size_t level, WrittenEquality::Of of) {
  const bool one = expression->kind == AEXPR_OP;
  const bool any = expression->kind == AEXPR_OP_ANY || expression->kind == AEXPR_IN;
  if ((!one && !any) || !is_equals(expression->name)) return;
  const void* column = expression->lexpr;
  const void* value = expression->rexpr;
  if (column == nullptr || value == nullptr) return;
  if (one && nodeTag(column) != T_ColumnRef) std::swap(column, value);
  if (nodeTag(column) != T_ColumnRef) return;
  const List* const fields = as<ColumnRef>(column)->fields;
  const int count = list_length(fields);
  const ListCell* cell = nullptr;
  foreach (cell, fields) {
    if (nodeTag(lfirst(cell)) != T_String) return;
  }
  if (count < 1 || count > 3 || !is_wanted(string_of(llast(fields)))) return;
  WrittenEquality equality;
  equality.level = level;
  equality.of = of;
  equality.column = string_of(llast(fields));
  if (count > 1) equality.qualifier = string_of(list_nth(fields, count - 2));
  if (count > 2) equality.schema = string_of(list_nth(fields, count - 3));
  equality.any = any;
  equality.operand = expression->kind == AEXPR_IN ? list_of(as<List>(value)) : operand_of(value);
  values().written.push_back(std::move(equality));
}

// An outer join keeps the rows of its outer side whatever ON says.
void Walker::on_join_conditions(const JoinExpr* join, std::size_t level) {
  if (join->jointype == JOIN_INNER) on_conditions(join->quals, level, WrittenEquality::Of::all);
  if (join->jointype == JOIN_LEFT) on_conditions(join->quals, level, WrittenEquality::Of::right);
  if (join->jointype == JOIN_RIGHT) on_conditions(join->quals, level, WrittenEquality::Of::left);
}

void Walker::on_list(const A_Expr* expression) {
  if (wanted_ == nullptr) return;
  if (expression->kind == AEXPR_IN) {
    values().lists.push_back(list_of(as<List>(expression->rexpr)));
  } else if (expression->kind == AEXPR_OP_ANY || expression->kind == AEXPR_OP_ALL) {
    values().lists.push_back(operand_of(expression->rexpr));
  }
}

// Conditions beside those on the name could be asked of a row before them, and fail or tell; so could a HAVING that
// becomes one of them.
void Walker::on_setting_rows(const SelectStmt* select) {
  if (list_length(select->fromClause) != 1 || select->whereClause == nullptr) return;
  if (!is_settings(static_cast<const Node*>(linitial(select->fromClause)))) return;
  if (select->havingClause != nullptr || select->groupClause != nullptr) return;
  std::vector<std::string> names;
  bool held = true;
  each_conjunct(select->whereClause, [&](const void* condition) {
    held = held && names_of(condition, names);
    return held;
  });
  if (held) facts_.settings_of_rows = std::move(names);
}

void Walker::on_limit(const SelectStmt* select, const Scope* scope) {
  if (wanted_ == nullptr || select->limitCount == nullptr) return;
  LevelLimit limit;
  limit.level = scope->level;
  if (static_cast<int>(select->limitOption) == limit_option_count) limit.count = element_operand(select->limitCount);
  values().limits.push_back(std::move(limit));
}

// SET a = …, and a in SET (a, b) = ….
void Walker::on_assignments(std::size_t relation, const List* targets) {
  if (wanted_ == nullptr) return;
  const ListCell* cell = nullptr;
  foreach (cell, targets) {
    const auto* target = as<ResTarget>(lfirst(cell));
    if (target->name == nullptr || !is_wanted(target->name)) continue;
    Assignment assignment;
    assignment.relation = relation;
    assignment.column = target->name;
    assignment.update = true;
    if (target->indirection == nullptr) assignment.operand = assigned_operand(target->val);
    values().assignments.push_back(std::move(assignment));
  }
}

Operand Walker::assigned_operand(const void* node) {
  if (node == nullptr || nodeTag(node) != T_ColumnRef) return element_operand(node);
  const List* const fields = as<ColumnRef>(node)->fields;
  Operand operand;
  const bool excluded = list_length(fields) == 2 && string_of(linitial(fields)) == "excluded";
  if (!excluded || nodeTag(lsecond(fields)) != T_String) return operand;
  operand.kind = Operand::Kind::excluded;
  operand.text = string_of(lsecond(fields));
  return operand;
}

// The rows of INSERT … VALUES. By position where no columns are written: what their order is, the catalog says.
void Walker::on_inserted_rows(const InsertStmt* insert, std::size_t relation) {
  if (wanted_ == nullptr) return;
  Insertion insertion;
  insertion.relation = relation;
  const auto* const select = as<SelectStmt>(insert->selectStmt);
  const bool in_sight = select != nullptr && nodeTag(select) == T_SelectStmt && select->valuesLists != nullptr &&
                        select->op == SETOP_NONE && insert->override != OVERRIDING_USER_VALUE;
  const std::vector<std::pair<int, std::string>> columns = wanted_columns_of(insert, relation);
  const ListCell* cell = nullptr;
  if (in_sight) {
    foreach (cell, select->valuesLists) {
      const auto* row = as<List>(lfirst(cell));
      ++insertion.rows;
      for (const auto& [position, name] : columns) {
        if (position >= list_length(row)) continue;
        Assignment assignment;
        assignment.relation = relation;
        assignment.column = name;
        assignment.operand = element_operand(list_nth(row, position));
        values().assignments.push_back(std::move(assignment));
      }
    }
  }
  values().insertions.push_back(insertion);
}

std::vector<std::pair<int, std::string>> Walker::wanted_columns_of(const InsertStmt* insert, std::size_t relation) {
  std::vector<std::pair<int, std::string>> columns;
  const ListCell* cell = nullptr;
  int position = 0;
  foreach (cell, insert->cols) {
    const auto* target = as<ResTarget>(lfirst(cell));
    if (target->name != nullptr && target->indirection == nullptr && is_wanted(target->name)) {
      columns.emplace_back(position, target->name);
    }
    ++position;
  }
  if (insert->cols != nullptr || tables_ == nullptr) return columns;
  const auto known = tables_->columns_of(facts_.relations[relation].name);
  if (!known) return columns;
  for (const std::string_view name : *known) {
    if (is_wanted(name)) columns.emplace_back(position, std::string(name));
    ++position;
  }
  return columns;
}

void Walker::on_execute_values(const ExecuteStmt* execute) {
  if (wanted_ == nullptr) return;
  const ListCell* cell = nullptr;
  foreach (cell, execute->params)
    values().arguments.push_back(operand_of(lfirst(cell)));
}

void Walker::on_prepare_types(const PrepareStmt* prepare) {
  if (wanted_ == nullptr) return;
  const ListCell* cell = nullptr;
  foreach (cell, prepare->argtypes)
    values().parameter_types.push_back(cast_to(as<TypeName>(lfirst(cell))));
}

// Values of a statement inside another; its levels and relations come after those that are there already.
void Walker::embed_values(Statement& inner, std::size_t levels, std::size_t relations) {
  if (!inner.values) return;
  ValueFacts& from = *inner.values;
  ValueFacts& to = values();
  for (WrittenEquality& equality : from.written) {
    equality.level += levels;
    to.written.push_back(std::move(equality));
  }
  for (Assignment& assignment : from.assignments) {
    assignment.relation += relations;
    to.assignments.push_back(std::move(assignment));
  }
  for (Insertion& insertion : from.insertions) {
    insertion.relation += relations;
    to.insertions.push_back(insertion);
  }
  for (LevelLimit& limit : from.limits) {
    limit.level += levels;
    to.limits.push_back(std::move(limit));
  }
  to.lists.insert(to.lists.end(), std::make_move_iterator(from.lists.begin()),
                  std::make_move_iterator(from.lists.end()));
  to.arguments.insert(to.arguments.end(), from.arguments.begin(), from.arguments.end());
  if (to.parameter_uses.size() < from.parameter_uses.size()) to.parameter_uses.resize(from.parameter_uses.size());
  for (std::size_t i = 0; i < from.parameter_uses.size(); ++i)
    to.parameter_uses[i] += from.parameter_uses[i];
  inner.values = nullptr;
}

}  // namespace dbgate::sql
