#include "gateway/sql/sign_actions.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "gateway/sql/sign_conditions.h"

// Locks and rewrites as in PostgreSQL's manual, ch. 13.3 and the pages of ALTER TABLE, CREATE INDEX and their like.
namespace dbgate::sql {
namespace {

// Of a list of strings; `without` parts at the end are not the relation's.
QualifiedName name_in(const void* names, int without) {
  QualifiedName name;
  if (names == nullptr || nodeTag(names) != T_List) return name;
  const int count = list_length(as<List>(names)) - without;
  if (count > 0) name.name = string_of(list_nth(as<List>(names), count - 1));
  if (count > 1) name.schema = string_of(list_nth(as<List>(names), count - 2));
  if (count > 2) name.catalog = string_of(list_nth(as<List>(names), count - 3));
  return name;
}

std::vector<std::string> strings_of(const List* list) {
  std::vector<std::string> strings;
  const ListCell* cell = nullptr;
  foreach (cell, list)
    strings.emplace_back(string_of(lfirst(cell)));
  return strings;
}

// What every row has to be given when the column is added.
bool is_volatile_default(const void* expression) {
  std::vector<const void*> pending{expression};
  constexpr std::array<std::string_view, 9> constant_calls = {
      "now",  "current_timestamp", "transaction_timestamp", "to_timestamp", "lower", "upper", "coalesce", "concat",
      "array"};
  for (int seen = 0; !pending.empty(); ++seen) {
    const void* const node = pending.back();
    pending.pop_back();
    if (node == nullptr) continue;
    if (seen > 1'000) return true;
    if (nodeTag(node) == T_FuncCall) {
      const std::string_view name = function_of(as<FuncCall>(node));
      if (std::find(constant_calls.begin(), constant_calls.end(), name) == constant_calls.end()) return true;
    }
    each_child(node, [&](const void* child) { pending.push_back(child); });
  }
  return false;
}

void read_type(const TypeName* type, Action& action) {
  if (type == nullptr) return;
  if (list_length(type->names) > 0) action.type = string_of(llast(type->names));
  if (type->arrayBounds != nullptr) action.type += "[]";
  if (list_length(type->typmods) == 0) return;
  const A_Const* const length = constant_of(linitial(type->typmods));
  if (length != nullptr && !length->isnull && nodeTag(&length->val.node) == T_Integer)
    action.type_length = length->val.ival.ival;
}

Action constraint_added(const Constraint* constraint);

void column_added(const ColumnDef* column, const QualifiedName& table, std::vector<Action>& actions) {
  Action action{ActionKind::add_column, table};
  action.column = text_of(column->colname);
  read_type(column->typeName, action);
  action.volatile_default = action.type == "serial" || action.type == "bigserial" || action.type == "smallserial" ||
                            action.type == "serial4" || action.type == "serial8" || action.type == "serial2";
  std::vector<Action> further;
  const ListCell* cell = nullptr;
  foreach (cell, column->constraints) {
    const auto* constraint = as<Constraint>(lfirst(cell));
    const bool rewrites = constraint->contype == CONSTR_IDENTITY || constraint->contype == CONSTR_GENERATED ||
                          (constraint->contype == CONSTR_DEFAULT && is_volatile_default(constraint->raw_expr));
    if (rewrites) action.volatile_default = true;
    if (constraint->contype != CONSTR_UNIQUE && constraint->contype != CONSTR_PRIMARY) continue;
    further.push_back(constraint_added(constraint));
    further.back().name = table;
  }
  actions.push_back(std::move(action));
  actions.insert(actions.end(), further.begin(), further.end());
}

Action constraint_added(const Constraint* constraint) {
  Action action;
  action.gentle = constraint->skip_validation || constraint->indexname != nullptr;
  switch (constraint->contype) {
    case CONSTR_FOREIGN:
      action.kind = ActionKind::add_foreign_key;
      action.cascade = constraint->fk_del_action == 'c';
      action.columns = strings_of(constraint->fk_attrs);
      break;
    case CONSTR_UNIQUE:
    case CONSTR_PRIMARY:
    case CONSTR_EXCLUSION:
      action.kind = ActionKind::add_unique;
      break;
    default:
      action.kind = ActionKind::add_check;
      break;
  }
  return action;
}

ActionKind kind_of(AlterTableType type) {
  switch (type) {
    case AT_SetNotNull:
      return ActionKind::set_not_null;
    case AT_DropColumn:
      return ActionKind::drop_column;
    case AT_ValidateConstraint:
      return ActionKind::validate_constraint;
    case AT_AlterColumnType:
      return ActionKind::column_type;
    case AT_ChangeOwner:
      return ActionKind::change_owner;
    case AT_SetLogged:
    case AT_SetUnLogged:
    case AT_SetAccessMethod:
    case AT_SetTableSpace:
      return ActionKind::rewrite;
    case AT_SetStatistics:
    case AT_SetOptions:
    case AT_ResetOptions:
    case AT_ClusterOn:
    case AT_DropCluster:
    case AT_SetRelOptions:
    case AT_ResetRelOptions:
      return ActionKind::storage_settings;
    case AT_DisableTrig:
    case AT_DisableTrigAll:
    case AT_DisableTrigUser:
    case AT_DisableRule:
      return ActionKind::disable_trigger;
    case AT_EnableTrig:
    case AT_EnableAlwaysTrig:
    case AT_EnableReplicaTrig:
    case AT_EnableTrigAll:
    case AT_EnableTrigUser:
      return ActionKind::create_trigger;
    case AT_DisableRowSecurity:
    case AT_NoForceRowSecurity:
      return ActionKind::row_security_off;
    case AT_AttachPartition:
      return ActionKind::attach_partition;
    case AT_DetachPartition:
    case AT_DetachPartitionFinalize:
      return ActionKind::detach_partition;
    default:
      return ActionKind::brief_lock;
  }
}

void table_altered(const AlterTableStmt* statement, std::vector<Action>& actions) {
  const QualifiedName table = name_of(statement->relation);
  const ListCell* cell = nullptr;
  foreach (cell, statement->cmds) {
    const auto* command = as<AlterTableCmd>(lfirst(cell));
    if (command->subtype == AT_AddColumn && command->def != nullptr) {
      column_added(as<ColumnDef>(command->def), table, actions);
      continue;
    }
    Action action;
    if (command->subtype == AT_AddConstraint && command->def != nullptr) {
      action = constraint_added(as<Constraint>(command->def));
    } else {
      action.kind = kind_of(command->subtype);
      action.cascade = command->behavior == DROP_CASCADE;
      action.column = text_of(command->name);
    }
    if (action.kind == ActionKind::column_type && command->def != nullptr)
      read_type(as<ColumnDef>(command->def)->typeName, action);
    if (action.kind == ActionKind::detach_partition && command->def != nullptr)
      action.concurrently =
          command->subtype == AT_DetachPartitionFinalize || as<PartitionCmd>(command->def)->concurrent;
    action.name = table;
    actions.push_back(std::move(action));
  }
}

// One for each column, with its type.
void table_made(const CreateStmt* statement, std::vector<Action>& actions) {
  const Action made{ActionKind::create_table, name_of(statement->relation)};
  actions.push_back(made);
  const ListCell* cell = nullptr;
  foreach (cell, statement->tableElts) {
    if (nodeTag(lfirst(cell)) != T_ColumnDef || as<ColumnDef>(lfirst(cell))->typeName == nullptr) continue;
    Action column = made;
    column.column = text_of(as<ColumnDef>(lfirst(cell))->colname);
    read_type(as<ColumnDef>(lfirst(cell))->typeName, column);
    actions.push_back(std::move(column));
  }
}

ActionKind dropped(ObjectType type) {
  switch (type) {
    case OBJECT_TABLE:
    case OBJECT_FOREIGN_TABLE:
    case OBJECT_MATVIEW:
    case OBJECT_SCHEMA:
    case OBJECT_EXTENSION:
      return ActionKind::drop;
    case OBJECT_INDEX:
      return ActionKind::drop_index;
    case OBJECT_POLICY:
      return ActionKind::row_security_off;
    case OBJECT_TRIGGER:
    case OBJECT_RULE:
    case OBJECT_EVENT_TRIGGER:
      return ActionKind::drop_trigger;
    default:
      return ActionKind::drop_other;
  }
}

void objects_dropped(const DropStmt* statement, std::vector<Action>& actions) {
  const bool member = statement->removeType == OBJECT_TRIGGER || statement->removeType == OBJECT_RULE ||
                      statement->removeType == OBJECT_POLICY;
  const ListCell* cell = nullptr;
  foreach (cell, statement->objects) {
    Action action{dropped(statement->removeType), name_in(lfirst(cell), member ? 1 : 0)};
    action.cascade = statement->behavior == DROP_CASCADE;
    action.concurrently = statement->concurrent;
    actions.push_back(std::move(action));
  }
}

void relations_of(const List* relations, const Action& like, std::vector<Action>& actions) {
  const ListCell* cell = nullptr;
  foreach (cell, relations) {
    Action action = like;
    const void* relation = lfirst(cell);
    if (nodeTag(relation) == T_VacuumRelation) relation = as<VacuumRelation>(relation)->relation;
    action.name = name_of(as<RangeVar>(relation));
    actions.push_back(std::move(action));
  }
  if (list_length(relations) == 0) actions.push_back(like);
}

Action index_made(const IndexStmt* statement) {
  Action action{ActionKind::create_index, name_of(statement->relation)};
  action.concurrently = statement->concurrent;
  const ListCell* cell = nullptr;
  foreach (cell, statement->indexParams)
    action.columns.push_back(text_of(as<IndexElem>(lfirst(cell))->name));
  return action;
}

Action cascading(ActionKind kind, const RangeVar* relation, bool concurrently) {
  Action action{kind, name_of(relation)};
  action.concurrently = concurrently;
  return action;
}

// Statements about tables that hold rows.
bool add_table_actions(const Node* node, std::vector<Action>& actions) {
  switch (nodeTag(node)) {
    case T_AlterTableStmt:
      table_altered(as<AlterTableStmt>(node), actions);
      return true;
    case T_DropStmt:
      objects_dropped(as<DropStmt>(node), actions);
      return true;
    case T_TruncateStmt: {
      Action action{ActionKind::truncate};
      action.cascade = as<TruncateStmt>(node)->behavior == DROP_CASCADE;
      relations_of(as<TruncateStmt>(node)->relations, action, actions);
      return true;
    }
    case T_RenameStmt:
      actions.push_back({ActionKind::rename, name_of(as<RenameStmt>(node)->relation)});
      return true;
    case T_IndexStmt:
      actions.push_back(index_made(as<IndexStmt>(node)));
      return true;
    case T_ReindexStmt:
      actions.push_back(cascading(ActionKind::reindex, as<ReindexStmt>(node)->relation,
                                  has_option(as<ReindexStmt>(node)->params, "concurrently")));
      return true;
    case T_VacuumStmt: {
      const bool full = has_option(as<VacuumStmt>(node)->options, "full");
      relations_of(as<VacuumStmt>(node)->rels, {full ? ActionKind::vacuum_full : ActionKind::vacuum}, actions);
      return true;
    }
    case T_ClusterStmt:
      actions.push_back({ActionKind::cluster, name_of(as<ClusterStmt>(node)->relation)});
      return true;
    case T_RefreshMatViewStmt:
      actions.push_back(cascading(ActionKind::refresh_view, as<RefreshMatViewStmt>(node)->relation,
                                  as<RefreshMatViewStmt>(node)->concurrent));
      return true;
    case T_LockStmt: {
      Action action{ActionKind::lock_table};
      action.lock_mode = as<LockStmt>(node)->mode;
      relations_of(as<LockStmt>(node)->relations, action, actions);
      return true;
    }
    case T_CreateTrigStmt:
      actions.push_back({ActionKind::create_trigger, name_of(as<CreateTrigStmt>(node)->relation)});
      return true;
    case T_CreateStmt:
      table_made(as<CreateStmt>(node), actions);
      return true;
    default:
      return false;
  }
}

}  // namespace

QualifiedName name_of(const RangeVar* relation) {
  if (relation == nullptr) return {};
  return {text_of(relation->catalogname), text_of(relation->schemaname), text_of(relation->relname)};
}

bool is_on(const DefElem* option) {
  if (option->arg == nullptr) return true;
  if (nodeTag(option->arg) == T_Boolean) return as<Boolean>(option->arg)->boolval;
  if (nodeTag(option->arg) == T_Integer) return as<Integer>(option->arg)->ival != 0;
  const std::string_view text = string_of(option->arg);
  return text != "false" && text != "off" && text != "0";
}

bool has_option(const List* options, std::string_view name) {
  const ListCell* cell = nullptr;
  foreach (cell, options) {
    const auto* option = as<DefElem>(lfirst(cell));
    if (option->defname != nullptr && option->defname == name && is_on(option)) return true;
  }
  return false;
}

void add_actions(const Node* statement, std::vector<Action>& actions) {
  if (!add_table_actions(statement, actions)) add_right_actions(statement, actions);
}

}  // namespace dbgate::sql
