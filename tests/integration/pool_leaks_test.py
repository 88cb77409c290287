"""Two principals over one server connection: whatever the first leaves there, by whatever way, the second finds nothing."""
import pathlib
import socket
import struct
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import wire  # noqa: E402
from pooled import Session, differences, traces  # noqa: E402

SETUP = """
CREATE ROLE other_role SUPERUSER; CREATE SCHEMA leak; CREATE SCHEMA elsewhere; GRANT ALL ON SCHEMA leak TO public;
CREATE SEQUENCE leak.numbers; CREATE SEQUENCE leak.cached CACHE 10; CREATE TABLE leak.kept (number int);
CREATE EXTENSION IF NOT EXISTS dblink SCHEMA public;
CREATE FUNCTION leak.change(name text, value text) RETURNS text LANGUAGE sql AS $$ SELECT set_config(name, value, false) $$;
CREATE FUNCTION leak.change_plpgsql(name text, value text) RETURNS void LANGUAGE plpgsql
  AS $$ BEGIN PERFORM set_config(name, value, false); END $$;
CREATE FUNCTION leak.run(sql text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE sql; END $$;
CREATE FUNCTION leak.set_inside() RETURNS void LANGUAGE plpgsql AS $$ BEGIN SET app.secret = 'alices'; SET work_mem = '7MB'; END $$;
CREATE PROCEDURE leak.commits() LANGUAGE plpgsql AS $$ BEGIN SET work_mem = '6MB'; COMMIT; SET app.secret = 'alices'; END $$;
"""
SETTINGS = (("work_mem", "5MB"), ("search_path", "elsewhere"), ("app.secret", "alices"), ("TimeZone", "Asia/Tokyo"),
            ("DateStyle", "German"), ("IntervalStyle", "iso_8601"), ("statement_timeout", "5min"), ("lock_timeout", "4min"),
            ("idle_in_transaction_session_timeout", "6min"), ("row_security", "off"), ("default_transaction_read_only", "on"),
            ("default_transaction_isolation", "serializable"), ("default_transaction_deferrable", "on"), ("bytea_output", "escape"),
            ("extra_float_digits", "0"), ("session_replication_role", "replica"), ("synchronous_commit", "off"),
            ("enable_seqscan", "off"), ("xmloption", "document"), ("client_min_messages", "error"), ("log_statement", "all"),
            ("lc_monetary", "C"), ("default_tablespace", "pg_default"), ("temp_tablespaces", "pg_default"),
            ("plan_cache_mode", "force_generic_plan"), ("transform_null_equals", "on"), ("array_nulls", "off"),
            ("check_function_bodies", "off"), ("zero_damaged_pages", "on"), ("jit", "off"))
