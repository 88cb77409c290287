#include "gateway/sql/resolve_names.h"

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <string>

#include "gateway/sql/analyze.h"
#include "tests/unit/sql/cpu_time.h"
#include "tests/unit/sql/facts_text.h"

namespace dbgate::sql {
namespace {

class Tables : public TableColumns {
 public:
  std::optional<std::vector<std::string_view>> columns_of(const QualifiedName& relation) const override {
    const auto found = tables_.find(relation.name);
    if (found == tables_.end()) return std::nullopt;
    return found->second;
  }

 private:
  std::map<std::string, std::vector<std::string_view>> tables_ = {
      {"people", {"id", "city", "email"}}, {"orders", {"id", "person", "total"}}, {"notes", {"person", "note"}}};
};

/// Every relation as name(columns read; those of them that are values).
std::string columns_text(const Statement& statement) {
  std::string text;
  for (const RelationUse& use : statement.relations) {
    text += (text.empty() ? "" : " ") + name_text(use.name) + "(" + columns_text(use.reads) + ";" +
            columns_text(use.values) + ")";
  }
  for (const FunctionUse& use : statement.functions) {
    if (use.form == FunctionForm::field) text += " f:" + use.name.name;
  }
  return text + (statement.lineage_unsure ? " unsure" : "") + (statement.unknown.empty() ? "" : " unknown");
}

struct Case {
  const char* sql;
  const char* columns;
};
void PrintTo(const Case& example, std::ostream* out) {
  *out << example.sql;
}

class ResolveNames : public testing::TestWithParam<Case> {};

TEST_P(ResolveNames, ToColumns) {
  const Tables tables;
  const AnalyzeResult result = analyze(GetParam().sql, ScanLimits{}, &tables);
  ASSERT_TRUE(result.script) << (result.parse_error ? result.parse_error->message : result.scan_error->message());
  EXPECT_EQ(columns_text(result.script->statements.at(0)), GetParam().columns) << GetParam().sql;
}

// Found by the oracle: columns whose values went through something that has no name, or through themselves.
INSTANTIATE_TEST_SUITE_P(
    Lineage, ResolveNames,
    testing::Values(
        Case{"SELECT 1 FROM (SELECT email, 1 + 1 FROM people) x(p, q) WHERE p > 'a'", "people(email;email)"},
        Case{"SELECT q FROM (SELECT email, 1 + 1 FROM people) x(p, q)", "people(email;)"},
        Case{"WITH w(p) AS (SELECT email FROM people UNION ALL SELECT city || 'x' FROM people) SELECT 1 FROM w "
             "WHERE p > 'a'",
             "people(email;email) people(city;city)"},
        Case{"WITH RECURSIVE w(p) AS (SELECT id FROM people UNION ALL SELECT w.p + 1 FROM w) SELECT 1 FROM w",
             "people(id;id)"},
        Case{"WITH RECURSIVE w(p, q) AS (SELECT id, email FROM people UNION ALL SELECT q, p FROM w) SELECT 1 FROM w "
             "WHERE p > 1",
             "people(email,id;email,id)"},
        Case{"WITH RECURSIVE w(p, q) AS (SELECT id, 1 FROM people UNION ALL SELECT x.b, x.a FROM (SELECT p, q FROM w) "
             "x(a, b) WHERE x.a > 1) SELECT q FROM w",
             "people(id;id)"},
        Case{"WITH RECURSIVE w(p) AS (SELECT id FROM people UNION ALL SELECT p FROM w) SELECT p FROM w", "people(id;)"},
        Case{"SELECT 1 FROM (SELECT *, email FROM nobody, people) x(p, q) WHERE p > 'a'",
             "nobody(*;) people(*,email;) unsure"}));

INSTANTIATE_TEST_SUITE_P(
    Lookup, ResolveNames,
    testing::Values(
        Case{"SELECT city FROM people, orders", "people(city;) orders(;)"},
        Case{"SELECT total FROM people JOIN orders ON people.id = person", "people(id;id) orders(person,total;person)"},
        Case{"SELECT (SELECT max(id) FROM orders) FROM people", "people(;) orders(id;id)"},
        Case{"SELECT (SELECT city) FROM people", "people(city;city)"},
        Case{"SELECT (SELECT max(total) FROM orders WHERE person = people.id) FROM people",
             "people(id;id) orders(person,total;person,total)"},
        Case{"SELECT (SELECT note FROM notes WHERE email = note) FROM people", "people(email;email) notes(note;note)"},
        Case{"SELECT (SELECT x FROM (SELECT 1 AS x) s) FROM people", "people(;)"},
        Case{"SELECT (SELECT email FROM (SELECT 1 AS email) s) FROM people", "people(;)"},
        Case{"SELECT email FROM (SELECT 1 AS email) s, people", "people(email;)"},
        Case{"SELECT p FROM people p", "people(*;*)"}, Case{"SELECT count(p) FROM people p", "people(*;*)"},
        Case{"SELECT people FROM people AS people(people)", "people(id;)"},
        Case{"SELECT p.* FROM people p, orders", "people(*;) orders(;)"},
        Case{"SELECT count(*) FROM people", "people(;)"}, Case{"SELECT gone FROM people", "people(gone;)"},
        Case{"SELECT p.gone FROM people p", "people(*,gone;*) f:gone"},
        Case{"SELECT ctid, tableoid FROM people", "people(ctid,tableoid;)"},
        Case{"SELECT b FROM people AS x(a, b)", "people(city;)"},
        Case{"SELECT x.email, x.a FROM people AS x(a)", "people(email,id;)"},
        Case{"SELECT unknown_one.x, city FROM people, unknown_one", "people(city;) unknown_one(x;)"},
        Case{"SELECT (p).city, (p).lower FROM people p", "people(*;*) f:city f:lower"},
        Case{"SELECT total FROM people CROSS JOIN LATERAL (SELECT total FROM orders WHERE person = people.id) o",
             "people(id;id) orders(person,total;person)"},
        Case{"SELECT 1 FROM people p, generate_series(1, id) g", "people(id;id)"},
        Case{"SELECT city FROM people WHERE EXISTS (SELECT 1 FROM orders WHERE person = people.id AND total > 1)",
             "people(city,id;id) orders(person,total;person,total)"},
        Case{"SELECT id FROM people WHERE id IN (SELECT person FROM orders)", "people(id;id) orders(person;person)"}));

INSTANTIATE_TEST_SUITE_P(
    Joins, ResolveNames,
    testing::Values(
        Case{"SELECT city FROM people JOIN orders USING (id)", "people(city,id;id) orders(id;id)"},
        Case{"SELECT id FROM people JOIN orders USING (id)", "people(id;id) orders(id;id)"},
        Case{"SELECT note FROM orders NATURAL JOIN notes", "orders(person;person) notes(note,person;person)"},
        Case{"SELECT j.email FROM (people JOIN orders USING (id)) AS j", "people(email,id;id) orders(id;id)"},
        Case{"SELECT j.c FROM (people JOIN orders USING (id)) AS j(a, b, c)", "people(email,id;id) orders(id;id)"},
        Case{"SELECT j.* FROM (people JOIN orders USING (id)) AS j", "people(*,id;id) orders(*,id;id)"},
        Case{"SELECT (SELECT people.email FROM (people JOIN orders ON true) AS j) FROM people",
             "people(email;email) people(;) orders(;)"},
        Case{"SELECT u.id FROM people JOIN orders USING (id) AS u", "people(id;id) orders(id;id)"},
        Case{"SELECT note FROM people p JOIN (orders o JOIN notes n ON o.person = n.person) ON p.id = o.person",
             "people(id;id) orders(person;person) notes(note,person;person)"},
        Case{"SELECT a.note FROM unknown_one JOIN notes a USING (person)",
             "unknown_one(person;person) notes(note,person;person)"}));

// What is merely put out, through however many queries, and what is looked at.
INSTANTIATE_TEST_SUITE_P(
    Values, ResolveNames,
    testing::Values(
        Case{"SELECT email FROM people", "people(email;)"}, Case{"SELECT email AS x FROM people", "people(email;)"},
        Case{"SELECT lower(email) FROM people", "people(email;email)"},
        Case{"SELECT email::text FROM people", "people(email;email)"},
        Case{"SELECT DISTINCT email FROM people", "people(email;email)"},
        Case{"SELECT DISTINCT ON (email) id FROM people", "people(email,id;email)"},
        Case{"SELECT id FROM people ORDER BY email", "people(email,id;email)"},
        Case{"SELECT email AS x FROM people ORDER BY x", "people(email;email)"},
        Case{"SELECT id, email FROM people ORDER BY 2", "people(email,id;email)"},
        Case{"SELECT id, email FROM people ORDER BY 1", "people(email,id;id)"},
        Case{"SELECT * FROM people ORDER BY 3", "people(*,email;email)"},
        Case{"SELECT email AS e, count(*) FROM people GROUP BY e", "people(email;email)"},
        Case{"SELECT email FROM people GROUP BY 1", "people(email;email)"},
        Case{"SELECT city AS email, count(*) FROM people GROUP BY email", "people(city,email;email)"},
        Case{"SELECT e FROM (SELECT email AS e FROM people) s", "people(email;)"},
        Case{"SELECT e FROM (SELECT email AS e FROM people) s WHERE e LIKE 'a%'", "people(email;email)"},
        Case{"WITH w AS (SELECT email e FROM people), x AS (SELECT * FROM w) SELECT upper(x.e) FROM x",
             "people(email;email)"},
        Case{"WITH w(f) AS (SELECT email FROM people) SELECT f FROM w ORDER BY f", "people(email;email)"},
        Case{"WITH w AS (SELECT * FROM people) SELECT id FROM w ORDER BY email", "people(*,email,id;email)"},
        Case{"SELECT email FROM people UNION ALL SELECT note FROM notes", "people(email;) notes(note;)"},
        Case{"SELECT email FROM people UNION SELECT note FROM notes", "people(email;email) notes(note;note)"},
        Case{"SELECT e FROM (SELECT note AS e FROM notes UNION ALL SELECT email FROM people) s WHERE e = ''",
             "notes(note;note) people(email;email)"},
        Case{"SELECT id FROM people WHERE 'x' IN (SELECT email FROM people)", "people(id;) people(email;email)"},
        Case{"SELECT id FROM people WHERE EXISTS (SELECT email FROM people)", "people(id;) people(email;)"},
        Case{"SELECT (SELECT email FROM people LIMIT 1)", "people(email;email)"},
        Case{"SELECT array(SELECT email FROM people)", "people(email;email)"},
        Case{"INSERT INTO notes (note) SELECT email FROM people", "notes(;) people(email;email)"},
        Case{"UPDATE people SET city = email WHERE id = 1 RETURNING email", "people(email,id;email,id)"},
        Case{"DELETE FROM people RETURNING email, id", "people(email,id;)"},
        Case{"COPY (SELECT email FROM people) TO STDOUT", "people(email;)"},
        Case{"DECLARE c CURSOR FOR SELECT email FROM people", "people(email;)"},
        Case{"SELECT s FROM (SELECT email FROM people) s", "people(email;email)"},
        Case{"SELECT row_to_json(s) FROM (SELECT id, email FROM people) s", "people(email,id;email,id)"},
        Case{"WITH RECURSIVE r AS (SELECT id, email FROM people UNION ALL SELECT r.id, r.email FROM r) SELECT * FROM r",
             "people(email,id;)"},
        Case{"SELECT string_agg(email, ',') OVER (ORDER BY id) FROM people", "people(email,id;email,id)"},
        Case{"SELECT CASE WHEN true THEN email END FROM people", "people(email;email)"},
        Case{"VALUES ((SELECT email FROM people))", "people(email;email)"},
        Case{"SELECT s.q FROM (SELECT unknown_one.* FROM unknown_one) s WHERE s.q = 1", "unknown_one(*;) unsure"}));

// Whatever is written, the work is bounded; what cannot be followed is unknown, which only those who may do everything
// may send.
TEST(ResolveNames, WithstandsHostileTexts) {
  const Tables tables;
  const auto repeated = [](std::string_view piece, int times) {
    std::string text;
    for (int i = 0; i < times; ++i)
      text += piece;
    return text;
  };
  const auto numbered = [](std::string_view before, std::string_view after, int times) {
    std::string text;
    for (int i = 0; i < times; ++i)
      text += (i > 0 ? ", " : "") + std::string(before) + std::to_string(i) + std::string(after);
    return text;
  };
  std::string fields = "SELECT (a)";
  for (int i = 0; i < 90'000; ++i)
    fields += ".f" + std::to_string(i);
  std::string chain = "WITH a0 AS (SELECT * FROM people)", doubling = chain, columns, joins = "SELECT 1 FROM people";
  for (int i = 1; i < 5'000; ++i) {
    chain += ", a" + std::to_string(i) + " AS (SELECT * FROM a" + std::to_string(i - 1) + ")";
    if (i < 60) doubling += ", a" + std::to_string(i) + " AS (SELECT *, * FROM a" + std::to_string(i - 1) + ")";
    columns += (i == 1 ? "c" : ",c") + std::to_string(i);
    joins += " JOIN unknown_" + std::to_string(i) + " USING (x" + std::to_string(i) + ")";
  }
  for (const std::string& text :
       {chain + " SELECT * FROM a4999", doubling + " SELECT * FROM a59",
        "SELECT " + columns + " FROM people" + repeated(", people", 5'000), joins,
        "SELECT * FROM people" + repeated(" NATURAL JOIN people", 10'000),
        "SELECT 1 " + repeated("UNION ALL SELECT id FROM people ", 9'000) + "ORDER BY 1", fields,
        "SELECT " + numbered("(a).f", "", 30'000), "SELECT " + numbered("1 OPERATOR(s", ".+) 1", 15'000),
        "SELECT 1 FROM people GROUP BY " + numbered("c", "", 90'000),
        "INSERT INTO people (" + numbered("c", "", 90'000) + ") SELECT",
        "SELECT " + numbered("id AS c", "", 24'000) + " FROM people ORDER BY " + numbered("c", "", 40'000),
        "WITH " + numbered("c", " AS (SELECT 1)", 9'000) + " SELECT 1 FROM " + numbered("c", "", 9'000),
        "SELECT " + repeated("(SELECT email FROM people WHERE id = ", 900) + "1" + repeated(")", 900)}) {
    for (const TableColumns* known :
         {static_cast<const TableColumns*>(&tables), static_cast<const TableColumns*>(nullptr)}) {
      const auto start = cpu_time();
      const AnalyzeResult result = analyze(text, ScanLimits{}, known);
      EXPECT_TRUE(result.script || result.scan_error) << text.substr(0, 60);
      EXPECT_LT(cpu_time() - start, std::chrono::seconds(2)) << text.substr(0, 60);
    }
  }
}

}  // namespace
}  // namespace dbgate::sql
