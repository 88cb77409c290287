#include "gateway/risk/report.h"

// PR: who may do what, and what watches them.
namespace dbgate::risk {
namespace {

using sql::Action;
using sql::ActionKind;

void grants(const Rule& rule, Report& report) {
  for (const Action& action : report.signs.actions) {
    if (action.kind == ActionKind::grant || action.kind == ActionKind::default_privileges) {
      report.hit(rule, action.wide ? Level::critical : Level::high);
    } else if (action.kind == ActionKind::grant_role) {
      report.hit(rule, Level::critical);
    } else if (action.kind == ActionKind::revoke) {
      report.hit(rule, Level::high);
    }
  }
}

void roles(const Rule& rule, Report& report) {
  for (const Action& action : report.signs.actions) {
    const bool changes = action.kind == ActionKind::create_role || action.kind == ActionKind::alter_role;
    if (changes && action.wide) report.hit(rule, Level::critical);
    if (changes || action.kind == ActionKind::drop_role || action.kind == ActionKind::role_setting)
      report.hit(rule, Level::high);
  }
}

template <ActionKind... kinds>
void does(const Rule& rule, Report& report) {
  for (const Action& action : report.signs.actions) {
    if (((action.kind == kinds) || ...)) report.hit(rule, shown(action.name));
  }
}

void ownership(const Rule& rule, Report& report) {
  for (const Action& action : report.signs.actions) {
    if (action.kind == ActionKind::change_owner) report.hit(rule, Level::high, shown(action.name));
    if (action.kind == ActionKind::language) report.hit(rule, Level::critical, "a language");
    if (action.kind == ActionKind::function && action.wide)
      report.hit(rule, Level::critical, "SECURITY DEFINER, or a language without bounds");
    if (action.kind == ActionKind::function && !action.wide) report.hit(rule, Level::medium);
  }
}

void watchers(const Rule& rule, Report& report) {
  does<ActionKind::disable_trigger, ActionKind::drop_trigger>(rule, report);
  for (const sql::SettingUse& use : report.statement.settings) {
    if (use.name == "session_replication_role" && use.action == sql::SettingAction::set) report.hit(rule, use.name);
  }
}

constexpr Check checks[] = {
    {{"PR-01", "Rights are granted or revoked", Level::high, Level::high, Level::high,
      "To PUBLIC, with ALL or with the right to grant on, everybody gets in; membership of a role gives all that it "
      "has.",
      "Grant single rights to single roles, by whoever looks after them."},
     grants},
    {{"PR-02", "A role is made or changed", Level::high, Level::high, Level::high,
      "SUPERUSER, BYPASSRLS, CREATEROLE, REPLICATION and a new password are ways to everything.",
      "Leave roles to whoever runs the server."},
     roles},
    {{"PR-03", "Row security is weakened", Level::critical, Level::critical, Level::critical,
      "Rows that a policy hid are seen by all.", "Change the condition of the policy instead."},
     does<ActionKind::row_security_off, ActionKind::open_policy>},
    {{"PR-04", "Owners, and functions that run with others' rights", Level::high, Level::high, Level::high,
      "An owner may do everything with an object; SECURITY DEFINER lends the owner's rights to whoever calls.",
      "Give single rights; set search_path in functions with SECURITY DEFINER and have them reviewed."},
     ownership},
    {{"PR-05", "The server's configuration, or code for it", Level::critical, Level::critical, Level::critical,
      "ALTER SYSTEM, LOAD, extensions and event triggers reach every database and every session.",
      "Leave them to whoever runs the server."},
     does<ActionKind::alter_system, ActionKind::load, ActionKind::create_extension, ActionKind::event_trigger,
          ActionKind::database_setting>},
    {{"PR-06", "What watches is turned off", Level::critical, Level::critical, Level::critical,
      "Triggers keep histories and rules of integrity: without them, changes leave no trace.",
      "Leave triggers on; change the function if it is wrong."},
     watchers},
};

}  // namespace

std::span<const Check> privilege_checks() {
  return checks;
}

}  // namespace dbgate::risk
