#include <unordered_map>

#include "gateway/app/accounts.h"
#include "gateway/app/worker.h"
#include "gateway/base/clock.h"
#include "gateway/session/admin_session.h"
#include "gateway/session/policy_judge.h"

// A worker's sessions as administrators and changes of rights reach them: on its own thread, between the sessions' own
// work.
namespace dbgate::app {
namespace {

std::string word(session::SessionStatus::Doing doing) {
  using Doing = session::SessionStatus::Doing;
  switch (doing) {
    case Doing::idle:
      return "idle";
    case Doing::active:
      return "active";
    case Doing::idle_in_transaction:
      return "idle in transaction";
    case Doing::waiting:
      return "waiting";
  }
  return "unknown";
}

ports::SessionSummary summary_of(const session::LiveSession& session, const session::SessionStatus& status) {
  const session::SessionInfo& info = session.info();
  ports::SessionSummary summary;
  summary.id = status.id;
  summary.user = info.user;
  summary.target = info.target;
  summary.database = info.database;
  summary.client_address = info.client.host;
  summary.client_port = status.client_port;
  summary.application = info.application;
  summary.auth_method = info.auth_method;
  summary.credential = info.credential.id;
  summary.credential_expires = info.credential.expires;
  summary.started_us = time_of_id(status.id);
  summary.state = word(status.doing);
  summary.bound_by = session::names_of(status.pins);
  summary.statements = status.statements;
  summary.bytes_from_client = status.from_client;
  summary.bytes_to_client = status.to_client;
  if (status.running_since) {
    const auto runs = std::chrono::steady_clock::now() - *status.running_since;
    summary.statement_started_us =
        wall_clock_us() - std::chrono::duration_cast<std::chrono::microseconds>(runs).count();
  }
  return summary;
}

}  // namespace

std::optional<session::Ending> Worker::why_out(const session::SessionInfo& session) {
  auto why = app::why_out(session, snapshot());
  if (why) return why;
  if (session.db_system == session::admin_system) {
    const auto admitted = may_see_all(session);
    if (admitted) return {};
    return session::Ending{"terminating connection: the right to see what others do was revoked",
                           session::EndReason::access_revoked};
  }
  const std::int64_t now = session::system_clock_seconds();
  const bool reachable = snapshot().targets.contains(session.target) &&
                         snapshot().grants_at(session.user, session.target, now).grants != nullptr;
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

void Worker::list_sessions(std::vector<ports::SessionSummary>& list) const {
  for (const session::LiveSessions* const sessions : {&sessions_, &sleeping_}) {
    sessions->for_each(
        [&list](const session::LiveSession& session) { list.push_back(summary_of(session, session.status())); });
  }
}

void Worker::add_to(show::Overview& overview) const {
  for (const session::LiveSessions* const sessions : {&sessions_, &sleeping_}) {
    sessions->for_each([&overview](const session::LiveSession& session) {
      const session::SessionStatus status = session.status();
      overview.clients.push_back({summary_of(session, status), status.held, status.server_pid});
    });
  }
  overview.pools = servers_.view();
}

std::optional<ports::SessionSummary> Worker::find_session(std::string_view id, const session::Ending* why) {
  std::optional<ports::SessionSummary> found;
  const auto look = [&](session::LiveSession& session) {
    const session::SessionStatus status = session.status();
    if (status.id != id) return;
    found = summary_of(session, status);
    if (why != nullptr) session.end(*why, false);
  };
  sessions_.for_each(look);
  sleeping_.for_each(look);
  return found;
}

}  // namespace dbgate::app
