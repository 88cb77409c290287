// Where libpg_query's own PL/pgSQL parser can read a body, ours must have found all the SQL that it found.
#include <gtest/gtest.h>
#include <pg_query.h>

#include <algorithm>
#include <string>

#include "gateway/sql/plpgsql.h"

namespace dbgate::sql {
namespace {

// Without blanks, so that what either side leaves out between words does not count.
std::string squeezed(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (std::isspace(static_cast<unsigned char>(c)) == 0) result.push_back(c);
  }
  return result;
}

std::string unescaped(std::string_view json, std::size_t& at) {
  std::string text;
  for (; json[at] != '"'; ++at) {
    if (json[at] != '\\') {
      text.push_back(json[at]);
    } else if (json[++at] == 'u') {
      text.push_back(static_cast<char>(std::stoi(std::string(json.substr(at + 1, 4)), nullptr, 16)));
      at += 4;
    } else {
      text.push_back(json[at] == 'n' ? '\n' : json[at]);
    }
  }
  return text;
}

/// The queries that libpg_query finds; none if it cannot read the body.
std::vector<std::string> their_queries(const std::string& body) {
  const std::string sql =
      "CREATE FUNCTION f(a int, b int) RETURNS SETOF trigger LANGUAGE plpgsql AS $dbgate$" + body + "$dbgate$";
  const PgQueryPlpgsqlParseResult parsed = pg_query_parse_plpgsql(sql.c_str());
  std::vector<std::string> queries;
  if (parsed.error == nullptr) {
    const std::string_view json = parsed.plpgsql_funcs;
    static constexpr std::string_view key = "\"query\":\"";
    for (std::size_t at = json.find(key); at != std::string_view::npos; at = json.find(key, at)) {
      at += key.size();
      queries.push_back(squeezed(unescaped(json, at)));
    }
  }
  pg_query_free_plpgsql_parse_result(parsed);
  return queries;
}

bool has(const std::string& ours, std::string query) {
  if (query.ends_with("::pg_catalog.refcursor")) return true;  // the name of a cursor, which nobody wrote
  if (ours.find(query) != std::string::npos) return true;
  // They keep the target of an assignment, and write SELECT for PERFORM.
  if (query.starts_with("SELECT")) return ours.find(query.substr(6)) != std::string::npos;
  const std::size_t assigned = query.find(":=");
  return assigned != std::string::npos && ours.find(query.substr(assigned + 2)) != std::string::npos;
}

class BothReaders : public testing::TestWithParam<const char*> {};

TEST_P(BothReaders, FindTheSameSql) {
  const std::vector<std::string> queries = their_queries(GetParam());
  ASSERT_FALSE(queries.empty()) << "libpg_query cannot read this: no comparison";
  const PlpgsqlBody body = split_plpgsql(GetParam());
  ASSERT_TRUE(body.readable);
  std::string ours;
  for (const Fragment& fragment : body.fragments)
    ours += squeezed(fragment.text) + "\n";
  for (const std::string& query : queries)
    EXPECT_TRUE(has(ours, query)) << query << "\nis not in\n" << ours;
}

INSTANTIATE_TEST_SUITE_P(
    Bodies, BothReaders,
    testing::Values(
        "BEGIN a := f(b) + 1; b := a; END",
        "DECLARE x int := f(); y text DEFAULT g(a); BEGIN x := (SELECT max(i) FROM t); END",
        "BEGIN IF f(a) THEN b := 1; ELSIF g(b) THEN a := 2; ELSE PERFORM h() FROM t; END IF; END",
        "BEGIN CASE WHEN f() THEN a := 1; ELSE a := g(); END CASE; END",
        "BEGIN WHILE f(a) LOOP EXIT WHEN g(); CONTINUE; END LOOP; END",
        "BEGIN FOR i IN REVERSE f()..g() BY 2 LOOP a := i; END LOOP; END",
        "DECLARE x int; BEGIN FOR x IN SELECT i FROM t LOOP a := x; END LOOP; END",
        "DECLARE x int; BEGIN FOR x IN EXECUTE 'SELECT ' || a USING b, f() LOOP NULL; END LOOP; END",
        "DECLARE x int; BEGIN FOREACH x IN ARRAY f() LOOP a := x; END LOOP; END",
        "BEGIN RETURN NEXT f(); RETURN QUERY SELECT * FROM t; RETURN QUERY EXECUTE 'x' USING f(), g(); END",
        "BEGIN RAISE NOTICE 'x %', f(a) USING HINT = g(), DETAIL = 'd'; END", "BEGIN ASSERT f(a), g(b); END",
        "BEGIN SELECT i, f(j) INTO STRICT a, b FROM t WHERE k = 1; END",
        "BEGIN INSERT INTO t SELECT 1 RETURNING i INTO a; END",
        "BEGIN WITH w AS (INSERT INTO t VALUES (1) RETURNING i) SELECT i INTO a FROM w; END",
        "BEGIN MERGE INTO t USING u ON t.i = u.i WHEN MATCHED THEN DELETE; END", "BEGIN CALL p(f(a), b); END",
        "BEGIN EXECUTE 'x' INTO a USING f(), b; END", "DECLARE c CURSOR FOR SELECT f(i) FROM t; BEGIN a := 1; END",
        "DECLARE c refcursor; BEGIN a := 1; EXCEPTION WHEN OTHERS THEN a := f(); END",
        "BEGIN BEGIN a := f(); EXCEPTION WHEN unique_violation OR not_null_violation THEN b := g(); END; END",
        "DECLARE v int[]; BEGIN v[f(a)] := g(b); END",
        "BEGIN a := 'it''s; END' || $q$ ; $q$ || E'\\'; '; /* ; */ b := f(); -- ;\nEND"));

}  // namespace
}  // namespace dbgate::sql
