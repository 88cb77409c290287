"""Prepared statements of the protocol over server connections that change: as on a connection of one's own."""
import pathlib
import struct
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import wire  # noqa: E402
from pooled import Churner, Result, Session  # noqa: E402

DISTINCT = 5_000
MOST_ON_SERVER = 1_500  # of them at once on one server connection, however the bound is counted


class Prepared(unittest.TestCase):
    """Every test runs against the server itself as well, unless it looks at the pool."""

    POOL, WORKERS = "mode: transaction, max: 1, wait: 10s", 1
    NAMES_ARE_THE_SERVERS = False

    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab()
        cls.addClassCleanup(cls.lab.close)
        cls.port = cls.start()

    @classmethod
    def start(cls):
        cls.gateway = cls.lab.gateway(cls.lab.forward_everything(extra=f"workers: {cls.WORKERS}\n", pool=cls.POOL))
        return cls.gateway.port

    def setUp(self):
        self.lab.postgres.psql("SET client_min_messages = warning; DROP SCHEMA IF EXISTS a CASCADE; DROP SCHEMA IF EXISTS b CASCADE;"
                               "CREATE SCHEMA a; CREATE SCHEMA b; CREATE TABLE a.t (x int); CREATE TABLE b.t (x int, y text);"
                               "INSERT INTO a.t VALUES (1); INSERT INTO b.t VALUES (2, 'b');")
        self.one, self.other = self.session(), self.session()

    def session(self, **parameters):
        session = Session(self.port, **parameters)
        self.addCleanup(session.socket.close)
        return session

    def disturb(self):
        """The server connection goes to others in between."""
        self.other.must("SELECT 1")

    def exchange(self, session, *messages):
        session.send(b"".join(messages) + wire.SYNC)
        return session.answer()

    def test_the_name_stays(self):
        self.assertEqual(self.one.prepare("mine", "SELECT $1::int + 1").types, "1Z")
        for number in range(5):
            self.disturb()
            self.assertEqual(self.one.run_prepared("mine", [number]).rows, [(str(number + 1),)])
        self.assertEqual(self.one.prepare("mine", "SELECT 2").code, "42P05")
        self.assertEqual(self.exchange(self.one, wire.close(b"S", "mine")).types, "3Z")
        self.disturb()
        self.assertEqual(self.one.run_prepared("mine", [1]).code, "26000")
        self.assertEqual(self.one.prepare("mine", "SELECT 'new'").types, "1Z")
        self.assertEqual(self.one.run_prepared("mine").rows, [("new",)])
        self.assertEqual(self.exchange(self.one, wire.close(b"S", "never")).types, "3Z")

    def test_the_unnamed_statement_stays(self):
        self.one.prepare("", "SELECT $1::int * 2")
        for number in range(3):
            self.disturb()
            self.assertEqual(self.one.run_prepared("", [number]).rows, [(str(number * 2),)])
        self.one.must("SELECT 1")  # a simple query takes it away on the server; that a pool may keep it harms nobody
        self.assertIn(self.one.run_prepared("", [1]).code, ("26000", ""))

    def test_described_before_it_is_bound(self):
        self.one.prepare("mine", "SELECT $1::int AS a, $2::text AS b")
        for _ in range(2):
            self.disturb()
            described = self.exchange(self.one, wire.describe(b"S", "mine"))
            self.assertEqual(described.types, "tTZ")
            self.assertEqual(described.messages[0][1], b"\0\2\0\0\0\x17\0\0\0\x19")
        self.assertEqual(self.exchange(self.one, wire.describe(b"S", "never")).code, "26000")

    def test_one_exchange_with_everything(self):
        for _ in range(3):
            self.disturb()
            result = self.exchange(self.one, wire.parse("all", "SELECT $1::int"), wire.describe(b"S", "all"), wire.bind("p", "all", [b"5"]),
                                   wire.describe(b"P", "p"), wire.execute("p"), wire.close(b"P", "p"), wire.close(b"S", "all"))
            self.assertEqual((result.types, result.rows), ("1tT2TDC33Z", [("5",)]))

    def test_sql_takes_names_away(self):
        for sql in ("DEALLOCATE ALL", "DISCARD ALL", "DEALLOCATE mine", "DEALLOCATE PREPARE mine", "DEALLOCATE \"mine\""):
            for run in (self.one.run, self.one.run_extended):
                with self.subTest(sql, run=run.__name__):
                    self.assertEqual(self.one.prepare("mine", "SELECT 1").types, "1Z")
                    self.disturb()
                    self.assertEqual(run(sql).code, "")
                    self.assertEqual(self.one.run_prepared("mine").code, "26000")
                    self.disturb()
                    self.assertEqual(self.one.run_prepared("mine").code, "26000")
        self.assertEqual(self.one.run("DEALLOCATE mine").code, "26000")

    def test_texts_take_names_away(self):
        """As psqlODBC does it, between its savepoints."""
        self.one.must("BEGIN")
        for _ in range(3):
            self.assertEqual(self.one.prepare("_PLAN0x1", "SELECT 1").types, "1Z")
            self.assertEqual(self.one.run_prepared("_PLAN0x1").rows, [("1",)])
            result = self.one.must("SAVEPOINT _per_query_svp_;DEALLOCATE \"_PLAN0x1\";RELEASE _per_query_svp_")
            self.assertEqual(result.tags, ["SAVEPOINT", "DEALLOCATE", "RELEASE"])
        self.assertEqual(self.one.run_prepared("_PLAN0x1").code, "26000")
        self.assertEqual(self.one.run("DEALLOCATE mine; SELECT 1").code, "25P02")
        self.one.must("ROLLBACK")

    def test_texts_that_fail_take_away_what_they_came_to(self):
        for text, code, stays in (("SELECT 1/0; DEALLOCATE mine", "22012", True), ("DEALLOCATE mine; SELECT 1/0", "22012", False),
                                  ("DEALLOCATE mine; DEALLOCATE mine", "26000", False), ("SELECT 1; DEALLOCATE mine", "", False),
                                  ("/* a */ DEALLOCATE mine /* b */; SELECT nothing", "42703", False)):
            with self.subTest(text):
                self.assertEqual(self.one.prepare("mine", "SELECT 1").types, "1Z")
                self.disturb()
                result = self.one.run(text)
                self.assertEqual(result.code, code)
                if code == "42703":
                    self.assertEqual(result.error["P"], str(text.index("nothing") + 1))
                self.assertEqual(self.one.run_prepared("mine").code, "" if stays else "26000")
                if stays:
                    self.one.must("DEALLOCATE mine")

    def test_names_that_are_taken_away_are_ones_own(self):
        self.other.prepare("mine", "SELECT 'others'")
        self.one.prepare("mine", "SELECT 'ones'")
        for sql in ("DEALLOCATE ALL", "DISCARD ALL"):
            self.one.must(sql)
            self.assertEqual(self.other.run_prepared("mine").rows, [("others",)])
        self.assertEqual(self.one.run_prepared("mine").code, "26000")

    def test_sql_and_protocol_share_names(self):
        if not self.NAMES_ARE_THE_SERVERS:
            self.skipTest("a pool has names of its own on the server (docs/pooling.md)")
        self.one.prepare("mine", "SELECT $1::int + 5")
        self.disturb()
        self.assertEqual(self.one.run("EXECUTE mine(1)").rows, [("6",)])
        self.assertEqual(self.one.run("PREPARE mine AS SELECT 1").code, "42P05")
        self.one.must("PREPARE yours AS SELECT 'sql'")
        self.assertEqual(self.one.run_prepared("yours").rows, [("sql",)])
        self.assertEqual(self.one.prepare("yours", "SELECT 1").code, "42P05")
        self.one.must("DISCARD ALL")

    def test_sql_does_not_know_names_of_the_protocol(self):
        if self.NAMES_ARE_THE_SERVERS:
            self.skipTest("the server knows them")
        self.one.prepare("mine", "SELECT 7")
        for sql in ("EXECUTE mine", "EXPLAIN EXECUTE mine", "CREATE TABLE a.made AS EXECUTE mine", "SELECT 1; EXECUTE mine"):
            for run in (self.one.run, self.one.run_extended) if ";" not in sql else (self.one.run,):
                with self.subTest(sql, run=run.__name__):
                    result = run(sql)
                    self.assertEqual((result.code, result.status, result.tags), ("0A000", "I", []))
                    self.assertRegex(result.error["M"], "EXECUTE cannot name \"mine\" here: it was prepared by the protocol")
                    self.assertNotEqual(result.error["H"], "")
        for run in (self.one.run, self.one.run_extended):
            self.assertEqual(run("PREPARE mine AS SELECT 1").code, "42P05")
        self.assertEqual(self.one.run_prepared("mine").rows, [("7",)])
        self.one.must("BEGIN")
        self.assertEqual(self.one.run("EXECUTE mine").status, "E")
        self.one.must("ROLLBACK")
        self.one.must("PREPARE yours AS SELECT 8")
        self.assertEqual(self.one.prepare("yours", "SELECT 9").code, "42P05")
        self.assertEqual(self.one.must("EXECUTE yours").rows, [("8",)])
        self.one.must("DEALLOCATE ALL")
        self.assertEqual(self.one.run("EXECUTE mine").code, "26000")

    def test_the_view_shows_ones_own(self):
        if not self.NAMES_ARE_THE_SERVERS:
            self.skipTest("a pool has names of its own on the server (docs/pooling.md)")
        self.one.prepare("mine", "SELECT 1")
        self.other.prepare("others", "SELECT 2")
        view = "SELECT name FROM pg_prepared_statements"
        self.assertEqual((self.one.must(view).rows, self.other.must(view).rows), ([("mine",)], [("others",)]))

    def test_a_failed_parse_leaves_nothing(self):
        for sql, code in (("SELEC 1", "42601"), ("SELECT * FROM nowhere", "42P01")):
            self.assertEqual(self.one.prepare("mine", sql).code, code)
            self.assertEqual(self.one.run_prepared("mine").code, "26000")
        self.assertEqual(self.one.prepare("mine", "SELECT 1").types, "1Z")

    def test_a_rollback_leaves_statements(self):
        self.one.must("BEGIN")
        self.one.prepare("mine", "SELECT 1")
        self.assertEqual(self.one.run("SELECT 1/0").code, "22012")
        self.assertEqual(self.one.prepare("late", "SELECT 1").code, "25P02")
        self.one.must("ROLLBACK")
        self.disturb()
        self.assertEqual(self.one.run_prepared("mine").rows, [("1",)])
        self.assertEqual(self.one.run_prepared("late").code, "26000")

    def test_a_pipeline_with_an_error_in_it(self):
        self.one.prepare("mine", "SELECT 10 / $1::int")
        self.disturb()
        one = [wire.bind("", "mine", [b"2"]), wire.execute()]
        bad = [wire.bind("", "mine", [b"0"]), wire.execute()]
        result = self.exchange(self.one, *one, *bad, *one, wire.parse("skipped", "SELECT 1"))
        self.assertEqual((result.rows, result.code), ([("5",)], "22012"))
        self.disturb()
        self.assertEqual(self.one.run_prepared("skipped").code, "26000")
        self.assertEqual(self.one.run_prepared("mine", [5]).rows, [("2",)])
        for bytes_sent in (one + [wire.SYNC] + bad + [wire.SYNC] + one,):
            self.one.send(b"".join(bytes_sent) + wire.SYNC)
            answers = [Result(self.one.receive_until("Z")) for _ in range(3)]
            self.assertEqual([answer.code for answer in answers], ["", "22012", ""])

    def test_the_same_text_with_other_parameter_types(self):
        self.one.prepare("mine", "SELECT $1", [23])
        self.other.prepare("mine", "SELECT $1", [25])
        for session, oid in ((self.one, b"\x17"), (self.other, b"\x19"), (self.one, b"\x17")):
            self.assertEqual(self.exchange(session, wire.describe(b"S", "mine")).messages[0][1], b"\0\1\0\0\0" + oid)

    def test_the_same_text_with_another_search_path(self):
        self.one.must("SET search_path = a")
        self.other.must("SET search_path = b")
        for session, rows in ((self.one, [("1",)]), (self.other, [("2", "b")])) * 3:
            session.prepare("", "SELECT * FROM t")
            self.assertEqual(session.run_prepared("").rows, rows)
        for session, rows in ((self.one, [("1",)]), (self.other, [("2", "b")])):
            self.assertEqual(session.prepare("mine", "SELECT * FROM t").code, "")
        for session, rows in ((self.one, [("1",)]), (self.other, [("2", "b")])) * 3:
            self.assertEqual(session.run_prepared("mine").rows, rows)

    def test_the_unnamed_statement_of_each_session(self):
        """The server drops its unnamed statement with whatever dbgate itself sends between sessions."""
        self.one.must("SET work_mem = '5MB'")
        for session in (self.one, self.other):
            self.assertEqual(session.prepare("", "SELECT 7").code, "")
        for session in (self.one, self.other) * 2:
            self.assertEqual(session.run_prepared("").rows, [("7",)])

    def test_the_same_text_with_settings_that_count_when_it_is_parsed(self):
        """Literals are read when a statement is parsed: whoever shares a parsed statement must share the settings as well."""
        for name, values, sql, rows in (
                ("DateStyle", ("ISO, MDY", "ISO, DMY"), "SELECT '01/02/2003'::date", ("2003-01-02", "2003-02-01")),
                ("TimeZone", ("UTC", "Asia/Tokyo"), "SELECT extract(epoch FROM '1970-01-02 00:00'::timestamptz)::int", ("86400", "54000")),
                ("array_nulls", ("on", "off"), "SELECT ('{null}'::text[])[1] IS NULL", ("t", "f")),
                ("transform_null_equals", ("on", "off"), "SELECT 1 = NULL", ("f", None))):
            with self.subTest(name):
                for session, value in zip((self.one, self.other), values):
                    session.must(f"SET {name} = '{value}'")
                for session, row in list(zip((self.one, self.other), rows)) * 2:
                    self.assertEqual(session.prepare("", sql).code, "")
                    self.assertEqual(session.run_prepared("").rows, [(row,)])
                for session in (self.one, self.other):
                    self.assertEqual(session.prepare(name, sql + ", 'named'").code, "")
                for session, row in list(zip((self.one, self.other), rows)) * 2:
                    self.assertEqual(session.run_prepared(name).rows, [(row, "named")])

    def test_a_table_that_changes(self):
        """`cached plan must not change result type` reaches nobody who would not get it on a connection of its own."""
        sql = "SELECT * FROM b.t"
        self.one.prepare("old", sql)
        self.assertEqual(self.one.run_prepared("old").rows, [("2", "b")])
        self.other.must("ALTER TABLE b.t ADD COLUMN z int DEFAULT 3")
        fresh = self.session()
        for session in (fresh, self.other, self.one):
            self.assertEqual(session.prepare("new", sql).code, "")
            self.assertEqual(session.run_prepared("new").rows, [("2", "b", "3")])
            self.assertEqual(session.run_extended(sql).rows, [("2", "b", "3")])
        # Who prepared it before gets what the server would say, or the new rows; and goes on after preparing it again.
        self.assertIn(self.one.run_prepared("old").code, ("0A000", ""))
        self.exchange(self.one, wire.close(b"S", "old"))
        self.assertEqual(self.one.prepare("old", sql).code, "")
        self.assertEqual(self.one.run_prepared("old").rows, [("2", "b", "3")])
        fresh.must("BEGIN")
        self.assertEqual(fresh.run_prepared("new").rows, [("2", "b", "3")])
        self.assertEqual(fresh.must("COMMIT").status, "I")

    def test_parameters_keep_their_types(self):
        """A client sends values of the types that it was told, or knows, in binary; the column has another type by then."""
        changes = {("int4", "float4"): (struct.pack("!i", 1), "1"), ("int8", "float8"): (struct.pack("!q", 1), "1"),
                   ("float8", "int8"): (struct.pack("!d", 1.0), "1"), ("int4", "int8"): (struct.pack("!i", 7), "7"),
                   ("text", "bytea"): (b"ab", "42804"), ("date", "int4"): (struct.pack("!i", 8767), "42804"),
                   ("int8", "timestamptz"): (struct.pack("!q", 1_700_000_000), "42804")}
        for (old, new), (value, expected) in changes.items():
            for way in ("described", "bound", "both"):
                for name in ("typed", ""):
                    with self.subTest(old=old, new=new, way=way, name=name):
                        if not name and way == "bound":
                            continue  # nobody keeps an unnamed statement of which he has asked nothing
                        self.lab.postgres.psql(f"DROP TABLE IF EXISTS b.kept; CREATE TABLE b.kept (v {old})")
                        one, other = self.session(), self.session()
                        one.must("SELECT 1")
                        describe = [wire.describe(b"S", name)] if way != "bound" else []
                        self.exchange(one, wire.parse(name, "INSERT INTO b.kept VALUES ($1) RETURNING true"), *describe)
                        run = (wire.bind("", name, [value], value_formats=(1,)), wire.execute())
                        if way != "described":
                            self.assertEqual(self.exchange(one, *run).code, "")
                        other.must(f"TRUNCATE b.kept; ALTER TABLE b.kept DROP COLUMN v; ALTER TABLE b.kept ADD COLUMN v {new}")
                        got = self.exchange(one, *run)
                        self.assertEqual(got.code or self.lab.postgres.psql("SELECT v FROM b.kept").stdout.strip(), expected, got.error)
                        fresh = self.exchange(other, wire.parse("typed", "INSERT INTO b.kept VALUES ($1) RETURNING true"), wire.describe(b"S", "typed"))
                        types = next(body for kind, body in fresh.messages if kind == "t")
                        self.assertEqual(self.lab.postgres.psql(f"SELECT {struct.unpack('!I', types[2:6])[0]}::regtype = '{new}'::regtype").stdout, "t\n")
                        for session in (one, other):
                            session.socket.close()

    def test_a_result_that_one_knows_does_not_change(self):
        if self.WORKERS > 1:
            self.skipTest("its tables are made anew behind dbgate's back: the connections that hold older statements fail once (decision 16, Left)")
        sql = {"read": "SELECT * FROM b.t AS known", "write": "INSERT INTO b.t VALUES (7) RETURNING *", "same": "SELECT x FROM b.t",
               "nothing": "UPDATE b.t SET x = x"}
        tell = {"statement": lambda name: self.exchange(self.one, wire.describe(b"S", name)),
                "portal": lambda name: self.exchange(self.one, wire.bind("p", name), wire.describe(b"P", "p")),
                "unnamed": lambda name: self.exchange(self.one, wire.parse("", sql[name]), wire.describe(b"S", ""))}
        for change in ("ADD COLUMN z int", "ALTER COLUMN y TYPE varchar(9)", "RENAME COLUMN y TO renamed", "ALTER COLUMN y TYPE int USING 1"):
            for way in tell:
                with self.subTest(change, way=way):
                    self.setUp()
                    for name in sql:
                        if way != "unnamed":
                            self.assertEqual(self.one.prepare(name, sql[name]).code, "")
                            self.assertEqual(tell[way](name).code, "")
                            self.assertEqual(self.exchange(self.one, wire.bind("", name)).code, "")
                    if way == "unnamed":
                        tell[way]("write")
                    self.other.must(f"ALTER TABLE b.t {change}")
                    self.other.must("DEALLOCATE ALL")  # a pool has to prepare what it runs again
                    for _ in range(2):
                        self.disturb()
                        for name in ("read", "write") if way != "unnamed" else ("",):
                            result = self.one.run_prepared(name)
                            self.assertEqual((result.code, result.status), ("0A000", "I"), name)
                            self.assertEqual(result.error["M"], "cached plan must not change result type")
                    if way != "unnamed":
                        self.assertEqual(self.one.run_prepared("same").rows, [("2",)], "nothing was inserted")
                        self.assertEqual(self.one.run_prepared("nothing").tags, ["UPDATE 1"])
                        self.assertEqual(self.exchange(self.one, wire.close(b"S", "read")).code, "")
                    self.assertEqual(self.one.prepare("read" if way != "unnamed" else "", sql["read"]).code, "")
                    self.assertEqual(self.one.run_prepared("read" if way != "unnamed" else "").code, "")
                    self.one.must("DEALLOCATE ALL")

    def test_a_table_that_is_made_anew(self):
        self.one.prepare("mine", "SELECT x FROM a.t")
        self.assertEqual(self.one.run_prepared("mine").rows, [("1",)])
        self.exchange(self.one, wire.describe(b"S", "mine"))
        self.other.must("DROP TABLE a.t; CREATE TABLE a.t (x int); INSERT INTO a.t VALUES (5)")
        self.assertEqual(self.one.run_prepared("mine").rows, [("5",)])


