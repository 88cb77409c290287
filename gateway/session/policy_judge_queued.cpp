#include <algorithm>

#include "gateway/session/policy_judge.h"

// Statements that were judged, and wait on the server behind others.
namespace dbgate::session {

Stands PolicyJudge::still_stands(const Queued& queued, std::size_t from) {
  const PolicyView& policy = view();
  if (!policy.grants) return Stands::no;
  if (!policy.ready) return Stands::unknown;
  static const BoundValues nothing;
  const BoundValues* const bound = queued.bound ? queued.bound.get() : &nothing;
  if (!still_passes(*queued.script, from, bound, queued.agreed) || !still_sent(queued, from)) return Stands::no;
  for (const PreparedPtr& named : queued.named) {
    if (!stands(*named)) return Stands::no;
    if (!still_passes(*named->script, 0, named->bound ? named->bound.get() : &nothing, queued.agreed))
      return Stands::no;
  }
  return Stands::yes;
}

bool PolicyJudge::still_passes(const sql::Script& script, std::size_t from, const BoundValues* values,
                               bool agreed) const {
  for (std::size_t i = from; i < script.statements.size(); ++i) {
    const sql::Statement& statement = script.statements[i];
    const bool prepares = statement.kind == sql::StatementKind::prepare;  // its parameters are EXECUTE's to fill
    const policy::Verdict verdict =
        statement.kind == sql::StatementKind::replication
            ? policy::decide_replication(*view_.grants)
            : policy::decide(*view_.grants, statement, view_.names, prepares ? nullptr : values);
    if (!verdict.passes()) return false;
    if (waits_for_others(&verdict) && !agreed && may_wait(statement)) return false;
  }
  return true;
}

// Whether the server would be given the same text.
bool PolicyJudge::still_sent(const Queued& queued, std::size_t from) const {
  if (!policy::hides(*view_.grants)) return true;
  if (queued.sent) return is_sent_as_then(*queued.sent);
  // Nothing was hidden when it was judged.
  const auto& statements = queued.script->statements;
  return std::none_of(statements.begin() + static_cast<std::ptrdiff_t>(from), statements.end(),
                      [this](const sql::Statement& statement) {
                        const policy::Treatments treatments = policy::treat(*view_.grants, statement, view_.names);
                        return !treatments.list.empty() || !treatments.views.empty();
                      });
}

}  // namespace dbgate::session
