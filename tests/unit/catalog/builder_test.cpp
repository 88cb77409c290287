#include "gateway/catalog/builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace dbgate::catalog {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Snapshots = std::shared_ptr<const Snapshot>;

Relation table(Oid oid, Oid schema, std::string_view name) {
  Relation relation;
  relation.oid = oid;
  relation.schema = schema;
  relation.name = name;
  return relation;
}

Function function(Oid oid, Oid schema, std::string_view name, std::span<const Oid> arguments = {}) {
  Function made;
  made.oid = oid;
  made.schema = schema;
  made.name = name;
  made.arguments = arguments;
  return made;
}

TEST(SnapshotBuilder, AnEmptySnapshotAnswersEveryQuestion) {
  const Snapshots snapshot = SnapshotBuilder().build(7, 150004);
  EXPECT_EQ(snapshot->version(), 7u);
  EXPECT_EQ(snapshot->server_version(), 150004);
  EXPECT_EQ(snapshot->schema(1), nullptr);
  EXPECT_EQ(snapshot->schema("public"), nullptr);
  EXPECT_EQ(snapshot->relation(1), nullptr);
  EXPECT_EQ(snapshot->relation(1, "t"), nullptr);
  EXPECT_EQ(snapshot->type(1), nullptr);
  EXPECT_EQ(snapshot->function(0), nullptr);
  EXPECT_THAT(snapshot->functions(1, "f"), IsEmpty());
  EXPECT_THAT(snapshot->operators(1, "+"), IsEmpty());
  EXPECT_EQ(snapshot->operator_of(1), nullptr);
  EXPECT_EQ(snapshot->cast(1, 2), nullptr);
  EXPECT_EQ(Snapshot().relation(1, "t"), nullptr);
}

TEST(SnapshotBuilder, NamesAreExactAndBelongToTheirSchema) {
  SnapshotBuilder builder;
  builder.add(Schema{2200, "public"});
  builder.add(Schema{16400, "Public"});
  std::string name = "items";
  builder.add(table(1, 2200, name));
  name = "Items";  // rows are copied: their text may change
  builder.add(table(2, 2200, name));
  builder.add(table(3, 16400, "items"));
  builder.add(table(4, 2200, "items "));
  builder.add(table(5, 2200, std::string_view("it\0ms", 5)));
  builder.add(table(6, 2200, "\xff\xfe\x27"));
  builder.add(table(7, 2200, ""));
  const Snapshots snapshot = builder.build(1, 150000);
  EXPECT_EQ(snapshot->schema("public")->oid, 2200u);
  EXPECT_EQ(snapshot->schema("PUBLIC"), nullptr);
  EXPECT_EQ(snapshot->schema(16400)->name, "Public");
  EXPECT_EQ(snapshot->relation(2200, "items")->oid, 1u);
  EXPECT_EQ(snapshot->relation(2200, "Items")->oid, 2u);
  EXPECT_EQ(snapshot->relation(16400, "items")->oid, 3u);
  EXPECT_EQ(snapshot->relation(2200, "items ")->oid, 4u);
  EXPECT_EQ(snapshot->relation(2200, std::string_view("it\0ms", 5))->oid, 5u);
  EXPECT_EQ(snapshot->relation(2200, "it"), nullptr);
  EXPECT_EQ(snapshot->relation(2200, "\xff\xfe\x27")->oid, 6u);
  EXPECT_EQ(snapshot->relation(2200, "")->oid, 7u);
  EXPECT_EQ(snapshot->relation(16400, "Items"), nullptr);
  EXPECT_EQ(snapshot->relation(3)->schema, 16400u);
}

