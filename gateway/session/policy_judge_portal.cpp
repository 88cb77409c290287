#include <algorithm>

#include "gateway/policy/gated.h"
#include "gateway/session/pins.h"
#include "gateway/session/policy_judge.h"
#include "gateway/session/quota.h"

// FETCH and MOVE of what Bind has made (PostgreSQL docs ch. 55.2.3): the server runs the portal for them as it does for
// Execute.
namespace dbgate::session {

// Execute is where others and models are asked, changes are counted and shown, and what stays on the server connection
// is noted. Nothing is lost where there is nothing of that: drivers move about in what they have bound so.
bool PolicyJudge::only_reads(const sql::Script& script, const policy::Verdict& verdict, const Judged& asked) const {
  const auto leaves = [](const sql::Statement& statement) { return pins_of(statement).any(); };
  if (waits_for_others(&verdict) || asked.advice || verdict.max_rows > 0) return false;
  if (!limit_traits(script).only_reads || std::any_of(script.statements.begin(), script.statements.end(), leaves))
    return false;
  if (view_.passes_on && residue_of(script) != policy::Residue::none) return false;
  const catalog::SearchPath path{view_.names.search_path, view_.names.account};
  if (view_.tracks) {
    const auto footprint = policy::footprint_of(*view_.grants, script, nullptr, view_.tracked.get(), path);
    if (footprint.writes_anything || footprint.binds || !footprint.writes.empty()) return false;
  }
  const policy::CommitGatePtr gate = policy::commit_gate(*view_.grants);
  if (!gate) return true;
  const policy::Gated gated = policy::gated(*view_.grants, gate->capture, script, view_.names.closure, path);
  return gated.refused.empty() && !gated.opens;
}

Refusal PolicyJudge::fetch_from_portal(const std::string& name) {
  Refusal refusal;
  refusal.code = sqlstate::feature_not_supported;
  refusal.message = "cannot fetch from \"" + name + "\" by SQL: the protocol has made it, and it does more than read";
  refusal.hint = "Send Execute for it, or DECLARE a cursor.";
  return refusal;
}

}  // namespace dbgate::session
