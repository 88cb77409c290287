#include "gateway/audit/sha256.h"
#include "gateway/catalog/definitions.h"
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
