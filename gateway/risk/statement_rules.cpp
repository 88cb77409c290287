#include "gateway/risk/report.h"

// ST: what a message holds, and what it makes of the session.
namespace dbgate::risk {
namespace {

using sql::Effect;

bool has_any(const sql::EffectSet& effects, std::initializer_list<Effect> any) {
  return std::any_of(any.begin(), any.end(), [&](Effect one) { return effects.test(static_cast<std::size_t>(one)); });
}

void several_statements(const Rule& rule, Report& report) {
  if (report.circumstances.statements > 1) report.hit(rule);
}

// assess_unreadable() says so: there is no statement to look at.
void unreadable(const Rule&, Report&) {}

void transaction_control(const Rule& rule, Report& report) {
  if (!report.is_agent() || !(report.has(Effect::transaction) || report.statement.read_write)) return;
  report.hit(rule, report.statement.read_write ? Level::critical : Level::high);
}

// What makes another of the session: whose it is, which tables names mean, which of them are filtered.
bool changes_who(std::string_view setting) {
  return is_one_of(setting, {"role", "session_authorization", "session_replication_role"});
}
bool changes_what(std::string_view setting) {
  return is_one_of(setting, {"search_path", "row_security", "default_transaction_read_only", "transaction_read_only",
                             "statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"});
}
// What drivers set when they connect.
bool is_of_drivers(std::string_view setting) {
  return is_one_of(setting, {"application_name",
                             "client_encoding",
                             "client_min_messages",
                             "datestyle",
                             "extra_float_digits",
                             "intervalstyle",
                             "timezone",
                             "standard_conforming_strings",
                             "bytea_output",
                             "constraints",
                             "transaction_isolation",
                             "default_transaction_isolation",
                             "transaction_deferrable",
                             "synchronize_seqscans",
                             "xmloption",
                             "check_function_bodies",
                             "default_tablespace",
                             "default_table_access_method",
                             "lc_monetary",
                             "names",
                             "jit"});
}

bool is_time(const sql::SettingUse& use) {
  return use.action == sql::SettingAction::set && use.values.size() == 1 &&
         use.values.front().find_first_of("123456789") != std::string::npos;
}

void session_state(const Rule& rule, Report& report) {
  if (report.has(Effect::admin)) return;  // ALTER SYSTEM: of no session
  for (const sql::SettingUse& use : report.statement.settings) {
    const bool reads = use.action == sql::SettingAction::show || use.action == sql::SettingAction::show_all;
    if (reads || is_of_drivers(use.name)) continue;
    const bool back = use.action != sql::SettingAction::set;
    // A path of nothing is what careful tools begin with, and a time-out for locks is what DD-08 asks for.
    const bool empties = use.name == "search_path" && (use.values.empty() || use.values.front().empty());
    if (use.name == "lock_timeout" && is_time(use) && !report.is_agent()) continue;
    // ST-03 says what an agent may not do with its transaction.
    if (is_one_of(use.name, {"transaction", "transaction snapshot", "session characteristics"})) continue;
    if (changes_who(use.name)) {
      report.hit(rule, back ? Level::medium : Level::high, use.name);
    } else if (changes_what(use.name) && !back && !empties) {
      report.hit(rule, report.is_agent() ? Level::high : Level::medium, use.name);
    } else if (!empties && !back) {
      report.hit(rule, report.is_agent() ? Level::medium : Level::low, use.name);
    }
  }
}

// Functions that run what they are given as SQL.
bool runs_text(std::string_view name) {
  return name.starts_with("query_to_xml") || name.starts_with("crosstab") || name.starts_with("dblink") ||
         is_one_of(name, {"ts_stat", "ts_rewrite", "connectby", "xpath_table", "cursor_to_xml", "exec", "execute"});
}

void dynamic_sql(const Rule& rule, Report& report) {
  if (report.has(Effect::do_block)) report.hit(rule, Level::high, "DO");
  if (report.has(Effect::call)) report.hit(rule, report.is_agent() ? Level::high : Level::medium, "CALL");
  for (const sql::FunctionUse& use : report.statement.functions) {
    const bool rewrites = use.name.name != "ts_rewrite" || use.arguments == 2;
    if (use.form == sql::FunctionForm::call && runs_text(use.name.name) && rewrites) report.hit(rule, use.name.name);
  }
}

void explain_that_runs(const Rule& rule, Report& report) {
  const bool changes =
      has_any(report.statement.effects, {Effect::insert, Effect::update, Effect::delete_, Effect::merge,
                                         Effect::select_into, Effect::execute, Effect::maintenance});
  if (report.signs.has(sql::Sign::explain_runs) && changes) report.hit(rule);
}

constexpr Check checks[] = {
    {{"ST-01", "Several statements in one message", Level::low, Level::medium, Level::critical,
      "A second statement behind a first one is how injected text and agents get past what looks at the first alone.",
      "Send one statement in each message, with Parse and Bind."},
     several_statements},
    {{"ST-02", "A text that is no statement", Level::critical, Level::critical, Level::critical,
      "What PostgreSQL's grammar does not know cannot be judged; much of what injections try ends here.",
      "Correct the statement."},
     unreadable},
    {{"ST-03", "An agent controls transactions", Level::info, Level::info, Level::high,
      "COMMIT ends the transaction that fences an agent in; READ WRITE turns a read-only one off.",
      "Leave transactions to dbgate, or to the application around the agent."},
     transaction_control},
    {{"ST-04", "State of the session is changed", Level::medium, Level::medium, Level::high,
      "Role, search path, row security and time-outs decide what later statements do and whose they are.",
      "Set them in the policy or the target, not in the session."},
     session_state},
    {{"ST-05", "SQL that is made while it runs", Level::high, Level::high, Level::high,
      "What a DO block, a procedure or a text given to a function runs cannot be seen before it runs.",
      "Send the statements themselves."},
     dynamic_sql},
    {{"ST-06", "EXPLAIN ANALYZE of a change", Level::medium, Level::medium, Level::high,
      "EXPLAIN ANALYZE carries the statement out.", "Use EXPLAIN without ANALYZE, or roll back."},
     explain_that_runs},
};

}  // namespace

std::span<const Check> statement_checks() {
  return checks;
}

const Rule& unreadable_rule() {
  return std::find_if(std::begin(checks), std::end(checks), [](const Check& check) { return check.look == unreadable; })
      ->rule;
}

}  // namespace dbgate::risk
