#include "gateway/catalog/closure.h"

#include <gtest/gtest.h>

#include <chrono>
#include <set>
#include <thread>

#include "gateway/sql/analyze.h"
#include "tests/unit/catalog/hand_made.h"
#include "tests/unit/sql/facts_text.h"

namespace dbgate::catalog {
namespace {

using sql::Effect;

Touch touch(Oid relation, std::vector<Effect> effects, std::vector<std::string> reads = {},
            std::vector<std::string> writes = {}) {
  Touch made;
  made.relation = relation;
  for (const Effect effect : effects)
    made.effects.set(static_cast<std::size_t>(effect));
  made.reads.names = std::move(reads);
  made.writes.names = std::move(writes);
  return made;
}

std::string use_text(const Snapshot& snapshot, const Reach& reach) {
  std::set<std::string> parts;
  for (const Reach::OfRelation& of : reach.relations) {
    parts.insert(std::string(snapshot.relation(of.touch.relation)->name) + "[" + sql::effects_text(of.touch.effects) +
                 "](" + sql::columns_text(of.touch.reads) + ";" + sql::columns_text(of.touch.writes) + ")" +
                 (of.touch.check ? "check" : ""));
  }
  for (const Reach::OfFunction& of : reach.functions)
    parts.insert(std::string(snapshot.function(of.function)->name) + "()");
  for (const Reach::Opaque& of : reach.opaque)
    parts.insert("opaque: " + of.why);
  std::string text;
  for (const std::string& part : parts)
    text += (text.empty() ? "" : " ") + part;
  return text;
}

class ClosureTest : public testing::Test {
 protected:
  const Closure& closure() {
    if (!closure_) closure_ = std::make_unique<Closure>(db.build());
    return *closure_;
  }
  Reach reach(const Touch& start, std::string_view path = "shop") {
    return closure().of({&start, 1}, {}, {}, SearchPath{read_search_path(path), "boss"});
  }
  std::string text(const Touch& start, std::string_view path = "shop") {
    return use_text(closure().snapshot(), reach(start, path));
  }
  std::string call_text(Oid function, std::string_view path = "shop") {
    const Call call{function};
    return use_text(closure().snapshot(), closure().of({}, {&call, 1}, {}, SearchPath{read_search_path(path), "boss"}));
  }
  std::string way_to(const Reach& reach, Oid relation) {
    for (const Reach::OfRelation& of : reach.relations) {
      if (of.touch.relation == relation) return path_text(closure().snapshot(), reach, of.step);
    }
    return "none";
  }

  HandMade db;

