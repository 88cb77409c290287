"""Results of reads that a policy lets be kept. That one was kept shows when its table is changed behind dbgate's back."""
import pathlib
import struct
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import pooled  # noqa: E402
import wire  # noqa: E402

SETUP = """
CREATE TABLE products (id int PRIMARY KEY, name text, region text);
CREATE TABLE prices (id int PRIMARY KEY, price int);
CREATE TABLE archived (LIKE products) PARTITION BY LIST (region);
CREATE TABLE archived_eu PARTITION OF archived FOR VALUES IN ('eu');
CREATE TABLE audit_trail (id int); CREATE TABLE settled (n int); INSERT INTO settled VALUES (1);
CREATE VIEW listed AS SELECT p.id, p.name, q.price FROM products p JOIN prices q USING (id);
CREATE VIEW stamped AS SELECT id, CURRENT_DATE AS today FROM products;
CREATE TABLE secured (id int); ALTER TABLE secured ENABLE ROW LEVEL SECURITY;
CREATE FUNCTION price_of(int) RETURNS int STABLE LANGUAGE sql AS 'SELECT price FROM prices WHERE id = $1';
CREATE FUNCTION asked_at() RETURNS text STABLE LANGUAGE sql AS 'SELECT now()::text';
CREATE FUNCTION counted() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION reprice() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN UPDATE prices SET price = price + 1; RETURN NEW; END';
CREATE TRIGGER reprices AFTER INSERT ON audit_trail FOR EACH ROW EXECUTE FUNCTION reprice();
"""
CACHED = "cache: { 'public.*': 1h }"
EVERYTHING = "allow: [ { everything: true } ]"
READ = "SELECT name FROM products WHERE id = 1"


def policy(name, rules=EVERYTHING, cache=CACHED):
    return f"  - {{ name: {name}, who: {{ users: [{name}] }}, on: [postgres], {rules}, {cache} }}\n"


class ReadCacheTest(unittest.TestCase):
    pool = None

    @classmethod
    def setUpClass(cls):
        cls.it = lab.Lab()
        cls.addClassCleanup(cls.it.close)
        cls.it.postgres.psql(SETUP)
        cls.direct = pooled.Session(cls.it.postgres.port)
        cls.addClassCleanup(cls.direct.socket.close)

    def setUp(self):
        self.direct.must("TRUNCATE products, prices, archived, audit_trail; "
                         "INSERT INTO products VALUES (1, 'one', 'eu'), (2, 'two', 'us'); "
                         "INSERT INTO prices VALUES (1, 10), (2, 20); INSERT INTO archived VALUES (1, 'old', 'eu')")

    def config(self, policies, limits="limits: { read_cache: 8MiB }\n", users=("app", "other"), workers=1):
        return (f"version: 1\nstate_dir: state\nworkers: {workers}\n{limits}{self.it.listen()}{self.it.users(*users)}targets:\n"
                f"{self.it.target('postgres', pool=self.pool)}policies:\n{policies}")

    def start(self, policies=None, settles=True, **options):
        self.gateway = self.it.gateway(self.config(policies or policy("app") + policy("other"), **options))
        self.addCleanup(self.gateway.check)
        if settles:
            # Who may do everything does not wait for the catalog, and nothing is kept before it is known.
            with self.connect("other") as session:
                lab.wait_until(lambda: self.is_settled(session), "the catalog is known", 20)
        return self.gateway

    def connect(self, user="app", **parameters):
        session = pooled.Session(self.gateway.port, user=user, **parameters)
        self.addCleanup(session.socket.close)
        return session

    def rename(self, name="new"):
        """Behind dbgate's back."""
        self.direct.must(f"UPDATE products SET name = '{name}' WHERE id = 1")

    def is_settled(self, session):
        before = session.value("SELECT n FROM settled")
        self.direct.must("UPDATE settled SET n = n + 1")
        return session.value("SELECT n FROM settled") == before

    def is_kept(self, ask):
        """Whether what `ask` returns is what it returned before the table was changed behind dbgate's back."""
        self.rename("before")
        self.direct.must("UPDATE prices SET price = 1")
        before = ask()
        self.rename("after")
        self.direct.must("UPDATE prices SET price = 2")
        return ask() == before


