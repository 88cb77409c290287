#include "gateway/policy/moved_names.h"

#include <optional>

#include "gateway/catalog/builder.h"
#include "gateway/policy/treat.h"
#include "tests/unit/policy/policies.h"

namespace dbgate::policy {
namespace {

using catalog::Oid;

/// Schemas app and public, searched in this order, and objects of the same names in both.
class Shadows {
 public:
  Shadows() {
    builder_.add(catalog::Schema{11, "pg_catalog"});
    builder_.add(catalog::Schema{app, "app"});
    builder_.add(catalog::Schema{public_, "public"});
    for (const auto& [oid, name] : {std::pair<Oid, const char*>{23, "int4"}, {25, "text"}}) {
      catalog::Type type;
      type.oid = oid;
      type.schema = 11;
      type.name = name;
      builder_.add(type);
    }
    table(app, "notes");
    table(public_, "notes");
    table(app, "own");
    for (const Oid schema : {app, public_}) {
      catalog::Function function;
      function.oid = ++last_;
      function.schema = schema;
      function.name = "f";
      const Oid arguments[] = {23};
      function.arguments = arguments;
      function.language = "sql";
      function.volatility = 'v';
      builder_.add(function);
    }
    snapshot_ = builder_.build(1, 150000);
    resolver_.emplace(*snapshot_, path_, "dbgate");
    closure_.emplace(snapshot_);
  }

  /// What becomes of the last statement of a text, the others of which have run in its transaction.
  Verdict last(const Grants& grants, std::string_view sql) const {
    Verdict verdict;
    const auto script = read(sql);
    MovedNames moved;
    for (const sql::Statement& statement : script.statements) {
      verdict = decide(grants, statement, around(moved));
      moved.follow(statement);
    }
    return verdict;
  }
  Treatments treated(const Grants& grants, std::string_view sql) const {
    Treatments treatments;
    const auto script = read(sql);
    MovedNames moved;
    for (const sql::Statement& statement : script.statements) {
      treatments = treat(grants, statement, around(moved));
      moved.follow(statement);
    }
    return treatments;
  }

  static constexpr Oid app = 3000, public_ = 2200;

 private:
  void table(Oid schema, const char* name) {
    catalog::Relation relation;
    relation.oid = ++last_;
    relation.schema = schema;
    relation.name = name;
    builder_.add(relation);
    std::int16_t number = 0;
    for (const auto& [column, type] : {std::pair<const char*, Oid>{"id", 23}, {"email", 25}}) {
      catalog::Column row;
      row.name = column;
      row.type = type;
      row.number = ++number;
      builder_.add_column(relation.oid, row);
    }
  }
  sql::Script read(std::string_view sql) const {
    sql::AnalyzeResult result = sql::analyze(sql, sql::ScanLimits{}, &*resolver_);
    EXPECT_TRUE(result.script) << sql;
    return result.script ? std::move(*result.script) : sql::Script{};
  }
  NameContext around(const MovedNames& moved) const {
    return {path_, "shop", &*resolver_, &*closure_, "dbgate", moved.any() ? &moved : nullptr};
  }