 private:
  std::unique_ptr<Closure> closure_;
};

TEST_F(ClosureTest, ATableAloneReachesItself) {
  const Oid t = db.table("t");
  EXPECT_EQ(text(touch(t, {Effect::read}, {"id"})), "t[read](id;)");
}

TEST_F(ClosureTest, ViewsReachWhatTheirQueryReads) {
  const Oid cards = db.table("cards", {"id", "n", "number"});
  const Oid v = db.view("v", "SELECT c.id, c.n FROM shop.cards c WHERE c.number > 0");
  const Oid w = db.view("w", "SELECT v.id, v.n FROM shop.v", {"id", "n"}, RelationKind::materialized_view);
  EXPECT_EQ(text(touch(w, {Effect::read}, {"id"})), "cards[read](id,n,number;) v[read](id,n;) w[read](id;)");
  EXPECT_EQ(way_to(reach(touch(w, {Effect::read})), cards),
            "materialized view shop.w → view shop.v → table shop.cards");
  EXPECT_EQ(text(touch(v, {Effect::lock})), "cards[read,lock](id,n,number;) v[lock](;)");
}

TEST_F(ClosureTest, AViewThatNobodyShowsIsOpaque) {
  const Oid v = db.view("v", "");
  const Oid w = db.table("w", {"id"}, RelationKind::view);
  const Oid x = db.view("x", "SELEC");
  const Oid y = db.view("y", "SELECT 1 FROM shop.gone");
  EXPECT_EQ(text(touch(v, {Effect::read})), "opaque: a definition that the server does not show v[read](;)");
  EXPECT_EQ(text(touch(w, {Effect::read})), "opaque: a view whose query is not known w[read](;)");
  EXPECT_EQ(text(touch(x, {Effect::read})), "opaque: a definition that dbgate cannot read x[read](;)");
  EXPECT_EQ(text(touch(y, {Effect::read})), "opaque: a relation that is not in the catalog y[read](;)");
}

TEST_F(ClosureTest, FunctionsInViewsAreFollowed) {
  const Oid cards = db.table("cards", {"number"});
  db.function("f", "SELECT number FROM shop.cards");
  const Oid v = db.view("v", "SELECT shop.f() AS id, lower('x'::text) AS n");
  EXPECT_EQ(text(touch(v, {Effect::read})), "cards[read](number;) f() lower() v[read](;)");
  EXPECT_EQ(way_to(reach(touch(v, {Effect::read})), cards), "view shop.v → function shop.f → table shop.cards");
}

TEST_F(ClosureTest, SimpleViewsPassWritesOn) {
  db.table("cards", {"id", "number"});
  const Oid v = db.view("v", "SELECT c.number AS a, c.id AS number FROM shop.cards c", {"a", "number"});
  EXPECT_EQ(text(touch(v, {Effect::update}, {}, {"number"})), "cards[read,update](id,number;id) v[update](;number)");
  EXPECT_EQ(text(touch(v, {Effect::delete_})), "cards[read,delete](id,number;) v[delete](;)");
}

TEST_F(ClosureTest, RulesAndTriggersTakeThePlaceOfWrites) {
  db.table("cards");
  db.table("log");
  const Oid v = db.view("v", "SELECT c.id, c.n FROM shop.cards c");
  const Oid w = db.view("w", "SELECT c.id, c.n FROM shop.cards c");
  db.builder.add(Rule{v, "r", '4', true, true,
                      "CREATE RULE r AS ON DELETE TO shop.v DO INSTEAD INSERT INTO shop.log (id) VALUES (old.id)"});
  db.trigger(w, db.function("t", "BEGIN RETURN NULL; END", "plpgsql"), 1 + 8 + 64);
  EXPECT_EQ(text(touch(v, {Effect::delete_})), "cards[read](id,n;) log[insert](;id) v[read,delete](id;)");
  EXPECT_EQ(text(touch(w, {Effect::delete_})), "cards[read](id,n;) t() w[delete](;)");
  EXPECT_EQ(text(touch(w, {Effect::insert}, {}, {"id"})), "cards[read,insert](id,n;id) w[insert](;id)");
}

TEST_F(ClosureTest, RulesRunForTheirEventOnly) {
  const Oid t = db.table("t");
  const Oid log = db.table("log");
  db.builder.add(
      Rule{t, "r", '2', false, true, "CREATE RULE r AS ON UPDATE TO shop.t DO ( DELETE FROM shop.log;\n NOTIFY x; )"});
  db.builder.add(Rule{t, "off", '3', false, false, "CREATE RULE off AS ON INSERT TO shop.t DO DELETE FROM shop.log"});
  EXPECT_EQ(text(touch(t, {Effect::insert})), "t[insert](;)");
  const Reach reached = reach(touch(t, {Effect::update}));
  EXPECT_EQ(use_text(closure().snapshot(), reached), "log[delete](;) t[update](;)");
  EXPECT_EQ(sql::effects_text(reached.effects), "delete,notify");
  EXPECT_EQ(way_to(reached, log), "table shop.t → rule r → table shop.log");
}

TEST_F(ClosureTest, TriggersRunForTheirEventOnly) {
  const Oid t = db.table("t", {"id", "n", "number"});
  const Oid log = db.table("log");
  const Oid f = db.function("f", "BEGIN INSERT INTO shop.log VALUES (OLD.number, NEW.id); RETURN NEW; END", "plpgsql");
  db.trigger(t, f, 1 + 16);
  db.trigger(t, f, 32, false);
  EXPECT_EQ(text(touch(t, {Effect::insert})), "t[insert](;)");
  EXPECT_EQ(text(touch(t, {Effect::truncate})), "t[truncate](;)");
  EXPECT_EQ(text(touch(t, {Effect::update}, {}, {"n"})), "f() log[insert](;*) t[read,update](id,number;n)");
  EXPECT_EQ(way_to(reach(touch(t, {Effect::update})), log),
            "table shop.t → trigger tr → function shop.f → table shop.log");
}

TEST_F(ClosureTest, TransitionTablesAreRowsOfTheirTable) {
  const Oid t = db.table("t");
  const Oid f = db.function("f", "BEGIN PERFORM count(*) FROM fresh; RETURN NULL; END", "plpgsql");
  db.trigger(t, f, 4, true, "fresh");
  EXPECT_EQ(text(touch(t, {Effect::insert})), "count() f() t[read,insert](*;)");
  EXPECT_EQ(call_text(f), "count() f() opaque: a relation that is not in the catalog");
}

TEST_F(ClosureTest, ForeignKeysAct) {
  const Oid parent = db.table("parent");
  const Oid child = db.table("child");
  const Oid grandchild = db.table("grandchild");
  db.key(child, parent, 'c', 'c');
  db.key(grandchild, child, 'a', 'n');
  EXPECT_EQ(text(touch(parent, {Effect::delete_})),
            "child[read,delete,lock](id,n;) grandchild[read,update](n;n) parent[delete](;)");
  EXPECT_EQ(way_to(reach(touch(parent, {Effect::delete_})), child),
            "table shop.parent → foreign key → table shop.child");
  EXPECT_EQ(text(touch(parent, {Effect::update}, {}, {"n"})), "parent[update](;n)");
  EXPECT_EQ(text(touch(parent, {Effect::update}, {}, {"id"})),
            "child[read,update](n;n) parent[read,update,lock](id;id)");
  EXPECT_EQ(text(touch(child, {Effect::update}, {}, {"id"})), "child[update](;id) grandchild[read](n;)check");
  EXPECT_EQ(text(touch(child, {Effect::update}, {}, {"n"})), "child[update](;n) parent[read,lock](id;)check");
  EXPECT_EQ(text(touch(grandchild, {Effect::insert})), "child[read,lock](id;)check grandchild[insert](;)");
  EXPECT_EQ(text(touch(parent, {Effect::truncate})), "child[truncate](;) grandchild[truncate](;) parent[truncate](;)");
}

TEST_F(ClosureTest, ColumnsCountWithTheEffectTheyCameWith) {
  const Oid parent = db.table("parent");
  db.key(db.table("child"), parent, 'c', 'c');
  const std::vector<Touch> both = {touch(parent, {Effect::insert}, {}, {"id"}),
                                   touch(parent, {Effect::update}, {}, {"id", "n"})};
  EXPECT_EQ(use_text(closure().snapshot(), closure().of(both, {}, {}, {})),
            "child[read,update](n;n) parent[read,insert,update,lock](id;id,n)");
}

TEST_F(ClosureTest, ParentsReachTheirDescendants) {
  const Oid a = db.table("a");
  const Oid b = db.table("b");
  const Oid c = db.table("c");
  db.builder.add_parent(b, a);
  db.builder.add_parent(c, b);
  EXPECT_EQ(text(touch(a, {Effect::read}, {"n"})), "a[read](n;) b[read](n;) c[read](n;)");
  EXPECT_EQ(text(touch(a, {Effect::insert})), "a[insert](;) b[](;) c[](;)");
  Touch only = touch(a, {Effect::update}, {}, {"n"});
  only.only = true;
  EXPECT_EQ(text(only), "a[update](;n)");
  const std::vector<Touch> both = {only, touch(a, {Effect::read}, {"id"})};
  EXPECT_EQ(use_text(closure().snapshot(), closure().of(both, {}, {}, {})),
            "a[read,update](id;n) b[read,update](id;n) c[read,update](id;n)");
}

TEST_F(ClosureTest, PartitionsTakeNewRowsAndMovedOnes) {
  const Oid p = db.table("p", {"id", "n"}, RelationKind::partitioned_table);
  const Oid leaf = db.table("leaf");
  db.builder.add_parent(leaf, p);
  db.table("log");
  db.trigger(leaf, db.function("f", "BEGIN DELETE FROM shop.log; RETURN NULL; END", "plpgsql"), 1 + 8);
  EXPECT_EQ(text(touch(p, {Effect::insert}, {}, {"id"})), "leaf[insert](;id) p[insert](;id)");
  EXPECT_EQ(text(touch(p, {Effect::update}, {}, {"id"})), "f() leaf[update](;id) log[delete](;) p[update](;id)");
}

TEST_F(ClosureTest, ExpressionsOfTablesRun) {
  db.row_security = true;
  const Oid t = db.table("t");
  db.row_security = false;
  db.table("cards");
  db.function("f", "SELECT 1");
  db.function("g", "SELECT 1");
  db.function("h", "SELECT 1");
  db.builder.add(Expression{t, ExpressionKind::column_default, "shop.f()"});
  db.builder.add(Expression{t, ExpressionKind::check, "(shop.g() > n)"});
  db.builder.add(Expression{t, ExpressionKind::index, "shop.h()"});
  db.builder.add(Expression{t, ExpressionKind::policy, "(EXISTS ( SELECT 1 FROM shop.cards))"});
  EXPECT_EQ(text(touch(t, {Effect::insert})), "cards[read](;) f() g() h() t[insert](;)");
  EXPECT_EQ(text(touch(t, {Effect::read})), "cards[read](;) t[read](;)");
}

TEST_F(ClosureTest, ExpressionsThatNobodyShowsAreOpaque) {
  const Oid t = db.table("t");
  db.builder.add(Expression{t, ExpressionKind::column_default, ""});
  EXPECT_EQ(text(touch(t, {Effect::insert})), "opaque: an expression that the server does not show t[insert](;)");
  EXPECT_EQ(text(touch(t, {Effect::delete_})), "t[delete](;)");
}

TEST_F(ClosureTest, DomainsAreCheckedWhereValuesAreStoredOrCast) {
  const Oid outer = db.next(), inner = db.next();
  db.builder.add(HandMade::type(outer, HandMade::shop, "outer_d", 'd', inner));
  db.builder.add(HandMade::type(inner, HandMade::shop, "inner_d", 'd', HandMade::int4));
  db.builder.add_check(inner, "CHECK ((shop.f(VALUE) > 0)) NOT VALID");
  db.builder.add_check(inner, "CHECK ((VALUE > 0))");
  const Oid t = db.table("t", {"id"}, RelationKind::table, HandMade::shop, outer);
  const Oid cards = db.table("cards");
  db.function("f", "SELECT 1 FROM shop.cards", "sql", {HandMade::int4});
  const Oid g = db.function("g", "SELECT 1::shop.outer_d");
  const Oid h = db.function("h", "SELECT shop.outer_d(1)");
  EXPECT_EQ(text(touch(t, {Effect::insert})), "cards[read](;) f() t[insert](;)");
  EXPECT_EQ(text(touch(t, {Effect::read})), "t[read](;)");
  EXPECT_EQ(call_text(g), "cards[read](;) f() g()");
  EXPECT_EQ(call_text(h), "cards[read](;) f() h()");
  EXPECT_EQ(way_to(reach(touch(t, {Effect::update})), cards),
            "table shop.t → domain inner_d → function shop.f → table shop.cards");
}

TEST_F(ClosureTest, UsersCastsRunUnwritten) {
  const Oid money = db.next();
  db.builder.add(HandMade::type(money, HandMade::shop, "money_t"));
  const Oid f = db.function("f", "SELECT 1 FROM shop.cards", "sql", {HandMade::int4});
  const Oid g = db.function("g", "SELECT 1 FROM shop.log", "sql", {money});
  db.builder.add(Cast{HandMade::int4, money, f, 'a', 'f'});
  db.builder.add(Cast{money, HandMade::int4, g, 'i', 'f'});
  db.table("cards", {"a"}, RelationKind::table, HandMade::shop, HandMade::text);
  db.table("log", {"a"}, RelationKind::table, HandMade::shop, HandMade::text);
  const Oid t = db.table("t", {"m"}, RelationKind::table, HandMade::shop, money);
  const Oid h = db.function("h", "SELECT 1::shop.money_t");
  EXPECT_EQ(text(touch(t, {Effect::insert})), "cards[read](;) f() g() log[read](;) t[insert](;)");
  EXPECT_EQ(text(touch(t, {Effect::read})), "g() log[read](;) t[read](;)");
  EXPECT_EQ(call_text(h), "cards[read](;) f() h()");
}

TEST_F(ClosureTest, UsersOperatorsAndAggregatesAreFunctions) {
  const Oid f = db.function("f", "SELECT 1 FROM shop.cards", "sql", {HandMade::int4, HandMade::int4});
  db.builder.add(Operator{db.next(), HandMade::shop, "<->", HandMade::int4, HandMade::int4, HandMade::int4, f});
  db.table("cards");
  const Oid known[] = {f};
  Function aggregate;
  aggregate.oid = db.next();
  aggregate.schema = HandMade::shop;
  aggregate.name = "total";
  aggregate.kind = 'a';
  aggregate.arguments = known;
  aggregate.language = "internal";
  aggregate.support = known;
  db.builder.add(aggregate);
  aggregate.oid = db.next();
  aggregate.name = "riddle";
  aggregate.support = {};
  db.builder.add(aggregate);
  const Oid v = db.view("v", "SELECT 1 OPERATOR(shop.<->) 2 AS id");
  const Oid g = db.function("g", "SELECT shop.total(1)");
  const Oid h = db.function("h", "SELECT shop.riddle(1)");
  EXPECT_EQ(text(touch(v, {Effect::read})), "cards[read](;) f() v[read](;)");
  EXPECT_EQ(call_text(g), "cards[read](;) f() g() total()");
  EXPECT_EQ(call_text(h), "h() opaque: an aggregate whose functions are not known riddle()");
}

TEST_F(ClosureTest, CodeInLibrariesIsOpaqueWhereItIsNamed) {
  const Oid c = db.function("c", "", "c", {HandMade::int4, HandMade::int4});
  db.builder.add(Operator{db.next(), HandMade::shop, "<->", HandMade::int4, HandMade::int4, HandMade::int4, c});
  const Oid by_operator = db.function("f", "SELECT 1 OPERATOR(shop.<->) 2");
  const Oid by_name = db.function("g", "SELECT shop.c(1, 2)");
  EXPECT_EQ(call_text(by_operator), "c() f()");
  EXPECT_EQ(call_text(by_name), "c() g() opaque: code in another language than sql and plpgsql");
}

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
  EXPECT_EQ(read_search_path("'A', \"b\"\"c\""), (Names{"A", "b\"c"}));
  EXPECT_EQ(read_search_path("\"open"), (Names{}));
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

}  // namespace
}  // namespace dbgate::catalog
