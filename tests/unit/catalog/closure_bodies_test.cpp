// Closures through the bodies of functions, and what they cost.
#include "gateway/catalog/closure.h"

#include <chrono>
#include <thread>

#include "gateway/sql/analyze.h"
#include "tests/unit/catalog/closure_fixture.h"

namespace dbgate::catalog {
namespace {

TEST_F(ClosureTest, NamesInBodiesFollowTheSearchPath) {
  db.table("cards", {"a"});
  const Oid hidden = db.table("cards", {"b"}, RelationKind::table, HandMade::other);
  const Oid callers = db.function("callers", "SELECT * FROM cards");
  const Oid own = db.function("own", "SELECT * FROM cards", "sql", {}, "\"other\", pg_temp");
  db.function("inner_f", "SELECT * FROM cards");
  const Oid through = db.function("through", "SELECT shop.inner_f()", "sql", {}, "other");
  const Oid user = db.function("by_user", "SELECT 1", "sql", {}, "\"$user\", shop", 'f', true);
  const auto reads_hidden = [&](Oid function, std::string_view path) {
    const Call call{function};
    const Reach reached = closure().of({}, {&call, 1}, {}, SearchPath{read_search_path(path), "boss"});
    return way_to(reached, hidden) != "none";
  };
  EXPECT_FALSE(reads_hidden(callers, "shop, other"));
  EXPECT_TRUE(reads_hidden(callers, "other, shop"));
  EXPECT_TRUE(reads_hidden(own, "shop"));
  EXPECT_TRUE(reads_hidden(through, "shop"));
  EXPECT_EQ(call_text(callers, "public"), "callers() opaque: a relation that is not in the catalog");
  EXPECT_EQ(call_text(user), "by_user() opaque: a search_path that depends on the owner");
}

TEST_F(ClosureTest, DynamicSqlIsOpaqueAndNamed) {
  db.function("f", "BEGIN EXECUTE 'DELETE FROM ' || x; END", "plpgsql");
  const Oid v = db.view("v", "SELECT shop.f() AS id");
  const Reach reached = reach(touch(v, {Effect::read}));
  ASSERT_EQ(reached.opaque.size(), 1u);
  EXPECT_EQ(reached.opaque[0].why, "dynamic EXECUTE");
  EXPECT_EQ(path_text(closure().snapshot(), reached, reached.opaque[0].step), "view shop.v → function shop.f");
}

TEST_F(ClosureTest, WhatAFunctionMakesItMayUse) {
  const Oid f = db.function("f", "BEGIN CREATE TEMP TABLE tmp AS SELECT 1; INSERT INTO tmp VALUES (2); END", "plpgsql");
  const Call call{f};
  const Reach reached = closure().of({}, {&call, 1}, {}, {});
  EXPECT_TRUE(reached.effects.test(static_cast<std::size_t>(Effect::ddl)));
}

TEST_F(ClosureTest, VariablesAreNoColumns) {
  db.table("t", {"id", "n"});
  const Oid f = db.function("f", "BEGIN RETURN QUERY SELECT id FROM shop.t WHERE n = wanted; END", "plpgsql");
  EXPECT_EQ(call_text(f), "f() t[read](id,n;)");
}

TEST_F(ClosureTest, OverloadsAreToldApartByNumberOnly) {
  db.table("a");
  db.table("b");
  db.function("f", "SELECT 1 FROM shop.a", "sql", {HandMade::int4});
  db.function("f", "SELECT 1 FROM shop.b", "sql", {HandMade::int4, HandMade::int4});
  const Oid one = db.function("g", "SELECT shop.f(1)");
  const Oid three = db.function("h", "SELECT shop.f(1, 2, 3)");
  const Oid none = db.function("i", "SELECT shop.gone(1, 2)");
  EXPECT_EQ(call_text(one), "a[read](;) f() g()");
  EXPECT_EQ(call_text(three), "h() opaque: a function that is not in the catalog");
  EXPECT_EQ(call_text(none), "i() opaque: a function that is not in the catalog");
}

TEST_F(ClosureTest, CyclesEnd) {
  const Oid v = db.view("v", "SELECT shop.f() AS id");
  db.function("f", "SELECT id FROM shop.v");
  const Oid t = db.table("t");
  db.trigger(t, db.function("g", "BEGIN INSERT INTO shop.t (id) VALUES (1); RETURN NULL; END", "plpgsql"), 4 + 16);
  db.key(t, t, 'c', 'c');
  EXPECT_EQ(text(touch(v, {Effect::read})), "f() v[read](id;)");
  EXPECT_EQ(text(touch(t, {Effect::insert})), "g() t[read,insert,lock](id;id)");
  EXPECT_EQ(text(touch(t, {Effect::delete_})), "t[read,delete](n;)");
}

TEST_F(ClosureTest, WhatIsNotInTheCatalogIsOpaque) {
  const Touch start = touch(9'999'999, {Effect::read});
  EXPECT_EQ(reach(start).opaque.size(), 1u);
  EXPECT_EQ(call_text(9'999'998), "opaque: a function that is not in the catalog");
}

TEST_F(ClosureTest, NothingIsSureWithoutTheWholeCatalog) {
  const Oid t = db.table("t");
  db.builder.add_unreadable("pg_trigger");
  EXPECT_EQ(text(touch(t, {Effect::read})), "opaque: parts of the catalog that the account may not read t[read](;)");
}

TEST_F(ClosureTest, StatementsAreFollowedAsAWhole) {
  db.table("cards");
  db.function("f", "SELECT 1 FROM shop.cards");
  const Resolver resolver(closure().snapshot(), {"shop"}, "boss");
  const auto script = sql::analyze("SELECT f(), 1::other.gone FROM unknown_table", {}, &resolver).script;
  const Reach reached = closure().of(script->statements[0], SearchPath{{"shop"}, "boss"});
  EXPECT_EQ(use_text(closure().snapshot(), reached), "cards[read](;) f()");
}

TEST(SearchPathTest, ReadsTheSetting) {
  using Names = std::vector<std::string>;
  EXPECT_EQ(read_search_path("\"$user\", Public"), (Names{"$user", "public"}));
  EXPECT_EQ(read_search_path("\"\""), (Names{""}));
  EXPECT_EQ(read_search_path(" a\t,\"b\"\"c\"\f"), (Names{"a", "b\"c"}));
  EXPECT_EQ(read_search_path("\"a,b\",\" \""), (Names{"a,b", " "}));
}

TEST(SearchPathTest, ReadsAListOfNamesAndNoSql) {
  using Names = std::vector<std::string>;
  EXPECT_EQ(read_search_path("'A', b"), (Names{"'a'", "b"}));
  EXPECT_EQ(read_search_path("''/*,evil,*/"), (Names{"''/*", "evil", "*/"}));
  EXPECT_EQ(read_search_path("''--,evil"), (Names{"''--", "evil"}));
  EXPECT_EQ(read_search_path("\"\",5"), (Names{"", "5"}));
  EXPECT_EQ(read_search_path("$user,$1,a.b"), (Names{"$user", "$1", "a.b"}));
  EXPECT_EQ(read_search_path("a\v"), (Names{"a\v"}));
}

TEST(SearchPathTest, ReadsNothingInWhatTheServerRefuses) {
  for (const char* value : {"\"open", "a b", "a,", ",a", "a,,b", "\"a\"b", "\"a\" b", "'a b'", ""})
    EXPECT_TRUE(read_search_path(value).empty()) << value;
}

TEST_F(ClosureTest, LongChainsNeedNoStack) {
  db.table("v0");
  constexpr int length = 20'000;
  for (int i = 1; i <= length; ++i)
    db.view("v" + std::to_string(i), "SELECT v.id, v.n FROM shop.v" + std::to_string(i - 1) + " v");
  const auto start = std::chrono::steady_clock::now();
  const Oid last = closure().snapshot().relation(HandMade::shop, "v" + std::to_string(length))->oid;
  const Reach reached = reach(touch(last, {Effect::read}));
  EXPECT_EQ(reached.relations.size(), length + 1u);
  const auto cold = std::chrono::steady_clock::now();
  EXPECT_EQ(reach(touch(last, {Effect::read})).relations.size(), length + 1u);
  const auto warm = std::chrono::steady_clock::now();
  EXPECT_LT(cold - start, std::chrono::seconds(20));
  EXPECT_LT(warm - cold, std::chrono::seconds(2));
}

TEST_F(ClosureTest, ThreadsMayAskAtOnce) {
  db.table("v0");
  for (int i = 1; i <= 200; ++i)
    db.view("v" + std::to_string(i), "SELECT v.id, v.n FROM shop.v" + std::to_string(i - 1) + " v");
  const Oid last = closure().snapshot().relation(HandMade::shop, "v200")->oid;
  std::vector<std::thread> threads;
  std::vector<std::size_t> found(4);
  for (std::size_t i = 0; i < found.size(); ++i)
    threads.emplace_back([&, i] { found[i] = reach(touch(last, {Effect::read})).relations.size(); });
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(found, std::vector<std::size_t>(4, 201));
}

// What the server printed means itself; what people wrote is read by the server anew.
TEST_F(ClosureTest, NamesThatTheServerMayReadOtherwiseAreOpaque) {
  const std::string edge = std::string(61, 'x') + "é";
  db.builder.set_other_encoding();
  for (const std::string_view name : {std::string_view("clienté"), std::string_view(edge)})
    db.builder.add_wide_name(name);
  db.table("clienté");
  db.table(edge);
  const auto is_opaque = [&](Oid function) {
    const Call call{function};
    return !closure().of({}, {&call, 1}, {}, {}).opaque.empty();
  };
  const Oid exact = db.function("exact", "SELECT id FROM shop.\"clienté\" -- É");
  const Oid folded = db.function("folded", "SELECT id FROM shop.clienté");
  const Oid variable = db.function("variable", "DECLARE é int; BEGIN RETURN 1; END", "plpgsql");
  const Oid inner = db.function("inner_text", "BEGIN EXECUTE 'SELECT id FROM shop.clienté'; END", "plpgsql");
  const Oid path = db.function("path", "SELECT 1", "sql", {}, "É");
  const Oid fine = db.view("fine", "SELECT \"ö\".id, \"ö\".n FROM shop.\"" + edge + "\" \"ö\"");
  const Oid cut = db.view("cut", "SELECT \"ö\".id, \"ö\".n FROM shop.\"" + edge + "y\" \"ö\"");
  EXPECT_FALSE(is_opaque(exact));
  for (const Oid function : {folded, variable, inner, path})
    EXPECT_TRUE(is_opaque(function)) << function;
  EXPECT_TRUE(reach(touch(fine, {Effect::read})).opaque.empty());
  EXPECT_EQ(reach(touch(cut, {Effect::read})).opaque.size(), 1u);
}

}  // namespace
}  // namespace dbgate::catalog
