#include "gateway/policy/treat.h"

#include "gateway/policy/grants.h"
#include "tests/unit/policy/policies.h"

namespace dbgate::policy {
namespace {

std::shared_ptr<const Grants> hiding(const std::string& rest, const std::string& attributes = "{ tenant: red }") {
  const config::Loaded loaded = config::load_text(
      "version: 1\nusers: [ { name: u, scram_verifier: 'SCRAM-SHA-256$x', attributes: " + attributes +
          " } ]\ntargets: { shop: { upstream: { hosts: [db], database: shop, user: dbgate } } }\n"
          "policies:\n  - name: p\n    who: { users: [u] }\n    on: [shop]\n    allow: [ { everything: true } ]\n" +
          rest,
      "test.yaml", "/");
  for (const config::Problem& problem : loaded.problems)
    ADD_FAILURE() << problem.line_text();
  return loaded.config ? PolicySet(*loaded.config).grants("u", "shop") : nullptr;
}

constexpr const char* usual = "    mask: { public.t.c: hash }\n    filter: { public.t: \"tenant = :user.tenant\" }\n";

// What treatments make of a relation is in tests/unit/rewrite; here is what needs no catalog.
TEST(Treat, WithoutMasksThereIsNothingToDo) {
  const auto grants = hiding("");
  EXPECT_FALSE(hides(*grants));
  const auto result = sql::analyze("SELECT c FROM t; SET role = x", {});
  for (const sql::Statement& statement : result.script->statements) {
    const Treatments treatments = treat(*grants, statement, {{"public"}, "shop"});
    EXPECT_TRUE(treatments.denied.empty());
    EXPECT_TRUE(treatments.list.empty());
  }
}

TEST(Treat, WithoutACatalogRelationsAreDenied) {
  const auto grants = hiding(usual);
  EXPECT_TRUE(hides(*grants));
  const auto denied = [&](const char* sql) {
    const auto result = sql::analyze(sql, {});
    return treat(*grants, result.script->statements.front(), {{"public"}, "shop"}).denied;
  };
  EXPECT_EQ(denied("SELECT 1"), "");
  EXPECT_NE(denied("SELECT 1 FROM other"), "");
  EXPECT_NE(denied("SELECT c FROM t"), "");
}

TEST(Treat, CountersOfRowsMetAreHiddenBesideFilters) {
  const auto denied = [](const char* rest, const char* sql) {
    const auto result = sql::analyze(sql, {});
    return !find_way_round(*hiding(rest), result.script->statements.front(), {{"public"}, "shop"}).empty();
  };
  constexpr const char* masked = "    mask: { public.t.c: hash }\n";
  for (const char* sql :
       {"SELECT idx_tup_fetch FROM pg_stat_user_tables", "SELECT * FROM pg_catalog.pg_stat_all_tables",
        "SELECT 1 FROM pg_stat_sys_tables WHERE seq_tup_read > 1", "TABLE pg_stat_xact_user_tables",
        "SELECT x FROM pg_stat_user_indexes x", "SELECT d FROM pg_stat_user_tables t(a, b, c, d)",
        "SELECT idx_blks_hit FROM pg_statio_user_indexes", "SELECT tup_returned FROM pg_stat_database",
        "SELECT last_idx_scan FROM pg_stat_user_tables"}) {
    EXPECT_TRUE(denied(usual, sql)) << sql;
    EXPECT_FALSE(denied(masked, sql)) << sql;
  }
  for (const char* sql :
       {"SELECT n_live_tup, last_analyze FROM pg_stat_user_tables",
        "SELECT idx_tup_fetch FROM public.pg_stat_user_tables", "SELECT indexrelname FROM pg_stat_user_indexes",
        "SELECT * FROM pg_stat_activity", "SELECT xact_commit FROM pg_stat_database"})
    EXPECT_FALSE(denied(usual, sql)) << sql;
}

TEST(Treat, WhatTellsTheServerWhoAsksIsDbgatesOwn) {
  const auto grants = hiding(usual);
  for (const char* sql :
       {"SET dbgate.user_tenant = 'x'", "SET LOCAL dbgate.mask_inner = ''", "RESET dbgate.user_tenant",
        "SHOW dbgate.mask_outer", "SET \"DBGATE.user_tenant\" = 'x'", "SELECT current_setting('dbgate.mask_inner')",
        "SELECT current_setting('dbgate.' || 'mask_inner')", "SELECT set_config('dbgate.user_tenant', 'x', true)",
        "SELECT set_config(lower('DBGATE.user_tenant'), 'x', true)", "SET ROLE other",
        "SET SESSION AUTHORIZATION other"}) {
    const auto result = sql::analyze(sql, {});
    ASSERT_TRUE(result.script) << sql;
    EXPECT_NE(treat(*grants, result.script->statements.front(), {{"public"}, "shop"}).denied, "") << sql;
  }
}

TEST(Treat, WhetherItWaitsIsTheClients) {
  const auto grants = hiding(usual);
  for (const char* sql : {"SET dbgate.hold = refuse", "SHOW dbgate.hold", "RESET dbgate.hold"}) {
    const auto result = sql::analyze(sql, {});
    ASSERT_TRUE(result.script) << sql;
    EXPECT_EQ(treat(*grants, result.script->statements.front(), {{"public"}, "shop"}).denied, "") << sql;
  }
}

TEST(Treat, WhoseSettingsAreLookedAtWhenTheyConnect) {
  EXPECT_FALSE(limits_settings(*hiding("")));
  EXPECT_FALSE(limits_settings(*hiding(usual)));
  EXPECT_TRUE(limits_settings(*hiding("    filter: { public.t: \"day <= current_date\" }\n")));
  EXPECT_TRUE(limits_settings(*hiding("    filter: { public.t: \"day < at\" }\n")));
  EXPECT_TRUE(limits_settings(*hiding("    deny: [ { set: [work_mem] } ]\n")));
}

TEST(Treat, WhatTheServerIsTold) {
  const ServerNeeds needs = server_needs(*hiding(usual));
  EXPECT_TRUE(needs.hash_key);
  EXPECT_EQ(needs.settings, (std::map<std::string, std::string>{{"dbgate.user_tenant", "red"}}));
  const ServerNeeds less = server_needs(*hiding(usual, "{ other: x }"));
  EXPECT_TRUE(less.settings.empty());
  EXPECT_FALSE(server_needs(*hiding("    mask: { public.t.c: redact }\n")).hash_key);
  const auto named = hiding("    filter: { public.t: \"owner = :user.name\" }\n");
  EXPECT_EQ(server_needs(*named).settings.at("dbgate.user_name"), "u");
}

}  // namespace
}  // namespace dbgate::policy
