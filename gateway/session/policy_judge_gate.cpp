#include "gateway/policy/gated.h"
#include "gateway/session/policy_judge.h"

// Principals whose changes are shown to others before they are committed (docs/commit-gate.md).
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

}  // namespace dbgate::session