# Ways to change a setting for the session.
WAYS = {
    "SET": "SET {name} = '{value}'",
    "SET SESSION": "SET SESSION {name} TO '{value}'",
    "set_config": "SELECT set_config('{name}', '{value}', false)",
    "a function in SQL": "SELECT leak.change('{name}', '{value}')",
    "a function in PL/pgSQL": "SELECT leak.change_plpgsql('{name}', '{value}')",
    "DO": "DO $$ BEGIN PERFORM set_config('{name}', '{value}', false); END $$",
    "EXECUTE in DO": "DO $$ BEGIN EXECUTE 'SET {name} = ''{value}'''; END $$",
    "a transaction": "BEGIN; SET {name} = '{value}'; COMMIT",
    "a released savepoint": "BEGIN; SAVEPOINT a; SET {name} = '{value}'; RELEASE a; COMMIT",
    "an update of pg_settings": "UPDATE pg_settings SET setting = '{value}' WHERE name = '{name}'",
    "the second statement of a text": "SELECT 1; SET {name} = '{value}'",
    "a transaction that is left open": "SET {name} = '{value}'; BEGIN; SET {name} = '{value}'",
    "a failed transaction": "SET {name} = '{value}'; BEGIN; SELECT 1/0",
}
# Everything else. What is in the second list is done one message after the other; the session leaves then.
DEEDS = {
    "SET ROLE": ["SET ROLE other_role"],
    "SET ROLE by set_config": ["SELECT set_config('role', 'other_role', false)"],
    "SET ROLE in a function": ["SELECT leak.run('SET ROLE other_role')"],
    "SET SESSION AUTHORIZATION": ["SET SESSION AUTHORIZATION other_role"],
    "SET SESSION CHARACTERISTICS": ["SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY, ISOLATION LEVEL SERIALIZABLE"],
    "SET TIME ZONE": ["SET TIME ZONE 'Asia/Tokyo'"],
    "SET NAMES": ["SET NAMES 'LATIN1'"],
    "a function with SET inside": ["SELECT leak.set_inside()"],
    "a procedure that commits": ["CALL leak.commits()"],
    "a function's settings in a transaction": ["BEGIN", "SELECT leak.set_inside()", "COMMIT"],
    "a temporary table": ["CREATE TEMP TABLE secret AS SELECT 'alices' AS value"],
    "a temporary table by SELECT INTO": ["SELECT 'alices' AS value INTO TEMP secret"],
    "a temporary table by name of its schema": ["CREATE TABLE pg_temp.secret (value text)"],
    "a temporary table in DO": ["DO $$ BEGIN CREATE TEMP TABLE secret (value text); END $$"],
    "a temporary table in a function": ["SELECT leak.run('CREATE TEMP TABLE secret (value text)')"],
    "a temporary table by search_path": ["SET search_path = pg_temp", "CREATE TABLE secret (value text)"],
    "a temporary view": ["CREATE TEMP VIEW secret AS SELECT 1"],
    "a temporary sequence": ["CREATE TEMP SEQUENCE secret"],
    "a temporary function": ["CREATE FUNCTION pg_temp.secret() RETURNS int LANGUAGE sql AS 'SELECT 1'"],
    "a table that shadows": ["CREATE TEMP TABLE kept (number int)", "INSERT INTO kept VALUES (-1)"],
    "PREPARE": ["PREPARE secret AS SELECT 'alices'"],
    "PREPARE in DO": ["DO $$ BEGIN EXECUTE 'PREPARE secret AS SELECT 1'; END $$"],
    "PREPARE in a function": ["SELECT leak.run('PREPARE secret AS SELECT 1')"],
    "a cursor WITH HOLD": ["DECLARE secret CURSOR WITH HOLD FOR SELECT 'alices'"],
    "a cursor WITH HOLD in a transaction": ["BEGIN", "DECLARE secret CURSOR WITH HOLD FOR SELECT 1", "COMMIT"],
    "a cursor in an open transaction": ["BEGIN", "DECLARE secret CURSOR FOR SELECT 1"],
    "an advisory lock": ["SELECT pg_advisory_lock(4711)"],
    "an advisory lock that was tried for": ["SELECT pg_try_advisory_lock_shared(1, 2)"],
    "an advisory lock in a function": ["SELECT leak.run('SELECT pg_advisory_lock(4711)')"],
    "an advisory lock in DO": ["DO $$ BEGIN PERFORM pg_advisory_lock(4711); END $$"],
    "LISTEN": ["LISTEN secret"],
    "LISTEN in DO": ["DO $$ BEGIN EXECUTE 'LISTEN secret'; END $$"],
    "LISTEN in a function": ["SELECT leak.run('LISTEN secret')"],
    "nextval": ["SELECT nextval('leak.numbers')"],
    "setval": ["SELECT setval('leak.numbers', 42)"],
    "nextval in a function": ["SELECT leak.run($$SELECT nextval('leak.numbers')$$)"],
    "an open transaction": ["BEGIN", "INSERT INTO leak.kept VALUES (-1)"],
    "a failed transaction": ["BEGIN", "INSERT INTO leak.kept VALUES (-1)", "SELECT 1/0"],
    "a failed transaction with settings": ["BEGIN", "SET work_mem = '5MB'", "SELECT 1/0"],
    "an open transaction with settings": ["BEGIN ISOLATION LEVEL SERIALIZABLE", "SET LOCAL work_mem = '5MB'"],
    "a lock": ["BEGIN", "LOCK TABLE leak.kept"],
    "a large object": ["BEGIN", "SELECT lo_open(lo_create(0), 131072)"],
    "LOAD": ["LOAD 'auto_explain'"],
    "COPY": ["COPY leak.kept FROM STDIN"],
    "COPY of a text": ["SELECT 1; COPY leak.kept FROM STDIN"],
}


