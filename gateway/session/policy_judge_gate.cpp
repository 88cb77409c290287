#include <algorithm>

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

// Set under other rules, and names are judged by the target's: what SET would be told now.
bool PolicyJudge::keeps_path(const PathWatch& paths) {
  const PolicyView& policy = view();
  const auto may_set = [&policy](const std::vector<std::string>& path) {
    if (!policy.grants || path == policy.names.search_path) return true;
    sql::Statement set;
    set.kind = sql::StatementKind::set;
    set.tag = "SET";
    set.effects.set(static_cast<std::size_t>(sql::Effect::session));
    set.settings.push_back({"search_path", sql::SettingAction::set, path, false});
    return policy::decide(*policy.grants, set, policy.names).passes();
  };
  if (given_views_ != views_) {
    given_views_ = views_;
    const bool given = given_ && given_->contains("search_path");
    given_kept_ = !given || may_set(catalog::read_search_path(given_->at("search_path")));
  }
  path_kept_ = given_kept_ && std::all_of(paths.paths().begin(), paths.paths().end(), may_set);
  return path_kept_;
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
