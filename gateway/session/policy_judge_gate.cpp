#include <algorithm>
#include <utility>

#include "gateway/audit/sha256.h"
#include "gateway/catalog/definitions.h"
#include "gateway/catalog/search_path.h"
#include "gateway/policy/gated.h"
#include "gateway/session/policy_judge.h"

// What others agree to (docs/approvals.md), and principals whose changes are shown to others before they are committed
// (docs/commit-gate.md).
namespace dbgate::session {

void PolicyJudge::gate(const policy::CommitGatePtr& gate, policy::Verdict& verdict, Judged& judged) {
  const catalog::SearchPath path{view_.names.search_path, view_.names.account};
  policy::Gated gated = policy::gated(*view_.grants, gate->capture, *judged.script, view_.names.closure, path);
  if (!gated.refused.empty()) {
    return refuse(
        "changes need approval before they are committed, and this statement's could not be shown: " + gated.refused,
        {}, gate->holds.front().rule_id, verdict, judged);
  }
  verdict.gate = gate;
  verdict.gate_opens = gated.opens;
  verdict.gate_compares = gated.compares;
}

namespace {

sql::Statement statement_that_sets(std::string_view name, const std::vector<std::string>& values) {
  sql::Statement set;
  set.kind = sql::StatementKind::set;
  set.tag = "SET";
  set.effects.set(static_cast<std::size_t>(sql::Effect::session));
  set.settings.push_back({std::string(name), sql::SettingAction::set, values, false});
  return set;
}

// SELECT set_config(…) of anything but constants.
sql::Statement statement_that_sets_something() {
  sql::Statement select;
  select.kind = sql::StatementKind::select;
  select.tag = "SELECT";
  select.effects.set(static_cast<std::size_t>(sql::Effect::read));
  sql::FunctionUse call;
  call.name.schema = "pg_catalog";
  call.name.name = "set_config";
  call.arguments = 3;
  select.functions.push_back(std::move(call));
  return select;
}

}  // namespace

bool PolicyJudge::may_set(std::string_view name, const std::vector<std::string>& values) const {
  if (!view_.grants || (name == "search_path" && values == view_.names.search_path)) return true;
  if (!PathWatch::is_unknown(values))
    return policy::decide(*view_.grants, statement_that_sets(name, values), view_.names).passes();
  // Masks, filters and the commit gate take constants only.
  return !policy::hides(*view_.grants) && !policy::commit_gate(*view_.grants) &&
         policy::decide(*view_.grants, statement_that_sets_something(), view_.names).passes();
}

// What was set under other rules, and is what these rest on: what SET would be told now.
bool PolicyJudge::keeps_settings(const PathWatch& paths) {
  view();
  if (strays_at_ == std::pair(views_, paths.changes())) return strays_.empty();
  strays_at_ = {views_, paths.changes()};
  strays_ = {};
  for (std::size_t i = 0; i < PathWatch::settings.size(); ++i) {
    const std::string_view name = PathWatch::settings[i];
    PathWatch::Paths all = paths.of(i);
    const auto given = given_ ? given_->find(std::string(name)) : ServerSettings::const_iterator();
    if (given_ && given != given_->end()) {
      const bool path = name == "search_path";
      all.push_back(path ? catalog::read_search_path(given->second) : std::vector<std::string>{given->second});
    }
    if (!std::all_of(all.begin(), all.end(), [&](const auto& values) { return may_set(name, values); })) strays_ = name;
  }
  return strays_.empty();
}

// Asked only when others are: a closure of its own, where rules need none, costs what it reads.
std::string PolicyJudge::meaning_of_names(const sql::Script& script) {
  const PolicyView& policy = view();
  if (!policy.catalog) return {};
  const auto closure = policy.closure ? policy.closure : std::make_shared<const catalog::Closure>(policy.catalog);
  const catalog::SearchPath path{policy.names.search_path, policy.names.account};
  std::string definitions;
  for (const sql::Statement& statement : script.statements)
    catalog::append_definitions(definitions, *policy.catalog, closure->of(statement, path));
  return audit::sha256_hex(definitions);
}

}  // namespace dbgate::session
