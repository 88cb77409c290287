#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/catalog/builder.h"
#include "gateway/risk/assess.h"
#include "gateway/sql/analyze.h"

namespace dbgate::risk {

/// A small catalog in "public": customers (5 000 rows; email is sensitive), orders (2 million), events (20 million),
/// note (100; body is varchar(20)), each with an index on id, orders with one on customer_id and events with one on
/// kind; and functions price() (stable), charge() (volatile) and admin() (SECURITY DEFINER).
class Shop {
 public:
  Shop() {
    builder_.add(catalog::Schema{system, "pg_catalog"});
    builder_.add(catalog::Schema{public_, "public"});
    type(int4, "int4");
    type(text_type, "text");
    type(varchar, "varchar");
    table("customers", 5'000, {"id", "name", "email"});
    const catalog::Oid orders = table("orders", 2e6, {"id", "customer_id", "total"});
    builder_.add_indexed(orders, 2);
    const catalog::Oid events = table("events", 2e7, {"id", "kind", "at", "payload"});
    builder_.add_indexed(events, 2);
    table("note", 100, {"id", "body"}, varchar, 24);
    for (const char* name : {"pg_class", "pg_authid", "pg_stat_activity"})
      table(name, 500, {"oid", "query"}, text_type, -1, system);
    function("price", 's', false);
    function("charge", 'v', false);
    function("admin", 's', true);
    snapshot_ = builder_.build(1, 150004);
    resolver_ = std::make_unique<catalog::Resolver>(*snapshot_, std::vector<std::string>{"public"}, "dbgate");
  }

  /// What the rules are asked with, for statements of such a caller.
  Circumstances circumstances(Caller caller = Caller::person) const {
    Circumstances made;
    made.caller = caller;
    made.resolver = resolver_.get();
    made.sensitive = sensitive_;
    return made;
  }

  const catalog::Resolver& resolver() const { return *resolver_; }

  /// Of all statements of a text together.
  Assessment of(std::string_view sql, Caller caller = Caller::person, Circumstances circumstances = {}) const {
    const sql::AnalyzeResult result = sql::analyze(sql, sql::ScanLimits{}, resolver_.get());
    if (!result.script) return assess_unreadable(caller);
    circumstances.caller = caller;
    circumstances.resolver = resolver_.get();
    circumstances.sensitive = sensitive_;
    circumstances.statements = result.script->statements.size();
    std::vector<Assessment> parts;
    for (const sql::Statement& statement : result.script->statements)
      parts.push_back(assess(statement, circumstances));
    return together(std::move(parts));
  }

  /// "level rule:level(about) …", the worst first.
  std::string said(std::string_view sql, Caller caller = Caller::person, Circumstances circumstances = {}) const {
    const Assessment assessment = of(sql, caller, circumstances);
    std::string text(word_of(assessment.level));
    for (const Hit& hit : assessment.hits) {
      text += " " + std::string(hit.rule->id) + ":" + std::string(word_of(hit.level));
      if (!hit.about.empty()) text += "(" + hit.about + ")";
    }
    return text;
  }

 private:
  static constexpr catalog::Oid system = 11, public_ = 2200, int4 = 23, text_type = 25, varchar = 1043;

  void type(catalog::Oid oid, const char* name) {
    catalog::Type made;
    made.oid = oid;
    made.schema = system;
    made.name = name;
    builder_.add(made);
  }
  catalog::Oid table(const char* name, double rows, const std::vector<const char*>& columns, catalog::Oid of = int4,
                     std::int32_t typmod = -1, catalog::Oid schema = public_) {
    catalog::Relation relation;
    relation.oid = next_++;
    relation.schema = schema;
    relation.name = name;
    relation.rows = rows;
    builder_.add(relation);
    std::int16_t number = 1;
    for (const char* column : columns)
      builder_.add_column(relation.oid, catalog::Column{column, of, typmod, number++, false});
    builder_.add_indexed(relation.oid, 1);
    return relation.oid;
  }
  void function(const char* name, char volatility, bool security_definer) {
    catalog::Function made;
    made.oid = next_++;
    made.schema = public_;
    made.name = name;
    made.volatility = volatility;
    made.security_definer = security_definer;
    made.language = "sql";
    builder_.add(made);
  }

  catalog::Oid next_ = 20'000;
  catalog::SnapshotBuilder builder_;
  std::shared_ptr<const catalog::Snapshot> snapshot_;
  std::unique_ptr<catalog::Resolver> resolver_;
  std::vector<config::TablePattern> sensitive_ = {{"public", "customers", {"email"}}};
};

}  // namespace dbgate::risk
