#include <unordered_map>

#include "gateway/app/accounts.h"
#include "gateway/app/worker.h"
#include "gateway/session/policy_judge.h"

// A worker's sessions as changes of rights reach them: on its own thread, between the sessions' own
// work.
namespace dbgate::app {
std::optional<session::Ending> Worker::why_out(const session::SessionInfo& session) {
  auto why = app::why_out(session, snapshot());
  if (why) return why;
  const std::int64_t now = session::system_clock_seconds();
  const bool reachable = snapshot().targets.contains(session.target) &&
                         snapshot().policies.grants_at(session.user, session.target, now).grants != nullptr;
  if (reachable) return {};
  return session::Ending{"terminating connection: access to this target was revoked",
                         session::EndReason::access_revoked};
}

// Sleeping sessions share what they have in common, so that thousands of them take a few questions.
void Worker::end_revoked() {
  sessions_.for_each([this](session::LiveSession& session) {
    if (const auto why = why_out(session.info())) session.end(*why, false);
  });
  std::unordered_map<const session::SessionInfo*, std::optional<session::Ending>> known;
  sleeping_.for_each([this, &known](session::LiveSession& session) {
    const auto [at, fresh] = known.try_emplace(&session.info());
    if (fresh) at->second = why_out(session.info());
    if (at->second) session.end(*at->second, false);
  });
}

}  // namespace dbgate::app
