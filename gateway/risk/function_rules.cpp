#include "gateway/risk/report.h"

// FN: functions and forms of COPY that reach beyond tables.
namespace dbgate::risk {
namespace {

using sql::ActionKind;
using sql::Effect;
using sql::FunctionForm;
using sql::FunctionUse;

bool is_system(const FunctionUse& use) {
  return use.name.schema.empty() || use.name.schema == "pg_catalog";
}

template <auto fits>
void calls(const Rule& rule, Report& report) {
  for (const FunctionUse& use : report.statement.functions) {
    if (use.form == FunctionForm::call && fits(use.name.name)) report.hit(rule, use.name.name);
  }
}

bool sleeps(std::string_view name) {
  return is_one_of(name, {"pg_sleep", "pg_sleep_for", "pg_sleep_until"});
}

bool reaches_files(std::string_view name) {
  return name.starts_with("pg_ls_") || name.starts_with("pg_file_") ||
         is_one_of(name, {"pg_read_file", "pg_read_binary_file", "pg_stat_file", "lo_import", "lo_export",
                          "pg_logdir_ls", "pg_current_logfile"});
}

bool reaches_network(std::string_view name) {
  return name.starts_with("dblink") || name.starts_with("http_") ||
         is_one_of(name, {"http", "postgres_fdw_get_connections"});
}

bool controls_server(std::string_view name) {
  return name.starts_with("pg_replication_origin_") || name.starts_with("pg_logical_") ||
         is_one_of(name, {"pg_terminate_backend",
                          "pg_cancel_backend",
                          "pg_reload_conf",
                          "pg_rotate_logfile",
                          "pg_switch_wal",
                          "pg_promote",
                          "pg_import_system_collations",
                          "pg_backup_start",
                          "pg_backup_stop",
                          "pg_start_backup",
                          "pg_stop_backup",
                          "pg_create_restore_point",
                          "pg_wal_replay_pause",
                          "pg_wal_replay_resume",
                          "pg_create_physical_replication_slot",
                          "pg_create_logical_replication_slot",
                          "pg_drop_replication_slot",
                          "pg_replication_slot_advance",
                          "pg_copy_physical_replication_slot",
                          "pg_copy_logical_replication_slot",
                          "pg_stat_reset",
                          "pg_log_backend_memory_contexts"});
}

void files(const Rule& rule, Report& report) {
  calls<reaches_files>(rule, report);
}

void file_copy(const Rule& rule, Report& report) {
  if (report.has(Effect::server_program)) report.hit(rule, "PROGRAM");
  if (report.has(Effect::server_file)) report.hit(rule, "a file of the server");
}

void network(const Rule& rule, Report& report) {
  calls<reaches_network>(rule, report);
  for (const sql::Action& action : report.signs.actions) {
    if (action.kind == ActionKind::foreign_server) report.hit(rule, report.statement.tag);
  }
}

void sequences(const Rule& rule, Report& report) {
  const bool reader = report.statement.kind == sql::StatementKind::select;
  for (const FunctionUse& use : report.statement.functions) {
    if (!is_system(use)) continue;
    if (use.name.name == "setval") report.hit(rule, use.name.name);
    if (use.name.name == "nextval" && reader)
      report.hit(rule, report.is_agent() ? Level::medium : Level::low, use.name.name);
  }
}

// What users have made, and may do anything when it is called.
void own_functions(const Rule& rule, Report& report) {
  const catalog::Resolver* const resolver = report.circumstances.resolver;
  if (resolver == nullptr) return;
  for (const FunctionUse& use : report.statement.functions) {
    const bool call = use.form == FunctionForm::call || use.form == FunctionForm::procedure;
    if (!call || use.name.schema == "pg_catalog") continue;
    for (const catalog::Function* const function : resolver->functions(use.name, use.arguments)) {
      if (function->schema == resolver->system_schema()) continue;
      if (function->security_definer) report.hit(rule, Level::high, shown(use.name));
      if (function->volatility == 'v') report.hit(rule, shown(use.name));
    }
  }
}

constexpr Check checks[] = {
    {{"FN-01", "A statement that sleeps", Level::medium, Level::high, Level::high,
      "A connection is held for nothing; blind injections measure time by it.", "Wait in the client."},
     calls<sleeps>},
    {{"FN-02", "Files of the server", Level::critical, Level::critical, Level::critical,
      "Files that PostgreSQL's account may read or write are within reach, its own data among them.",
      "Bring data through COPY … FROM STDIN."},
     files},
    {{"FN-03", "COPY of a program or a file of the server", Level::critical, Level::critical, Level::critical,
      "COPY … PROGRAM runs a command on the server.", "Use COPY … FROM STDIN or TO STDOUT."},
     file_copy},
    {{"FN-04", "Network connections out of the server", Level::critical, Level::critical, Level::critical,
      "Data leaves through a connection that nobody watches.", "Connect from outside, through dbgate."},
     network},
    {{"FN-05", "Functions that control the server", Level::high, Level::high, Level::high,
      "They end other sessions, change replication, or make the server read its configuration.",
      "Leave them to whoever runs the server."},
     calls<controls_server>},
    {{"FN-06", "Sequences are moved", Level::medium, Level::medium, Level::medium, "Later keys collide or leave gaps.",
      "Let defaults take values from sequences."},
     sequences},
    {{"FN-07", "A function of one's own that may do anything", Level::medium, Level::medium, Level::medium,
      "A volatile function may change data; one with SECURITY DEFINER does it with its owner's rights.",
      "Allow it by name in the policy once somebody has read it."},
     own_functions},
};

}  // namespace

std::span<const Check> function_checks() {
  return checks;
}

}  // namespace dbgate::risk
