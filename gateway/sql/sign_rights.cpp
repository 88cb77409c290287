#include <algorithm>
#include <array>
#include <string_view>

#include "gateway/sql/sign_actions.h"
#include "gateway/sql/sign_conditions.h"

// What changes who may do what, and how the server works.
namespace dbgate::sql {
namespace {

bool to_public(const List* grantees) {
  const ListCell* cell = nullptr;
  foreach (cell, grantees) {
    if (as<RoleSpec>(lfirst(cell))->roletype == ROLESPEC_PUBLIC) return true;
  }
  return false;
}

// What makes a role more than one among others, or lets somebody else be it.
bool gives_power(const List* options) {
  constexpr std::array<std::string_view, 6> powers = {"superuser",     "bypassrls", "createrole",
                                                      "isreplication", "password",  "rolemembers"};
  return std::any_of(powers.begin(), powers.end(),
                     [options](std::string_view power) { return has_option(options, power); });
}

bool is_untrusted(std::string_view language) {
  return language == "c" || language == "internal" || (language.size() > 2 && language.ends_with('u'));
}

Action function_made(const CreateFunctionStmt* statement) {
  Action action{ActionKind::function};
  const ListCell* cell = nullptr;
  foreach (cell, statement->options) {
    const auto* option = as<DefElem>(lfirst(cell));
    const std::string_view name = option->defname;
    if (name == "security" && is_on(option)) action.wide = true;
    if (name == "language" && is_untrusted(string_of(option->arg))) action.wide = true;
  }
  return action;
}

// SECURITY DEFINER, or back; all else that can be changed lends nobody rights.
Action function_changed(const AlterFunctionStmt* statement) {
  Action action{ActionKind::function};
  action.wide = has_option(statement->actions, "security");
  return action;
}

Action granted(const GrantStmt* statement, ActionKind kind) {
  Action action{statement->is_grant ? kind : ActionKind::revoke};
  action.cascade = statement->behavior == DROP_CASCADE;
  action.wide = to_public(statement->grantees) || statement->grant_option || statement->privileges == nullptr;
  return action;
}

// A permissive policy of a condition that always holds.
bool opens(const void* condition) {
  bool by_value = false;
  return condition != nullptr && truth_of(condition, by_value) == Truth::always;
}

Action flagged(ActionKind kind, bool wide) {
  Action action{kind};
  action.wide = wide;
  return action;
}

}  // namespace

void add_right_actions(const Node* node, std::vector<Action>& actions) {
  switch (nodeTag(node)) {
    case T_GrantStmt:
      actions.push_back(granted(as<GrantStmt>(node), ActionKind::grant));
      break;
    case T_AlterDefaultPrivilegesStmt:
      actions.push_back(granted(as<AlterDefaultPrivilegesStmt>(node)->action, ActionKind::default_privileges));
      break;
    case T_GrantRoleStmt:
      actions.push_back({as<GrantRoleStmt>(node)->is_grant ? ActionKind::grant_role : ActionKind::revoke});
      break;
    case T_CreateRoleStmt:
      actions.push_back(flagged(ActionKind::create_role, gives_power(as<CreateRoleStmt>(node)->options)));
      break;
    case T_AlterRoleStmt:
      actions.push_back(flagged(ActionKind::alter_role, gives_power(as<AlterRoleStmt>(node)->options)));
      break;
    case T_AlterRoleSetStmt:
      actions.push_back({ActionKind::role_setting});
      break;
    case T_DropRoleStmt:
      actions.push_back({ActionKind::drop_role});
      break;
    case T_CreatePolicyStmt: {
      const auto* policy = as<CreatePolicyStmt>(node);
      if (policy->permissive && (opens(policy->qual) || opens(policy->with_check)))
        actions.push_back({ActionKind::open_policy, name_of(policy->table)});
      break;
    }
    case T_AlterPolicyStmt:
      if (opens(as<AlterPolicyStmt>(node)->qual) || opens(as<AlterPolicyStmt>(node)->with_check))
        actions.push_back({ActionKind::open_policy, name_of(as<AlterPolicyStmt>(node)->table)});
      break;
    case T_AlterOwnerStmt:
    case T_ReassignOwnedStmt:
      actions.push_back({ActionKind::change_owner});
      break;
    case T_CreateFunctionStmt:
      actions.push_back(function_made(as<CreateFunctionStmt>(node)));
      break;
    case T_AlterFunctionStmt:
      actions.push_back(function_changed(as<AlterFunctionStmt>(node)));
      break;
    case T_CreatePLangStmt:
      actions.push_back({ActionKind::language});
      break;
    case T_AlterSystemStmt:
      actions.push_back({ActionKind::alter_system});
      break;
    case T_LoadStmt:
      actions.push_back({ActionKind::load});
      break;
    case T_CreateExtensionStmt:
      actions.push_back({ActionKind::create_extension});
      break;
    case T_CreateEventTrigStmt:
    case T_AlterEventTrigStmt:
      actions.push_back({ActionKind::event_trigger});
      break;
    case T_AlterDatabaseSetStmt:
      actions.push_back({ActionKind::database_setting});
      break;
    case T_DropdbStmt:
    case T_DropOwnedStmt:
    case T_DropTableSpaceStmt:
      actions.push_back({ActionKind::drop});
      break;
    case T_AlterEnumStmt:
      if (as<AlterEnumStmt>(node)->oldVal != nullptr) actions.push_back({ActionKind::rename});
      break;
    case T_CreateForeignServerStmt:
    case T_AlterForeignServerStmt:
    case T_CreateUserMappingStmt:
    case T_AlterUserMappingStmt:
    case T_CreateFdwStmt:
    case T_AlterFdwStmt:
    case T_ImportForeignSchemaStmt:
    case T_CreateSubscriptionStmt:
    case T_AlterSubscriptionStmt:
      actions.push_back({ActionKind::foreign_server});
      break;
    default:
      break;
  }
}

}  // namespace dbgate::sql
