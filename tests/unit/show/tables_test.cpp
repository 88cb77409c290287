#include "gateway/show/tables.h"

#include <gmock/gmock.h>

#include <array>

#include "gateway/show/pools.h"

namespace dbgate::show {
namespace {

using std::chrono::milliseconds;

constexpr std::array every_topic = {Topic::clients, Topic::config, Topic::databases,      Topic::help,
                                    Topic::hosts,   Topic::lists,  Topic::pins,           Topic::pools,
                                    Topic::servers, Topic::stats,  Topic::stats_averages, Topic::stats_totals,
                                    Topic::users,   Topic::version};

Database database(const std::string& name, const std::string& target, const std::string& on_server) {
  Database made;
  made.name = name;
  made.target = target;
  made.database = on_server;
  made.host = "db1,db2";
  made.port = 5432;
  made.user = "dbgate";
  made.pool_mode = "transaction";
  made.max = 4;
  return made;
}

Client client(const std::string& id, const std::string& on_server, const std::string& state, std::int32_t pid = 0) {
  Client made;
  made.summary.id = id;
  made.summary.user = "ana";
  made.summary.target = "shop";
  made.summary.database = on_server;
  made.summary.state = state;
  made.server_pid = pid;
  return made;
}

upstream::LinkView link(const std::string& on_server, std::int32_t pid, bool active) {
  upstream::LinkView made;
  made.target = "shop";
  made.database = on_server;
  made.user = "dbgate";
  made.host = "db1";
  made.port = 5432;
  made.pid = pid;
  made.active = active;
  return made;
}

// A busy shop: of "shop" one works, one waits in line, one is held, one sleeps; of "shop/old" one has a temporary
// table.
Overview overview() {
  Overview made;
  made.version = "1.2.3";
  made.databases = {database("shop", "shop", "shop"), database("shop/old", "shop", "old")};
  made.clients = {client("ses_1", "shop", "active", 11), client("ses_2", "shop", "waiting"),
                  client("ses_3", "shop", "waiting"), client("ses_4", "shop", "idle"),
                  client("ses_5", "old", "idle", 12)};
  made.clients[2].held = true;
  made.clients[4].summary.bound_by = "temporary object";
  made.pools.links = {link("shop", 11, true), link("old", 12, false), link("shop", 13, false)};
  made.now = std::chrono::steady_clock::now();
  made.pools.askers = {{"shop", "shop", "dbgate", false, made.now - milliseconds(1'250)},
                       {"shop", "shop", "dbgate", true, made.now - milliseconds(20)}};
  made.connections = 7;
  made.users = {"ana", "bob"};
  made.totals["shop"].queries = 3;
  made.averages["shop"].queries = 1;
  return made;
}

std::string text(const Cell& cell) {
  if (const auto* const number = std::get_if<std::uint64_t>(&cell)) return std::to_string(*number);
  const auto* const words = std::get_if<std::string>(&cell);
  return words == nullptr ? "NULL" : *words;
}

// The cell of that column in the row whose first cell is `first`.
std::string cell(const Table& table, const std::string& first, const std::string& column) {
  for (const Row& row : table.rows) {
    for (std::size_t i = 0; i < table.columns.size(); ++i)
      if (text(row[0]) == first && table.columns[i].name == column) return text(row[i]);
  }
  return "nothing";
}

TEST(Tables, EveryRowHasACellForEachColumn) {
  for (const Topic topic : every_topic) {
    const Table table = table_of(topic, overview());
    EXPECT_FALSE(table.columns.empty());
    for (const Row& row : table.rows)
      EXPECT_EQ(row.size(), table.columns.size()) << word_of(topic);
  }
}

TEST(Tables, NothingIsThereAtFirst) {
  for (const Topic topic : every_topic) {
    const Table table = table_of(topic, Overview());
    if (needs_overview(topic) && topic != Topic::lists) EXPECT_TRUE(table.rows.empty()) << word_of(topic);
  }
}

TEST(Tables, NumbersThatExportersReadAreNeverNull) {
  for (const Topic topic : {Topic::pools, Topic::databases, Topic::lists, Topic::stats, Topic::stats_totals}) {
    const Table table = table_of(topic, overview());
    for (const Row& row : table.rows) {
      for (std::size_t i = 0; i < row.size(); ++i)
        EXPECT_NE(text(row[i]), "NULL") << word_of(topic) << "." << table.columns[i].name;
    }
  }
}

TEST(Tables, PoolsAreByDatabaseAndLogin) {
  const Table table = table_of(Topic::pools, overview());
  ASSERT_EQ(table.rows.size(), 2u);
  const auto expect = [&](const std::string& database, const std::string& column, const std::string& value) {
    EXPECT_EQ(cell(table, database, column), value) << database << "." << column;
  };
  expect("shop", "user", "dbgate");
  expect("shop", "cl_active", "3");   // one of the four says that it waits, and two ask
  expect("shop", "cl_waiting", "2");  // the other is not in yet
  expect("shop", "sv_active", "1");
  expect("shop", "sv_idle", "1");
  expect("shop", "sv_login", "1");
  expect("shop", "maxwait", "1");
  expect("shop", "maxwait_us", "250000");
  expect("shop", "pool_mode", "transaction");
  expect("shop", "cl_held", "1");
  expect("shop", "cl_pinned", "0");
  expect("shop/old", "cl_active", "1");
  expect("shop/old", "sv_idle", "1");
  expect("shop/old", "cl_pinned", "1");
}

TEST(Tables, ConnectionsOfFormerTargetsAreShown) {
  Overview now = overview();
  now.databases.clear();
  const Table table = table_of(Topic::pools, now);
  ASSERT_EQ(table.rows.size(), 1u);
  EXPECT_EQ(cell(table, "shop", "sv_idle"), "2");
  EXPECT_EQ(cell(table, "shop", "pool_mode"), "");
}

TEST(Tables, ClientsAndServersNameEachOther) {
  const Table clients = table_of(Topic::clients, overview());
  const Table servers = table_of(Topic::servers, overview());
  ASSERT_EQ(clients.rows.size(), 5u);
  ASSERT_EQ(servers.rows.size(), 3u);
  EXPECT_EQ(text(clients.rows[0][13]), "ses_1");
  EXPECT_EQ(text(clients.rows[0][14]), "db1:5432/11");
  EXPECT_EQ(text(clients.rows[1][14]), "");
  EXPECT_EQ(text(servers.rows[0][13]), "db1:5432/11");
  EXPECT_EQ(text(servers.rows[0][14]), "ses_1");
  EXPECT_EQ(text(servers.rows[2][14]), "");
  EXPECT_EQ(text(clients.rows[1][3]), "waiting");
  EXPECT_EQ(text(clients.rows[2][3]), "active");
  EXPECT_EQ(text(clients.rows[2][18]), "held");
  EXPECT_EQ(text(clients.rows[4][2]), "shop/old");
}

TEST(Tables, PinsAreOfThoseWhoAreBound) {
  const Table table = table_of(Topic::pins, overview());
  ASSERT_EQ(table.rows.size(), 1u);
  EXPECT_EQ(cell(table, "ana", "bound_by"), "temporary object");
  EXPECT_EQ(cell(table, "ana", "ptr"), "ses_5");
  EXPECT_EQ(cell(table, "ana", "link"), "db1:5432/12");
}

TEST(Tables, Lists) {
  const Table table = table_of(Topic::lists, overview());
  for (const auto& [list, items] :
       {std::pair("databases", "2"), std::pair("users", "2"), std::pair("pools", "2"), std::pair("used_clients", "5"),
        std::pair("login_clients", "2"), std::pair("used_servers", "1"), std::pair("free_servers", "2")})
    EXPECT_EQ(cell(table, list, "items"), items) << list;
}

TEST(Tables, StatsHaveTotalsAveragesAndTheOldName) {
  EXPECT_EQ(cell(table_of(Topic::stats, overview()), "shop", "total_query_count"), "3");
  EXPECT_EQ(cell(table_of(Topic::stats, overview()), "shop", "total_requests"), "3");
  EXPECT_EQ(cell(table_of(Topic::stats, overview()), "shop", "avg_query_count"), "1");
  EXPECT_EQ(cell(table_of(Topic::stats_totals, overview()), "shop", "query_count"), "3");
  EXPECT_EQ(cell(table_of(Topic::stats_averages, overview()), "shop", "query_count"), "1");
}

TEST(Tables, Version) {
  EXPECT_EQ(text(table_of(Topic::version, overview()).rows[0][0]), "dbgate 1.2.3");
}

}  // namespace
}  // namespace dbgate::show
