#include "gateway/sql/statement_names.h"

#include "gateway/sql/vacates.h"

namespace dbgate::sql {
namespace {

constexpr StatementName ddl(const char* tag) {
  return {StatementKind::ddl, tag, Effect::ddl, false};
}
constexpr StatementName opaque_ddl(const char* tag) {
  return {StatementKind::ddl, tag, Effect::ddl, true};
}
constexpr StatementName dcl(const char* tag) {
  return {StatementKind::dcl, tag, Effect::dcl, false};
}
constexpr StatementName admin(const char* tag) {
  return {StatementKind::admin, tag, Effect::admin, false};
}
constexpr StatementName care(const char* tag) {
  return {StatementKind::maintenance, tag, Effect::maintenance, false};
}

StatementName transaction_name(const TransactionStmt* statement) {
  switch (statement->kind) {
    case TRANS_STMT_BEGIN:
    case TRANS_STMT_START:
      return {StatementKind::begin, "BEGIN", Effect::transaction, false};
    case TRANS_STMT_COMMIT:
      return {StatementKind::commit, "COMMIT", Effect::transaction, false};
    case TRANS_STMT_ROLLBACK:
      return {StatementKind::rollback, "ROLLBACK", Effect::transaction, false};
    case TRANS_STMT_SAVEPOINT:
      return {StatementKind::savepoint, "SAVEPOINT", Effect::transaction, false};
    case TRANS_STMT_RELEASE:
      return {StatementKind::release, "RELEASE", Effect::transaction, false};
    case TRANS_STMT_ROLLBACK_TO:
      return {StatementKind::rollback_to, "ROLLBACK TO", Effect::transaction, false};
    case TRANS_STMT_PREPARE:
      return {StatementKind::prepared_transaction, "PREPARE TRANSACTION", Effect::two_phase, false};
    case TRANS_STMT_COMMIT_PREPARED:
      return {StatementKind::prepared_transaction, "COMMIT PREPARED", Effect::two_phase, false};
    case TRANS_STMT_ROLLBACK_PREPARED:
      return {StatementKind::prepared_transaction, "ROLLBACK PREPARED", Effect::two_phase, false};
  }
  return {};
}

// Statements that are neither data definition nor administration.
StatementName everyday_name(const Node* node) {
  switch (nodeTag(node)) {
    case T_SelectStmt:
      return {StatementKind::select, "SELECT", Effect::read, false};
    case T_InsertStmt:
      return {StatementKind::insert, "INSERT", Effect::insert, false};
    case T_UpdateStmt:
      return {StatementKind::update, "UPDATE", Effect::update, false};
    case T_DeleteStmt:
      return {StatementKind::delete_, "DELETE", Effect::delete_, false};
    case T_MergeStmt:
      return {StatementKind::merge, "MERGE", Effect::merge, false};
    case T_CopyStmt:
      return as<CopyStmt>(node)->is_from ? StatementName{StatementKind::copy_in, "COPY", Effect::copy_in, false}
                                         : StatementName{StatementKind::copy_out, "COPY", Effect::copy_out, false};
    case T_ExplainStmt:
      return {StatementKind::explain, "EXPLAIN", Effect::explain, false};
    case T_DeclareCursorStmt:
      return {StatementKind::declare_cursor, "DECLARE CURSOR", Effect::cursor, false};
    case T_FetchStmt:
      return {StatementKind::fetch, as<FetchStmt>(node)->ismove ? "MOVE" : "FETCH", Effect::cursor, false};
    case T_ClosePortalStmt:
      return {StatementKind::close_cursor, "CLOSE CURSOR", Effect::cursor, false};
    case T_PrepareStmt:
      return {StatementKind::prepare, "PREPARE", Effect::prepare, false};
    case T_ExecuteStmt:
      return {StatementKind::execute, "EXECUTE", Effect::execute, false};
    case T_DeallocateStmt:
      return {StatementKind::deallocate, "DEALLOCATE", Effect::deallocate, false};
    case T_TransactionStmt:
      return transaction_name(as<TransactionStmt>(node));
    case T_VariableSetStmt: {
      const VariableSetKind kind = as<VariableSetStmt>(node)->kind;
      if (kind == VAR_RESET || kind == VAR_RESET_ALL) return {StatementKind::reset, "RESET", Effect::session, false};
      return {StatementKind::set, "SET", Effect::session, false};
    }
    case T_ConstraintsSetStmt:
      return {StatementKind::set, "SET CONSTRAINTS", Effect::session, false};
    case T_VariableShowStmt:
      return {StatementKind::show, "SHOW", Effect::show, false};
    case T_DiscardStmt:
      return {StatementKind::discard, "DISCARD", Effect::session, false};
    case T_LockStmt:
      return {StatementKind::lock, "LOCK TABLE", Effect::lock, false};
    case T_TruncateStmt:
      return {StatementKind::truncate, "TRUNCATE TABLE", Effect::truncate, false};
    case T_CallStmt:
      return {StatementKind::call, "CALL", Effect::call, false};
    case T_DoStmt:
      return {StatementKind::do_block, "DO", Effect::do_block, true};
    case T_ListenStmt:
      return {StatementKind::listen, "LISTEN", Effect::listen, false};
    case T_UnlistenStmt:
      return {StatementKind::unlisten, "UNLISTEN", Effect::listen, false};
    case T_NotifyStmt:
      return {StatementKind::notify, "NOTIFY", Effect::notify, false};
    default:
      return {};
  }
}

StatementName maintenance_name(const Node* node) {
  switch (nodeTag(node)) {
    case T_VacuumStmt:
      return care(as<VacuumStmt>(node)->is_vacuumcmd ? "VACUUM" : "ANALYZE");
    case T_ClusterStmt:
      return care("CLUSTER");
    case T_ReindexStmt:
      return care("REINDEX");
    case T_RefreshMatViewStmt:
      return care("REFRESH MATERIALIZED VIEW");
    case T_CheckPointStmt:
      return admin("CHECKPOINT");
    case T_LoadStmt:
      return {StatementKind::admin, "LOAD", Effect::server_file, true};
    case T_AlterSystemStmt:
      return admin("ALTER SYSTEM");
    case T_CreatedbStmt:
      return admin("CREATE DATABASE");
    case T_DropdbStmt:
      return admin("DROP DATABASE");
    case T_AlterDatabaseStmt:
    case T_AlterDatabaseRefreshCollStmt:
    case T_AlterDatabaseSetStmt:
      return admin("ALTER DATABASE");
    case T_CreateTableSpaceStmt:
      return admin("CREATE TABLESPACE");
    case T_DropTableSpaceStmt:
      return admin("DROP TABLESPACE");
    case T_AlterTableSpaceOptionsStmt:
    case T_AlterTableMoveAllStmt:
      return admin("ALTER TABLESPACE");
    case T_CreateSubscriptionStmt:
      return admin("CREATE SUBSCRIPTION");
    case T_AlterSubscriptionStmt:
      return admin("ALTER SUBSCRIPTION");
    case T_DropSubscriptionStmt:
      return admin("DROP SUBSCRIPTION");
    case T_CreateForeignServerStmt:
      return admin("CREATE SERVER");
    case T_AlterForeignServerStmt:
      return admin("ALTER SERVER");
    case T_CreateUserMappingStmt:
      return admin("CREATE USER MAPPING");
    case T_AlterUserMappingStmt:
      return admin("ALTER USER MAPPING");
    case T_DropUserMappingStmt:
      return admin("DROP USER MAPPING");
    case T_CreateFdwStmt:
      return admin("CREATE FOREIGN DATA WRAPPER");
    case T_AlterFdwStmt:
      return admin("ALTER FOREIGN DATA WRAPPER");
    case T_ImportForeignSchemaStmt:
      return admin("IMPORT FOREIGN SCHEMA");
    case T_CreateRoleStmt:
      return dcl("CREATE ROLE");
    case T_AlterRoleStmt:
    case T_AlterRoleSetStmt:
      return dcl("ALTER ROLE");
    case T_DropRoleStmt:
      return dcl("DROP ROLE");
    case T_GrantStmt:
      return dcl(as<GrantStmt>(node)->is_grant ? "GRANT" : "REVOKE");
    case T_GrantRoleStmt:
      return dcl(as<GrantRoleStmt>(node)->is_grant ? "GRANT ROLE" : "REVOKE ROLE");
    case T_AlterDefaultPrivilegesStmt:
      return dcl("ALTER DEFAULT PRIVILEGES");
    case T_SecLabelStmt:
      return dcl("SECURITY LABEL");
    case T_ReassignOwnedStmt:
      return dcl("REASSIGN OWNED");
    case T_DropOwnedStmt:
      return dcl("DROP OWNED");
    case T_AlterOwnerStmt:
      return dcl("ALTER OWNER");
    default:
      return {};
  }
}

StatementName create_name(const Node* node) {
  switch (nodeTag(node)) {
    case T_CreateSchemaStmt:
      return ddl("CREATE SCHEMA");
    case T_CreateStmt:
      return ddl("CREATE TABLE");
    case T_CreateForeignTableStmt:
      return opaque_ddl("CREATE FOREIGN TABLE");
    case T_CreateTableAsStmt:
      return ddl(as<CreateTableAsStmt>(node)->objtype == OBJECT_MATVIEW ? "CREATE MATERIALIZED VIEW"
                                                                        : "CREATE TABLE AS");
    case T_CreateExtensionStmt:
      return opaque_ddl("CREATE EXTENSION");
    case T_CreatePolicyStmt:
      return ddl("CREATE POLICY");
    case T_CreateAmStmt:
      return opaque_ddl("CREATE ACCESS METHOD");
    case T_CreateTrigStmt:
      return ddl("CREATE TRIGGER");
    case T_CreateEventTrigStmt:
      return opaque_ddl("CREATE EVENT TRIGGER");
    case T_CreatePLangStmt:
      return opaque_ddl("CREATE LANGUAGE");
    case T_CreateSeqStmt:
      return ddl("CREATE SEQUENCE");
    case T_DefineStmt:
      return opaque_ddl("CREATE AGGREGATE");
    case T_CreateDomainStmt:
      return ddl("CREATE DOMAIN");
    case T_CreateOpClassStmt:
      return opaque_ddl("CREATE OPERATOR CLASS");
    case T_CreateOpFamilyStmt:
      return opaque_ddl("CREATE OPERATOR FAMILY");
    case T_IndexStmt:
      return ddl("CREATE INDEX");
    case T_CreateStatsStmt:
      return ddl("CREATE STATISTICS");
    case T_CreateFunctionStmt:
      return opaque_ddl(as<CreateFunctionStmt>(node)->is_procedure ? "CREATE PROCEDURE" : "CREATE FUNCTION");
    case T_RuleStmt:
      return ddl("CREATE RULE");
    case T_CompositeTypeStmt:
    case T_CreateEnumStmt:
    case T_CreateRangeStmt:
      return ddl("CREATE TYPE");
    case T_ViewStmt:
      return ddl("CREATE VIEW");
    case T_CreateConversionStmt:
      return opaque_ddl("CREATE CONVERSION");
    case T_CreateCastStmt:
      return opaque_ddl("CREATE CAST");
    case T_CreateTransformStmt:
      return opaque_ddl("CREATE TRANSFORM");
    case T_CreatePublicationStmt:
      return ddl("CREATE PUBLICATION");
    default:
      return {};
  }
}

StatementName alter_name(const Node* node) {
  switch (nodeTag(node)) {
    case T_AlterTableStmt:
      return ddl("ALTER TABLE");
    case T_AlterCollationStmt:
      return ddl("ALTER COLLATION");
    case T_AlterDomainStmt:
      return ddl("ALTER DOMAIN");
    case T_AlterExtensionStmt:
      return opaque_ddl("ALTER EXTENSION");
    case T_AlterExtensionContentsStmt:
      return ddl("ALTER EXTENSION");
    case T_AlterPolicyStmt:
      return ddl("ALTER POLICY");
    case T_AlterEventTrigStmt:
      return ddl("ALTER EVENT TRIGGER");
    case T_AlterSeqStmt:
      return ddl("ALTER SEQUENCE");
    case T_AlterOpFamilyStmt:
      return opaque_ddl("ALTER OPERATOR FAMILY");
    case T_AlterStatsStmt:
      return ddl("ALTER STATISTICS");
    case T_AlterFunctionStmt:
      return ddl("ALTER FUNCTION");
    case T_RenameStmt:
      return ddl("ALTER … RENAME");
    case T_AlterObjectDependsStmt:
      return ddl("ALTER … DEPENDS");
    case T_AlterObjectSchemaStmt:
      return ddl("ALTER … SET SCHEMA");
    case T_AlterOperatorStmt:
      return ddl("ALTER OPERATOR");
    case T_AlterTypeStmt:
      return opaque_ddl("ALTER TYPE");
    case T_AlterEnumStmt:
      return ddl("ALTER TYPE");
    case T_AlterTSDictionaryStmt:
      return ddl("ALTER TEXT SEARCH DICTIONARY");
    case T_AlterTSConfigurationStmt:
      return ddl("ALTER TEXT SEARCH CONFIGURATION");
    case T_AlterPublicationStmt:
      return ddl("ALTER PUBLICATION");
    case T_DropStmt:
      return ddl("DROP");
    case T_CommentStmt:
      return ddl("COMMENT");
    default:
      return {};
  }
}

}  // namespace

StatementName statement_name(const Node* node) {
  for (const auto& look_up : {everyday_name, maintenance_name, create_name, alter_name}) {
    const StatementName name = look_up(node);
    if (name.kind != StatementKind::other) return name;
  }
  return {};
}

bool may_change_catalog(const Statement& statement) {
  for (const Effect effect : {Effect::ddl, Effect::do_block, Effect::call, Effect::opaque, Effect::two_phase}) {
    if (statement.effects.test(static_cast<std::size_t>(effect))) return true;
  }
  return false;
}

const std::string* vacates(const Statement& statement) {
  const bool may = statement.kind == StatementKind::admin || statement.kind == StatementKind::ddl;
  return may && !statement.name.empty() ? &statement.name : nullptr;
}

}  // namespace dbgate::sql
