#pragma once
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/loader.h"
#include "gateway/catalog/builder.h"
#include "gateway/catalog/closure.h"
#include "gateway/policy/engine.h"
#include "gateway/rewrite/rewrite.h"
#include "gateway/sql/analyze.h"

namespace dbgate::tests {

/// A hand-made catalog and a principal with masks and a filter on it, for tests without a server.
///
/// public.customers (id, email: redact, card varchar(20): partial, pay numeric(12,2): range and comparable, region);
/// public.orders (id, tenant, total), filtered by tenant; public.plain (id, email); public.parts with public.parts_1,
/// email: redact; public.made (id, card: redact, big, own: partial), big and own computed from card when they are read;
/// views shown (over customers), above (over shown), counted (over orders), open (over plain).
class MaskedShop {
 public:
  explicit MaskedShop(const std::string& rest = usual, const std::string& attributes = "{ tenant: red }") {
    build();
    const config::Loaded loaded = config::load_text(
        "version: 1\n"
        "users: [ { name: u, scram_verifier: 'SCRAM-SHA-256$x', attributes: " +
            attributes +
            " } ]\n"
            "targets: { shop: { upstream: { hosts: [db], database: shop, user: dbgate } } }\n"
            "policies:\n  - name: p\n    who: { users: [u] }\n    on: [shop]\n    allow: [ { everything: true } ]\n" +
            rest,
        "test.yaml", "/");
    for (const config::Problem& problem : loaded.problems)
      std::fprintf(stderr, "%s\n", problem.line_text().c_str());
    if (loaded.config) grants = policy::PolicySet(*loaded.config).grants("u", "shop");
    resolver.emplace(*snapshot, std::vector<std::string>{"public"}, "dbgate");
    names.search_path = {"public"};
    names.database = "shop";
    names.resolver = &*resolver;
    names.closure = closure.get();
    names.account = "dbgate";
  }
  MaskedShop(const MaskedShop&) = delete;
  MaskedShop& operator=(const MaskedShop&) = delete;

  sql::AnalyzeResult analyze(std::string_view text) const { return sql::analyze(text, limits, &*resolver); }
  rewrite::Outcome rewritten(std::string_view text) const {
    const sql::AnalyzeResult result = analyze(text);
    if (!result.script) return {.denied = "not a statement"};
    return rewrite::rewrite(text, *result.script, *grants, names, limits);
  }

  static constexpr const char* usual =
      "    mask:\n"
      "      public.customers.email: redact\n"
      "      public.customers.card: partial\n"
      "      public.customers.pay: { type: range, compare: masked }\n"
      "      public.parts.email: redact\n"
      "      public.made.card: redact\n"
      "      public.made.own: partial\n"
      "    filter:\n"
      "      public.orders: \"tenant = :user.tenant\"\n";

  sql::ScanLimits limits;
  std::shared_ptr<const catalog::Snapshot> snapshot;
  std::shared_ptr<const catalog::Closure> closure;
  std::optional<catalog::Resolver> resolver;
  std::shared_ptr<const policy::Grants> grants;
  policy::NameContext names;

 private:
  using Oid = catalog::Oid;
  using Kind = catalog::RelationKind;
  struct Column {
    const char* name;
    Oid type;
    std::int32_t typmod = -1;
  };
  static constexpr Oid system = 11, public_ = 2200, int4 = 23, text_type = 25, varchar = 1043, numeric = 1700;

  Oid relation(const char* name, const std::vector<Column>& columns, Kind kind = Kind::table, Oid parent = 0) {
    catalog::Relation row;
    row.oid = ++last_;
    row.schema = public_;
    row.name = name;
    row.kind = kind;
    builder_.add(row);
    std::int16_t number = 0;
    for (const Column& column : columns)
      builder_.add_column(row.oid, {column.name, column.type, column.typmod, ++number});
    if (parent != 0) builder_.add_parent(row.oid, parent);
    return row.oid;
  }
  void view(const char* name, const std::vector<Column>& columns, const char* definition) {
    builder_.add(catalog::Rule{relation(name, columns, Kind::view), "_RETURN", '1', true, true, definition});
  }
  void function(const char* name, const std::vector<Oid>& arguments, char kind = 'f') {
    catalog::Function row;
    row.oid = ++functions_;
    row.schema = system;
    row.name = name;
    row.kind = kind;
    row.arguments = arguments;
    row.language = "internal";
    row.volatility = 'i';
    builder_.add(row);
  }
  void build() {
    builder_.add(catalog::Schema{system, "pg_catalog"});
    builder_.add(catalog::Schema{public_, "public"});
    for (const auto& [oid, name] : {std::pair<Oid, const char*>{16, "bool"},
                                    {int4, "int4"},
                                    {text_type, "text"},
                                    {varchar, "varchar"},
                                    {numeric, "numeric"}}) {
      catalog::Type type;
      type.oid = oid;
      type.schema = system;
      type.name = name;
      if (oid == text_type || oid == varchar) type.category = 'S';
      builder_.add(type);
    }
    constexpr Oid any = 2276;
    function("count", {}, 'a');
    function("count", {any}, 'a');
    function("sum", {numeric}, 'a');
    function("max", {text_type}, 'a');
    for (const char* name : {"upper", "lower", "length"})
      function(name, {text_type});
    constexpr std::int32_t varchar_20 = 24;
    constexpr std::int32_t numeric_12_2 = (12 << 16) + 2 + 4;
    relation("customers", {{"id", int4},
                           {"email", text_type},
                           {"card", varchar, varchar_20},
                           {"pay", numeric, numeric_12_2},
                           {"region", text_type}});
    relation("orders", {{"id", int4}, {"tenant", text_type}, {"total", numeric}});
    relation("plain", {{"id", int4}, {"email", text_type}});
    const Oid parts = relation("parts", {{"id", int4}, {"email", text_type}}, Kind::partitioned_table);
    relation("parts_1", {{"id", int4}, {"email", text_type}}, Kind::table, parts);
    const Oid made = relation("made", {{"id", int4}, {"card", text_type}, {"big", text_type}, {"own", text_type}});
    builder_.add_virtual_part(made, {3, 2});
    builder_.add_virtual_part(made, {4, 2});
    view("big", {{"big", text_type}}, " SELECT made.big\n   FROM public.made;");
    view("shown", {{"id", int4}, {"mail", text_type}},
         " SELECT customers.id,\n    customers.email AS mail\n   FROM public.customers;");
    view("above", {{"mail", text_type}}, " SELECT shown.mail\n   FROM public.shown\n  WHERE (shown.id < 3);");
    view("counted", {{"n", 20}}, " SELECT count(*) AS n\n   FROM public.orders;");
    view("open", {{"email", text_type}}, " SELECT plain.email\n   FROM public.plain;");
    snapshot = builder_.build(1, 150000);
    closure = std::make_shared<const catalog::Closure>(snapshot);
  }

  catalog::SnapshotBuilder builder_;
  Oid functions_ = 2'000;
  Oid last_ = 20'000;  // those below 16384 are the system's
};

}  // namespace dbgate::tests