TEST(SnapshotBuilder, RelationsGetTheirRowsInWhateverOrderTheyCome) {
  SnapshotBuilder builder;
  builder.add_column(20, Column{"b", 25, -1, 3, true});
  builder.add_column(10, Column{"id", 23, -1, 1, false});
  builder.add_column(20, Column{"a", 1043, 36, 1, false});
  builder.add_column(99, Column{"nobody", 23, -1, 1, false});
  builder.add_parent(20, 10);
  builder.add_parent(30, 10);
  builder.add_parent(20, 5);
  builder.add(Rule{20, "r2", '3', true, true, "second"});
  builder.add(Rule{10, "r1", '2', false, false, "first"});
  builder.add(Rule{20, "r3", '1', true, true, "third"});
  builder.add(Trigger{10, 77, "trg", 29, false});
  builder.add(ForeignKey{20, 10, 'c', 'n'});
  builder.add(ForeignKey{30, 10, 'a', 'd'});
  for (const std::int16_t column : {std::int16_t{3}, std::int16_t{1}, std::int16_t{3}})
    builder.add_indexed(20, column);
  builder.add_indexed(99, 1);
  builder.add(table(20, 1, "child"));
  builder.add(table(10, 1, "parent"));
  builder.add(table(30, 1, "other"));
  const Snapshots snapshot = builder.build(1, 150000);
  const Relation& child = *snapshot->relation(20);
  const Relation& parent = *snapshot->relation(10);
  ASSERT_EQ(child.columns.size(), 2u);
  EXPECT_EQ(child.columns[0].name, "a");
  EXPECT_EQ(child.columns[0].typmod, 36);
  EXPECT_EQ(child.columns[1].number, 3);
  EXPECT_TRUE(child.columns[1].generated);
  EXPECT_THAT(child.indexed, ElementsAre(1, 3));
  EXPECT_THAT(parent.indexed, IsEmpty());
  EXPECT_THAT(child.parents, ElementsAre(10, 5));
  EXPECT_THAT(parent.children, ElementsAre(20, 30));
  EXPECT_THAT(parent.parents, IsEmpty());
  ASSERT_EQ(child.rules.size(), 2u);
  EXPECT_EQ(snapshot->rules()[child.rules[0]].definition, "second");
  EXPECT_EQ(snapshot->rules()[child.rules[1]].name, "r3");
  ASSERT_EQ(parent.triggers.size(), 1u);
  EXPECT_EQ(snapshot->triggers()[parent.triggers[0]].function, 77u);
  ASSERT_EQ(parent.referenced_by.size(), 2u);
  EXPECT_EQ(snapshot->foreign_keys()[parent.referenced_by[0]].on_update, 'c');
  EXPECT_EQ(snapshot->foreign_keys()[parent.referenced_by[1]].on_delete, 'd');
  EXPECT_THAT(child.referenced_by, IsEmpty());
}

TEST(SnapshotBuilder, OverloadsAreOneRun) {
  SnapshotBuilder builder;
  const std::vector<Oid> integers{23, 23};
  const std::vector<std::string_view> names{"first", ""};
  builder.add(function(5, 1, "g"));
  Function named = function(4, 1, "f", integers);
  named.names = names;
  named.columns = names;
  named.body = std::string_view("SELECT 1");
  builder.add(named);
  builder.add(function(9, 2, "f"));
  builder.add(function(3, 1, "f"));
  builder.add(function(2, 1, "e"));
  builder.add(Operator{8, 1, "+", 23, 23, 23, 4});
  builder.add(Operator{6, 1, "+", 0, 23, 23, 3});
  builder.add(Operator{7, 1, "++", 0, 23, 23, 3});
  const Snapshots snapshot = builder.build(1, 150000);
  const auto overloads = snapshot->functions(1, "f");
  ASSERT_EQ(overloads.size(), 2u);
  EXPECT_EQ(overloads[0].oid, 3u);
  EXPECT_EQ(overloads[1].oid, 4u);
  EXPECT_THAT(overloads[1].arguments, ElementsAre(23, 23));
  EXPECT_THAT(overloads[1].names, ElementsAre("first", ""));
  EXPECT_THAT(overloads[1].columns, ElementsAre("first", ""));
  EXPECT_EQ(overloads[1].body, "SELECT 1");
  EXPECT_EQ(snapshot->functions(2, "f").size(), 1u);
  EXPECT_EQ(snapshot->functions(1, "g").size(), 1u);
  EXPECT_THAT(snapshot->functions(3, "f"), IsEmpty());
  EXPECT_EQ(snapshot->function(9)->schema, 2u);
  ASSERT_EQ(snapshot->operators(1, "+").size(), 2u);
  EXPECT_EQ(snapshot->operators(1, "+")[0].oid, 6u);
  EXPECT_EQ(snapshot->operator_of(7)->name, "++");
}

