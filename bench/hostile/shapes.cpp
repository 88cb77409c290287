#include "bench/hostile/shapes.h"

#include <algorithm>

#include "gateway/sql/prescan.h"

namespace dbgate::bench {
namespace {

constexpr const char* table = "pgbench_accounts";

/// `count` pieces; in each, every `#` is its number.
std::string repeat(std::size_t count, const std::string& piece, const std::string& between = {}) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) text += between;
    for (const char c : piece) {
      if (c == '#') {
        text += std::to_string(i);
      } else {
        text += c;
      }
    }
  }
  return text;
}

std::string nested(std::size_t depth, const std::string& before, const std::string& inside, const std::string& after) {
  return repeat(depth, before) + inside + repeat(depth, after);
}

/// What one sub-select with * over the one before gives, many levels deep.
std::string stars(std::size_t depth) {
  return "SELECT * FROM " + nested(depth, "(SELECT * FROM ", table, ") q");
}

std::string chained_ctes(std::size_t count, const std::string& select) {
  std::string text = std::string("WITH c0 AS (SELECT * FROM ") + table + ")";
  for (std::size_t i = 1; i < count; ++i)
    text += ", c" + std::to_string(i) + " AS (" + select + "c" + std::to_string(i - 1) + ")";
  return text + " SELECT * FROM c" + std::to_string(count - 1);
}

}  // namespace

