#include "gateway/session/shared_server.h"

#include <algorithm>
#include <cstring>

#include "gateway/auth/random.h"
#include "gateway/session/login.h"

namespace dbgate::session {
namespace {

// Of statements that neither read nor wait for anything.
constexpr std::chrono::milliseconds own_query_limit{5000};
// Leaves what a new connection has, but for what the startup packet said (PostgreSQL docs, DISCARD).
constexpr const char* discard_all = "DISCARD ALL";

// What DISCARD ALL leaves. It resets the role to none, whatever the login has set (ALTER ROLE … SET role; PostgreSQL,
// SetSessionUserId()). And what random() brings next must not be what the last one has seen to (setseed()).
std::string leftovers() {
  const std::string bytes = auth::random_bytes(sizeof(std::uint32_t));
  std::uint32_t number = 0;
  std::memcpy(&number, bytes.data(), sizeof number);
  return "RESET ROLE; SELECT pg_catalog.setseed(" + std::to_string(number / 4294967296.0) + ")";
}

void forget_all(upstream::ServerMemory& memory) {
  memory.statements.clear();
  memory.unnamed = nullptr;
  memory.application_name.reset();
  memory.settings = nullptr;
  memory.listens = false;
  memory.littered = false;
}

std::string told_at_login(const upstream::StartupParameters& parameters) {
  const auto found = std::find_if(parameters.begin(), parameters.end(),
                                  [](const auto& parameter) { return parameter.first == "application_name"; });
  return found == parameters.end() ? std::string() : found->second;
}

// Where these are set, names lead elsewhere than dbgate follows them.
bool leads_elsewhere(std::string_view setting) {
  return setting == "search_path" || setting == "role" || setting == "session_authorization";
}

}  // namespace

upstream::LinkRequest link_request(const StartupRequest& request, const Route& route, const SessionInfo& info) {
  upstream::LinkRequest asked;
  asked.target = route.target;
  asked.spec = route.server;
  asked.application_name = application_name_of(info, route);
  asked.parameters = server_parameters(request, route, asked.application_name);
  asked.key = pool_key(route, asked.parameters);
  asked.user = info.user;
  asked.strays = std::any_of(request.settings.begin(), request.settings.end(),
                             [](const StartupSetting& setting) { return leads_elsewhere(setting.first); });
  asked.max = route.max_connections;
  asked.wait = route.pool_wait;
  asked.idle = route.pool_idle;
  asked.lifetime = route.pool_lifetime;
  asked.weight = route.pool_weight;
  return asked;
}

Task<Result<upstream::LinkPtr>> make_ready(upstream::LinkPtr link, const upstream::LinkRequest& request,
                                           std::shared_ptr<const SettingTexts> settings) {
  upstream::ServerMemory& memory = link->memory;
  const std::string& name = request.application_name;
  if (memory.user.empty()) {  // it has just been opened, for this session
    memory.user = request.user;
    memory.application_name = told_at_login(request.parameters);
  }
  std::vector<std::string> queries;
  if (memory.user != request.user) {
    queries.emplace_back(discard_all);
    queries.push_back(leftovers());
    forget_all(memory);
  }
  std::string told;
  if (memory.listens) queries.emplace_back("UNLISTEN *");
  // A name that the session has set is told anew with its settings.
  const bool anew = memory.settings != settings || (settings && memory.application_name != name);
  if (anew) told = "RESET ALL; ";
  if (!told.empty() || memory.application_name != name) told += as_statement({"application_name", name});
  if (anew && settings) {
    for (const auto& [setting, text] : *settings) {
      told += ";\n" + text;  // a line of its own: the one before may end with a comment
      memory.stained = memory.stained || leads_elsewhere(setting);
    }
  }
  if (!told.empty()) queries.push_back(std::move(told));
  if (!queries.empty()) {
    DBGATE_CO_CHECK(co_await link->run(std::move(queries), own_query_limit));
    memory.unnamed = nullptr;  // Query drops it (PostgreSQL docs ch. 55.2.3)
  }
  memory.listens = false;
  memory.user = request.user;
  memory.application_name = name;
  memory.settings = std::move(settings);
  co_return link;
}

Task<Result<>> wipe(upstream::Link& link) {
  DBGATE_CO_CHECK(co_await link.run({discard_all, leftovers()}, own_query_limit));
  forget_all(link.memory);
  co_return boost::system::in_place_value;
}

}  // namespace dbgate::session
