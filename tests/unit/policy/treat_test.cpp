#include "gateway/policy/treat.h"

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
