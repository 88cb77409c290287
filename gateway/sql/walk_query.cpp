#include <algorithm>

#include "gateway/sql/walker.h"

namespace dbgate::sql {
namespace {

std::string_view alias_of(const RangeVar* name) {
  if (name->alias != nullptr) return name->alias->aliasname;
  return name->relname == nullptr ? std::string_view() : name->relname;
}

// What a function in FROM is called if nobody gave it a name: after the first function.
std::string_view function_name(const RangeFunction* range) {
  const auto* first = as<List>(linitial(range->functions));
  const void* const call = linitial(first);
  if (nodeTag(call) != T_FuncCall) return {};
  return string_of(llast(as<FuncCall>(call)->funcname));
}

// Whether a name in ORDER BY or DISTINCT ON stands for an output column: those come first there, unlike in GROUP BY.
bool names_output(const void* node, const SelectStmt* select) {
  if (nodeTag(node) != T_ColumnRef || list_length(as<ColumnRef>(node)->fields) != 1) return false;
  const std::string_view name = string_of(linitial(as<ColumnRef>(node)->fields));
  while (select->larg != nullptr)
    select = select->larg;
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

}  // namespace

// WITH names are visible from the query that follows on inwards; without RECURSIVE each sees those before it only.
void Walker::on_with(const WithClause* with, Scope* scope) {
  if (with == nullptr) return;
  std::vector<std::pair<const CommonTableExpr*, Scope*>> queries;
  const auto declare = [&](const CommonTableExpr* cte) {
    scope->ctes = &ctes_.emplace_back(Cte{cte->ctename, scope->ctes});
  };
  const ListCell* cell = nullptr;
  if (with->recursive) {
    foreach (cell, with->ctes)
      declare(as<CommonTableExpr>(lfirst(cell)));
  }
  foreach (cell, with->ctes) {
    const auto* cte = as<CommonTableExpr>(lfirst(cell));
    Scope* const own = inner_scope(scope->outer);
    own->ctes = scope->ctes;
    push(cte->search_clause, own);
    push(cte->cycle_clause, own);
    push(cte->ctequery, own);
    if (!with->recursive) declare(cte);
  }
}

bool Walker::is_cte(const RangeVar* name, const Scope* scope) const {
  if (name->schemaname != nullptr || name->catalogname != nullptr || name->relname == nullptr) return false;
  for (const Cte* cte = scope->ctes; cte != nullptr; cte = cte->outer) {
    if (cte->name == name->relname) return true;
  }
  return false;
}

void Walker::on_from(const List* from, Scope* scope) {
  FromItems items;
  for (int i = list_length(from) - 1; i >= 0; --i)
    items.pending.push_back({list_nth(from, i), false});
  on_from_items(items, scope);
}

void Walker::on_from_items(FromItems& items, Scope* scope) {
  items.inside = inner_scope(scope);
  items.inside->in_from = true;
  while (!items.pending.empty()) {
    const FromItems::Entry entry = items.pending.back();
    items.pending.pop_back();
    if (entry.node != nullptr) on_from_item(entry, scope, items);
  }
  // Which columns USING and NATURAL compare is known only with all tables of the level.
  Item everything;
  everything.count = whole_level;
  for (const std::string_view column : items.using_columns)
    charge(everything, column, scope);
  if (items.all_columns) charge(everything, {}, scope);
}

void Walker::on_from_item(FromItems::Entry entry, Scope* scope, FromItems& items) {
  const void* const node = entry.node;
  const auto add_item = [&](std::string_view alias, std::size_t first, std::size_t count) -> Item& {
    Item& item = scope->items.emplace_back();
    item.alias = alias;
    item.first = first;
    item.count = count;
    item.hidden = entry.hidden;
    return item;
  };
  switch (nodeTag(node)) {
    case T_RangeVar: {
      const auto* name = as<RangeVar>(node);
      if (is_cte(name, scope)) {
        add_item(alias_of(name), 0, 0);
        break;
      }
      const std::size_t index = facts_.relations.size();
      RelationUse& use = relation(name, Effect::read);
      use.reads.whole_row = renames_columns(name->alias);
      add_item(alias_of(name), index, 1);
      break;
    }
    case T_JoinExpr: {
      const auto* join = as<JoinExpr>(node);
      push(join->quals, items.inside);
      const ListCell* cell = nullptr;
      foreach (cell, join->usingClause)
        items.using_columns.push_back(string_of(lfirst(cell)));
      items.all_columns = items.all_columns || join->isNatural || renames_columns(join->alias);
      for (const Alias* alias : {join->alias, join->join_using_alias}) {
        if (alias != nullptr) add_item(alias->aliasname, 0, whole_level);
      }
      const bool hidden = entry.hidden || join->alias != nullptr;
      items.pending.push_back({join->rarg, hidden});
      items.pending.push_back({join->larg, hidden});
      break;
    }
    case T_RangeTableSample: {
      const auto* sample = as<RangeTableSample>(node);
      FunctionUse& use = facts_.functions.emplace_back();
      use.name = qualified(sample->method);
      use.form = FunctionForm::table_sample;
      use.arguments = static_cast<std::uint16_t>(list_length(sample->args));
      push_list(sample->args, items.inside);
      push(sample->repeatable, items.inside);
      items.pending.push_back({sample->relation, entry.hidden});
      break;
    }
    case T_RangeSubselect: {
      const auto* query = as<RangeSubselect>(node);
      // Without LATERAL a subquery does not see its neighbours, only the levels outside.
      Scope* own = items.inside;
      if (!query->lateral) {
        own = inner_scope(scope->outer);
        own->ctes = scope->ctes;
      }
      push(query->subquery, own);
      add_item(query->alias == nullptr ? std::string_view() : query->alias->aliasname, 0, 0).subquery = true;
      break;
    }
    default: {
      // Functions, XMLTABLE: their arguments see their neighbours. The alias names no relation.
      const Alias* alias = nullptr;
      if (nodeTag(node) == T_RangeFunction) alias = as<RangeFunction>(node)->alias;
      if (nodeTag(node) == T_RangeTableFunc) alias = as<RangeTableFunc>(node)->alias;
      if (nodeTag(node) == T_RangeFunction) {
        add_item(alias == nullptr ? function_name(as<RangeFunction>(node)) : alias->aliasname, 0, 0).function =
            as<RangeFunction>(node);
      } else if (alias != nullptr) {
        add_item(alias->aliasname, 0, 0);
      }
      visit_children(node, items.inside);
      break;
    }
  }
}

void Walker::on_select(const SelectStmt* select, const Scope* outer) {
  add(Effect::read);
  Scope* const scope = inner_scope(outer);
  on_with(select->withClause, scope);
  if (select->intoClause != nullptr) on_into(select->intoClause, scope);
  on_from(select->fromClause, scope);
  on_locking(select, scope);
  push(select->limitCount, scope);
  push(select->limitOffset, scope);
  on_ordering(select->sortClause, select, scope);
  push_list(select->valuesLists, scope);
  push_list(select->windowClause, scope);
  push(select->havingClause, scope);
  push_list(select->groupClause, scope);
  push(select->whereClause, scope);
  on_ordering(select->distinctClause, select, scope);
  push_list(select->targetList, scope);
  push(select->rarg, scope);
  push(select->larg, scope);
}

// ORDER BY and DISTINCT ON.
void Walker::on_ordering(const List* clauses, const SelectStmt* select, Scope* scope) {
  for (int i = list_length(clauses) - 1; i >= 0; --i) {
    const void* const clause = list_nth(clauses, i);
    if (clause == nullptr) continue;  // plain DISTINCT
    const bool sorts = nodeTag(clause) == T_SortBy;
    const void* const by = sorts ? as<SortBy>(clause)->node : clause;
    if (!names_output(by, select)) {
      push(clause, scope);
    } else if (sorts) {
      on_operator(as<SortBy>(clause)->useOp);
    }
  }
}

void Walker::on_locking(const SelectStmt* select, Scope* scope) {
  if (select->lockingClause == nullptr) return;
  add(Effect::lock);
  for (const Item& item : scope->items) {
    locks_inside_ = locks_inside_ || item.subquery;
    if (item.count != 1) continue;
    RelationUse& use = facts_.relations[item.first];
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
  Item& item = scope->items.emplace_back();
  item.alias = alias_of(name);
  item.first = index;
  item.count = 1;
  return index;
}

void Walker::write_columns(std::size_t relation, const List* targets) {
  const ListCell* cell = nullptr;
  foreach (cell, targets) {
    const auto* column = as<ResTarget>(lfirst(cell));
    if (column->name != nullptr) facts_.relations[relation].writes.add(column->name);
  }
}

void Walker::on_insert(const InsertStmt* insert, const Scope* outer) {
  Scope* const scope = inner_scope(outer);
  on_with(insert->withClause, scope);
  const std::size_t into = target(insert->relation, Effect::insert, scope);
  if (insert->cols == nullptr) {
    facts_.relations[into].writes.whole_row = true;
  } else {
    write_columns(into, insert->cols);
    push_list(insert->cols, scope);  // subscripts hold expressions
  }
  // The source does not see the target.
  Scope* const source = inner_scope(outer);
  source->ctes = scope->ctes;
  push(insert->selectStmt, source);
  if (const OnConflictClause* conflict = insert->onConflictClause) {
    Item& excluded = scope->items.emplace_back();
    excluded.alias = "excluded";
    excluded.first = into;
    excluded.count = 1;
    push(conflict->infer, scope);
    if (conflict->action == ONCONFLICT_UPDATE) {
      add(Effect::update);
      set(facts_.relations[into].effects, Effect::update);
      write_columns(into, conflict->targetList);
      facts_.relations[into].has_where = conflict->whereClause != nullptr;
    }
    push_list(conflict->targetList, scope);
    push(conflict->whereClause, scope);
  }
  if (insert->returningList != nullptr) set(facts_.relations[into].effects, Effect::read);
  push_list(insert->returningList, scope);
}

void Walker::on_update(const UpdateStmt* update, const Scope* outer) {
  Scope* const scope = inner_scope(outer);
  on_with(update->withClause, scope);
  const std::size_t into = target(update->relation, Effect::update, scope);
  facts_.relations[into].has_where = update->whereClause != nullptr;
  write_columns(into, update->targetList);
  on_from(update->fromClause, scope);
  push_list(update->returningList, scope);
  push(update->whereClause, scope);
  push_list(update->targetList, scope);
}

void Walker::on_delete(const DeleteStmt* del, const Scope* outer) {
  Scope* const scope = inner_scope(outer);
  on_with(del->withClause, scope);
  const std::size_t from = target(del->relation, Effect::delete_, scope);
  facts_.relations[from].has_where = del->whereClause != nullptr;
  on_from(del->usingClause, scope);
  push_list(del->returningList, scope);
  push(del->whereClause, scope);
}

void Walker::on_merge(const MergeStmt* merge, const Scope* outer) {
  Scope* const scope = inner_scope(outer);
  on_with(merge->withClause, scope);
  const std::size_t into = target(merge->relation, Effect::merge, scope);
  FromItems source;
  source.pending.push_back({merge->sourceRelation, false});
  on_from_items(source, scope);
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
