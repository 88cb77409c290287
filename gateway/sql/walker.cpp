#include "gateway/sql/walker.h"

namespace dbgate::sql {

void Walker::read(const Node* statement) {
  Scope* const scope = inner_scope(nullptr);
  if (wanted_ != nullptr) values();
  if (!on_utility(statement, scope)) {
    scope->fresh = true;
    push(statement, scope);
  }
  run();
  if (budget_.exhausted()) unknown("more names than dbgate can follow");
  if (!locks_inside_) return;
  for (RelationUse& use : facts_.relations) {
    if (use.effects.test(static_cast<std::size_t>(Effect::read))) set(use.effects, Effect::lock);
  }
}

void Walker::run() {
  while (!pending_.empty() && parts_ > 0) {
    const Visit next = pending_.back();
    pending_.pop_back();
    visit(next.node, next.scope);
  }
}

Walker::Scope* Walker::inner_scope(const Scope* outer) {
  take_part();
  Scope& scope = scopes_.emplace_back();
  scope.outer = outer;
  scope.ctes = outer == nullptr ? nullptr : outer->ctes;
  scope.level = facts_.levels.size();
  facts_.levels.emplace_back().outer = outer == nullptr ? none : outer->level;
  return &scope;
}

Walker::Scope* Walker::body_scope(const Scope* outer, const Cte* ctes) {
  Scope* const scope = inner_scope(outer);
  scope->ctes = ctes;
  scope->fresh = true;
  return scope;
}

Walker::Scope* Walker::from_scope(const Scope* scope, std::size_t from, std::size_t inside) {
  Scope* const result = inner_scope(scope);
  Level& level = level_of(result);
  level.in_from = true;
  level.from = from;
  level.until = level_of(scope).sources.size();
  level.inside = inside;
  return result;
}

Walker::Scope* Walker::own_scope(Scope* scope) {
  if (!scope->fresh) return inner_scope(scope);
  scope->fresh = false;
  return scope;
}

Source& Walker::add_source(const Scope* scope, Source::Kind kind, std::string_view alias, std::size_t index) {
  take_part();
  Source& source = level_of(scope).sources.emplace_back();
  source.kind = kind;
  source.alias = alias;
  source.index = index;
  return source;
}

void Walker::push(const void* node, Scope* scope) {
  if (node != nullptr) pending_.push_back({node, scope});
}

void Walker::push_list(const List* list, Scope* scope) {
  // In reverse, so that facts come in the order of the text.
  for (int i = list_length(list) - 1; i >= 0; --i)
    push(list_nth(list, i), scope);
}

void Walker::unknown(const std::string& what) {
  if (facts_.unknown.empty()) facts_.unknown = what;
}

void Walker::visit_children(const void* node, Scope* scope) {
  if (shape_of(nodeTag(node)).name == nullptr) {
    unknown("parse tree node " + std::to_string(static_cast<int>(nodeTag(node))));
    return;
  }
  each_child(node, [&](const void* child) { push(child, scope); });
}

void Walker::visit(const void* node, Scope* scope) {
  switch (nodeTag(node)) {
    case T_List:
      push_list(as<List>(node), scope);
      break;
    case T_IntList:
    case T_OidList:
      break;

    case T_SelectStmt:
      on_select(as<SelectStmt>(node), scope);
      break;
    case T_InsertStmt:
      on_insert(as<InsertStmt>(node), scope);
      break;
    case T_UpdateStmt:
      on_update(as<UpdateStmt>(node), scope);
      break;
    case T_DeleteStmt:
      on_delete(as<DeleteStmt>(node), scope);
      break;
    case T_MergeStmt:
      on_merge(as<MergeStmt>(node), scope);
      break;

    case T_RangeVar:
      relation(as<RangeVar>(node), relation_effect_);
      break;
    case T_ParamRef:
      on_parameter(as<ParamRef>(node));
      break;
    case T_ColumnRef:
      on_column(as<ColumnRef>(node), scope);
      break;
    case T_FuncCall:
      on_function(as<FuncCall>(node), scope);
      break;
    case T_SQLValueFunction:
      on_value_function(as<SQLValueFunction>(node));
      break;
    case T_TypeName:
      on_type(as<TypeName>(node));
      push_list(as<TypeName>(node)->typmods, scope);
      break;
    case T_A_Expr:
      if (!is_plain(as<A_Expr>(node))) facts_.computes = true;
      on_comparison(as<A_Expr>(node));
      on_list(as<A_Expr>(node));
      push(as<A_Expr>(node)->rexpr, scope);
      push(as<A_Expr>(node)->lexpr, scope);
      break;
    case T_SubLink:
      // EXISTS too: what is no join costs nothing in the planner's eyes, so that it is asked first; and LIMIT may fail.
      facts_.computes = true;
      on_operator(as<SubLink>(node)->operName);
      if (as<SubLink>(node)->subLinkType == ANY_SUBLINK && as<SubLink>(node)->operName == nullptr)
        on_implied_operator("=");
      on_subquery(as<SubLink>(node), scope);
      push(as<SubLink>(node)->testexpr, scope);
      break;
    case T_CaseExpr:
      facts_.computes = true;
      if (as<CaseExpr>(node)->arg != nullptr) on_implied_operator("=");
      visit_children(node, scope);
      break;
    case T_SortBy:
      on_operator(as<SortBy>(node)->useOp);
      push(as<SortBy>(node)->node, scope);
      break;
    case T_A_Indirection: {
      facts_.computes = true;
      const ListCell* cell = nullptr;
      foreach (cell, as<A_Indirection>(node)->indirection) {
        if (nodeTag(lfirst(cell)) == T_String) on_field(string_of(lfirst(cell)));
      }
      visit_children(node, scope);
      break;
    }
    case T_MultiAssignRef:
      // SET (a, b) = source: every column refers to the same source.
      if (as<MultiAssignRef>(node)->colno == 1) push(as<MultiAssignRef>(node)->source, scope);
      break;
    case T_CollateClause:
      facts_.computes = true;
      facts_.objects.push_back(qualified(as<CollateClause>(node)->collname));
      push(as<CollateClause>(node)->arg, scope);
      break;
    case T_ObjectWithArgs:
      facts_.objects.push_back(qualified(as<ObjectWithArgs>(node)->objname));
      push_list(as<ObjectWithArgs>(node)->objargs, scope);
      break;
    case T_IndexElem:
      if (as<IndexElem>(node)->name != nullptr) on_name(as<IndexElem>(node)->name, scope);
      if (as<IndexElem>(node)->opclass != nullptr) facts_.objects.push_back(qualified(as<IndexElem>(node)->opclass));
      push(as<IndexElem>(node)->expr, scope);
      push_list(as<IndexElem>(node)->opclassopts, scope);
      break;
    case T_A_Const:
      break;
    // Most of what is left. They could go the way of the others, which asks first whether they are statements.
    case T_BoolExpr:
    case T_NullTest:
    case T_ResTarget:
    case T_TypeCast:
      visit_children(node, scope);
      break;
    case T_RowExpr:
      facts_.computes = true;
      visit_children(node, scope);
      break;
    // Statements inside CREATE SCHEMA and rules, and SQL-standard function bodies.
    default:
      if (shape_of(nodeTag(node)).name != nullptr && on_utility(static_cast<const Node*>(node), scope)) break;
      if (!is_frame(nodeTag(node))) facts_.computes = true;
      visit_children(node, scope);
      break;
  }
}

QualifiedName Walker::qualified(const List* names) {
  QualifiedName result;
  const int count = list_length(names);
  if (count > 0) result.name = string_of(list_nth(names, count - 1));
  if (count > 1) result.schema = string_of(list_nth(names, count - 2));
  if (count > 2) result.catalog = string_of(list_nth(names, count - 3));
  return result;
}

RelationUse& Walker::relation(const RangeVar* name, Effect effect) {
  take_part();
  RelationUse& use = facts_.relations.emplace_back();
  if (name->catalogname != nullptr) use.name.catalog = name->catalogname;
  if (name->schemaname != nullptr) use.name.schema = name->schemaname;
  if (name->relname != nullptr) use.name.name = name->relname;
  // TEMP as a word is the same as writing the schema.
  if (name->relpersistence == 't' && use.name.schema.empty()) use.name.schema = "pg_temp";
  use.only = !name->inh;
  set(use.effects, effect);
  return use;
}

RelationUse& Walker::relation_named(const List* names, Effect effect) {
  take_part();
  RelationUse& use = facts_.relations.emplace_back();
  use.name = qualified(names);
  set(use.effects, effect);
  return use;
}

}  // namespace dbgate::sql