class Leaks(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab()
        cls.addClassCleanup(cls.lab.close)
        cls.lab.postgres.psql("SET client_min_messages = warning;" + SETUP)
        # `fresh` is the same database with a server connection for each session.
        one = cls.lab.target(search_path=(), pool="mode: transaction, max: 1, wait: 10s")
        fresh = cls.lab.target(search_path=()).replace("  postgres:\n", "  fresh:\n", 1)
        cls.gateway = cls.lab.gateway(
            "version: 1\nstate_dir: state\n" + cls.lab.listen() + cls.lab.users("alice", "bob") + "targets:\n" + one + fresh +
            "policies:\n  - name: everything\n    who: { users: [alice, bob] }\n    on: [postgres, fresh]\n"
            "    allow: [ { everything: true } ]\n")
        with Session(cls.gateway.port, "bob", "fresh") as bob:
            cls.fresh = traces(bob)
            bob.leave()

    def session(self, user, database="postgres", **parameters):
        session = Session(self.gateway.port, user, database, **parameters)
        self.addCleanup(session.socket.close)
        return session

    def assert_fresh(self, what, bob=None):
        """Bob finds what a connection of his own would have; the text says what leaked."""
        bob = bob or self.session("bob")
        leaked = differences(traces(bob), self.fresh)
        name = bob.value("SHOW application_name")
        if "alice" in name:
            leaked.append(f"application_name: {name}")
        self.assertEqual(leaked, [], f"after {what}")
        return bob

    def leaves_nothing(self, what, deed, rudely):
        with self.subTest(what, rudely=rudely):
            alice = self.session("alice")
            deed(alice)
            alice.leave(rudely)
            self.assert_fresh(what).leave()

    def test_fresh_is_what_the_server_itself_gives(self):
        with Session(self.lab.postgres.port) as direct:
            there = traces(direct)
        # What dbgate itself sets for every session would stand here.
        self.assertEqual(differences(self.fresh, there), [])

    def test_what_is_done_here_leaves_traces(self):
        """On a connection that nobody resets every deed is seen, or looking for it would prove nothing."""
        deeds = {f"{name} by {way}": [text.format(name=name, value=value)] for way, text in WAYS.items() for name, value in
                 (SETTINGS if way == "SET" else SETTINGS[:4]) if (way, name) != ("an update of pg_settings", "app.secret")}
        for what, statements in {**deeds, **DEEDS}.items():
            with self.subTest(what), Session(self.lab.postgres.port) as direct:
                for sql in statements:
                    direct.send(wire.query(sql))
                    last = direct.receive_until("ZG")[-1]
                if last != ("Z", b"I"):
                    continue  # a transaction that is left open: its end undoes what was done
                self.assertNotEqual(differences(traces(direct), self.fresh), [])

    def test_the_server_connection_is_the_same(self):
        """Otherwise all other tests would prove nothing."""
        alice = self.session("alice")
        alice.must("SET work_mem = '5MB'")
        pid = alice.server_pid()
        bob = self.session("bob")
        self.assertEqual(bob.server_pid(), pid)
        self.assert_fresh("SET of a session that stays", bob)
        bob.leave()
        self.assertEqual((alice.value("SHOW work_mem"), alice.server_pid()), ("5MB", pid))
        alice.leave()
        bob = self.session("bob")
        self.assertEqual(bob.server_pid(), pid)
        self.assert_fresh("SET of a session that has left", bob)

    def test_settings(self):
        for way, text in WAYS.items():
            for name, value in SETTINGS if way in ("SET", "a function in SQL") else SETTINGS[:4]:
                if way == "an update of pg_settings" and name == "app.secret":
                    continue  # it has no row there
                for extended in (False, True) if ";" not in text else (False,):
                    def deed(alice, sql=text.format(name=name, value=value), run=extended):
                        (alice.run_extended if run else alice.run)(sql)
                    self.leaves_nothing(f"{name} by {way}, {'extended' if extended else 'simple'}", deed, rudely=extended)

    def test_settings_of_a_session_that_stays(self):
        alice, bob = self.session("alice"), self.session("bob")
        for way in ("SET", "SET SESSION", "a transaction", "a released savepoint"):
            for name, value in SETTINGS[:4]:
                with self.subTest(f"{name} by {way}"):
                    alice.must(WAYS[way].format(name=name, value=value))
                    self.assert_fresh(f"{name} by {way}", bob)
                    self.assertEqual(alice.value(f"SHOW {name}"), value)
                    alice.must(f"RESET {name}")

    def test_everything_else(self):
        for what, statements in DEEDS.items():
            def deed(alice, texts=statements):
                for sql in texts:
                    alice.send(wire.query(sql))
                    alice.receive_until("ZG")
            for rudely in (False, True):
                self.leaves_nothing(what, deed, rudely)

    def test_everything_else_extended(self):
        for what, statements in DEEDS.items():
            if any(";" in sql.split("$$")[0] for sql in statements):
                continue
            def deed(alice, texts=statements):
                for sql in texts:
                    alice.send(wire.parse("", sql) + wire.bind() + wire.execute() + wire.SYNC)
                    alice.receive_until("ZG")
            self.leaves_nothing(what + ", extended", deed, rudely=True)

    def test_statements_and_portals_of_the_protocol(self):
        def prepared(alice):
            alice.prepare("secret", "SELECT 'alices'")
            alice.prepare("another", "SELECT $1::int")
            self.assertEqual(alice.run_prepared("another", [1]).rows, [("1",)])

        def portal(alice):
            alice.must("BEGIN")
            alice.send(wire.parse("", "SELECT generate_series(1, 9)") + wire.bind("secret") + wire.execute("secret", 2) + wire.FLUSH)
            alice.receive_until("s")

        for what, deed in {"a prepared statement": prepared, "an open portal": portal}.items():
            for rudely in (False, True):
                self.leaves_nothing(what, deed, rudely)
        self.leaves_nothing("a prepared statement that is not synced", lambda alice: (
            alice.send(wire.parse("secret", "SELECT 1") + wire.FLUSH), alice.receive_until("1")), rudely=True)

    def test_names_of_statements_are_each_sessions_own(self):
        alice, bob = self.session("alice"), self.session("bob")
        for session, value in ((alice, "alices"), (bob, "bobs")):
            self.assertEqual(session.prepare("same", f"SELECT '{value}'").code, "")
        for _ in range(3):
            self.assertEqual(alice.run_prepared("same").rows, [("alices",)])
            self.assertEqual(bob.run_prepared("same").rows, [("bobs",)])
        bob.send(wire.close(b"S", "same") + wire.SYNC)
        bob.receive_until("Z")
        self.assertEqual(bob.run_prepared("same").code, "26000")
        self.assertEqual(alice.run_prepared("same").rows, [("alices",)])
        self.assertEqual(self.session("bob").run_prepared("same").code, "26000")

    def test_what_a_startup_packet_sets(self):
        for parameters in ({"TimeZone": "Asia/Tokyo"}, {"options": "-c DateStyle=German"}, {"extra_float_digits": "3"},
                           {"application_name": "alices own"}, {"IntervalStyle": "iso_8601"}, {"statement_timeout": "4min"}):
            with self.subTest(parameters):
                alice = self.session("alice", **parameters)
                alice.run("SELECT 1")
                self.assert_fresh(f"startup with {parameters}").leave()
                alice.must("RESET ALL")
                alice.leave(rudely=True)
                self.assert_fresh(f"startup with {parameters}").leave()

    def test_what_reset_returns_to(self):
        """RESET and DISCARD give bob his own values, not those of whoever came before or made the connection."""
        alice = self.session("alice", TimeZone="Asia/Tokyo")
        self.assertEqual(alice.value("SHOW TimeZone"), "Asia/Tokyo")
        bob = self.session("bob", TimeZone="Asia/Kolkata")
        self.assertEqual(bob.value("SHOW TimeZone"), "Asia/Kolkata")
        for reset in ("RESET TimeZone", "RESET ALL", "DISCARD ALL", "SET TimeZone TO DEFAULT"):
            bob.must("SET TimeZone = 'UTC'")
            bob.must(reset)
            self.assertEqual(bob.value("SHOW TimeZone"), "Asia/Kolkata", reset)
            self.assertEqual(alice.value("SHOW TimeZone"), "Asia/Tokyo", reset)

    def test_names_in_pg_stat_activity(self):
        alice, bob = self.session("alice"), self.session("bob")
        seen = "SELECT application_name FROM pg_stat_activity WHERE pid = pg_backend_pid()"
        for _ in range(3):
            self.assertIn("alice", alice.value(seen))
            self.assertIn("bob", bob.value(seen))
            bob.must("BEGIN")
            self.assertIn("bob", bob.value(seen))
            bob.must("COMMIT")

    def test_random_numbers_are_not_foretold(self):
        alice = self.session("alice")
        alice.must("SELECT setseed(0.42)")
        expected = [alice.value("SELECT random()") for _ in range(3)]
        alice.must("SELECT setseed(0.42)")
        alice.leave()
        bob = self.session("bob")
        self.assertNotEqual([bob.value("SELECT random()") for _ in range(3)], expected)

    def test_connections_of_dblink(self):
        alice = self.session("alice")
        alice.must(f"SELECT dblink_connect('secret', $$host=127.0.0.1 port={self.lab.postgres.port} user=postgres "
                   f"password='{lab.PASSWORD}'$$)")
        alice.leave()
        self.assertIsNone(self.session("bob").value("SELECT dblink_get_connections()"))

    def test_sequences_that_were_cached(self):
        alice = self.session("alice")
        first = int(alice.value("SELECT nextval('leak.cached')"))
        alice.leave()
        # A connection of his own would begin with the next ten; numbers of alice's ten would be hers to use.
        self.assertGreaterEqual(int(self.session("bob").value("SELECT nextval('leak.cached')")), first + 10)

    def test_replies_to_a_client_that_has_gone(self):
        """What a server had begun to say to one session is never taken for what it says to the next."""
        for user in ("alice", "bob"):
            for number in range(100):
                alice = self.session("alice")
                alice.send(wire.query(f"SELECT 'alices', repeat('x', 300000) FROM pg_sleep(0.00{number % 4})"))
                if number % 3 == 0:
                    alice.read_exactly(10)
                alice.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closes with a reset
                alice.socket.close()
                following = self.session(user)
                answers = [following.run(f"SELECT '{text}'") for text in ("first", "second")]
                self.assertEqual([(answer.types, answer.rows) for answer in answers],
                                 [("TDCZ", [("first",)]), ("TDCZ", [("second",)])], f"{user} after alice, round {number}")
                following.leave()

    def test_a_session_that_ends_within_a_message(self):
        for what, bytes_sent in {"half a Query": wire.query("SET work_mem = '5MB'")[:-5],
                                 "a Query and half of the next": wire.query("SET work_mem = '5MB'") + b"Q\0\0",
                                 "a Parse without Sync": wire.parse("secret", "SELECT 1") + wire.bind("secret", "secret"),
                                 "half a COPY": wire.query("COPY leak.kept FROM STDIN") + wire.message(b"d", b"-1\n") +
                                                struct.pack("!cI", b"d", 1000) + b"-1"}.items():
            self.leaves_nothing(what, lambda alice, data=bytes_sent: alice.send(data), rudely=True)
        with self.subTest("a statement that still runs"):
            alice = self.session("alice")
            alice.send(wire.query("SET work_mem = '5MB'") + wire.query("INSERT INTO leak.kept SELECT -1 FROM pg_sleep(0.3)"))
            alice.leave(rudely=True)
            bob = self.session("bob")
            leaked = differences(traces(bob), {**self.fresh, "rows of others": traces(bob)["rows of others"]})
            self.assertEqual(leaked, [])
            bob.must("DELETE FROM leak.kept")
            bob.leave()


if __name__ == "__main__":
    unittest.main()