TEST(SnapshotBuilder, TypesAndCasts) {
  SnapshotBuilder builder;
  builder.add_check(50, "CHECK ((VALUE > 0))");
  builder.add_check(50, "CHECK ((VALUE < 9))");
  builder.add_check(51, "CHECK (nobody)");
  Type domain;
  domain.oid = 50;
  domain.schema = 1;
  domain.name = "digit";
  domain.kind = 'd';
  domain.base = 23;
  builder.add(domain);
  builder.add(Cast{23, 25, 0, 'a', 'i'});
  builder.add(Cast{25, 23, 17, 'e', 'f'});
  builder.add_unreadable("pg_rewrite");
  const Snapshots snapshot = builder.build(1, 150000);
  EXPECT_EQ(snapshot->type(1, "digit")->check, "CHECK ((VALUE > 0))\nCHECK ((VALUE < 9))");
  EXPECT_EQ(snapshot->type(50)->base, 23u);
  EXPECT_EQ(snapshot->cast(23, 25)->context, 'a');
  EXPECT_EQ(snapshot->cast(25, 23)->function, 17u);
  EXPECT_EQ(snapshot->cast(23, 23), nullptr);
  EXPECT_THAT(snapshot->unreadable(), ElementsAre("pg_rewrite"));
}

TEST(SnapshotBuilder, WhatAServerSaysTwiceHarmsNobody) {
  SnapshotBuilder builder;
  builder.add(table(1, 1, "t"));
  builder.add(table(1, 1, "t"));
  builder.add(table(1, 2, "u"));
  builder.add_column(1, Column{"a", 23, -1, 1, false});
  builder.add_column(1, Column{"a", 23, -1, 1, false});
  builder.add_parent(1, 1);
  builder.add(Cast{0, 0, 0, 'i', 'b'});
  builder.add(Cast{0, 0, 1, 'i', 'b'});
  const Snapshots snapshot = builder.build(1, 150000);
  EXPECT_EQ(snapshot->relation(1)->columns.size(), 2u);
  EXPECT_THAT(snapshot->relation(1)->parents, ElementsAre(1));
  EXPECT_EQ(snapshot->relation(2, "u")->oid, 1u);
  EXPECT_NE(snapshot->cast(0, 0), nullptr);
}

using Change = void (*)(SnapshotBuilder&);

void fill(SnapshotBuilder& builder, double rows, Change change) {
  builder.add(Schema{1, "s"});
  Relation relation = table(10, 1, "t");
  relation.rows = rows;
  builder.add(relation);
  builder.add(table(11, 1, "u"));
  builder.add_column(10, Column{"a", 23, -1, 1, false});
  builder.add(Rule{10, "r", '3', true, true, "definition"});
  builder.add(function(20, 1, "f"));
  Type type;
  type.oid = 30;
  type.name = "d";
  builder.add(type);
  builder.add(Cast{23, 25, 0, 'a', 'i'});
  change(builder);
}

