#include <algorithm>

#include "gateway/sql/walker.h"

namespace dbgate::sql {
namespace {

// What PostgreSQL calls an output column without a name of its own; empty where dbgate does not say (FigureColname in
// parse_target.c).
std::string_view name_of(const void* expression) {
  std::string_view type;  // of the outermost cast: the name of a constant
  while (nodeTag(expression) == T_TypeCast) {
    const auto* cast = as<TypeCast>(expression);
    if (type.empty() && cast->typeName->names != nullptr) type = string_of(llast(cast->typeName->names));
    expression = cast->arg;
  }
  switch (nodeTag(expression)) {
    case T_FuncCall:
      return string_of(llast(as<FuncCall>(expression)->funcname));
    case T_ColumnRef: {
      const void* const last = llast(as<ColumnRef>(expression)->fields);
      return nodeTag(last) == T_A_Star ? std::string_view() : string_of(last);
    }
    case T_A_Const:
    case T_ParamRef:
      return type;
    default:
      return {};
  }
}

// (x).*
bool puts_out_fields(const void* expression) {
  return nodeTag(expression) == T_A_Indirection &&
         nodeTag(llast(as<A_Indirection>(expression)->indirection)) == T_A_Star;
}

}  // namespace

// WITH names are visible from the query that follows on inwards; without RECURSIVE each sees those before it only.
void Walker::on_with(const WithClause* with, Scope* scope) {
  if (with == nullptr) return;
  facts_.recursive = facts_.recursive || with->recursive;
  std::vector<Scope*> bodies;
  const ListCell* cell = nullptr;
  foreach (cell, with->ctes) {
    bodies.push_back(body_scope(scope->outer, scope->ctes));
    if (with->recursive) {
      scope->ctes =
          &ctes_.emplace_front(Cte{as<CommonTableExpr>(lfirst(cell))->ctename, bodies.back()->level, scope->ctes});
    }
  }
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    const auto* cte = as<CommonTableExpr>(list_nth(with->ctes, static_cast<int>(i)));
    Scope* const body = bodies[i];
    body->ctes = scope->ctes;
    // SEARCH and CYCLE add columns.
    level_of(body).open_outputs = cte->search_clause != nullptr || cte->cycle_clause != nullptr;
    foreach (cell, cte->aliascolnames)
      level_of(body).renamed.emplace_back(string_of(lfirst(cell)));
    push(cte->search_clause, body);
    push(cte->cycle_clause, body);
    push(cte->ctequery, body);
    if (!with->recursive) scope->ctes = &ctes_.emplace_front(Cte{cte->ctename, body->level, scope->ctes});
  }
}

const Walker::Cte* Walker::cte_of(const RangeVar* name, const Scope* scope) {
  if (name->schemaname != nullptr || name->catalogname != nullptr || name->relname == nullptr) return nullptr;
  for (const Cte* cte = scope->ctes; cte != nullptr && budget_.spend(1); cte = cte->outer) {
    if (cte->name == name->relname) return cte;
  }
  return nullptr;
}

void Walker::on_subquery(const SubLink* link, Scope* scope) {
  Scope* const body = body_scope(scope, scope->ctes);
  level_of(body).compared = link->subLinkType != EXISTS_SUBLINK;
  facts_.array_subquery = facts_.array_subquery || link->subLinkType == ARRAY_SUBLINK;
  push(link->subselect, body);
}

void Walker::on_select(const SelectStmt* select, Scope* outer) {
  add(Effect::read);
  Scope* const scope = own_scope(outer);
  on_with(select->withClause, scope);
  if (select->intoClause != nullptr) on_into(select->intoClause, scope);
  on_from(select->fromClause, scope);
  on_locking(select, scope);
  on_rule_conditions(select->whereClause);
  on_setting_rows(select);
  on_limit(select, scope);
  push(select->limitCount, scope);
  push(select->limitOffset, scope);
  on_ordering(select->sortClause, select, scope);
  on_values(select->valuesLists, scope);
  push_list(select->windowClause, scope);
  push(select->havingClause, scope);
  on_grouping(select->groupClause, scope);
  push(select->whereClause, scope);
  on_conditions(select->whereClause, scope->level);
  on_ordering(select->distinctClause, select, scope);
  on_outputs(select->targetList, scope);
  on_arms(select, scope);
}

