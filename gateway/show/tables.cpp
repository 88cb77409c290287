#include "gateway/show/tables.h"

#include <algorithm>
#include <ctime>

#include "gateway/show/index.h"
#include "gateway/show/pools.h"

namespace dbgate::show {
namespace {

constexpr std::int64_t second_us = 1'000'000;
constexpr std::string_view help[][2] = {
    {"SHOW CLIENTS", "sessions of this gateway, what they are doing and what binds them"},
    {"SHOW CONFIG", "settings in force"},
    {"SHOW DATABASES", "databases that clients may name"},
    {"SHOW HELP", "this list"},
    {"SHOW HOSTS", "hosts of targets that have several: which serve, and which are standbys"},
    {"SHOW LISTS", "how many there are of each"},
    {"SHOW PINS", "sessions that something binds to their server connection"},
    {"SHOW POOLS", "clients and server connections, by database and login"},
    {"SHOW SERVERS", "server connections, and whose they are at the moment"},
    {"SHOW STATS", "SHOW STATS_TOTALS and SHOW STATS_AVERAGES together"},
    {"SHOW STATS_AVERAGES", "the same of the last whole minute, for each second or query"},
    {"SHOW STATS_TOTALS", "queries, bytes and times since the gateway started"},
    {"SHOW USERS", "users of the configuration and the identity store"},
    {"SHOW VERSION", "what this is"}};

// "2026-11-22 16:09:42 UTC"; NULL without a time.
Cell time_of(std::int64_t us) {
  if (us == 0) return {};
  const std::time_t seconds = us / second_us;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[sizeof "2026-11-22 16:09:42 UTC and then some"];
  const std::size_t size = std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &parts);
  return std::string(text, size);
}

Cell number(std::uint64_t value) {
  return value;
}

// A server connection as CLIENTS and SERVERS name it.
std::string name_of(const upstream::LinkView& link) {
  return link.host + ":" + std::to_string(link.port) + "/" + std::to_string(link.pid);
}

std::string doing(const Client& client) {
  return client.held ? "held" : client.summary.state;
}

void append(std::vector<Column>& columns, Type type, std::initializer_list<const char*> names) {
  for (const char* const name : names)
    columns.push_back({name, type});
}

std::vector<Column> socket_columns() {
  std::vector<Column> columns;
  append(columns, Type::text, {"type", "user", "database", "state", "addr"});
  append(columns, Type::int4, {"port"});
  append(columns, Type::text, {"local_addr"});
  append(columns, Type::int4, {"local_port"});
  append(columns, Type::text, {"connect_time", "request_time"});
  append(columns, Type::int4, {"wait", "wait_us", "close_needed"});
  append(columns, Type::text, {"ptr", "link"});
  append(columns, Type::int4, {"remote_pid"});
  append(columns, Type::text, {"tls", "application_name"});
  return columns;
}

Row client_row(const Index& index, const Client& client, std::int64_t now_us) {
  const ports::SessionSummary& session = client.summary;
  const bool waits = session.state == "waiting" && !client.held;
  const bool runs = session.statement_started_us != 0;
  const std::int64_t waited = waits && runs ? std::max<std::int64_t>(now_us - session.statement_started_us, 0) : 0;
  const upstream::LinkView* const link = index.link(client);
  return {"C",
          session.user,
          index.name(session.target, session.database),
          waits ? "waiting" : "active",
          session.client_address,
          number(session.client_port),
          {},
          {},
          time_of(session.started_us),
          time_of(session.statement_started_us),
          number(static_cast<std::uint64_t>(waited / second_us)),
          number(static_cast<std::uint64_t>(waited % second_us)),
          number(0),
          session.id,
          link != nullptr ? name_of(*link) : std::string(),
          number(0),
          {},
          session.application,
          doing(client),
          session.bound_by,
          number(session.statements),
          number(session.bytes_from_client),
          number(session.bytes_to_client),
          session.auth_method,
          session.credential};
}

std::vector<Row> clients(const Overview& overview) {
  const Index index(overview);
  std::vector<Row> rows;
  for (const Client& client : overview.clients)
    rows.push_back(client_row(index, client, overview.now_us));
  return rows;
}

std::vector<Row> servers(const Overview& overview) {
  const Index index(overview);
  std::vector<Row> rows;
  for (const upstream::LinkView& link : overview.pools.links) {
    const Client* const client = index.client(link);
    rows.push_back({"S",
                    link.user,
                    index.name(link.target, link.database),
                    link.active ? "active" : "idle",
                    link.host,
                    number(link.port),
                    {},
                    {},
                    time_of(link.opened_us),
                    {},
                    number(0),
                    number(0),
                    number(0),
                    name_of(link),
                    client != nullptr ? client->summary.id : std::string(),
                    number(static_cast<std::uint64_t>(std::max(link.pid, 0))),
                    link.tls,
                    link.application_name,
                    client != nullptr ? client->summary.user : std::string()});
  }
  return rows;
}

std::vector<Row> pins(const Overview& overview) {
  const Index index(overview);
  std::vector<Row> rows;
  for (const Client& client : overview.clients) {
    const ports::SessionSummary& session = client.summary;
    if (session.bound_by.empty()) continue;
    const upstream::LinkView* const link = index.link(client);
    rows.push_back({session.user, index.name(session.target, session.database), session.bound_by, doing(client),
                    session.id, link != nullptr ? name_of(*link) : std::string(), time_of(session.started_us),
                    session.application});
  }
  return rows;
}

std::vector<Row> databases(const Overview& overview) {
  std::vector<Row> rows;
  for (const Database& database : overview.databases) {
    const auto open = std::count_if(overview.pools.links.begin(), overview.pools.links.end(), [&](const auto& link) {
      return link.target == database.target && link.database == database.database;
    });
    rows.push_back({database.name, database.host, number(database.port), database.database, database.user,
                    number(database.max), number(0), number(0), database.pool_mode, number(database.max),
                    number(static_cast<std::uint64_t>(open)), number(0), number(0), database.target});
  }
  return rows;
}

std::vector<Row> hosts(const Overview& overview) {
  std::vector<Row> rows;
  for (const Host& host : overview.hosts)
    rows.push_back({host.target, host.host, host.state, host.role.empty() ? Cell() : Cell(host.role),
                    host.timeline == 0 ? Cell() : number(host.timeline),
                    host.role == "standby" ? number(static_cast<std::uint64_t>(host.lag_ms)) : Cell(),
                    number(host.connections)});
  return rows;
}

std::vector<Row> lists(const Overview& overview) {
  const auto& links = overview.pools.links;
  const auto active = static_cast<std::uint64_t>(
      std::count_if(links.begin(), links.end(), [](const auto& link) { return link.active; }));
  const std::size_t sessions = overview.clients.size();
  const std::size_t login = overview.connections > sessions ? overview.connections - sessions : 0;
  return {{"databases", number(overview.databases.size())},
          {"users", number(overview.users.size())},
          {"pools", number(pools_of(overview).size())},
          {"free_clients", number(0)},
          {"used_clients", number(sessions)},
          {"login_clients", number(login)},
          {"free_servers", number(links.size() - active)},
          {"used_servers", number(active)},
          {"dns_names", number(0)},
          {"dns_zones", number(0)},
          {"dns_queries", number(0)},
          {"dns_pending", number(0)}};
}

std::vector<Row> config(const Overview& overview) {
  std::vector<Row> rows;
  for (const Setting& setting : overview.settings)
    rows.push_back({setting.key, setting.value, setting.fallback, setting.changeable ? "yes" : "no"});
  return rows;
}

void append(Row& row, const Totals& figures) {
  for (const std::uint64_t figure : {figures.transactions, figures.queries, figures.received, figures.sent,
                                     figures.transaction_us, figures.query_us, figures.wait_us})
    row.emplace_back(number(figure));
}

std::vector<Row> stats(Topic topic, const Overview& overview) {
  std::vector<Row> rows;
  for (const auto& [target, totals] : overview.totals) {
    Row row{target};
    const auto found = overview.averages.find(target);
    const Averages averages = found == overview.averages.end() ? Averages() : found->second;
    if (topic != Topic::stats_averages) append(row, totals);
    if (topic != Topic::stats_totals) append(row, averages);
    if (topic == Topic::stats) row.emplace_back(number(totals.queries));
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<Row> users(const Overview& overview) {
  std::vector<Row> rows;
  for (const std::string& user : overview.users)
    rows.push_back({user, {}});
  return rows;
}

std::vector<Row> helps() {
  std::vector<Row> rows;
  for (const auto& [command, says] : help)
    rows.push_back({std::string(command), std::string(says)});
  return rows;
}

std::vector<Row> rows_of(Topic topic, const Overview& overview) {
  switch (topic) {
    case Topic::clients:
      return clients(overview);
    case Topic::config:
      return config(overview);
    case Topic::databases:
      return databases(overview);
    case Topic::help:
      return helps();
    case Topic::hosts:
      return hosts(overview);
    case Topic::lists:
      return lists(overview);
    case Topic::pins:
      return pins(overview);
    case Topic::pools:
      return pool_rows(overview);
    case Topic::servers:
      return servers(overview);
    case Topic::stats:
    case Topic::stats_averages:
    case Topic::stats_totals:
      return stats(topic, overview);
    case Topic::users:
      return users(overview);
    case Topic::version:
      return {{"dbgate " + overview.version}};
  }
  return {};
}

}  // namespace

std::vector<Column> columns_of(Topic topic) {
  std::vector<Column> columns;
  switch (topic) {
    case Topic::clients:
      columns = socket_columns();
      append(columns, Type::text, {"doing", "bound_by"});
      append(columns, Type::int8, {"statements", "bytes_received", "bytes_sent"});
      append(columns, Type::text, {"auth_method", "credential"});
      break;
    case Topic::config:
      append(columns, Type::text, {"key", "value", "default", "changeable"});
      break;
    case Topic::databases:
      append(columns, Type::text, {"name", "host"});
      append(columns, Type::int4, {"port"});
      append(columns, Type::text, {"database", "force_user"});
      append(columns, Type::int4, {"pool_size", "min_pool_size", "reserve_pool"});
      append(columns, Type::text, {"pool_mode"});
      append(columns, Type::int4, {"max_connections", "current_connections", "paused", "disabled"});
      append(columns, Type::text, {"target"});
      break;
    case Topic::help:
      append(columns, Type::text, {"command", "shows"});
      break;
    case Topic::hosts:
      append(columns, Type::text, {"target", "host", "state", "role"});
      append(columns, Type::int8, {"timeline", "lag_ms"});
      append(columns, Type::int4, {"connections"});
      break;
    case Topic::lists:
      append(columns, Type::text, {"list"});
      append(columns, Type::int4, {"items"});
      break;
    case Topic::pins:
      append(columns, Type::text,
             {"user", "database", "bound_by", "doing", "ptr", "link", "connect_time", "application_name"});
      break;
    case Topic::pools:
      append(columns, Type::text, {"database", "user"});
      append(
          columns, Type::int4,
          {"cl_active", "cl_waiting", "cl_active_cancel_req", "cl_waiting_cancel_req", "sv_active", "sv_active_cancel",
           "sv_being_canceled", "sv_idle", "sv_used", "sv_tested", "sv_login", "maxwait", "maxwait_us"});
      append(columns, Type::text, {"pool_mode"});
      append(columns, Type::int4, {"cl_held", "cl_pinned"});
      break;
    case Topic::servers:
      columns = socket_columns();
      append(columns, Type::text, {"client_user"});
      break;
    case Topic::stats:
      append(columns, Type::text, {"database"});
      append(columns, Type::numeric,
             {"total_xact_count", "total_query_count", "total_received", "total_sent", "total_xact_time",
              "total_query_time", "total_wait_time", "avg_xact_count", "avg_query_count", "avg_recv", "avg_sent",
              "avg_xact_time", "avg_query_time", "avg_wait_time", "total_requests"});
      break;
    case Topic::stats_averages:
    case Topic::stats_totals:
      append(columns, Type::text, {"database"});
      append(columns, Type::numeric,
             {"xact_count", "query_count", "bytes_received", "bytes_sent", "xact_time", "query_time", "wait_time"});
      break;
    case Topic::users:
      append(columns, Type::text, {"name", "pool_mode"});
      break;
    case Topic::version:
      append(columns, Type::text, {"version"});
      break;
  }
  return columns;
}

bool needs_overview(Topic topic) noexcept {
  return topic != Topic::help && topic != Topic::version;
}

Table table_of(Topic topic, const Overview& overview) {
  return {columns_of(topic), rows_of(topic, overview)};
}

}  // namespace dbgate::show
