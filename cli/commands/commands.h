#pragma once
#include "cli/table/verb.h"

// Each file of this folder has the verbs of one family: their rows of the command table, and what they do. They print
// data on standard output, everything else on standard error, and throw Problem when they cannot go on.
namespace dbgate::cli {

Verbs login_verbs();
Verbs account_verbs();
Verbs list_verbs();
Verbs show_verbs();
Verbs connect_verbs();
Verbs tunnel_verbs();
Verbs exec_verbs();
Verbs check_verbs();
Verbs history_verbs();
Verbs session_verbs();
Verbs approval_verbs();
Verbs access_verbs();
Verbs audit_verbs();
Verbs replay_verbs();
Verbs policy_verbs();
Verbs environment_verbs();
Verbs config_verbs();
Verbs profile_verbs();
Verbs doctor_verbs();
Verbs help_verbs();
Verbs complete_verbs();
Verbs user_verbs();
Verbs group_verbs();
Verbs service_account_verbs();
Verbs target_verbs();
Verbs personal_token_verbs();
Verbs database_password_verbs();
Verbs invitation_verbs();
Verbs login_list_verbs();
Verbs role_verbs();
Verbs saved_query_verbs();
Verbs stored_policy_verbs();

/// The whole command table.
const Table& command_table();

}  // namespace dbgate::cli