// The queries that UNION, INTERSECT and EXCEPT put together, however many: a level each.
void Walker::on_arms(const SelectStmt* select, Scope* scope) {
  if (select->op == SETOP_NONE) return;
  bool compared = false;
  std::vector<const SelectStmt*> pending{select}, arms;
  while (!pending.empty()) {
    const SelectStmt* const next = pending.back();
    pending.pop_back();
    const bool plain = next->withClause == nullptr && next->sortClause == nullptr && next->limitCount == nullptr &&
                       next->limitOffset == nullptr && next->lockingClause == nullptr && next->intoClause == nullptr;
    if (next->op == SETOP_NONE || (next != select && !plain)) {
      arms.push_back(next);
      continue;
    }
    compared = compared || next->op != SETOP_UNION || !next->all;
    pending.push_back(next->rarg);
    pending.push_back(next->larg);
  }
  std::vector<Scope*> bodies;
  for (std::size_t i = 0; i < arms.size(); ++i) {
    bodies.push_back(body_scope(scope, scope->ctes));
    level_of(bodies.back()).compared = compared;
    level_of(scope).arms.push_back(bodies.back()->level);
  }
  for (std::size_t i = arms.size(); i-- > 0;)
    push(arms[i], bodies[i]);
}

// The select list, or RETURNING.
void Walker::on_outputs(const List* targets, Scope* scope) {
  std::pmr::vector<const void*> expressions(&scratch_);
  std::vector<Output>& outputs = level_of(scope).outputs;
  outputs.reserve(outputs.size() + static_cast<std::size_t>(list_length(targets)));
  const ListCell* cell = nullptr;
  foreach (cell, targets) {
    const auto* target = as<ResTarget>(lfirst(cell));
    if (target->val == nullptr) continue;
    Output output;
    output.name = target->name != nullptr ? std::string_view(target->name) : name_of(target->val);
    if (nodeTag(target->val) == T_ColumnRef) {
      output.use = on_column(as<ColumnRef>(target->val), scope, NameUse::As::output);
    } else {
      expressions.push_back(target->val);
      if (puts_out_fields(target->val)) level_of(scope).open_outputs = true;
    }
    outputs.push_back(std::move(output));
  }
  for (std::size_t i = expressions.size(); i-- > 0;)
    push(expressions[i], scope);
}

void Walker::on_values(const List* rows, Scope* scope) {
  push_list(rows, scope);
  if (rows == nullptr) return;
  const auto columns = static_cast<std::size_t>(list_length(as<List>(linitial(rows))));
  for (std::size_t i = 0; i < columns; ++i)
    level_of(scope).outputs.push_back({"column" + std::to_string(i + 1), none});
}

// Whether a name in ORDER BY or DISTINCT ON stands for an output column: those come first there, unlike in GROUP BY.
bool Walker::names_output(const void* node, const SelectStmt* select) {
  if (nodeTag(node) != T_ColumnRef || list_length(as<ColumnRef>(node)->fields) != 1) return false;
  const std::string_view name = string_of(linitial(as<ColumnRef>(node)->fields));
  while (select->larg != nullptr)
    select = select->larg;
  if (!budget_.spend(static_cast<std::size_t>(list_length(select->targetList)))) return false;
  const ListCell* cell = nullptr;
  foreach (cell, select->targetList) {
    const auto* target = as<ResTarget>(lfirst(cell));
    if (target->name != nullptr) {
      if (name == target->name) return true;
    } else if (target->val != nullptr && nodeTag(target->val) == T_ColumnRef) {
      if (name == string_of(llast(as<ColumnRef>(target->val)->fields))) return true;
    }
  }
  return false;
}

