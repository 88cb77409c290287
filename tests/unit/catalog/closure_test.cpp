#include "gateway/catalog/closure.h"

#include "tests/unit/catalog/closure_fixture.h"

namespace dbgate::catalog {
namespace {

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

TEST_F(ClosureTest, VirtualColumnsReadWhatTheyAreComputedFrom) {
  const Oid t = db.table("t", {"id", "card", "upper"});
  const Oid child = db.table("child", {"id", "card", "upper"});
  db.builder.add_parent(child, t);
  db.builder.add_virtual_part(t, {3, 2});
  db.builder.add_virtual_part(child, {3, 1});
  const Oid v = db.view("v", "SELECT t.upper FROM ONLY shop.t", {"upper"});
  EXPECT_EQ(text(touch(v, {Effect::read}, {"upper"})), "t[read](card,id,upper;) v[read](upper;)");
  EXPECT_EQ(text(touch(child, {Effect::read}, {"upper"})), "child[read](id,upper;)");
  EXPECT_EQ(text(touch(child, {Effect::read}, {"card"})), "child[read](card;)");
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

}  // namespace
}  // namespace dbgate::catalog