class Simple(ReadCacheTest):
    def test_a_result_is_kept_until_its_time_is_over(self):
        self.start(policy("app", cache="cache: { public.products: 2s }") + policy("other"))
        session = self.connect()
        self.assertTrue(self.is_kept(lambda: session.value(READ)))
        lab.wait_until(lambda: session.value(READ) == "after", "the result is too old", 10)

    def test_it_is_the_same_answer(self):
        self.start()
        session, fresh = self.connect(), self.connect("other")
        first, second = session.run("SELECT * FROM products ORDER BY id"), session.run("SELECT * FROM products ORDER BY id")
        self.assertEqual(first.messages, second.messages)
        self.assertEqual(first.messages, fresh.run("SELECT * FROM products ORDER BY id").messages)
        self.assertEqual(session.run("SELECT id FROM products WHERE false").rows, [])
        self.assertEqual(session.run("SELECT id FROM products WHERE false").types, "TCZ")
        self.assertEqual(session.value("SELECT 1"), "1")

    def test_only_what_is_marked_is_kept(self):
        self.start(policy("app", cache="cache: { public.products: 1h }") + policy("other"))
        session = self.connect()
        self.assertTrue(self.is_kept(lambda: session.value(READ)))
        for sql in ("SELECT price FROM prices WHERE id = 1", "SELECT name, price FROM products JOIN prices USING (id)",
                    "SELECT name FROM listed WHERE id = 1"):
            self.assertFalse(self.is_kept(lambda: session.run(sql).rows), sql)

    def test_nothing_is_kept_without_a_policy_or_memory(self):
        self.start(policy("app", cache="mode: enforce"), settles=False)
        session = self.connect()
        self.assertFalse(self.is_kept(lambda: session.value(READ)))
        self.start(policy("app", cache="mode: enforce"), settles=False, limits="")
        session = self.connect()
        self.assertFalse(self.is_kept(lambda: session.value(READ)))

    def test_a_write_is_seen_at_once(self):
        self.start(workers=2)
        sessions = [self.connect() for _ in range(4)] + [self.connect("other") for _ in range(4)]
        for number, writer in enumerate(sessions):
            for session in sessions:
                session.value(READ)
                session.value(READ)
            writer.must(f"UPDATE products SET name = 'by {number}' WHERE id = 1")
            for session in sessions:
                self.assertEqual(session.value(READ), f"by {number}")

    def test_no_answer_is_older_than_a_write_that_was_over(self):
        """Readers and writers of two workers race; who asks after a write was answered must see it."""
        self.start(workers=2)
        self.direct.must("UPDATE prices SET price = 0 WHERE id = 1")
        written, stop, problems, answered = [0], threading.Event(), [], [0]

        def read(session):
            while not stop.is_set():
                least = written[0]
                seen = int(session.value("SELECT price FROM prices WHERE id = 1"))
                answered[0] += 1
                if seen < least:
                    problems.append(f"{seen} was read after {least} had been written")

        def write(session):
            for number in range(150):
                form = ("{}", "BEGIN; {}; COMMIT", "BEGIN; UPDATE prices SET price = -1 WHERE id = 1; ROLLBACK; {}")[number % 3]
                result = session.must(form.format("UPDATE prices SET price = price + 1 WHERE id = 1 RETURNING price"))
                written[0] = max(written[0], int(result.rows[0][0]))
                if number % 5 == 0:  # time enough for results to be kept and given out
                    enough = answered[0] + 40
                    lab.wait_until(lambda least=enough: answered[0] >= least, "readers go on")

        readers = [threading.Thread(target=read, args=(self.connect(user),)) for user in ("app", "other") * 3]
        writer = threading.Thread(target=write, args=(self.connect("other"),))
        for thread in (*readers, writer):
            thread.start()
        writer.join(120)
        stop.set()
        for thread in readers:
            thread.join(60)
        self.assertEqual(problems, [])
        self.assertEqual(written[0], 150)
        served = self.served()
        self.assertGreater(served, 20)
        self.assertLess(served, answered[0])

    def test_writes_of_other_tables_leave_it(self):
        self.start()
        session, writer = self.connect(), self.connect("other")
        session.value(READ)
        writer.must("UPDATE prices SET price = 3")
        self.rename()
        self.assertEqual(session.value(READ), "one")

    def test_every_kind_of_write_is_seen(self):
        self.start()
        session, writer = self.connect(), self.connect("other")
        reads = {"products": "SELECT count(*), max(name) FROM products", "prices": "SELECT sum(price) FROM prices",
                 "view": "SELECT count(*), max(price) FROM listed", "function": "SELECT count(*), sum(price_of(id)) FROM products",
                 "partitioned": "SELECT count(*), max(name) FROM archived"}
        for change, concerned in (
                ("INSERT INTO products VALUES (7, 'seven', 'eu')", ["products", "function"]),
                ("WITH x AS (UPDATE products SET name = 'zz' RETURNING 1) SELECT count(*) FROM x", ["products"]),
                ("UPDATE prices SET price = price + 1", ["prices", "view", "function"]),
                ("INSERT INTO audit_trail VALUES (1)", ["prices", "view", "function"]),  # by a trigger
                ("UPDATE archived_eu SET name = 'older'", ["partitioned"]),
                ("DELETE FROM products WHERE id = 7", ["products", "function"]),
                ("DO $$ BEGIN UPDATE prices SET price = 5; END $$", ["prices", "view", "function"]),
                ("MERGE INTO prices p USING products q ON p.id = q.id WHEN MATCHED THEN UPDATE SET price = 6",
                 ["prices", "view", "function"]),
                ("PREPARE w AS UPDATE prices SET price = 8; EXECUTE w; DEALLOCATE w", ["prices", "view", "function"]),
                ("EXPLAIN ANALYZE UPDATE prices SET price = 9", ["prices", "view", "function"]),
                ("BEGIN; UPDATE prices SET price = 11; COMMIT", ["prices", "view", "function"]),
                ("TRUNCATE products", ["products", "view", "function"])):
            before = {name: session.must(sql).rows for name, sql in reads.items()}
            self.assertEqual(before, {name: session.must(sql).rows for name, sql in reads.items()})
            writer.must(change)
            for name, sql in reads.items():
                now, true = session.must(sql).rows, self.direct.must(sql).rows
                self.assertEqual(now, true, (change, name))
                self.assertEqual(now != before[name], name in concerned, (change, name))
        self.assertEqual(session.must("SELECT count(*) FROM products").rows, [("0",)])
        writer.send(wire.query("COPY products FROM STDIN"))
        writer.receive_until("G")
        writer.send(wire.message(b"d", b"9\tnine\teu\n") + wire.message(b"c"))
        writer.receive_until("Z")
        self.assertEqual(session.must("SELECT count(*) FROM products").rows, [("1",)])

    def test_what_is_not_committed(self):
        self.start()
        session, writer = self.connect(), self.connect("other")
        session.value(READ)
        writer.must("BEGIN; UPDATE products SET name = 'mine' WHERE id = 1")
        self.assertEqual(session.value(READ), "one")
        self.assertEqual(writer.value(READ), "mine")  # never what others see
        self.assertEqual(session.value(READ), "one")
        writer.must("COMMIT")
        self.assertEqual(session.value(READ), "mine")  # what was read in between was not kept
        self.assertEqual(session.value(READ), "mine")
        writer.must("BEGIN; UPDATE products SET name = 'never' WHERE id = 1")
        session.value(READ)
        writer.must("ROLLBACK")
        self.assertEqual(session.value(READ), "mine")
        self.rename("unseen")
        self.assertEqual(session.value(READ), "mine")  # kept again after the rollback

    def test_a_writer_that_goes_away(self):
        self.start()
        session, writer = self.connect(), self.connect("other")
        writer.must("BEGIN; UPDATE products SET name = 'never' WHERE id = 1")
        writer.leave(rudely=True)
        lab.wait_until(lambda: self.is_kept(lambda: session.value(READ)), "results are kept again", 10)

    def test_transactions_see_their_snapshot(self):
        self.start()
        session = self.connect()
        session.value(READ)
        self.rename()
        session.must("BEGIN ISOLATION LEVEL REPEATABLE READ")
        self.assertEqual(session.value(READ), "new")
        session.must("COMMIT")
        self.assertEqual(session.value(READ), "one")
        self.assertEqual(session.must(f"BEGIN; {READ}; COMMIT").rows, [("new",)])
        self.assertEqual(session.must(f"{READ}; {READ}").rows, [("new",), ("new",)])

    def test_principals_share_nothing(self):
        masked = policy("app", "allow: [ { select: [public.products], functions: [safe] } ], mask: { public.products.name: redact }, "
                        "filter: { public.products: \"region = 'eu'\" }")
        self.start(masked + policy("other"))
        session, other = self.connect(), self.connect("other")
        sql = "SELECT id, name FROM products ORDER BY id"
        for _ in range(2):
            self.assertEqual(other.must(sql).rows, [("1", "one"), ("2", "two")])
            self.assertEqual(session.must(sql).rows, [("1", "***")])
        self.rename()
        self.direct.must("UPDATE products SET region = 'us'")
        self.assertEqual(other.must(sql).rows, [("1", "one"), ("2", "two")])
        self.assertEqual(session.must(sql).rows, [("1", "***")])
        self.assertEqual(self.direct.must(sql).rows[0][1], "new")

    def test_settings_are_told_apart(self):
        self.start()
        session, other = self.connect(), self.connect()
        foreign = self.connect(options="-c TimeZone=Asia/Tokyo")
        sql = "SELECT to_json(name) FROM products WHERE id = 1"
        for ask in (session, other, foreign):
            self.assertTrue(self.is_kept(lambda: ask.value(sql)))
        self.rename("set before")
        before = session.value(READ)
        for change, undo in (("SET DateStyle = German", "RESET DateStyle"), ("SET TimeZone = 'Asia/Tokyo'", "RESET ALL")):
            session.must(change)
            self.rename(f"at {change[4:8]}")
            self.assertEqual(session.value(READ), f"at {change[4:8]}")
            self.assertEqual(other.value(READ), before)
            session.must(undo)
            self.assertEqual(session.value(READ), before)
        session.must("SET TimeZone = 'Asia/Tokyo'")
        self.assertEqual(session.value(READ), "at Time")  # it was kept under that setting
        session.must("BEGIN; SET TimeZone = 'UTC'; ROLLBACK")
        self.assertEqual(session.value(READ), "at Time")
        self.rename("foreign")
        self.assertEqual(foreign.value(READ), "foreign")

    def test_sessions_with_a_state_of_their_own(self):
        self.start()
        for sql in ("SET ROLE postgres", "SELECT set_config('TimeZone', 'UTC', false)", "CREATE TEMP TABLE products (id int, name text)",
                    "SELECT pg_advisory_lock(1)"):
            session = self.connect()
            lab.wait_until(lambda: self.is_kept(lambda: session.value(READ)), f"results are kept, before {sql}", 10)
            session.must(sql)
            self.rename("own")
            own = [] if "TEMP" in sql else [("own",)]
            self.assertEqual(session.run(READ).rows, own, sql)
            session.leave()
            self.rename("one")

    def served(self):
        return sum("served_from" in record for record in self.gateway.audit("statement.done"))

    def test_names_that_mean_other_tables(self):
        self.start()
        self.direct.must("CREATE SCHEMA IF NOT EXISTS elsewhere; CREATE TABLE IF NOT EXISTS elsewhere.products (LIKE public.products); "
                         "TRUNCATE elsewhere.products; INSERT INTO elsewhere.products VALUES (1, 'there', 'eu')")
        with self.connect() as known:  # nobody has told dbgate of the table
            known.must("CREATE TABLE IF NOT EXISTS seen (a int); DROP TABLE seen")
        session, astray = self.connect(), self.connect()
        there = "SELECT name FROM elsewhere.products WHERE id = 1"
        self.gateway.reload(self.config(policy("app", cache="cache: { '*': 1h }") + policy("other")))
        lab.wait_until(lambda: self.is_kept(lambda: session.value(READ)), "results are kept", 10)
        for move in ("SET search_path = elsewhere", "SELECT set_config('search_path', 'elsewhere', false)", "BEGIN; SET LOCAL search_path = elsewhere"):
            astray.must(move)
            for number in range(2):
                session.value(there)
                astray.must(f"UPDATE products SET name = 'moved {number}' WHERE id = 1")
                astray.must("COMMIT; SET search_path = elsewhere")
                self.assertEqual(session.value(there), f"moved {number}")
            self.assertEqual(astray.value(READ), "moved 1")

    def test_what_is_never_kept(self):
        self.start()
        session = self.connect()
        for sql in ("SELECT name, now() FROM products WHERE id = 1", "SELECT name, CURRENT_DATE FROM products WHERE id = 1",
                    "SELECT name, current_user FROM products WHERE id = 1", "SELECT name, asked_at() FROM products WHERE id = 1",
                    "SELECT name, counted() FROM products WHERE id = 1", "SELECT name, random() > 2 FROM products WHERE id = 1",
                    "SELECT name FROM products JOIN stamped USING (id) WHERE id = 1",
                    "SELECT name FROM products WHERE id = 1 FOR UPDATE", "SELECT name FROM products WHERE id = 1 FOR SHARE",
                    "SELECT name, current_setting('TimeZone') FROM products WHERE id = 1",
                    "SELECT name FROM products, secured RIGHT JOIN prices USING (id) WHERE products.id = 1",
                    "SELECT name FROM products, pg_class WHERE products.id = 1 AND relname = 'products'",
                    "SELECT name FROM products WHERE id = 1 AND '2020-01-01' < 'today'::date",
                    "SELECT name FROM products WHERE id = 1 AND E'\\x6eow' <> ''",
                    "SELECT name FROM products WHERE id = 1 AND U&'!006eow' UESCAPE '!' <> ''",
                    "SELECT name FROM products TABLESAMPLE SYSTEM (100) WHERE id = 1",
                    "SELECT pg_sleep(0), name FROM products WHERE id = 1",
                    "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT 1", "TABLE pg_settings LIMIT 0"):
            before = self.served()
            self.is_kept(lambda: session.must(sql).rows)
            self.assertEqual(self.served(), before, sql)
        for sql in ("SELECT name, price FROM listed WHERE id = 1", "SELECT name, price_of(id) FROM products WHERE id = 1",
                    "SELECT count(*), max(name) FROM products", "SELECT lower(name) FROM products WHERE name LIKE '%e%' AND id = 1",
                    "TABLE products", "WITH x AS (SELECT name FROM products) SELECT * FROM x ORDER BY 1",
                    "SELECT array_agg(name ORDER BY id), json_agg(name) FROM products"):
            self.assertTrue(self.is_kept(lambda: session.must(sql).rows), sql)

    def test_errors_and_notices_are_not_kept(self):
        self.start()
        session = self.connect()
        sql = "SELECT 1 / (CASE name WHEN 'before' THEN 0 ELSE 1 END) FROM products WHERE id = 1"
        self.rename("before")
        self.assertEqual(session.run(sql).code, "22012")
        self.assertEqual(session.run(sql).code, "22012")
        self.rename("after")
        self.assertEqual(session.value(sql), "1")

    def test_limits_hold(self):
        self.start(policy("app", cache=CACHED + ", limits: { rows: 2, concurrent: 1 }") + policy("other") +
                   policy("slow", cache=CACHED + ", limits: { rate: 1/h }"), users=("app", "other", "slow"))
        session, slow = self.connect(), self.connect("slow")
        for _ in range(2):
            self.assertEqual(session.run("SELECT 1 FROM products, prices").code, "54000")
        self.assertTrue(self.is_kept(lambda: session.must("TABLE products").rows))
        self.assertEqual(session.run("SELECT 1 FROM products, prices").code, "54000")  # the place was given back
        self.assertEqual(slow.value(READ), "after")
        self.assertEqual(slow.run(READ).code, "53400")

    def test_large_results_are_not_kept(self):
        self.start(limits="limits: { read_cache: 64KiB }\n")
        session = self.connect()
        self.assertTrue(self.is_kept(lambda: session.value(READ)))
        self.assertFalse(self.is_kept(lambda: session.must("SELECT name || repeat('x', 5000) FROM products WHERE id = 1").rows))
        self.assertTrue(self.is_kept(lambda: session.value(READ)))
        # What was not asked for the longest went first.
        for number in range(200):
            session.value(f"SELECT name FROM products WHERE id = 1 AND {number} = {number}")
        self.rename("later")
        self.assertEqual(session.value(READ), "later")

    def test_policies_change(self):
        rules = "allow: [ { select: [public.products], functions: [safe] } ]"
        self.start(policy("app", rules) + policy("other"))
        session = self.connect()
        self.assertTrue(self.is_kept(lambda: session.value(READ)))
        masked = rules + ", mask: { public.products.name: redact }"
        self.gateway.reload(self.config(policy("app", masked) + policy("other")))
        fresh = self.connect()
        self.assertEqual(fresh.value(READ), "***")
        self.assertEqual(session.value(READ), "***")
        self.gateway.reload(self.config(policy("app", "allow: [ { select: [public.prices] } ]") + policy("other")))
        self.assertEqual(session.run(READ).code, "42501")

    def test_the_catalog_changes(self):
        self.start()
        session, owner = self.connect(), self.connect("other")
        owner.must("CREATE VIEW shown AS SELECT name FROM products WHERE id = 1")
        self.addCleanup(self.direct.must, "DROP VIEW shown")
        lab.wait_until(lambda: self.is_kept(lambda: session.value("SELECT name FROM shown")), "the view is known", 20)
        owner.must("CREATE OR REPLACE VIEW shown AS SELECT 'other'::text AS name FROM products WHERE id = 1")
        self.assertEqual(session.value("SELECT name FROM shown"), "other")

    def test_every_answer_is_recorded(self):
        self.start()
        session = self.connect()
        for _ in range(3):
            session.must("SELECT name FROM products ORDER BY id")
        decided = [r for r in self.gateway.audit("statement.decided") if "ORDER BY id" in r["db.query.text"]]
        done = {r["query_id"]: r for r in self.gateway.audit("statement.done")}
        self.assertEqual(len(decided), 3)
        outcomes = [done[r["query_id"]] for r in decided]
        self.assertEqual([r.get("served_from") for r in outcomes], [None, "cache", "cache"])
        for key in ("outcome", "db.response.status_code", "db.response.command_tags", "db.response.returned_rows", "bytes"):
            self.assertEqual(len({r[key] for r in outcomes}), 1, (key, outcomes))
        self.assertEqual(outcomes[2]["db.response.returned_rows"], 2)

    def test_pipelined_messages_keep_their_order(self):
        self.start()
        session = self.connect()
        session.value(READ)
        session.send(wire.query(READ) + wire.query("UPDATE products SET name = 'piped' WHERE id = 1") + wire.query(READ))
        answers = [session.answer() for _ in range(3)]
        self.assertEqual([a.rows for a in answers], [[("one",)], [], [("piped",)]])
        self.assertEqual(session.value(READ), "piped")