// ORDER BY and DISTINCT ON.
void Walker::on_ordering(const List* clauses, const SelectStmt* select, Scope* scope) {
  for (int i = list_length(clauses) - 1; i >= 0; --i) {
    const void* const clause = list_nth(clauses, i);
    if (clause == nullptr) {  // plain DISTINCT
      level_of(scope).compared = true;
      continue;
    }
    const bool sorts = nodeTag(clause) == T_SortBy;
    const void* const by = sorts ? as<SortBy>(clause)->node : clause;
    if (names_output(by, select)) {
      level_of(scope).order_by.emplace_back(string_of(linitial(as<ColumnRef>(by)->fields)));
    } else if (!on_position(by, scope)) {
      push(clause, scope);
      continue;
    }
    if (sorts) on_operator(as<SortBy>(clause)->useOp);
  }
}

void Walker::on_grouping(const List* clauses, Scope* scope) {
  for (int i = list_length(clauses) - 1; i >= 0; --i) {
    const void* const clause = list_nth(clauses, i);
    if (nodeTag(clause) == T_ColumnRef) {
      on_column(as<ColumnRef>(clause), scope, NameUse::As::grouping);
    } else if (!on_position(clause, scope)) {
      push(clause, scope);
    }
  }
}

// An output column by its number.
bool Walker::on_position(const void* node, Scope* scope) {
  if (nodeTag(node) != T_A_Const || as<A_Const>(node)->isnull) return false;
  const auto& value = as<A_Const>(node)->val;
  if (nodeTag(&value.node) != T_Integer || value.ival.ival < 1) return false;
  level_of(scope).positions.push_back(static_cast<std::size_t>(value.ival.ival - 1));
  return true;
}

void Walker::on_locking(const SelectStmt* select, Scope* scope) {
  if (select->lockingClause == nullptr) return;
  add(Effect::lock);
  locks_inside_ = locks_inside_ || scope->has_subquery;
  for (const Source& source : level_of(scope).sources) {
    if (source.kind != Source::Kind::relation) continue;
    RelationUse& use = facts_.relations[source.index];
    set(use.effects, Effect::lock);
    use.has_where = select->whereClause != nullptr;
  }
}

void Walker::on_into(const IntoClause* into, Scope* scope) {
  add(Effect::select_into);
  add(Effect::ddl);
  relation(into->rel, Effect::ddl);
  push_list(into->options, scope);
}

// The relation that a statement writes to is never a CTE, and its columns can be read in the same level.
std::size_t Walker::target(const RangeVar* name, Effect effect, Scope* scope) {
  add(effect);
  const std::size_t index = facts_.relations.size();
  relation(name, effect);
  add_source(scope, Source::Kind::relation, alias_of(name), index);
  return index;
}

void Walker::write_columns(std::size_t relation, const List* targets) {
  const ListCell* cell = nullptr;
  foreach (cell, targets) {
    const auto* column = as<ResTarget>(lfirst(cell));
    if (column->name == nullptr) continue;
    ColumnUse& writes = facts_.relations[relation].writes;
    if (budget_.spend_on_insert(writes.names.size())) writes.add(column->name);
  }
}

// From PostgreSQL 18 on, old and new are the target's row before and after. Our grammar takes them for tables.
void Walker::on_returning(const List* list, std::size_t target, Scope* scope) {
  if (list == nullptr) return;
  facts_.returning = true;
  for (const std::string_view alias : {"old", "new"}) {
    add_source(scope, Source::Kind::relation, alias, target).aside = true;
  }
  on_outputs(list, scope);
}

