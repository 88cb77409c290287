#include "gateway/api/targets.h"

#include <algorithm>
#include <boost/json.hpp>

#include "gateway/api/access.h"
#include "gateway/api/listing.h"
#include "gateway/api/problem.h"
#include "gateway/api/tunnel.h"

namespace dbgate::api {
namespace {

namespace json = boost::json;

std::string text_of(const ports::TargetSummary& target, json::array for_a_time) {
  json::object item;
  item["name"] = target.name;
  item["engine"] = target.engine;
  item["engine_version"] = target.engine_version.empty() ? json::value(nullptr) : json::value(target.engine_version);
  item["databases"] = json::value_from(target.databases);
  item["access"] = target.access;
  item["environment"] = target.environment.empty() ? json::value(nullptr) : json::value(target.environment);
  json::object labels;
  for (const auto& [name, value] : target.labels)
    labels[name] = value;
  item["labels"] = std::move(labels);
  item["for_a_time"] = std::move(for_a_time);
  return json::serialize(item);
}

bool has(const std::vector<std::string>& list, const std::string& wanted) {
  return std::find(list.begin(), list.end(), wanted) != list.end();
}

}  // namespace

Task<Response> list_targets(Services& services, Request& request) {
  Response refused;
  const auto query = read_list_query(request, services.cursors, {.sorts = {"name"}, .filters = {"all"}}, refused);
  if (!query) co_return refused;
  const std::string* const all = query->filter("all");
  if (all != nullptr && *all != "true") co_return problem(request, "bad_request", "\"all\" is true, or not there");
  if (all != nullptr && !any_of(request.caller->roles, Role::target_admin | Role::policy_admin | Role::auditor)) {
    co_return problem(request, "not_permitted", "all targets are for administrators and auditors");
  }
  std::vector<ports::TargetSummary> targets = all != nullptr ? services.gateway.all_targets(request.caller->user)
                                                             : services.gateway.targets(request.caller->user);
  const auto before = [&query](const std::string& left, const std::string& right) {
    return query->descending ? right < left : left < right;
  };
  std::sort(targets.begin(), targets.end(),
            [&before](const auto& left, const auto& right) { return before(left.name, right.name); });
  std::vector<std::string> items;
  std::string last;
  bool more = false;
  for (const ports::TargetSummary& target : targets) {
    if (!query->last.empty() && !before(query->last, target.name)) continue;
    more = items.size() == query->limit;
    if (more) break;
    items.push_back(text_of(target, access_in_force(services, request.caller->user, target.name)));
    last = target.name;
  }
  co_return list_response(request, services.cursors, *query, items, more ? last : "");
}

Task<Response> open_tunnel(Services& services, Request& request) {
  Response refused;
  const auto query = read_query(request, {"database"}, refused);
  if (!query) co_return refused;
  const std::string other = query->empty() ? "" : query->front().second;
  const std::string& name = request.parameter("name");
  const std::vector<ports::TargetSummary> targets = services.gateway.targets(request.caller->user);
  const auto found =
      std::find_if(targets.begin(), targets.end(), [&name](const auto& target) { return target.name == name; });
  const std::string database = other.empty() ? name : name + "/" + other;
  if (found == targets.end() || (!other.empty() && !has(found->databases, other))) {
    co_return problem(request, "no_such_target", "there is no target \"" + database + "\" for you");
  }
  Response response;
  response.status = 101;
  ports::TunnelRequest tunnel{
      request.caller->user, request.caller->credential, request.caller->expires, request.caller->certificate, database,
      request.address};
  ports::GatewayService& gateway = services.gateway;
  if (request.tunnel) {
    response.upgrade = Upgrade{.take = [&gateway, tunnel](OpenConnection connection) {
      // There is nobody to tell: what has changed since the look above ends the connection.
      static_cast<void>(gateway.serve_tunnel(tunnel, std::move(connection)));
    }};
    co_return response;
  }
  response.upgrade = Upgrade{.protocol = "dbgate.tunnel.v1", .run = [&gateway, tunnel](WebSocket& socket) {
                               return run_tunnel(gateway, tunnel, socket);
                             }};
  co_return response;
}

}  // namespace dbgate::api
