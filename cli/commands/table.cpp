#include <iterator>

#include "cli/commands/commands.h"

namespace dbgate::cli {
namespace {

std::vector<Group> all_groups() {
  return {
      {"history", "statements that you have run"},
      {"sessions", "live sessions"},
      {"approvals", "what waits for a second person"},
      {"access", "rights for a time"},
      {"audit", "what happened"},
      {"policy", "policies: tested and compared without a gateway, and those of the store"},
      {"config", "settings of this program"},
      {"profile", "named gateways"},
      {"second-factor", "codes of an authenticator"},
      {"logins", "sign-ins, one for each device"},
      {"saved-query", "statements under a name, yours and shared ones"},
      {"personal-token", "your tokens for scripts"},
      {"database-password", "your passwords for PostgreSQL clients"},
      {"user", "people, for administrators"},
      {"group", "groups, for administrators"},
      {"role", "administrative roles, for administrators"},
      {"service-account", "programs and agents, for administrators"},
      {"target", "databases behind the gateway, for administrators"},
      {"invitation", "invitations, for administrators"},
      {"registration", "people who register themselves"},
  };
}

std::vector<Flag> shared_flags() {
  return {
      option("--url", Kind::text, "URL", "the gateway: https://HOST[:PORT] (DBGATE_URL)"),
      option("--profile", Kind::profile, "NAME", "the profile to use (DBGATE_PROFILE)"),
      option("--ca-file", Kind::file, "FILE", "certificates to trust, PEM (DBGATE_CA_FILE)"),
      choice("-o,--output", "FORMAT", "table wide json jsonl csv tsv markdown aligned",
             "table, wide, json, jsonl, csv, tsv, markdown, or of exec aligned (DBGATE_OUTPUT)"),
      option("--fields", Kind::text, "A,B", "these columns only"),
      toggle("-q,--quiet", "ids or names only"),
      toggle("--no-headers", "no header row"),
      choice("--color", "WHEN", "auto always never", "auto, always or never"),
      toggle("--no-input", "never ask; fail and name the flag to use (DBGATE_NO_INPUT)"),
      toggle("--insecure", "do not verify the gateway's certificate, for this one command"),
      toggle("--debug", "show requests and answers on standard error, secrets masked (DBGATE_DEBUG)"),
      toggle("-h,--help", "explain the verb"),
      toggle("--version", "print the version"),
  };
}

Table make_table() {
  Table table;
  for (const auto family : {login_verbs,
                            account_verbs,
                            list_verbs,
                            show_verbs,
                            connect_verbs,
                            tunnel_verbs,
                            exec_verbs,
                            check_verbs,
                            environment_verbs,
                            doctor_verbs,
                            help_verbs,
                            complete_verbs,
                            history_verbs,
                            session_verbs,
                            approval_verbs,
                            access_verbs,
                            audit_verbs,
                            replay_verbs,
                            policy_verbs,
                            stored_policy_verbs,
                            config_verbs,
                            profile_verbs,
                            personal_token_verbs,
                            database_password_verbs,
                            user_verbs,
                            group_verbs,
                            service_account_verbs,
                            target_verbs,
                            invitation_verbs,
                            role_verbs,
                            login_list_verbs,
                            saved_query_verbs}) {
    Verbs verbs = family();
    std::move(verbs.begin(), verbs.end(), std::back_inserter(table.verbs));
  }
  table.groups = all_groups();
  table.shared = shared_flags();
  return table;
}

}  // namespace

const Table& command_table() {
  static const Table table = make_table();
  return table;
}

}  // namespace dbgate::cli
