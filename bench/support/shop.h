#pragma once
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/loader.h"
#include "gateway/catalog/builder.h"
#include "gateway/catalog/resolver.h"
#include "gateway/policy/engine.h"

namespace dbgate::bench {

/// A catalog like that of a server: the tables of pgbench and TPC-H among 2 000 others, and as many overloads of the
/// operators and functions in the statements as PostgreSQL 15 has.
class Shop {
 public:
  Shop() {
    add_built_in();
    table("pgbench_accounts", {"aid", "bid", "abalance", "filler"});
    table("pgbench_branches", {"bid", "bbalance", "filler"});
    table("pgbench_tellers", {"tid", "bid", "tbalance", "filler"});
    table("pgbench_history", {"tid", "bid", "aid", "delta", "mtime", "filler"});
    table("customer",
          {"c_custkey", "c_name", "c_address", "c_nationkey", "c_phone", "c_acctbal", "c_mktsegment", "c_comment"});
    table("orders", {"o_orderkey", "o_custkey", "o_orderstatus", "o_totalprice", "o_orderdate", "o_orderpriority",
                     "o_clerk", "o_shippriority", "o_comment"});
    table("lineitem", {"l_orderkey", "l_partkey", "l_suppkey", "l_linenumber", "l_quantity", "l_extendedprice",
                       "l_discount", "l_tax", "l_returnflag", "l_linestatus", "l_shipdate", "l_commitdate",
                       "l_receiptdate", "l_shipinstruct", "l_shipmode", "l_comment"});
    table("supplier", {"s_suppkey", "s_name", "s_address", "s_nationkey", "s_phone", "s_acctbal", "s_comment"});
    table("nation", {"n_nationkey", "n_name", "n_regionkey", "n_comment"});
    table("region", {"r_regionkey", "r_name", "r_comment"});
    table("cards", {"id", "number"});
    for (int i = 0; i < 2000; ++i)
      table("table_" + std::to_string(i), {"id", "name", "created_at", "amount", "status"});
    snapshot = builder_.build(1, 150004);
    resolver = std::make_unique<catalog::Resolver>(*snapshot, path, "app");
    closure = std::make_unique<catalog::Closure>(snapshot);
  }

  /// @param closes whether what views and functions do is looked at, as sessions do where rules deny
  policy::NameContext names(bool closes) const {
    return {path, "shop", resolver.get(), closes ? closure.get() : nullptr, "app"};
  }

  /// The grants of a user by a policy whose rules are YAML flow maps.
  static std::shared_ptr<const policy::Grants> grants(const std::string& allow, const std::string& deny = {}) {
    std::string yaml =
        "version: 1\n"
        "users: [ { name: u, scram_verifier: 'SCRAM-SHA-256$x' } ]\n"
        "targets: { shop: { upstream: { hosts: [db], database: shop, user: dbgate } } }\n"
        "policies:\n  - name: p\n    who: { users: [u] }\n    on: [shop]\n    allow: [ " +
        allow + " ]\n" + (deny.empty() ? "" : "    deny: [ " + deny + " ]\n");
    const config::Loaded loaded = config::load_text(yaml, "bench.yaml", "/");
    if (!loaded.config) {
      for (const config::Problem& problem : loaded.problems)
        std::fprintf(stderr, "%s\n", problem.line_text().c_str());
      std::abort();
    }
    return policy::PolicySet(*loaded.config).grants("u", "shop");
  }

  std::shared_ptr<const catalog::Snapshot> snapshot;
  std::unique_ptr<catalog::Resolver> resolver;
  std::unique_ptr<catalog::Closure> closure;
  std::vector<std::string> path{"public"};

 private:
  static constexpr catalog::Oid pg_catalog = 11, public_schema = 2200;

  void add_built_in() {
    builder_.add(catalog::Schema{pg_catalog, "pg_catalog"});
    builder_.add(catalog::Schema{public_schema, "public"});
    for (const char* name : {"int4", "int8", "numeric", "text", "date", "timestamp", "timestamptz", "bool", "float8"}) {
      catalog::Type type;
      type.oid = next_++;
      type.schema = pg_catalog;
      type.name = name;
      builder_.add(type);
    }
    for (const auto& [name, overloads] :
         {std::pair("=", 65), std::pair("<", 56), std::pair(">", 56), std::pair(">=", 56), std::pair("<=", 56),
          std::pair("*", 32), std::pair("-", 46), std::pair("+", 42)}) {
      for (int i = 0; i < overloads; ++i) {
        catalog::Operator made;
        made.oid = next_++;
        made.schema = pg_catalog;
        made.name = name;
        made.left = made.right = first_type + static_cast<catalog::Oid>(i) % types;
        builder_.add(made);
      }
    }
    struct Overloads {
      const char* name;
      std::size_t count;
      std::size_t arguments;
      char kind;
    };
    for (const Overloads& of :
         {Overloads{"count", 2, 1, 'a'}, Overloads{"sum", 8, 1, 'a'}, Overloads{"avg", 7, 1, 'a'},
          Overloads{"date_trunc", 4, 2, 'f'}, Overloads{"now", 1, 0, 'f'}, Overloads{"lower", 3, 1, 'f'}}) {
      for (std::size_t i = 0; i < of.count; ++i) {
        const std::vector<catalog::Oid> arguments(of.arguments, first_type + static_cast<catalog::Oid>(i) % types);
        catalog::Function made;
        made.oid = next_++;
        made.schema = pg_catalog;
        made.name = of.name;
        made.arguments = arguments;
        made.kind = of.kind;
        made.language = "internal";
        builder_.add(made);
      }
    }
  }

  void table(std::string_view name, const std::vector<std::string_view>& columns) {
    catalog::Relation relation;
    relation.oid = next_++;
    relation.schema = public_schema;
    relation.name = name;
    builder_.add(relation);
    std::int16_t number = 1;
    for (const std::string_view column : columns)
      builder_.add_column(relation.oid, catalog::Column{column, first_type, -1, number++, false});
  }

  static constexpr catalog::Oid first_type = 20, types = 9;
  catalog::SnapshotBuilder builder_;
  catalog::Oid next_ = first_type;
};

}  // namespace dbgate::bench
