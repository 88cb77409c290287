#pragma once
#include <memory>
#include <string>
#include <vector>

#include "gateway/catalog/builder.h"

namespace dbgate::catalog {

/// A schema written by hand: everything in "shop" unless a name says otherwise; the builder does the rest.
class HandMade {
 public:
  static constexpr Oid int4 = 23, text = 25, trigger_type = 2279;

  HandMade() {
    builder.add(Schema{11, "pg_catalog"});
    builder.add(Schema{2200, "public"});
    builder.add(Schema{shop, "shop"});
    builder.add(Schema{other, "other"});
    builder.add(type(int4, 11, "int4"));
    builder.add(type(text, 11, "text"));
    for (const char* name : {"now", "count", "lower", "max"})
      add_built_in(name);
  }

  Oid table(std::string_view name, std::vector<std::string_view> columns = {"id", "n"},
            RelationKind kind = RelationKind::table, Oid schema = shop, Oid column_type = int4) {
    Relation relation;
    relation.oid = next_++;
    relation.schema = schema;
    relation.name = name;
    relation.kind = kind;
    relation.row_security = row_security;
    builder.add(relation);
    std::int16_t number = 1;
    for (const std::string_view column : columns)
      builder.add_column(relation.oid, Column{column, column_type, -1, number++, false});
    return relation.oid;
  }
  Oid view(std::string_view name, std::string_view query, std::vector<std::string_view> columns = {"id", "n"},
           RelationKind kind = RelationKind::view) {
    const Oid oid = table(name, std::move(columns), kind);
    builder.add(Rule{oid, "_RETURN", '1', true, true, query});
    return oid;
  }
  Oid function(std::string_view name, std::string_view body, std::string_view language = "sql",
               std::vector<Oid> arguments = {}, std::string_view path = {}, char kind = 'f',
               bool security_definer = false) {
    Function made;
    made.oid = next_++;
    made.schema = shop;
    made.name = name;
    made.kind = kind;
    made.security_definer = security_definer;
    made.arguments = arguments;
    made.language = language;
    made.body = body;
    made.search_path = path;
    builder.add(made);
    return made.oid;
  }
  /// @param type tgtype: 4 insert, 8 delete, 16 update, 32 truncate, 64 instead of; 1 for each row
  void trigger(Oid relation, Oid function, std::int16_t type, bool enabled = true, std::string_view transition = {}) {
    Trigger made;
    made.relation = relation;
    made.function = function;
    made.name = "tr";
    made.type = type;
    made.enabled = enabled;
    made.new_table = transition;
    builder.add(made);
  }
  void key(Oid relation, Oid referenced, char on_update, char on_delete) {
    static constexpr std::int16_t second[] = {2}, first[] = {1};
    builder.add(ForeignKey{relation, referenced, on_update, on_delete, second, first});
  }
  static Type type(Oid oid, Oid schema, std::string_view name, char kind = 'b', Oid base = 0) {
    Type made;
    made.oid = oid;
    made.schema = schema;
    made.name = name;
    made.kind = kind;
    made.base = base;
    return made;
  }
  Oid next() { return next_++; }

  std::shared_ptr<const Snapshot> build() { return builder.build(1, 150004); }

  static constexpr Oid shop = 16400, other = 16401;
  SnapshotBuilder builder;
  bool row_security = false;  ///< of tables made from now on

 private:
  void add_built_in(std::string_view name) {
    static Oid oid = 900;
    static constexpr Oid one[] = {text};
    Function made;
    made.oid = oid++;
    made.schema = 11;
    made.name = name;
    made.arguments = one;
    made.defaults = 1;
    made.language = "internal";
    builder.add(made);
  }

  Oid next_ = 20000;
};

}  // namespace dbgate::catalog
