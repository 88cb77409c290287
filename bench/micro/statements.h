#pragma once
#include <string>
#include <string_view>

// The statements that all figures speak of.
namespace dbgate::bench {

inline constexpr std::string_view one_table = "SELECT abalance FROM pgbench_accounts WHERE aid = 4711;";

inline constexpr std::string_view tpcb_update =
    "UPDATE pgbench_accounts SET abalance = abalance + 17 WHERE aid = 4711;";

/// TPC-H query 5 with a few more outputs: what a report of a BI tool looks like.
inline constexpr std::string_view six_tables = R"(
SELECT n.n_name, date_trunc('month', o.o_orderdate) AS month, count(*) AS lines,
       sum(l.l_extendedprice * (1 - l.l_discount)) AS revenue, avg(l.l_quantity) AS quantity
FROM customer c
JOIN orders o ON o.o_custkey = c.c_custkey
JOIN lineitem l ON l.l_orderkey = o.o_orderkey
JOIN supplier s ON s.s_suppkey = l.l_suppkey AND s.s_nationkey = c.c_nationkey
JOIN nation n ON n.n_nationkey = s.s_nationkey
JOIN region r ON r.r_regionkey = n.n_regionkey
WHERE r.r_name = 'ASIA' AND o.o_orderdate >= date '1994-01-01' AND o.o_orderdate < date '1995-01-01'
GROUP BY n.n_name, date_trunc('month', o.o_orderdate)
HAVING sum(l.l_extendedprice) > 1000
ORDER BY revenue DESC, n.n_name
LIMIT 100)";

/// 1 000 rows, 37 kB.
inline std::string thousand_rows() {
  std::string text = "INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) VALUES ";
  for (int i = 0; i < 1000; ++i) {
    text +=
        (i > 0 ? ", (" : "(") + std::to_string(i % 10) + ", 1, " + std::to_string(100000 + i) + ", -17, '2024-05-06')";
  }
  return text;
}

}  // namespace dbgate::bench
