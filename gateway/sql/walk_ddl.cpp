#include "gateway/sql/statement_names.h"
#include "gateway/sql/walker.h"

// What makes, changes and drops objects, and all other statements that are known by their kind.
namespace dbgate::sql {
namespace {

bool is_relation(ObjectType type) {
  switch (type) {
    case OBJECT_TABLE:
    case OBJECT_VIEW:
    case OBJECT_MATVIEW:
    case OBJECT_SEQUENCE:
    case OBJECT_INDEX:
    case OBJECT_FOREIGN_TABLE:
      return true;
    default:
      return false;
  }
}

// Objects that belong to a relation, named as relation and member: the relation is all but the last part.
bool is_member_of_relation(ObjectType type) {
  switch (type) {
    case OBJECT_COLUMN:
    case OBJECT_TRIGGER:
    case OBJECT_RULE:
    case OBJECT_POLICY:
    case OBJECT_TABCONSTRAINT:
      return true;
    default:
      return false;
  }
}

// Of options the text of one; else `otherwise`.
std::string option_text(const List* options, std::string_view option, const char* otherwise) {
  const ListCell* cell = nullptr;
  foreach (cell, options) {
    const auto* const each = as<DefElem>(lfirst(cell));
    if (option != each->defname) continue;
    return each->arg != nullptr && nodeTag(each->arg) == T_String ? text_of(as<String>(each->arg)->sval) : otherwise;
  }
  return otherwise;
}

// The database that nobody else may be connected to (PostgreSQL, callers of CountOtherDBBackends()).
std::string vacated_by(const Node* node) {
  switch (nodeTag(node)) {
    case T_DropdbStmt:
      return text_of(as<DropdbStmt>(node)->dbname);
    case T_CreatedbStmt:
      return option_text(as<CreatedbStmt>(node)->options, "template", "template1");
    case T_RenameStmt:
      return as<RenameStmt>(node)->renameType == OBJECT_DATABASE ? text_of(as<RenameStmt>(node)->subname) : "";
    case T_AlterDatabaseStmt: {
      const auto* const alter = as<AlterDatabaseStmt>(node);
      return option_text(alter->options, "tablespace", "").empty() ? "" : text_of(alter->dbname);
    }
    default:
      return {};
  }
}

// Operator classes and families come with their index method before the name.
QualifiedName qualified_object(ObjectType type, const List* names) {
  const bool by_method = type == OBJECT_OPCLASS || type == OBJECT_OPFAMILY;
  QualifiedName name = Walker::qualified(names);
  if (by_method) (list_length(names) < 3 ? name.schema : name.catalog).clear();
  return name;
}

// The name of what is in a schema; empty if it is in none.
QualifiedName name_in_schema(ObjectType type, const RangeVar* relation, const void* object) {
  if (relation != nullptr) {
    if (!is_relation(type)) return {};
    return {"", text_of(relation->schemaname), text_of(relation->relname)};
  }
  if (object == nullptr || type == OBJECT_DOMCONSTRAINT) return {};
  if (nodeTag(object) == T_List) return qualified_object(type, as<List>(object));
  if (nodeTag(object) == T_ObjectWithArgs) return Walker::qualified(as<ObjectWithArgs>(object)->objname);
  return {};
}

bool is_type(ObjectType type) {
  return type == OBJECT_TYPE || type == OBJECT_DOMAIN;
}

bool has_no_code(ObjectType type) {
  return is_type(type) || type == OBJECT_DOMCONSTRAINT || type == OBJECT_STATISTIC_EXT;
}

bool is_beyond_data(ObjectType type) {
  return !is_relation(type) && !has_no_code(type) && type != OBJECT_SCHEMA;
}

bool is_beyond_data(AlterTableType command) {
  switch (command) {
    case AT_EnableTrig:
    case AT_EnableAlwaysTrig:
    case AT_EnableReplicaTrig:
    case AT_DisableTrig:
    case AT_EnableTrigAll:
    case AT_DisableTrigAll:
    case AT_EnableTrigUser:
    case AT_DisableTrigUser:
    case AT_EnableRule:
    case AT_EnableAlwaysRule:
    case AT_EnableReplicaRule:
    case AT_DisableRule:
    case AT_EnableRowSecurity:
    case AT_DisableRowSecurity:
    case AT_ForceRowSecurity:
    case AT_NoForceRowSecurity:
    case AT_ChangeOwner:
      return true;
    default:
      return false;
  }
}

}  // namespace

void Walker::on_rename(const RenameStmt* rename) {
  const ObjectType type = rename->renameType;
  if (type == OBJECT_SCHEMA) {
    facts_.objects.push_back({"", "", text_of(rename->subname)});
    facts_.objects.push_back({"", "", text_of(rename->newname)});
    return;
  }
  facts_.becomes = name_in_schema(type, rename->relation, rename->object);
  if (!facts_.becomes.name.empty()) facts_.becomes.name = text_of(rename->newname);
  if (rename->relation != nullptr) return;
  facts_.moves_type = has_no_code(type);
  on_object(type, rename->object, Effect::ddl);
}

void Walker::on_new_schema(const AlterObjectSchemaStmt* alter) {
  facts_.becomes = name_in_schema(alter->objectType, alter->relation, alter->object);
  // An extension, with all that is in it.
  if (facts_.becomes.name.empty()) facts_.becomes.name = string_of(alter->object);
  facts_.becomes.schema = text_of(alter->newschema);
  if (alter->relation != nullptr) return;
  facts_.moves_type = has_no_code(alter->objectType);
  on_object(alter->objectType, alter->object, Effect::ddl);
}

void Walker::on_object(ObjectType type, const void* object, Effect effect) {
  if (object == nullptr) return;
  if (nodeTag(object) == T_List) {
    const auto* names = as<List>(object);
    if (is_relation(type)) {
      relation_named(names, effect);
    } else if (is_member_of_relation(type)) {
      QualifiedName name;
      const int count = list_length(names);
      // The grammar takes a column without its relation; the server refuses it when it runs.
      if (count < 2) return unknown("column or rule without its relation");
      RelationUse& use = facts_.relations.emplace_back();
      use.name.name = string_of(list_nth(names, count - 2));
      if (count > 2) use.name.schema = string_of(list_nth(names, count - 3));
      set(use.effects, effect);
    } else {
      facts_.objects.push_back(qualified_object(type, names));
    }
  } else if (nodeTag(object) == T_TypeName && (type == OBJECT_TYPE || type == OBJECT_DOMAIN)) {
    facts_.objects.push_back(qualified(as<TypeName>(object)->names));
  } else if (nodeTag(object) == T_String) {
    facts_.objects.push_back({"", "", std::string(string_of(object))});
  }
}

// OWNED BY table.column: dropping the one drops the other.
void Walker::on_sequence_owner(const List* options) {
  const ListCell* cell = nullptr;
  foreach (cell, options) {
    const auto* option = as<DefElem>(lfirst(cell));
    const bool names_column = std::string_view(option->defname) == "owned_by" && list_length(as<List>(option->arg)) > 1;
    if (names_column) on_object(OBJECT_COLUMN, option->arg, Effect::ddl);
  }
}

// Rules and triggers reach the rows of their relation as OLD and NEW, whoever changes them later.
void Walker::see_rows_of(const RangeVar* name, Scope* scope) {
  if (name == nullptr) return;
  const std::size_t index = facts_.relations.size();
  relation(name, Effect::ddl);
  for (const std::string_view alias : {"old", "new"}) {
    add_source(scope, Source::Kind::relation, alias, index);
  }
}

// Everything else: what it does follows from its kind; whatever stands inside it is walked like any other node, with
// relations taken for objects of the statement.
void Walker::on_ddl(const Node* node, Scope* scope) {
  const StatementName name = statement_name(node);
  add(name.effect);
  if (name.opaque) add(Effect::opaque);
  if (name.effect == Effect::dcl || name.effect == Effect::admin) add(Effect::ddl);
  relation_effect_ = name.effect == Effect::maintenance ? Effect::maintenance : Effect::ddl;
  facts_.name = vacated_by(node);
  const ListCell* cell = nullptr;
  switch (nodeTag(node)) {
    case T_DropOwnedStmt:
      facts_.cascades = as<DropOwnedStmt>(node)->behavior == DROP_CASCADE;
      break;
    case T_AlterDomainStmt:
      facts_.objects.push_back(qualified(as<AlterDomainStmt>(node)->typeName));
      facts_.cascades = as<AlterDomainStmt>(node)->behavior == DROP_CASCADE;
      break;
    case T_AlterTableStmt:
      foreach (cell, as<AlterTableStmt>(node)->cmds) {
        const auto* const command = as<AlterTableCmd>(lfirst(cell));
        facts_.cascades = facts_.cascades || command->behavior == DROP_CASCADE;
        facts_.beyond_data = facts_.beyond_data || is_beyond_data(command->subtype);
        // Of a foreign table: which program, file or table of which server it is.
        if (command->subtype == AT_GenericOptions || command->subtype == AT_AlterColumnGenericOptions)
          add(Effect::opaque);
      }
      break;
    case T_DropStmt:
      facts_.cascades = as<DropStmt>(node)->behavior == DROP_CASCADE;
      facts_.drops_type = is_type(as<DropStmt>(node)->removeType);
      facts_.beyond_data = is_beyond_data(as<DropStmt>(node)->removeType);
      foreach (cell, as<DropStmt>(node)->objects) {
        on_object(as<DropStmt>(node)->removeType, lfirst(cell), Effect::ddl);
      }
      break;
    case T_CommentStmt:
      on_object(as<CommentStmt>(node)->objtype, as<CommentStmt>(node)->object, Effect::ddl);
      break;
    case T_SecLabelStmt:
      on_object(as<SecLabelStmt>(node)->objtype, as<SecLabelStmt>(node)->object, Effect::ddl);
      break;
    case T_RenameStmt:
      on_rename(as<RenameStmt>(node));
      break;
    case T_AlterObjectSchemaStmt:
      on_new_schema(as<AlterObjectSchemaStmt>(node));
      break;
    case T_AlterOwnerStmt:
      if (as<AlterOwnerStmt>(node)->relation == nullptr)
        on_object(as<AlterOwnerStmt>(node)->objectType, as<AlterOwnerStmt>(node)->object, Effect::ddl);
      break;
    case T_CreateStatsStmt:
      // Without a schema it is where its table is.
      if (list_length(as<CreateStatsStmt>(node)->defnames) > 1)
        facts_.objects.push_back(qualified(as<CreateStatsStmt>(node)->defnames));
      break;
    case T_CreateFunctionStmt:
      facts_.objects.push_back(qualified(as<CreateFunctionStmt>(node)->funcname));
      break;
    case T_CreateSeqStmt:
      on_sequence_owner(as<CreateSeqStmt>(node)->options);
      break;
    case T_AlterSeqStmt:
      on_sequence_owner(as<AlterSeqStmt>(node)->options);
      break;
    case T_CreateEnumStmt:
      facts_.objects.push_back(qualified(as<CreateEnumStmt>(node)->typeName));
      break;
    case T_CreateRangeStmt:
      facts_.objects.push_back(qualified(as<CreateRangeStmt>(node)->typeName));
      break;
    case T_AlterEnumStmt:
      facts_.objects.push_back(qualified(as<AlterEnumStmt>(node)->typeName));
      break;
    case T_CreateDomainStmt:
      facts_.objects.push_back(qualified(as<CreateDomainStmt>(node)->domainname));
      break;
    case T_CreateSchemaStmt:
      facts_.objects.push_back({"", "", text_of(as<CreateSchemaStmt>(node)->schemaname)});
      break;
    case T_CreateTrigStmt: {
      FunctionUse& use = facts_.functions.emplace_back();
      use.name = qualified(as<CreateTrigStmt>(node)->funcname);
      see_rows_of(as<CreateTrigStmt>(node)->relation, scope);
      push(as<CreateTrigStmt>(node)->constrrel, scope);
      push(as<CreateTrigStmt>(node)->whenClause, scope);
      return;
    }
    case T_RuleStmt:
      see_rows_of(as<RuleStmt>(node)->relation, scope);
      push_list(as<RuleStmt>(node)->actions, scope);
      push(as<RuleStmt>(node)->whereClause, scope);
      return;
    default:
      break;
  }
  visit_children(node, scope);
}

}  // namespace dbgate::sql