TEST(SnapshotBuilder, KeepsTheVersionWhileNoObjectChanges) {
  SnapshotBuilder first;
  fill(first, 100, [](SnapshotBuilder&) {});
  const Snapshots before = first.build(1, 150000);
  SnapshotBuilder analyzed;
  fill(analyzed, 200, [](SnapshotBuilder&) {});
  const Snapshots same = analyzed.build(2, 150000, before.get());
  EXPECT_EQ(same->version(), 1u);
  EXPECT_EQ(same->relation(10)->rows, 200);

  // What people read decides nothing.
  SnapshotBuilder described;
  fill(described, 100, [](SnapshotBuilder& b) {
    b.add(Comment{11, 0, "what it is"});
    b.add(UniqueKey{11, true, {}});
  });
  const Snapshots told = described.build(2, 150000, before.get());
  EXPECT_EQ(told->version(), 1u);
  EXPECT_EQ(told->comments()[0].text, "what it is");
  EXPECT_TRUE(told->unique_keys()[0].primary);

  const std::vector<Change> changes{
      [](SnapshotBuilder& b) {
        b.add(Schema{2, "s2"});
      },
      [](SnapshotBuilder& b) { b.add(table(12, 1, "v")); },
      [](SnapshotBuilder& b) {
        b.add_column(10, Column{"b", 23, -1, 2, false});
      },
      [](SnapshotBuilder& b) { b.add_parent(10, 11); },
      [](SnapshotBuilder& b) { b.add_indexed(10, 1); },
      [](SnapshotBuilder& b) {
        b.add_virtual_part(10, {2, 1});
      },
      [](SnapshotBuilder& b) {
        b.add(Rule{11, "r", '3', true, true, "definition"});
      },
      [](SnapshotBuilder& b) {
        b.add(Trigger{11, 20, "t", 1, true});
      },
      [](SnapshotBuilder& b) {
        b.add(ForeignKey{11, 10, 'c', 'c'});
      },
      [](SnapshotBuilder& b) { b.add(function(21, 1, "f")); },
      [](SnapshotBuilder& b) {
        b.add(Operator{40, 1, "+", 1, 2, 3, 4});
      },
      [](SnapshotBuilder& b) { b.add_check(30, "CHECK (x)"); },
      [](SnapshotBuilder& b) {
        b.add(Cast{25, 23, 0, 'a', 'i'});
      },
      [](SnapshotBuilder& b) { b.add_unreadable("pg_rewrite"); },
  };
  for (std::size_t i = 0; i < changes.size(); ++i) {
    SnapshotBuilder builder;
    fill(builder, 100, changes[i]);
    EXPECT_EQ(builder.build(3, 150000, before.get())->version(), 3u) << "change " << i;
  }
}

// As many as the design promises, each with its row type and array type.
TEST(SnapshotBuilder, AHundredThousandRelationsStayWithinTheirMemory) {
  constexpr Oid tables = 100'000;
  SnapshotBuilder builder;
  for (Oid i = 0; i < tables; ++i) {
    const std::string name = "customer_orders_" + std::to_string(i);
    builder.add(table(20'000 + i, i % 50, name));
    for (std::int16_t number = 1; number <= 10; ++number)
      builder.add_column(20'000 + i, Column{"column_" + std::to_string(number), 23, -1, number, false});
    Type row;
    row.oid = 200'000 + i;
    row.schema = i % 50;
    row.name = name;
    builder.add(row);
    const std::string array = "_" + name;
    row.oid = 400'000 + i;
    row.name = array;
    builder.add(row);
  }
  const Snapshots snapshot = builder.build(1, 150000);
  for (Oid i = 0; i < tables; i += 997) {
    const Relation* const found = snapshot->relation(i % 50, "customer_orders_" + std::to_string(i));
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(found->oid, 20'000 + i);
    ASSERT_EQ(found->columns.size(), 10u);
    EXPECT_EQ(found->columns[9].name, "column_10");
  }
  RecordProperty("memory_bytes", std::to_string(snapshot->memory_bytes()));
  EXPECT_LT(snapshot->memory_bytes(), 120u << 20);
  EXPECT_GT(snapshot->memory_bytes(), tables * (sizeof(Relation) + 10 * sizeof(Column)));
}

}  // namespace
}  // namespace dbgate::catalog