  const std::vector<std::string> path_ = {"app", "public"};
  catalog::SnapshotBuilder builder_;
  std::shared_ptr<const catalog::Snapshot> snapshot_;
  std::optional<catalog::Resolver> resolver_;
  std::optional<catalog::Closure> closure_;
  Oid last_ = 10'000;
};

std::shared_ptr<const Grants> migrator() {
  return grants_of({"{ pack: migrator, schemas: [app] }", "{ functions: [\"app.*\"] }"});
}

TEST(MovedNames, WhatWasTakenAwayUncoversNothing) {
  const Shadows shadows;
  const auto grants = migrator();
  for (const char* use : {"SELECT * FROM notes", "UPDATE notes SET email = 'x' WHERE id = 1", "SELECT f(1)"}) {
    const Verdict alone = shadows.last(*grants, use);
    EXPECT_FALSE(alone.allowed()) << use << ": somebody else may take it away before its turn comes";
    if (std::string_view(use) != "SELECT f(1)") EXPECT_EQ(alone.hint, several_names_hint) << use;
    for (const char* ddl : {"DROP TABLE app.notes", "DROP TABLE app.own", "ALTER TABLE app.notes RENAME TO other",
                            "DROP TABLE app.notes; COMMENT ON TABLE app.own IS ''"}) {
      const std::string text = std::string(ddl) + "; " + use;
      const Verdict verdict = shadows.last(*grants, text);
      EXPECT_FALSE(verdict.allowed()) << text;
      if (std::string_view(use) != "SELECT f(1)") EXPECT_EQ(verdict.hint, moved_names_hint) << text;
    }
  }
}

TEST(MovedNames, ANameInOneSchemaAloneIsThatOne) {
  const Shadows shadows;
  const auto grants = migrator();
  for (const char* text :
       {"SELECT * FROM own", "SELECT * FROM app.notes", "UPDATE app.notes SET email = 'x' WHERE id = 1",
        "SELECT app.f(1)", "SELECT o.id FROM own o JOIN app.notes USING (id)"})
    EXPECT_TRUE(shadows.last(*grants, text).allowed()) << text << ": " << shadows.last(*grants, text).message;
  // What is made comes to the first schema.
  EXPECT_TRUE(shadows.last(*grants, "CREATE TABLE IF NOT EXISTS notes (id int)").allowed());
  const auto both = grants_of({"{ select: [\"app.*\", \"public.*\"] }"});
  EXPECT_TRUE(shadows.last(*both, "SELECT * FROM notes").allowed());
  const auto columns = grants_of({"{ select: [\"app.*\", \"public.notes(id)\"] }"});
  EXPECT_FALSE(shadows.last(*columns, "SELECT id FROM notes").allowed())
      << "whose columns these are may change as well";
}

TEST(MovedNames, MigrationsGoOn) {
  const Shadows shadows;
  const auto grants = migrator();
  for (const char* text :
       {"ALTER TABLE own ADD COLUMN note text; UPDATE own SET note = '' WHERE id > 0",
        "CREATE TABLE app.made (id int); INSERT INTO app.made VALUES (1); SELECT * FROM app.made",
        "DROP TABLE app.notes; SELECT * FROM app.notes", "ALTER TABLE app.own ADD COLUMN x int; SELECT id FROM own",
        "CREATE INDEX ON app.own (id); DROP TABLE own"}) {
    EXPECT_TRUE(shadows.last(*grants, text).allowed()) << text << ": " << shadows.last(*grants, text).message;
  }
  const auto everywhere = grants_of({"{ ddl: [\"*\"], select: [\"*\"], functions: [safe, \"app.*\", \"public.*\"] }"});
  for (const char* text : {"DROP TABLE app.notes; SELECT * FROM notes", "DROP FUNCTION app.f(int); SELECT f(1)",
                           "CREATE TABLE made (id int); SELECT * FROM made"}) {
    EXPECT_TRUE(shadows.last(*everywhere, text).allowed()) << text;
  }
  EXPECT_TRUE(shadows.last(*grants_of({"{ everything: true }"}), "DROP TABLE app.notes; TABLE notes").allowed());
}

TEST(MovedNames, WhatWasBroughtMayStandInFront) {
  const Shadows shadows;
  const auto grants =
      grants_of({"{ ddl: [\"app.*\"] }", "{ select: [public.notes] }", "{ functions: [safe, \"public.*\"] }"});
  EXPECT_FALSE(shadows.last(*grants, "TABLE notes").allowed());
  EXPECT_TRUE(shadows.last(*grants, "DROP TABLE app.notes; TABLE public.notes").allowed());
  EXPECT_FALSE(
      shadows.last(*grants, "DROP TABLE app.notes; ALTER TABLE app.own RENAME TO notes; TABLE notes").allowed());
}

TEST(MovedNames, DeniedTablesStayDenied) {
  const Shadows shadows;
  const auto grants = grants_of({"{ everything: true }"}, {"{ select: [public.notes] }"});
  EXPECT_FALSE(shadows.last(*grants, "DROP TABLE app.notes; TABLE notes").allowed());
  EXPECT_TRUE(shadows.last(*grants, "DROP TABLE app.own; TABLE app.notes").allowed());
}

TEST(MovedNames, WhatIsMaskedIsNotUncovered) {
  const config::Loaded loaded = config::load_text(
      "version: 1\nusers: [ { name: u, scram_verifier: 'SCRAM-SHA-256$x' } ]\n"
      "targets: { shop: { upstream: { hosts: [db], database: shop, user: dbgate } } }\n"
      "policies:\n  - name: p\n    who: { users: [u] }\n    on: [shop]\n    allow: [ { everything: true } ]\n"
      "    mask: { public.notes.email: redact }\n",
      "test.yaml", "/");
  ASSERT_TRUE(loaded.config);
  const auto grants = PolicySet(*loaded.config).grants("u", "shop");
  const Shadows shadows;
  EXPECT_EQ(shadows.treated(*grants, "SELECT email FROM app.notes").denied, "");
  for (const char* text : {"SELECT id FROM notes", "SELECT email FROM notes", "SELECT n FROM notes n"})
    EXPECT_EQ(shadows.treated(*grants, text).hint, several_names_hint) << text;
  for (const char* text :
       {"DROP TABLE app.notes; SELECT email FROM notes", "DROP TABLE app.notes; SELECT id FROM notes",
        "ALTER TABLE app.notes RENAME TO x; UPDATE notes SET id = 1 RETURNING email",
        "DROP TABLE app.own; ALTER TABLE notes RENAME TO x"}) {
    EXPECT_NE(shadows.treated(*grants, text).denied, "") << text;
  }
  const Treatments named = shadows.treated(*grants, "DROP TABLE app.notes; SELECT email FROM public.notes");
  EXPECT_EQ(named.denied, "");
  EXPECT_EQ(named.list.size(), 1U);
  EXPECT_EQ(shadows.treated(*grants, "DROP TABLE app.notes; SELECT id FROM own").denied, "");
}

TEST(MovedNames, WhatIsReplacedSaysItsSchema) {
  const config::Loaded loaded = config::load_text(
      "version: 1\nusers: [ { name: u, scram_verifier: 'SCRAM-SHA-256$x' } ]\n"
      "targets: { shop: { upstream: { hosts: [db], database: shop, user: dbgate } } }\n"
      "policies:\n  - name: p\n    who: { users: [u] }\n    on: [shop]\n    allow: [ { everything: true } ]\n"
      "    mask: { '*.notes.email': redact }\n",
      "test.yaml", "/");
  ASSERT_TRUE(loaded.config);
  const auto grants = PolicySet(*loaded.config).grants("u", "shop");
  const Shadows shadows;
  const Treatments both = shadows.treated(*grants, "SELECT email FROM notes");
  EXPECT_EQ(both.denied, "");
  EXPECT_EQ(both.list.size(), 1u);
}

TEST(MovedNames, TablesDoNotReferToWhatIsHidden) {
  const config::Loaded loaded = config::load_text(
      "version: 1\nusers: [ { name: u, scram_verifier: 'SCRAM-SHA-256$x' } ]\n"
      "targets: { shop: { upstream: { hosts: [db], database: shop, user: dbgate } } }\n"
      "policies:\n  - name: p\n    who: { users: [u] }\n    on: [shop]\n    allow: [ { everything: true } ]\n"
      "    mask: { public.notes.email: redact }\n    filter: { app.own: \"id > 0\" }\n",
      "test.yaml", "/");
  ASSERT_TRUE(loaded.config);
  const auto grants = PolicySet(*loaded.config).grants("u", "shop");
  const Shadows shadows;
  for (const char* text :
       {"CREATE TABLE k (e text REFERENCES public.notes(email) ON UPDATE CASCADE)",
        "CREATE TABLE k (e text, FOREIGN KEY (e) REFERENCES public.notes(email))",
        "CREATE TABLE k (id int REFERENCES own(id))", "CREATE TABLE k (LIKE public.notes INCLUDING ALL)",
        "CREATE TABLE k () INHERITS (public.notes)", "CREATE TABLE k PARTITION OF public.notes DEFAULT",
        "CREATE SCHEMA s CREATE TABLE k (id int REFERENCES own(id))"}) {
    EXPECT_NE(shadows.treated(*grants, text).denied, "") << text;
  }
  for (const char* text : {"CREATE TABLE k (e text REFERENCES app.notes)", "CREATE TABLE IF NOT EXISTS own (id int)",
                           "CREATE TABLE public.notes (id int, up int REFERENCES public.notes)"}) {
    EXPECT_EQ(shadows.treated(*grants, text).denied, "") << text;
  }
}

TEST(MovedNames, TextsInWhichTheyMove) {
  const auto within = [](const char* text) { return moves_names_within(*sql::analyze(text, {}).script); };
  EXPECT_TRUE(within("DROP TABLE a; SELECT 1"));
  EXPECT_TRUE(within("DO 'BEGIN END'; SELECT 1"));
  EXPECT_FALSE(within("SELECT 1; DROP TABLE a"));
  EXPECT_FALSE(within("DROP TABLE a"));
  EXPECT_FALSE(within(""));
}

}  // namespace
}  // namespace dbgate::policy