class OnThePoolOnly(Prepared):
    """The same with three connections, and others that take them."""

    POOL, WORKERS = "mode: transaction, max: 3, wait: 20s", 2

    def run(self, result=None):
        with Churner(lambda: Session(self.port)) as churner:
            super().run(result)
        if churner.problems:
            raise AssertionError("\n".join(churner.problems))


class Direct(Prepared):
    """PostgreSQL itself: what the tests expect is what it does."""

    NAMES_ARE_THE_SERVERS = True

    @classmethod
    def start(cls):
        return cls.lab.postgres.port


class Bounded(unittest.TestCase):
    def test_many_statements(self):
        with lab.Lab() as it:
            gateway = it.gateway(it.forward_everything(pool="mode: transaction, max: 1, wait: 10s"))
            with Session(gateway.port, seconds=60) as session, Session(gateway.port) as other:
                for first in range(0, DISTINCT, 500):
                    session.send(b"".join(wire.parse(f"s{number}", f"SELECT {number}, 'statement'") for number in range(first, first + 500)) +
                                 wire.SYNC)
                    self.assertEqual(session.answer().types, "1" * 500 + "Z")
                for step in (499, 1, 7):
                    for number in range(0, DISTINCT, 499 if step == 1 else step * 11):
                        if number % 100 == 0:
                            other.must("SELECT 1")
                        self.assertEqual(session.run_prepared(f"s{number}").rows, [(str(number), "statement")])
            with Session(gateway.port) as session:
                for number in range(DISTINCT):
                    self.assertEqual(session.run_extended(f"SELECT {number}", name=f"t{number}").rows, [(str(number),)])
                    session.send(wire.close(b"S", f"t{number}") + wire.SYNC)
                    session.answer()
                self.assertLessEqual(int(session.value("SELECT count(*) FROM pg_prepared_statements")), MOST_ON_SERVER)
                session.must("SELECT 1")


if __name__ == "__main__":
    unittest.main()
