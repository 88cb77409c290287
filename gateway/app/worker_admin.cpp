#include "gateway/app/bearers.h"
#include "gateway/app/overviews.h"
#include "gateway/session/admin_session.h"

// What sessions of the admin database need of the process.
namespace dbgate::app {

bool Worker::leads_to_admin(std::string_view database) {
  return database == session::admin_database && !snapshot().targets.contains(database);
}

// Whoever may list all sessions by the API.
Result<> Worker::may_see_all(const session::SessionInfo& session) {
  const Error refused(sqlstate::insufficient_privilege,
                      "permission denied for the admin database: it shows the sessions of everybody",
                      "It is for those with the role auditor or admin (`roles` of the configuration).");
  if (session.credential.limited) return refused;
  if (api::any_of(roles_of(snapshot(), session.user), api::Role::auditor)) return boost::system::in_place_value;
  return refused;
}

Task<show::Overview> Worker::overview() {
  auto overview = co_await collect_overview(shared_, context_);
  overview.version = version();
  co_return overview;
}

std::string Worker::version() const {
  return DBGATE_VERSION;
}

Task<> Worker::run_elsewhere(std::function<void()> work) {
  co_await net::run_on(shared_.parsers.get_executor(), [&work]() -> Task<> {
    work();
    co_return;
  });
}

}  // namespace dbgate::app