std::vector<HostileShape> hostile_shapes(std::size_t scale) {
  const sql::ScanLimits limits;
  const auto tokens = [=](std::size_t each) { return std::max<std::size_t>(1, limits.max_tokens / scale / each - 8); };
  const auto bytes = [=](std::size_t each) { return std::max<std::size_t>(1, limits.max_bytes / scale / each - 8); };
  // As many as there may be of something that is so many tokens and parts.
  const auto parts = [=](std::size_t each, std::size_t parts_each) {
    return std::min(tokens(each), std::max<std::size_t>(1, limits.max_parts / scale / parts_each - 8));
  };
  const std::size_t deep = std::max<std::size_t>(1, (limits.max_nesting - 2) / scale);
  const std::string from = std::string("SELECT abalance FROM ") + table;
  const std::string where = from + " WHERE ";
  const std::string t = table;
  return {
      // Depth
      {"parentheses", [=] { return "SELECT " + nested(deep, "(", "1", ")"); }},
      {"function calls in each other", [=] { return "SELECT " + nested(deep, "lower(", "'x'", ")"); }},
      {"sub-selects in each other", [=] { return "SELECT " + nested(deep, "(SELECT ", "1", ")"); }},
      {"sub-selects with * in each other", [=] { return stars(deep); }},
      {"EXISTS in each other",
       [=] { return where + nested(deep, "EXISTS (SELECT 1 FROM " + t + " WHERE ", "aid = 1", ")"); }},
      {"correlated names, deep",
       [=] { return where + nested(deep, "EXISTS (SELECT 1 FROM region r WHERE ", "aid = bid", ")"); }},
      {"arrays in each other", [=] { return "SELECT " + nested(deep, "ARRAY[", "1", "]"); }},
      {"CASE in each other", [=] { return "SELECT " + nested(tokens(6), "CASE WHEN true THEN ", "1", " END"); }},
      {"NOT NOT NOT", [=] { return where + repeat(tokens(1), "NOT ") + "true"; }},
      {"minus minus minus", [=] { return "SELECT " + repeat(tokens(1), "- ") + "1"; }},
      // Chains
      {"AND chain", [=] { return where + repeat(tokens(4), "aid = #", " AND "); }},
      {"OR chain", [=] { return where + repeat(tokens(4), "aid = #", " OR "); }},
      {"AND and OR by turns", [=] { return where + repeat(tokens(8), "aid = # OR bid = #", " AND "); }},
      {"addition chain", [=] { return "SELECT " + repeat(tokens(2), "1", "+"); }},
      {"concatenation chain", [=] { return where + "filler = " + repeat(tokens(2), "filler", "||"); }},
      {"cast chain", [=] { return "SELECT 1" + repeat(tokens(2), "::int"); }},
      {"subscript chain", [=] { return "SELECT (a)" + repeat(tokens(3), "[1]"); }},
      {"field chain", [=] { return "SELECT (a)" + repeat(tokens(2), ".f#"); }},
      {"different operators",
       [=] { return "SELECT 1 " + repeat(tokens(2), "+ 1 ") + repeat(tokens(40), "operator(public.@) 1 "); }},
      // Lists
      {"IN list", [=] { return where + "aid IN (" + repeat(tokens(2), "#", ", ") + ")"; }},
      {"IN list of names", [=] { return where + "aid IN (" + repeat(tokens(2), "bid", ", ") + ")"; }},
      {"select list of names", [=] { return "SELECT " + repeat(tokens(2), "abalance", ", ") + " FROM " + t; }},
      {"select list of unknown names", [=] { return "SELECT " + repeat(tokens(2), "a#", ", ") + " FROM " + t; }},
      {"select list of stars", [=] { return "SELECT " + repeat(tokens(2), "*", ", ") + " FROM " + t; }},
      {"select list of aliases",
       [=] { return "SELECT " + repeat(tokens(4), "bid AS b#", ", ") + " FROM " + t + " ORDER BY b1"; }},
      {"ORDER BY many", [=] { return from + " ORDER BY " + repeat(tokens(2), "abalance", ", "); }},
      {"ORDER BY many aliases",
       [=] {
         return "SELECT " + repeat(tokens(8), "bid AS b#", ", ") + " FROM " + t + " ORDER BY " +
                repeat(tokens(4), "b#", ", ");
       }},
      {"GROUP BY many names", [=] { return from + " GROUP BY " + repeat(tokens(2), "g#", ", "); }},
      {"GROUP BY many numbers", [=] { return from + " GROUP BY " + repeat(tokens(2), "#", ", "); }},
      {"GROUPING SETS", [=] { return from + " GROUP BY GROUPING SETS (" + repeat(tokens(4), "(aid)", ", ") + ")"; }},
      {"VALUES", [=] { return "INSERT INTO " + t + " (aid) VALUES " + repeat(tokens(4), "(#)", ","); }},
      {"VALUES, one wide row", [=] { return "VALUES (" + repeat(tokens(2), "#", ",") + ")"; }},
      {"INSERT of many columns",
       [=] {
         return "INSERT INTO " + t + " (" + repeat(tokens(4), "c#", ",") + ") VALUES (" + repeat(tokens(4), "#", ",") +
                ")";
       }},
      {"SET of many columns",
       [=] { return "UPDATE " + t + " SET " + repeat(tokens(4), "c# = 1", ", ") + " WHERE aid = 1"; }},
      {"different functions", [=] { return "SELECT " + repeat(tokens(4), "f#()", ", "); }},
      {"different operators in a list", [=] { return "SELECT " + repeat(tokens(12), "1 OPERATOR(s#.+) 1", ", "); }},
      {"different fields", [=] { return "SELECT " + repeat(tokens(6), "(a).f#", ", "); }},
      {"different types", [=] { return "SELECT " + repeat(tokens(4), "1::t#", ", "); }},
      {"different collations", [=] { return "SELECT " + repeat(tokens(4), "a COLLATE c#", ", "); }},
      {"one call with many arguments",
       [=] { return "SELECT concat(" + repeat(tokens(2), "aid", ", ") + ") FROM " + t; }},
      {"many calls with a column", [=] { return "SELECT " + repeat(tokens(5), "lower(filler)", ", ") + " FROM " + t; }},
      {"parameters", [=] { return where + "aid IN (" + repeat(tokens(3), "$1", ", ") + ")"; }},
      // Sources
      {"FROM many tables", [=] { return "SELECT 1 FROM " + repeat(parts(3, 2), t + " a#", ", "); }},
      {"FROM many unknown tables", [=] { return "SELECT x FROM " + repeat(parts(2, 2), "no#", ", "); }},
      {"many tables and names",
       [=] { return "SELECT " + repeat(tokens(10), "aid", ", ") + " FROM " + repeat(tokens(6), t + " a#", ", "); }},
      {"stars over many tables",
       [=] { return "SELECT " + repeat(tokens(20), "*", ", ") + " FROM " + repeat(tokens(6), t + " a#", ", "); }},
      {"named stars over many tables",
       [=] { return "SELECT " + repeat(tokens(16), "a#.*", ", ") + " FROM " + repeat(tokens(6), t + " a#", ", "); }},
      {"join chain, ON",
       [=] { return "SELECT 1 FROM " + t + " a " + repeat(parts(12, 4), "JOIN " + t + " j# ON j#.aid = a.aid "); }},
      {"join chain, USING",
       [=] { return "SELECT aid FROM " + t + " a " + repeat(parts(7, 4), "JOIN " + t + " j# USING (aid) "); }},
      {"join chain, NATURAL",
       [=] { return "SELECT aid FROM " + t + " a " + repeat(parts(4, 3), "NATURAL JOIN " + t + " j# "); }},
      {"join chain, CROSS",
       [=] { return "SELECT * FROM " + t + " a " + repeat(parts(4, 3), "CROSS JOIN " + t + " j# "); }},
      {"join aliases in each other",
       [=] { return "SELECT * FROM " + nested(deep, "(", t + " a CROSS JOIN region", ") AS j CROSS JOIN region r"); }},
      {"column aliases", [=] { return "SELECT * FROM " + t + " a(" + repeat(tokens(2), "c#", ", ") + ")"; }},
      {"LATERAL chain",
       [=] { return "SELECT 1 FROM " + t + " a " + repeat(tokens(10), ", LATERAL (SELECT a.aid) l# "); }},
      {"functions in FROM", [=] { return "SELECT * FROM " + repeat(tokens(7), "generate_series(1, 2) g#", ", "); }},
      {"column definitions", [=] { return "SELECT * FROM f() AS x(" + repeat(tokens(3), "c# int", ", ") + ")"; }},
      // Queries in a row
      {"CTEs", [=] { return "WITH " + repeat(parts(8, 1), "c# AS (SELECT 1)", ", ") + " SELECT 1"; }},
      {"CTEs on each other", [=] { return chained_ctes(parts(9, 2), "SELECT * FROM "); }},
      {"CTEs that double",
       [=] {
         return "WITH c0 AS (SELECT * FROM " + t + ")" + repeat(40, ", d# AS (SELECT * FROM c0 a, c0 b, c0 c)") +
                " SELECT * FROM d1, d2, d3";
       }},
      {"CTEs, all of them read",
       [=] {
         return "WITH " + repeat(parts(12, 2), "c# AS (SELECT 1)", ", ") + " SELECT 1 FROM " +
                repeat(parts(12, 2), "c#", ", ");
       }},
      {"recursive CTEs",
       [=] { return "WITH RECURSIVE " + repeat(tokens(16), "c# AS (SELECT aid FROM c#)", ", ") + " SELECT 1"; }},
      {"recursive CTEs, each other",
       [=] {
         return "WITH RECURSIVE " + repeat(tokens(20), "c# AS (SELECT * FROM c0 UNION SELECT * FROM c1)", ", ") +
                " SELECT * FROM c1";
       }},
      {"UNION arms", [=] { return repeat(parts(5, 3), from, " UNION "); }},
      {"UNION ALL arms with *", [=] { return repeat(parts(6, 3), "SELECT * FROM " + t, " UNION ALL "); }},
      {"UNION arms, wide",
       [=] { return repeat(tokens(200), "SELECT " + repeat(90, "bid", ",") + " FROM " + t, " UNION "); }},
      {"sub-selects side by side",
       [=] { return "SELECT " + repeat(parts(8, 3), "(SELECT aid FROM " + t + ")", ", "); }},
      {"statements", [=] { return repeat(parts(3, 2), "SELECT 1;"); }},
      {"statements with a table", [=] { return repeat(parts(9, 4), where + "aid = 1;"); }},
      {"empty statements", [=] { return repeat(tokens(1), ";"); }},
      // Characters
      {"blanks", [=] { return "SELECT 1" + std::string(bytes(1), ' '); }},
      {"one comment", [=] { return std::string("SELECT 1 /*") + std::string(bytes(1), 'x') + "*/"; }},
      {"comments", [=] { return "SELECT 1 " + repeat(bytes(6), "/*x*/ "); }},
      {"comments without a blank", [=] { return "SELECT 1 " + repeat(bytes(4), "/**/"); }},
      {"line comments", [=] { return "SELECT 1 " + repeat(bytes(4), "--x\n"); }},
      {"stars in a comment", [=] { return std::string("SELECT 1 /*") + std::string(bytes(1), '*') + "*/"; }},
      {"operator run", [=] { return "SELECT 1 " + std::string(std::max<std::size_t>(1, 63 / scale), '@') + " 1"; }},
      {"operators side by side", [=] { return "SELECT 1 " + repeat(tokens(2), "@ 1 "); }},
      {"one literal", [=] { return "SELECT '" + std::string(bytes(1), 'x') + "'"; }},
      {"one literal of quotes", [=] { return "SELECT '" + repeat(std::min(bytes(2), tokens(1)), "''") + "'"; }},
      {"one literal of escapes", [=] { return "SELECT E'" + repeat(bytes(2), "\\n") + "'"; }},
      {"one dollar literal", [=] { return "SELECT $$" + std::string(bytes(1), '$') + "x$$"; }},
      {"dollar tags", [=] { return "SELECT $a$" + repeat(bytes(4), "$b$ ") + "$a$"; }},
      {"one identifier", [=] { return "SELECT " + std::string(bytes(1), 'x'); }},
      {"one quoted identifier", [=] { return "SELECT \"" + std::string(bytes(1), 'x') + "\""; }},
      {"long identifiers", [=] { return "SELECT " + repeat(tokens(2), std::string(30, 'x') + "#", ","); }},
      {"one number", [=] { return "SELECT " + std::string(bytes(1), '1'); }},
      {"not ASCII", [=] { return "SELECT '" + repeat(bytes(3), "\xe2\x82\xac") + "'"; }},
      {"a mistake at the end", [=] { return where + "aid IN (" + repeat(tokens(2), "#", ", "); }},
      {"DO", [=] { return "DO $$ BEGIN " + repeat(bytes(10), "PERFORM 1;") + " END $$"; }},
      {"CREATE TABLE", [=] { return "CREATE TABLE x (" + repeat(tokens(3), "c# int", ", ") + ")"; }},
      {"GRANT", [=] { return "GRANT SELECT ON " + repeat(parts(2, 1), "t#", ", ") + " TO x"; }},
      {"DROP", [=] { return "DROP TABLE " + repeat(parts(2, 1), "t#", ", "); }},
      {"SET", [=] { return "SET search_path = " + repeat(tokens(2), "s#", ", "); }},
  };
}

}  // namespace dbgate::bench
