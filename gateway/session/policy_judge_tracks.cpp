#include <algorithm>

#include "gateway/session/pins.h"
#include "gateway/session/policy_judge.h"
#include "gateway/session/read_side.h"

// What statements mean for results that are kept (docs/read-cache.md), and for whoever has the server connection next.
namespace dbgate::session {

void PolicyJudge::track(Judged& judged) const {
  const catalog::SearchPath path{view_.names.search_path, view_.names.account};
  std::shared_ptr<Analysis> sent;
  if (judged.sent && !judged.sent->rewritten.empty() && policy::caches_reads(*view_.grants)) {
    sent = analyze_text(judged.sent->rewritten, limits_, view_.resolver.get());
  }
  auto footprint = policy::footprint_of(*view_.grants, *judged.script, sent ? sent->script.get() : nullptr,
                                        view_.tracked.get(), path);
  footprint.binds = footprint.binds || std::any_of(judged.script->statements.begin(), judged.script->statements.end(),
                                                   [](const sql::Statement& one) { return pins_of(one).any(); });
  if (footprint.says_something()) judged.footprint = std::make_shared<const policy::Footprint>(std::move(footprint));
}

policy::Residue PolicyJudge::residue_of(const sql::Script& script) const {
  if (view_.seen_through) return view_.seen_through->of(script);
  return policy::residue_of(script, {view_.names.search_path, view_.names.account});
}

// The principal, target and database are the same for all of a session, and its key holds them already.
void PolicyJudge::add_premises(std::string& key) {
  ReadSide::add_to_key(key, view_.version_text);
  ReadSide::add_to_key(key, std::to_string(view_.catalog ? view_.catalog->version() : 0));
  ReadSide::add_to_key(key, std::to_string(view_.from));
}

}  // namespace dbgate::session
