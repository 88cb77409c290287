#include <algorithm>

#include "gateway/sql/walker.h"

namespace dbgate::sql {
namespace {

// Whether the FROM clause itself says that the function has a column of this name.
bool names_column(const RangeFunction* function, std::string_view name) {
  const ListCell* cell = nullptr;
  if (function->alias != nullptr) {
    foreach (cell, function->alias->colnames) {
      if (name == string_of(lfirst(cell))) return true;
    }
  }
  foreach (cell, function->coldeflist) {
    if (name == as<ColumnDef>(lfirst(cell))->colname) return true;
  }
  return false;
}

}  // namespace

void Walker::charge(const Item& item, std::string_view column, const Scope* level) {
  if (item.count == whole_level) {
    for (const Item& other : level->items) {
      if (other.count == 1) charge(other, column, level);
    }
    return;
  }
  if (item.count == 0) return;
  RelationUse& use = facts_.relations[item.first];
  set(use.effects, Effect::read);
  if (column.empty()) {
    use.reads.whole_row = true;
  } else {
    use.reads.add(column);
  }
}

// Without a catalog nobody knows which of the relations in sight has the column: all of them are charged, this level's
// and the outer ones'.
void Walker::charge_unqualified(std::string_view column, const Scope* scope) {
  for (const Scope* level = scope; level != nullptr; level = level->outer) {
    for (const Item& item : level->items) {
      if (item.count == 1) charge(item, column, level);
      // A bare alias is the whole row, if no column has that name.
      if (item.alias == column) charge(item, {}, level);
    }
  }
}

void Walker::on_column(const ColumnRef* column, const Scope* scope) {
  const int count = list_length(column->fields);
  const bool star = nodeTag(list_nth(column->fields, count - 1)) == T_A_Star;
  if (count == 1) {
    if (!star) return charge_unqualified(string_of(linitial(column->fields)), scope);
    for (const Item& item : scope->items)
      charge(item, {}, scope);
    return;
  }
  const std::string_view name = star ? std::string_view() : string_of(list_nth(column->fields, count - 1));
  const std::string_view qualifier = string_of(list_nth(column->fields, count - 2));
  bool known = false;
  bool sees_past = count > 2;  // schema.table.column finds that very table, past any alias that looks like it
  for (const Scope* level = scope; level != nullptr; level = level->outer) {
    bool found = false;
    for (const Item& item : level->items) {
      if (item.alias != qualifier) continue;
      charge(item, name, level);
      if (item.function != nullptr && !star && !names_column(item.function, name)) on_field(name);
      known = true;
      found = found || !item.hidden;
    }
    if (found && !sees_past) return;
    sees_past = count > 2 || level->in_from;
  }
  if (known) return;
  // a.b where a is no table in sight: the field b of a composite column a, or of a function that was given no alias.
  if (!star) on_field(name);
  charge_unqualified(string_of(linitial(column->fields)), scope);
}

void Walker::on_function(const FuncCall* call, Scope* scope) {
  FunctionUse& use = facts_.functions.emplace_back();
  use.name = qualified(call->funcname);
  use.arguments = static_cast<std::uint16_t>(list_length(call->args));
  use.star = call->agg_star;
  use.window = call->over != nullptr;
  use.sets = on_set_config(call, use.name);
  push(call->over, scope);
  push(call->agg_filter, scope);
  push_list(call->agg_order, scope);
  push_list(call->args, scope);
}

// A field of a value, or a function of it: PostgreSQL takes (x).f for f(x) if x has no column f (manual ch. 4.2.6).
void Walker::on_field(std::string_view name) {
  FunctionUse use;
  use.name.name = name;
  use.form = FunctionForm::field;
  use.arguments = 1;
  if (std::find(facts_.functions.begin(), facts_.functions.end(), use) == facts_.functions.end()) {
    facts_.functions.push_back(std::move(use));
  }
}

void Walker::on_operator(const List* name) {
  if (name == nullptr) return;
  FunctionUse use;
  use.name = qualified(name);
  use.form = FunctionForm::operator_;
  use.arguments = 2;
  if (std::find(facts_.functions.begin(), facts_.functions.end(), use) == facts_.functions.end()) {
    facts_.functions.push_back(std::move(use));
  }
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
  if (std::find(facts_.types.begin(), facts_.types.end(), name) == facts_.types.end()) {
    facts_.types.push_back(std::move(name));
  }
}

}  // namespace dbgate::sql