void Walker::on_insert(const InsertStmt* insert, Scope* outer) {
  Scope* const scope = own_scope(outer);
  on_with(insert->withClause, scope);
  const std::size_t into = target(insert->relation, Effect::insert, scope);
  if (insert->cols == nullptr) {
    facts_.relations[into].writes.whole_row = true;
  } else {
    write_columns(into, insert->cols);
    push_list(insert->cols, scope);  // subscripts hold expressions
  }
  on_inserted_rows(insert, into);
  // The source does not see the target, and its rows go elsewhere than to the client.
  Scope* const source = body_scope(scope->outer, scope->ctes);
  level_of(source).compared = true;
  push(insert->selectStmt, source);
  if (const OnConflictClause* conflict = insert->onConflictClause) {
    add_source(scope, Source::Kind::relation, "excluded", into).aside = true;
    push(conflict->infer, scope);
    // Tells whether a row with these values is there; which columns the constraint is about, only the server knows.
    if (conflict->infer != nullptr && conflict->infer->conname != nullptr) {
      set(facts_.relations[into].effects, Effect::read);
      facts_.relations[into].reads.whole_row = true;
    }
    if (conflict->action == ONCONFLICT_UPDATE) {
      add(Effect::update);
      set(facts_.relations[into].effects, Effect::update);
      write_columns(into, conflict->targetList);
      facts_.relations[into].has_where = conflict->whereClause != nullptr;
    }
    on_assignments(into, conflict->targetList);
    on_conditions(conflict->whereClause, scope->level);
    push_list(conflict->targetList, scope);
    push(conflict->whereClause, scope);
  }
  if (insert->returningList != nullptr) set(facts_.relations[into].effects, Effect::read);
  on_returning(insert->returningList, into, scope);
}

void Walker::on_update(const UpdateStmt* update, Scope* outer) {
  Scope* const scope = own_scope(outer);
  on_with(update->withClause, scope);
  const std::size_t into = target(update->relation, Effect::update, scope);
  facts_.relations[into].has_where = update->whereClause != nullptr;
  write_columns(into, update->targetList);
  on_from(update->fromClause, scope);
  on_returning(update->returningList, into, scope);
  on_assignments(into, update->targetList);
  on_conditions(update->whereClause, scope->level);
  push(update->whereClause, scope);
  push_list(update->targetList, scope);
}

void Walker::on_delete(const DeleteStmt* del, Scope* outer) {
  Scope* const scope = own_scope(outer);
  on_with(del->withClause, scope);
  const std::size_t from = target(del->relation, Effect::delete_, scope);
  facts_.relations[from].has_where = del->whereClause != nullptr;
  on_from(del->usingClause, scope);
  on_returning(del->returningList, from, scope);
  on_conditions(del->whereClause, scope->level);
  push(del->whereClause, scope);
}

void Walker::on_merge(const MergeStmt* merge, Scope* outer) {
  Scope* const scope = own_scope(outer);
  on_with(merge->withClause, scope);
  const std::size_t into = target(merge->relation, Effect::merge, scope);
  FromEntries source(1, &scratch_);
  source.back().node = merge->sourceRelation;
  on_from_entries(source, scope);
  const ListCell* cell = nullptr;
  foreach (cell, merge->mergeWhenClauses) {
    const auto* when = as<MergeWhenClause>(lfirst(cell));
    Effect effect = Effect::merge;
    if (when->commandType == CMD_UPDATE) effect = Effect::update;
    if (when->commandType == CMD_INSERT) effect = Effect::insert;
    if (when->commandType == CMD_DELETE) effect = Effect::delete_;
    add(effect);
    set(facts_.relations[into].effects, effect);
    facts_.relations[into].has_where = true;
    if (effect == Effect::insert && when->targetList == nullptr) facts_.relations[into].writes.whole_row = true;
    write_columns(into, when->targetList);
    push(when, scope);
  }
  push(merge->joinCondition, scope);
}

}  // namespace dbgate::sql
