#include <algorithm>
#include <cstdint>

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

namespace {

// By OIDs that never change (PostgreSQL, pg_type.dat).
enum class Kind : std::uint8_t { other, day, instant };
Kind kind_of(const catalog::Snapshot& snapshot, catalog::Oid oid) {
  for (int depth = 0; depth < 32; ++depth) {
    if (oid == 1082 || oid == 1083 || oid == 1114) return Kind::day;
    if (oid == 1184 || oid == 1266) return Kind::instant;
    const catalog::Type* const type = snapshot.type(oid);
    if (type == nullptr || type->base == 0) return Kind::other;
    oid = type->base;
  }
  return Kind::other;
}

// UTC, and the format that drivers ask for, without an order of day and month.
bool is_neutral(const sql::SettingUse& use) {
  std::string value = use.values.size() == 1 ? use.values.front() : std::string();
  for (char& c : value)
    c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  if (use.name == "datestyle") return value == "iso";
  return value == "utc" || value == "etc/utc" || value == "gmt";
}

}  // namespace

// Which rows a filter leaves would be the client's to say.
bool StatementJudge::filters_rest_on_time() const {
  return std::any_of(grants_.hidden.rows.begin(), grants_.hidden.rows.end(), [this](const Hidden::Rows& rows) {
    const RowCondition& condition = rows.condition;
    const bool many = rows.filter.schema == "*" || rows.filter.relation == "*";
    const catalog::Relation* const relation =
        many || context_.resolver == nullptr
            ? nullptr
            : context_.resolver->relation({"", rows.filter.schema, rows.filter.relation});
    // What is compared is not known: something of a time has to stand there.
    if (relation == nullptr)
      return condition.times.rest_on_session(true, false) || condition.times.rest_on_session(false, true);
    bool days = false;
    bool instants = false;
    for (const catalog::Column& column : relation->columns) {
      if (std::find(condition.columns.begin(), condition.columns.end(), column.name) == condition.columns.end())
        continue;
      const Kind kind = kind_of(context_.resolver->snapshot(), column.type);
      days = days || kind == Kind::day;
      instants = instants || kind == Kind::instant;
    }
    return condition.times.rest_on_session(instants, days);
  });
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
    const bool times = use.name == "timezone" || use.name == "datestyle";
    if (times && !is_neutral(use) && filters_rest_on_time()) {
      return use.name + " is fixed by dbgate: which rows you see rests on it";
    }
    // What a statement changes is told from what its names stand for.
    const bool shows_changes = use.name == "search_path" && commit_gate(grants_) != nullptr;
    if (((names && (grants_.deny.rules > 0 || grants_.hidden.any())) || shows_changes) && !keeps_search_path(use))
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