BY_ID = "SELECT name FROM products WHERE id = $1"


class Extended(ReadCacheTest):
    def batch(self, session, sql=BY_ID, values=(b"1",), parse=True, name="", describe=True, **how):
        """One statement in the form of most drivers."""
        session.send((wire.parse(name, sql, how.get("types", ())) if parse else b"") +
                     wire.bind("", name, values, how.get("formats", ())) + (wire.describe(b"P") if describe else b"") +
                     wire.execute() + wire.SYNC)
        return session.answer()

    def setUp(self):
        super().setUp()
        self.start()
        self.session, self.other = self.connect(), self.connect()
        self.batch(self.session)  # a verdict that was reached before is at hand

    def test_the_same_answer_is_kept(self):
        first, second = self.batch(self.session), self.batch(self.session)
        self.assertEqual(first.messages, second.messages)
        self.assertEqual(second.types, "12TDCZ")
        self.assertTrue(self.is_kept(lambda: self.batch(self.session).rows))
        self.assertEqual(self.batch(self.other).rows, self.batch(self.session).rows)
        self.assertEqual(self.batch(self.session, describe=False).types, "12DCZ")
        self.assertEqual(self.batch(self.session, describe=False).rows, [("after",)])

    def test_prepared_statements(self):
        for session in (self.session, self.other):
            self.assertEqual(session.prepare("by_id", BY_ID).types, "1Z")
            ask = lambda of=session: self.batch(of, parse=False, name="by_id")  # noqa: E731
            self.assertTrue(self.is_kept(lambda: ask().rows))
            self.assertEqual(ask().types, "2TDCZ")
        self.assertEqual(self.batch(self.session, parse=False, name="nobody").code, "26000")
        self.session.must("DEALLOCATE by_id")
        self.assertEqual(self.batch(self.session, parse=False, name="by_id").code, "26000")

    def test_values_types_and_formats_are_told_apart(self):
        self.batch(self.session)
        self.rename()
        self.assertEqual(self.batch(self.session).rows, [("one",)])
        self.assertEqual(self.batch(self.session, values=(b"2",)).rows, [("two",)])
        self.assertEqual(self.batch(self.session, values=(b"01",)).rows, [("new",)])
        self.assertEqual(self.batch(self.session, values=(None,)).rows, [])
        self.assertEqual(self.batch(self.session, types=(20,)).rows, [("new",)])
        self.assertEqual(self.batch(self.session, formats=(1,)).rows, [("new",)])
        self.assertEqual(self.batch(self.session, sql=BY_ID + " ").rows, [("new",)])
        numbers = "SELECT id FROM products WHERE id = $1"
        for formats, expected in (((), b"1"), ((1,), struct.pack("!i", 1)), ((0,), b"1")):
            for _ in range(3):
                answer = self.batch(self.session, sql=numbers, formats=formats)
                self.assertEqual([body[6:] for kind, body in answer.messages if kind == "D"], [expected])

    def test_the_unnamed_statement_is_the_last_that_was_parsed(self):
        other = "SELECT price FROM prices WHERE id = $1"
        for sql in (BY_ID, other):
            for _ in range(2):
                self.batch(self.session, sql=sql)
        self.session.send(wire.parse("", other) + wire.SYNC)
        self.assertEqual(self.session.answer().types, "1Z")
        for _ in range(2):
            self.assertEqual(self.batch(self.session).rows, [("one",)])  # from memory: the server has `other` still
        self.assertEqual(self.batch(self.session, parse=False).rows, [("one",)])
        self.assertEqual(self.batch(self.session, parse=False).types, "2TDCZ")
        self.batch(self.session)
        self.session.send(wire.describe(b"S") + wire.SYNC)
        self.assertEqual(self.session.answer().types, "tTZ")
        # A pipeline that fails before it comes to the statement must not leave the other one in its place.
        self.batch(self.session)
        self.session.send(wire.parse("", other) + wire.SYNC)
        self.session.answer()
        self.batch(self.session)
        self.session.send(wire.close(b"S", "none") + wire.parse("bad", "SELECT 1 / 0") + wire.bind("", "bad") + wire.execute() +
                          wire.bind("", "", [b"1"]) + wire.execute() + wire.SYNC)
        self.assertEqual(self.session.answer().code, "22012")
        self.assertIn(self.batch(self.session, parse=False).rows, ([("one",)], []))
        self.assertNotIn(("10",), self.batch(self.session, parse=False).rows)
        # Query drops it.
        self.batch(self.session)
        self.session.must("SELECT 1")
        self.assertEqual(self.batch(self.session, parse=False).code, "26000")

    def test_a_failed_parse_leaves_nothing(self):
        other = "SELECT price FROM prices WHERE id = $1"
        self.session.send(wire.parse("", other) + wire.SYNC)
        self.session.answer()
        for _ in range(2):
            self.batch(self.session)
        self.session.send(wire.parse("x", "SELECT 1/0") + wire.bind("", "x") + wire.execute() + wire.parse("", "SELECT 5") +
                          wire.SYNC)
        self.assertEqual(self.session.answer().code, "22012")
        self.assertNotIn(("10",), self.batch(self.session, parse=False).rows)

    def test_other_shapes_go_to_the_server(self):
        self.session.prepare("by_id", BY_ID)
        self.batch(self.session, parse=False, name="by_id")
        self.rename()
        self.assertEqual(self.batch(self.session, parse=False, name="by_id").rows, [("one",)])
        bound = wire.bind("", "by_id", [b"1"])
        for data, types in ((bound + wire.execute("", 1) + wire.SYNC, "2DsZ"),
                            (wire.bind("p", "by_id", [b"1"]) + wire.execute("p") + wire.SYNC, "2DCZ"),
                            (bound + wire.execute() + wire.execute() + wire.SYNC, "2DCCZ"),
                            (bound + wire.execute() + wire.FLUSH + wire.SYNC, "2DCZ"),
                            (bound + wire.describe(b"S", "by_id") + wire.execute() + wire.SYNC, "2tTDCZ")):
            self.session.send(data)
            answer = self.session.answer()
            self.assertEqual((answer.types, answer.rows), (types, [("new",)]), data)
        self.assertEqual(self.batch(self.session, parse=False, name="by_id").rows, [("one",)])

    def test_whatever_pieces_it_comes_in(self):
        self.batch(self.session)
        self.rename()
        data = wire.parse("", BY_ID) + wire.bind("", "", [b"1"]) + wire.describe(b"P") + wire.execute() + wire.SYNC
        for at in range(1, len(data), 7):
            self.session.send(data[:at])
            self.session.send(data[at:])
            self.assertIn(self.session.answer().rows, ([("one",)], [("new",)]))
        self.session.send(data * 5)
        for _ in range(5):
            self.assertIn(self.session.answer().rows, ([("one",)], [("new",)]))

    def test_in_a_transaction(self):
        self.batch(self.session)
        self.rename()
        self.session.must("BEGIN")
        self.assertEqual(self.batch(self.session).rows, [("new",)])
        self.session.must("ROLLBACK")
        self.assertEqual(self.batch(self.session).rows, [("one",)])

    def test_writes(self):
        update = "UPDATE products SET name = $2 WHERE id = $1"
        self.other.prepare("change", update)
        for number in range(3):
            self.assertTrue(self.is_kept(lambda: self.batch(self.session).rows))
            if number % 2:
                self.batch(self.other, parse=False, name="change", values=(b"1", b"by hand"))
            else:
                self.batch(self.other, sql=update, values=(b"1", b"by hand"))
            self.assertEqual(self.batch(self.session).rows, [("by hand",)])
        # In one pipeline: nothing of it may be older than what stands before it.
        self.batch(self.session)
        self.session.send(wire.parse("", update) + wire.bind("", "", [b"1", b"piped"]) + wire.execute() + wire.parse("", BY_ID) +
                          wire.bind("", "", [b"1"]) + wire.execute() + wire.SYNC)
        self.assertEqual(self.session.answer().rows, [("piped",)])
        self.session.send(wire.parse("", update) + wire.bind("", "", [b"1", b"twice"]) + wire.execute() + wire.SYNC +
                          wire.parse("", BY_ID) + wire.bind("", "", [b"1"]) + wire.execute() + wire.SYNC)
        self.assertEqual([self.session.answer().rows, self.session.answer().rows], [[], [("twice",)]])

    def test_settings_at_parse_and_at_bind(self):
        self.session.prepare("by_id", BY_ID)
        self.batch(self.session, parse=False, name="by_id")
        self.rename()
        self.session.must("SET DateStyle = 'German'")
        self.assertEqual(self.batch(self.session, parse=False, name="by_id").rows, [("new",)])
        self.session.must("RESET DateStyle")
        self.assertEqual(self.batch(self.session, parse=False, name="by_id").rows, [("one",)])

    def test_words_for_the_moment_as_values(self):
        sql = "SELECT name FROM products WHERE id = 1 AND '2020-01-01' < $1"
        for value, kept in ((b"2021-01-01", True), (b"Today", False), (b"now", False)):
            self.batch(self.session, sql=sql, values=(value,), types=(1184,))
            self.assertEqual(self.is_kept(lambda: self.batch(self.session, sql=sql, values=(value,), types=(1184,)).rows), kept)

    def test_masks_and_descriptions(self):
        masked = policy("app", "allow: [ { select: [public.products], functions: [safe] } ], mask: { public.products.name: redact }")
        self.start(masked + policy("other"))
        session, other = self.connect(), self.connect("other")
        for _ in range(3):
            first, second = self.batch(session), self.batch(other)
            self.assertEqual((first.rows, second.rows), ([("***",)], [("one",)]))
            described = [body for answer in (first, second) for kind, body in answer.messages if kind == "T"]
            self.assertEqual(described[0], described[1])

    def test_every_answer_is_recorded(self):
        for _ in range(2):
            self.batch(self.session, values=(b"2",))
        records = self.gateway.audit()
        decided = [r for r in records if r.get("db.query.parameters") == ["2"]]
        done = {r["query_id"]: r for r in records if r["event"] == "statement.done"}
        outcomes = [done[r["query_id"]] for r in decided]
        self.assertEqual([r.get("served_from") for r in outcomes], [None, "cache"])
        for key in ("outcome", "db.response.status_code", "db.response.command_tags", "db.response.returned_rows", "bytes"):
            self.assertEqual(outcomes[0][key], outcomes[1][key], key)
        for key in ("protocol", "db.query.text", "decision.effect", "decision.rule_id", "statement.name", "objects"):
            self.assertEqual(decided[0].get(key), decided[1].get(key), key)


class ExtendedPooled(Extended):
    pool = "mode: transaction, max: 12, idle: 1h, wait: 20s"

    def test_without_a_server_connection(self):
        """What was answered from memory is known on whatever server connection comes next."""
        self.start(policy("app") + policy("other"))
        session = self.connect()
        for _ in range(3):
            self.batch(session)
        with pooled.Churner(self.connect, clients=14) as churner:
            for _ in range(30):
                self.assertEqual(self.batch(session).rows, [("one",)])
                self.assertEqual(self.batch(session, parse=False).rows, [("one",)])
        self.assertEqual(churner.problems, [])


class SimplePooled(Simple):
    pool = "mode: transaction, max: 12, idle: 1h, wait: 20s"


if __name__ == "__main__":
    unittest.main(verbosity=2)
