#include "gateway/policy/catalog_lists.h"
#include "gateway/policy/statement_judge.h"

// What a statement sets and shows.
namespace dbgate::policy {

using sql::Effect;

// The target's own search path, or none at all: then names without a schema stand for pg_catalog's only.
bool StatementJudge::keeps_search_path(const sql::SettingUse& use) const {
  if (use.name != "search_path") return false;
  return use.values == context_.search_path || use.values == std::vector<std::string>{""};
}

// The meaning of statement text rests on these, and that of deny rules on how names resolve.
std::string StatementJudge::fixed_setting() {
  for (const sql::SettingUse& use : statement_.settings) {
    if (use.action != sql::SettingAction::set) continue;
    const std::string value = use.values.empty() ? std::string() : use.values.front();
    const bool encoding = use.name == "client_encoding" || use.name == "names";
    const bool literals = use.name == "standard_conforming_strings";
    const bool names = use.name == "search_path" || use.name == "role" || use.name == "session_authorization";
    if (use.name == "dbgate.receipts" && value != "on" && value != "off") return "dbgate.receipts must be on or off";
    if (use.name == "dbgate.hold" && value != "wait" && value != "refuse") return "dbgate.hold must be wait or refuse";
    if ((encoding || literals) && !is_harmless_setting(use.name, value, !use.values.empty())) {
      return use.name + " is fixed by dbgate to " + (literals ? "on" : "UTF8");
    }
    if (names && (grants_.deny.rules > 0 || grants_.hidden.any()) && !keeps_search_path(use))
      return use.name + " is fixed by dbgate";
  }
  return {};
}

std::string StatementJudge::check_settings() {
  for (const sql::SettingUse& use : statement_.settings) {
    const std::string value = use.values.empty() ? std::string() : use.values.front();
    const bool has_value = use.action == sql::SettingAction::set && !use.values.empty();
    bool fine = false;
    switch (use.action) {
      case sql::SettingAction::show:
        fine = is_harmless_to_show(use.name) || allow_.setting_granted(use.name);
        break;
      case sql::SettingAction::show_all:
        fine = false;
        break;
      // Back to what dbgate and the target's configuration set: never wider than the session started with.
      case sql::SettingAction::reset:
      case sql::SettingAction::reset_all:
      case sql::SettingAction::set_default:
        fine = use.name != "role" && use.name != "session_authorization";
        break;
      // One's own session as it began: what dbgate has set there stays (session/relay_restore.cpp).
      case sql::SettingAction::discard:
        fine = true;
        break;
      case sql::SettingAction::set:
        fine = is_harmless_setting(use.name, value, has_value) || allow_.setting_granted(use.name) ||
               keeps_search_path(use) || use.name == "transaction" || use.name == "session characteristics";
        break;
    }
    if (!fine) {
      const bool shows = use.action == sql::SettingAction::show || use.action == sql::SettingAction::show_all;
      return not_allowed(shows ? Effect::show : Effect::session, use.name);
    }
  }
  return {};
}

}  // namespace dbgate::policy
