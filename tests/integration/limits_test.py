"""Limits of policies against a real server: rows and bytes on every path, time, rate and places over several workers."""
import contextlib
import pathlib
import re
import struct
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import wire  # noqa: E402

LIMITS = {
    "free": "",
    "ten": "rows: 10",
    "bytes": "bytes: 1KiB",
    "slow": "statement_timeout: 1s",
    "idle": "idle_in_transaction: 300ms",
    "two": "concurrent: 2",
    "five": "rate: 5/h",
    "small": "statement_bytes: 1KiB",
}
ROWS = 10


def config(it, limits=None, target_limits=""):
    """Everybody may do everything, within the limits of a policy of their own. Two workers."""
    limits = limits or LIMITS
    text = ("version: 1\nstate_dir: state\nworkers: 2\n" + it.listen() + it.users(*limits) + "targets:\n" +
            it.target("postgres", search_path=()) + (f"    limits: {{ {target_limits} }}\n" if target_limits else "") +
            "policies:\n  - name: everything\n    who: { users: [" + ", ".join(limits) +
            "] }\n    on: [postgres]\n    allow: [ { everything: true } ]\n")
    for user, keys in limits.items():
        if keys:
            text += f"  - name: of-{user}\n    who: {{ users: [{user}] }}\n    on: [postgres]\n    limits: {{ {keys} }}\n"
    return text


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab()
        cls.addClassCleanup(cls.lab.close)
        cls.lab.postgres.psql(
            "CREATE TABLE few AS SELECT i, 'text ' || i AS t FROM generate_series(1, 12) i;"
            "CREATE TABLE many AS SELECT i, repeat('x', 500) AS t FROM generate_series(1, 200000) i;"
            "CREATE TABLE out (i int);"
            "CREATE TABLE unique_later (i int UNIQUE DEFERRABLE INITIALLY DEFERRED);"
            "CREATE FUNCTION noted(int) RETURNS int LANGUAGE sql AS $$INSERT INTO out VALUES ($1) RETURNING i$$;"
            "CREATE FUNCTION opened() RETURNS refcursor LANGUAGE plpgsql AS"
            " $$DECLARE c refcursor; BEGIN OPEN c FOR SELECT i FROM many; RETURN c; END$$")
        cls.gateway = cls.lab.gateway(config(cls.lab))

    def setUp(self):
        self.lab.postgres.psql("TRUNCATE out, unique_later")

    def login(self, user):
        connection = wire.Connection(self.gateway.port)
        self.addCleanup(connection.socket.close)
        connection.login(user, "postgres", lab.PASSWORD)
        return connection

    def on_server(self, sql):
        return self.lab.postgres.psql(sql).stdout.strip()

    def is_usable(self, connection):
        connection.send(wire.query("SELECT 'usable'"))
        self.assertEqual(connection.types_until_ready(), "TDCZ")

    def outcome(self, user, limit, connection):
        """The outcome of what a limit ended in that session; written with the next decision, or within 100 ms."""
        port = connection.socket.getsockname()[1]
        def found():
            sessions = {record["session_id"] for record in self.gateway.audit("session.start") if record["client.port"] == port}
            done = [record for record in self.gateway.audit("statement.done") if record["session_id"] in sessions]
            return [record for record in done if record["user.name"] == user and record.get("limit") == limit]
        return lab.wait_until(found, f"an outcome by {limit}", 10)[-1]


def types(messages):
    """"TDDCZ", with runs of rows cut down to their number: "T12D C Z" reads T, 12 × D, …"""
    text = "".join(kind for kind, _ in messages)
    return re.sub(r"([Dd])\1{3,}", lambda run: f"<{len(run[0])}{run[1]}>", text)


def errors(messages):
    return [wire.error_fields(body) for kind, body in messages if kind == "E"]


class Rows(Case):
    def assert_capped(self, messages, expected, status="I"):
        self.assertEqual(types(messages), expected)
        (error,) = errors(messages)
        self.assertEqual(error["C"], "54000")
        self.assertIn("more rows than the limit of 10", error["M"])
        self.assertIn('policy "of-ten"', error["D"])
        self.assertIn("LIMIT 10", error["H"])
        self.assertEqual(messages[-1], ("Z", status.encode()))

    def test_simple_queries(self):
        connection = self.login("ten")
        for table in ("few", "many"):  # one is complete before it can be cancelled, the other never is
            for sql in (f"SELECT * FROM {table}", f"TABLE {table}", f"SELECT * FROM {table} LIMIT ALL",
                        f"SELECT * FROM {table} ORDER BY i % 1 FETCH FIRST 1 ROWS WITH TIES",
                        f"SELECT * FROM {table} UNION ALL SELECT * FROM {table}"):
                with self.subTest(sql):
                    connection.send(wire.query(sql))
                    self.assert_capped(connection.receive_until("Z"), "T<10D>EZ")
        connection.send(wire.query("SELECT * FROM many LIMIT 10"))
        self.assertEqual(types(connection.receive_until("Z")), "T<10D>CZ")
        self.is_usable(connection)

    def test_the_servers_work_is_cancelled(self):
        connection = self.login("ten")
        connection.send(wire.query("SELECT a.i FROM many a, many b, many c"))
        self.assert_capped(connection.receive_until("Z"), "T<10D>EZ")
        self.assertEqual(self.on_server("SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query ~ 'many c'"
                                        " AND pid <> pg_backend_pid()"), "0")

    def test_nothing_more_is_sent(self):
        connection = self.login("ten")
        connection.send(wire.query("SELECT * FROM many"))
        connection.receive_until("Z")
        outcome = self.outcome("ten", "of-ten/limits.rows", connection)
        self.assertEqual(outcome["db.response.returned_rows"], 10)
        self.assertEqual(outcome["db.response.status_code"], "54000")
        self.assertEqual(outcome["outcome"], "error")
        connection.send(wire.TERMINATE)
        connection.at_end()
        def ended():
            return [record["bytes_to_client"] for record in self.gateway.audit("session.end")
                    if record["session_id"] == outcome["session_id"]]
        self.assertLess(lab.wait_until(ended, "the session's end", 10)[0], 10_000)

    def test_several_statements(self):
        connection = self.login("ten")
        connection.send(wire.query("SELECT * FROM few LIMIT 10; SELECT * FROM few LIMIT 10"))
        self.assertEqual(types(connection.receive_until("Z")), "T<10D>CT<10D>CZ")
        connection.send(wire.query("SELECT 1; SELECT * FROM few; INSERT INTO out VALUES (1)"))
        self.assert_capped(connection.receive_until("Z"), "TDCT<10D>EZ")
        connection.send(wire.query("INSERT INTO out VALUES (2); SELECT * FROM few"))
        self.assert_capped(connection.receive_until("Z"), "CT<10D>EZ")
        self.assertEqual(self.on_server("SELECT count(*) FROM out"), "0")
        connection.send(wire.query("BEGIN; INSERT INTO out VALUES (3); SELECT * FROM few"))
        self.assert_capped(connection.receive_until("Z"), "CCT<10D>EZ", "E")
        connection.send(wire.query("COMMIT"))
        connection.receive_until("Z")
        self.assertEqual(self.on_server("SELECT count(*) FROM out"), "0")
        self.is_usable(connection)

    def test_transactions_are_aborted(self):
        connection = self.login("ten")
        for table in ("few", "many"):
            connection.send(wire.query("BEGIN; INSERT INTO out VALUES (1)"))
            connection.receive_until("Z")
            connection.send(wire.query(f"SELECT * FROM {table}") + wire.query("SELECT 1") + wire.query("COMMIT"))
            self.assert_capped(connection.receive_until("Z"), "T<10D>EZ", "E")
            self.assertEqual(errors(connection.receive_until("Z"))[0]["C"], "25P02")
            kinds = connection.receive_until("Z")
            self.assertEqual(kinds[0], ("C", b"ROLLBACK\0"))
            self.assertEqual(kinds[-1], ("Z", b"I"))
        self.assertEqual(self.on_server("SELECT count(*) FROM out"), "0")

    def test_savepoints_hold(self):
        connection = self.login("ten")
        connection.send(wire.query("BEGIN; INSERT INTO out VALUES (1); SAVEPOINT s"))
        connection.receive_until("Z")
        connection.send(wire.query("SELECT * FROM few"))
        self.assert_capped(connection.receive_until("Z"), "T<10D>EZ", "E")
        connection.send(wire.query("ROLLBACK TO s; SELECT 1; COMMIT"))
        self.assertEqual(connection.types_until_ready(), "CTDCCZ")
        self.assertEqual(self.on_server("SELECT count(*) FROM out"), "1")

    def test_changes_that_return_rows(self):
        connection = self.login("ten")
        extended = lambda sql: wire.parse("", sql) + wire.bind() + wire.execute() + wire.SYNC  # noqa: E731
        for sql, good in (("INSERT INTO out SELECT i FROM {} RETURNING i", "10"),
                          ("WITH w AS (INSERT INTO out SELECT i FROM {} RETURNING i) SELECT * FROM w", "10"),
                          ("SELECT noted(i) FROM (SELECT i FROM {} OFFSET 0) x", "10"),
                          ("EXPLAIN ANALYZE INSERT INTO out SELECT i FROM {}", "")):
            for table in ("few", "(SELECT i FROM many LIMIT 3000)", "(SELECT i FROM few LIMIT 10)"):
                source = table if table == "few" else table + " y"
                for send in (wire.query, extended):
                    with self.subTest(sql=sql, source=source, send=send):
                        connection.send(send(sql.format(source)))
                        messages = connection.receive_until("Z")
                        fits = not good or "LIMIT 10)" in source
                        self.assertEqual("E" not in types(messages), fits, messages)
                        if not fits:
                            self.assert_capped(messages, "T<10D>EZ" if send is wire.query else "12<10D>EZ")
                        written = int(self.on_server("SELECT count(*) FROM out"))
                        self.assertEqual(written > 0, fits)
                        self.lab.postgres.psql("TRUNCATE out")
        self.is_usable(connection)

    def test_errors_at_commit_come_in_place(self):
        connection = self.login("ten")
        connection.send(wire.query("INSERT INTO unique_later VALUES (1), (1) RETURNING i"))
        messages = connection.receive_until("Z")
        self.assertEqual(types(messages), "TDDEZ")
        self.assertEqual(errors(messages)[0]["C"], "23505")
        connection.send(wire.query("INSERT INTO unique_later VALUES (1) RETURNING i"))
        self.assertEqual(connection.receive_until("Z")[-2:], [("C", b"INSERT 0 1\0"), ("Z", b"I")])
        self.assertEqual(self.on_server("SELECT count(*) FROM unique_later"), "1")

    def test_extended_queries(self):
        connection = self.login("ten")
        for table in ("few", "many"):
            for rows in (0, 11, 1000):
                connection.send(wire.parse("", f"SELECT i FROM {table} LIMIT $1", [20]) +
                                wire.bind("", "", [None if rows == 0 else b"500"]) + wire.execute("", rows) + wire.SYNC)
                self.assert_capped(connection.receive_until("Z"), "12<10D>EZ")
        connection.send(wire.parse("", "SELECT i FROM many") + wire.bind() + wire.execute("", 10) + wire.SYNC)
        self.assertEqual(types(connection.receive_until("Z")), "12<10D>sZ")
        self.is_usable(connection)

    def test_pipelines_are_skipped_to_their_sync(self):
        connection = self.login("ten")
        one = wire.parse("", "INSERT INTO out VALUES (1)") + wire.bind() + wire.execute()
        for table in ("few", "many"):
            capped = wire.parse("", f"SELECT i FROM {table}") + wire.bind() + wire.execute()
            connection.send(one + capped + one + wire.SYNC + one + wire.SYNC + wire.query("SELECT 1"))
            self.assert_capped(connection.receive_until("Z"), "12C12<10D>EZ")
            self.assertEqual(types(connection.receive_until("Z")), "12CZ")
            self.assertEqual(connection.types_until_ready(), "TDCZ")
            self.assertEqual(self.on_server("SELECT count(*) FROM out"), "1")
            self.lab.postgres.psql("TRUNCATE out")

    def test_pipelines_in_transactions(self):
        connection = self.login("ten")
        step = lambda sql: wire.parse("", sql) + wire.bind() + wire.execute() + wire.SYNC  # noqa: E731
        for table in ("few", "many"):
            connection.send(step("BEGIN") + step("INSERT INTO out VALUES (1)") + step(f"SELECT i FROM {table}") +
                            step("COMMIT") + step("SELECT 1"))
            self.assertEqual(types(connection.receive_until("Z")), "12CZ")
            self.assertEqual(types(connection.receive_until("Z")), "12CZ")
            self.assert_capped(connection.receive_until("Z"), "12<10D>EZ", "E")
            self.assertEqual(connection.receive_until("Z")[2:], [("C", b"ROLLBACK\0"), ("Z", b"I")])
            self.assertEqual(types(connection.receive_until("Z")), "12DCZ")
        self.assertEqual(self.on_server("SELECT count(*) FROM out"), "0")

    def test_portals_are_one_total(self):
        connection = self.login("ten")
        connection.send(wire.parse("s", "SELECT i FROM many") + wire.bind("p", "s"))
        for _ in range(3):
            connection.send(wire.execute("p", 3) + wire.FLUSH)
            connection.receive_until("s")
        connection.send(wire.execute("p", 3) + wire.SYNC)
        self.assert_capped(connection.receive_until("Z"), "DEZ")
        connection.send(wire.bind("p", "s") + wire.execute("p", 10) + wire.SYNC)
        self.assertEqual(types(connection.receive_until("Z")), "2<10D>sZ")

    def test_cursors_are_one_total(self):
        connection = self.login("ten")
        for hold in ("", " WITH HOLD"):
            connection.send(wire.query(f"BEGIN; DECLARE c CURSOR{hold} FOR SELECT i FROM many"))
            self.assertEqual(connection.types_until_ready(), "CCZ")
            if hold:
                connection.send(wire.query("COMMIT"))
                connection.types_until_ready()
            for i in range(5):
                connection.send(wire.query(f"FETCH 2 FROM c; MOVE {i} IN c"))
                self.assertEqual(connection.types_until_ready(), "TDDCCZ")
            connection.send(wire.query("FETCH 1 FROM c"))
            self.assert_capped(connection.receive_until("Z"), "TEZ", "I" if hold else "E")
            connection.send(wire.query("ROLLBACK"))
            connection.types_until_ready()
            if hold:
                connection.send(wire.query("FETCH BACKWARD 1 FROM c"))
                self.assert_capped(connection.receive_until("Z"), "TEZ")

    def test_fetches_as_drivers_send_them(self):
        # What psycopg's server-side cursors do: DECLARE in an extended query, then FETCH FORWARD n by their size.
        connection = self.login("ten")
        run = lambda sql: wire.parse("", sql) + wire.bind() + wire.describe(b"P") + wire.execute() + wire.SYNC  # noqa: E731
        connection.send(run("BEGIN") + run('DECLARE "s" CURSOR FOR SELECT i FROM many') + run('FETCH FORWARD 4 FROM "s"') +
                        run('FETCH FORWARD 4 FROM "s"'))
        for expected in ("12nCZ", "12nCZ", "12T<4D>CZ", "12T<4D>CZ"):
            self.assertEqual(types(connection.receive_until("Z")), expected)
        connection.send(run('FETCH FORWARD 4 FROM "s"') + run("ROLLBACK"))
        self.assert_capped(connection.receive_until("Z"), "12TDDEZ", "E")
        self.assertEqual(types(connection.receive_until("Z")), "12nCZ")
        self.is_usable(connection)

    def test_cursors_of_functions(self):
        connection = self.login("ten")
        connection.send(wire.query("BEGIN") + wire.query("SELECT opened()"))
        connection.types_until_ready()
        (row,) = [body for kind, body in connection.receive_until("Z") if kind == "D"]
        name = row[6:].decode()
        for _ in range(2):
            connection.send(wire.query(f'FETCH 5 FROM "{name}"'))
            self.assertEqual(types(connection.receive_until("Z")), "T<5D>CZ")
        connection.send(wire.query(f'FETCH ALL FROM "{name}"'))
        self.assert_capped(connection.receive_until("Z"), "TEZ", "E")

    def test_portals_by_fetch_and_by_execute(self):
        connection = self.login("ten")
        connection.send(wire.query("BEGIN") + wire.query("DECLARE c CURSOR FOR SELECT i FROM many"))
        connection.types_until_ready(), connection.types_until_ready()
        connection.send(wire.execute("c", 6) + wire.FLUSH)
        connection.receive_until("s")
        connection.send(wire.SYNC + wire.query("FETCH 6 FROM c"))
        connection.types_until_ready()
        self.assert_capped(connection.receive_until("Z"), "T<4D>EZ", "E")

    def test_prepared_statements(self):
        connection = self.login("ten")
        connection.send(wire.query("PREPARE p AS SELECT i FROM many LIMIT $1"))
        connection.types_until_ready()
        for _ in range(2):
            connection.send(wire.query("EXECUTE p(10)"))
            self.assertEqual(types(connection.receive_until("Z")), "T<10D>CZ")
        connection.send(wire.query("EXECUTE p(11)"))
        self.assert_capped(connection.receive_until("Z"), "T<10D>EZ")

    def test_many_rows_in_one_value(self):
        connection = self.login("ten")
        for sql in ("SELECT string_agg(t, ',') FROM many", "SELECT ARRAY(SELECT i FROM many)", "SELECT jsonb_agg(m) FROM many m",
                    "SELECT xmlagg(xmlelement(name x, i)) FROM (SELECT i FROM many LIMIT 500) s"):
            connection.send(wire.query(sql))
            self.assert_capped(connection.receive_until("Z"), "TEZ")
        for sql in ("SELECT string_agg(t, ',') FROM few", "SELECT array_agg(relname) FROM pg_catalog.pg_class"):
            connection.send(wire.query(sql))
            self.assertEqual(connection.types_until_ready(), "TDCZ")

    def test_copy(self):
        connection = self.login("ten")
        for options, extra in (("", 0), ("(FORMAT csv, HEADER)", 1), ("(FORMAT binary)", 0)):
            for source in ("few", "many", "(SELECT * FROM many)"):
                with self.subTest(options=options, source=source):
                    connection.send(wire.query(f"COPY {source} TO STDOUT {options}"))
                    self.assert_capped(connection.receive_until("Z"), f"H<{10 + extra}d>EZ")
            connection.send(wire.query(f"COPY (SELECT * FROM few LIMIT 10) TO STDOUT {options}"))
            messages = connection.receive_until("Z")
            self.assertEqual(types(messages)[-3:], "cCZ")
            self.assertIn(("C", b"COPY 10\0"), messages)
        connection.send(wire.parse("", "COPY many TO STDOUT") + wire.bind() + wire.execute() + wire.SYNC)
        self.assert_capped(connection.receive_until("Z"), "12H<10d>EZ")
        self.is_usable(connection)

    def test_copy_in_behind_a_stopped_statement(self):
        connection = self.login("ten")
        connection.send(wire.query("SELECT * FROM few; COPY out FROM STDIN"))
        self.assert_capped(connection.receive_until("Z"), "T<10D>EZ")
        self.is_usable(connection)
        connection.send(wire.query("COPY out FROM STDIN; SELECT * FROM few LIMIT 10"))
        connection.receive_until("G")
        connection.send(wire.message(b"d", b"1\n") + wire.message(b"c"))
        self.assertEqual(types(connection.receive_until("Z")), "CT<10D>CZ")

    def test_a_sync_behind_what_is_guarded(self):
        """Its answer comes after those to dbgate's own COMMIT."""
        for sql, answer in (("INSERT INTO out VALUES (1) RETURNING i", "TDCZ"), ("PREPARE p AS SELECT 1; EXECUTE p", "CTDCZ"),
                            ("INSERT INTO out SELECT generate_series(1, 20) RETURNING i", "T" + ROWS * "D" + "EZ")):
            for more in (wire.SYNC, wire.SYNC + wire.SYNC, wire.FLUSH + wire.SYNC):
                with self.subTest(sql=sql, more=more):
                    connection = self.login("ten")
                    connection.send(wire.query(sql) + more + wire.query("SELECT 'after'"))
                    self.assertEqual(connection.types_until_ready(), answer)
                    for _ in range(more.count(wire.SYNC)):
                        self.assertEqual(connection.types_until_ready(), "Z")
                    self.assertEqual(connection.types_until_ready(), "TDCZ")

    def test_a_query_behind_a_commit_without_a_sync(self):
        """Whether it is in a transaction is not known before the server has said so."""
        begin, commit, rollback = (wire.parse("", sql) + wire.bind() + wire.execute() for sql in ("BEGIN", "COMMIT", "ROLLBACK"))
        for before in (wire.query("BEGIN") + commit, wire.query("BEGIN") + rollback, begin + commit):
            with self.subTest(before=before):
                connection = self.login("ten")
                connection.send(before + wire.query("INSERT INTO out SELECT generate_series(1, 20) RETURNING i") + wire.SYNC +
                                wire.query("SELECT 'after'"))
                seen = ""
                while not seen.endswith("TDCZ"):
                    seen += connection.types_until_ready()
                self.assertIn("E", seen)
                self.assertEqual(self.on_server("SELECT count(*) FROM out"), "0")
                # With a Sync it is known.
                connection.send(commit + wire.SYNC + wire.query("INSERT INTO out VALUES (1) RETURNING i"))
                connection.types_until_ready()
                self.assertEqual(connection.types_until_ready(), "TDCZ")
                self.lab.postgres.psql("TRUNCATE out")

    def test_something_else_instead_of_data(self):
        for user in ("free", "ten", "bytes"):
            with self.subTest(user=user):
                connection = self.login(user)
                connection.send(wire.query("COPY out FROM STDIN; SELECT 9") + wire.query("SELECT 1"))
                kind, body = connection.receive()
                while kind != "E":
                    kind, body = connection.receive()
                self.assertEqual(wire.error_fields(body)["C"], "08P01")
                self.assertTrue(connection.at_end())
                lab.wait_until(lambda: self.on_server("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'COPY out%' AND state = 'active'") == "0",
                               "the server is done", 20)

    def test_psql(self):
        done = self.lab.psql("SELECT i FROM many;\nSELECT 'next';", user="ten", check=False)
        self.assertEqual(done.stdout.splitlines(), ["next"])  # psql shows nothing of a result that ends in an error
        self.assertIn("ERROR:  result has more rows than the limit of 10 by dbgate policy", done.stderr)
        done = self.lab.psql("\\set FETCH_COUNT 3\nSELECT i FROM many;\nSELECT 'next';", user="ten", check=False)
        self.assertTrue(done.stdout.endswith("next\n"))
        self.assertEqual(len(done.stdout.splitlines()), 9)  # psql has shown three whole chunks

    def test_no_memory_is_taken(self):
        connection = self.login("ten")
        run = lambda: (connection.send(wire.query("SELECT * FROM many")), connection.receive_until("Z"))  # noqa: E731
        run()
        before = self.gateway.memory()
        for _ in range(20):
            run()
        self.assertLess(self.gateway.memory() - before, 4 << 20)

    def test_others_are_not_limited(self):
        connection = self.login("free")
        connection.send(wire.query("SELECT i FROM many"))
        self.assertEqual(types(connection.receive_until("Z")), "T<200000D>CZ")

    def test_bytes(self):
        connection = self.login("bytes")
        connection.send(wire.query("SELECT t FROM many"))
        messages = connection.receive_until("Z")
        self.assertEqual(types(messages), "TDDEZ")  # 511 bytes each
        self.assertIn("larger than the limit of 1024 bytes", errors(messages)[0]["M"])
        # Many rows in one: only that part of a message counts which would pass.
        connection.send(wire.query("SELECT string_agg(t, '') FROM many"))
        self.assertEqual(types(connection.receive_until("Z")), "TEZ")
        connection.send(wire.query("DO $$BEGIN RAISE NOTICE '%', repeat('x', 2000); END$$"))
        messages = connection.receive_until("Z")
        self.assertEqual(types(messages), "EZ")
        self.is_usable(connection)


class Time(Case):
    def test_statement_timeout(self):
        connection = self.login("slow")
        for sql in ("SELECT pg_sleep(60)", "SET statement_timeout = 0; SELECT pg_sleep(60)",
                    "SELECT set_config('statement_timeout', '0', false), pg_sleep(60)"):
            started = time.monotonic()
            connection.send(wire.query(sql))
            (error,) = errors(connection.receive_until("Z"))
            self.assertLess(time.monotonic() - started, 10)
            self.assertEqual(error["C"], "57014")
            self.assertIn("the limit of 1s by dbgate policy", error["M"])
            self.assertIn('policy "of-slow"', error["D"])
            self.is_usable(connection)
        outcome = self.outcome("slow", "of-slow/limits.statement_timeout", connection)
        self.assertEqual(outcome["db.response.status_code"], "57014")
        connection.send(wire.parse("", "SELECT pg_sleep(60)") + wire.bind() + wire.execute() + wire.SYNC)
        messages = connection.receive_until("Z")
        self.assertEqual(types(messages), "12EZ")
        connection.send(wire.query("SET statement_timeout = '10ms'") + wire.query("SELECT pg_sleep(60)"))
        connection.receive_until("Z")
        (error,) = errors(connection.receive_until("Z"))
        self.assertEqual(error["M"], "canceling statement due to statement timeout")  # the client's own is shorter

    def test_it_counts_for_each_message(self):
        connection = self.login("slow")
        one = wire.parse("", "SELECT pg_sleep(0.3)") + wire.bind() + wire.execute()
        connection.send(one * 5 + wire.SYNC)
        self.assertEqual(connection.types_until_ready(), "12DC" * 5 + "Z")
        connection.send(wire.query("SELECT pg_sleep(0.3)") * 5)
        for _ in range(5):
            self.assertEqual(connection.types_until_ready(), "TDCZ")
        connection.send(wire.query("; ".join(["SELECT pg_sleep(0.3)"] * 6)))  # a text has one time
        self.assertIn("the limit of 1s", errors(connection.receive_until("Z"))[0]["M"])
        connection.send(wire.query("BEGIN"))
        connection.types_until_ready()
        connection.send(wire.query("SELECT pg_sleep(60)"))
        self.assertEqual(connection.receive_until("Z")[-1], ("Z", b"E"))

    def test_waiting_for_a_lock_counts_too(self):
        holder, waiter = self.login("free"), self.login("slow")
        holder.send(wire.query("BEGIN; LOCK few"))
        holder.types_until_ready()
        waiter.send(wire.parse("", "SELECT * FROM few") + wire.SYNC)  # Parse waits already
        (error,) = errors(waiter.receive_until("Z"))
        self.assertIn("the limit of 1s", error["M"])
        holder.send(wire.query("ROLLBACK"))
        holder.types_until_ready()
        self.is_usable(waiter)

    def test_a_client_that_has_left_is_no_way_round(self):
        connection = self.login("slow")
        connection.send(wire.query("SELECT pg_sleep(60)") + wire.TERMINATE)
        running = f"SELECT count(*) FROM pg_stat_activity WHERE pid = {connection.pid}"
        lab.wait_until(lambda: self.on_server(running) == "0", "the statement is cancelled", 20)

    def test_idle_in_transaction(self):
        connection = self.login("idle")
        connection.send(wire.query("SELECT 1"))
        connection.types_until_ready()
        connection.send(wire.query("BEGIN; INSERT INTO out VALUES (1)") + wire.query("SELECT pg_sleep(0.5)"))
        connection.types_until_ready()
        self.assertEqual(connection.types_until_ready(), "TDCZ")  # busy is not idle
        kind, body = connection.receive()
        error = wire.error_fields(body)
        self.assertEqual((kind, error["S"], error["C"]), ("E", "FATAL", "25P03"))
        self.assertIn("300ms", error["M"])
        self.assertTrue(connection.at_end())
        gone = f"SELECT count(*) FROM pg_stat_activity WHERE pid = {connection.pid}"
        lab.wait_until(lambda: self.on_server(gone) == "0", "the server's session is over", 10)
        self.assertEqual(self.on_server("SELECT count(*) FROM out"), "0")
        ended = lambda: [r for r in self.gateway.audit("session.end") if r["user.name"] == "idle"]  # noqa: E731
        (record,) = lab.wait_until(ended, "the session's record", 10)
        self.assertEqual(record["reason"], "limit of-idle/limits.idle_in_transaction")


class Shared(Case):
    def test_statement_bytes(self):
        connection = self.login("small")
        long = "SELECT '" + "x" * 1100 + "' this is not even SQL"
        for message, expected in ((wire.query(long), "EZ"), (wire.parse("", long) + wire.SYNC, "EZ")):
            connection.send(message)
            messages = connection.receive_until("Z")
            self.assertEqual(types(messages), expected)
            self.assertEqual(errors(messages)[0]["C"], "54000")
            self.assertIn("exceeds the limit of 1024 bytes", errors(messages)[0]["M"])
        denied = [r for r in self.gateway.audit("statement.decided") if r["user.name"] == "small"]
        self.assertEqual({(r["decision.effect"], r["decision.rule_id"]) for r in denied},
                         {("deny", "of-small/limits.statement_bytes")})
        self.is_usable(connection)

    def running(self, count):
        sql = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
        lab.wait_until(lambda: self.on_server(sql) == str(count), f"{count} statements run", 20)

    def test_concurrent_statements(self):
        sessions = [self.login("two") for _ in range(6)]
        for connection in sessions[:2]:
            connection.send(wire.query("SELECT pg_sleep(60)"))
        self.running(2)
        for connection in sessions[2:]:
            connection.send(wire.query("SELECT 1"))
            (error,) = errors(connection.receive_until("Z"))
            self.assertEqual(error["C"], "53300")
            self.assertIn("the limit of 2", error["M"])
            connection.send(wire.query("BEGIN; COMMIT"))  # what only ends things is always possible
            self.assertEqual(connection.types_until_ready(), "CCZ")
        with wire.Connection(self.gateway.port) as request:
            request.send(wire.packet(wire.CANCEL_REQUEST, struct.pack("!I", sessions[0].pid) + sessions[0].key))
            request.at_end()
        sessions[0].receive_until("Z")
        sessions[2].send(wire.query("SELECT pg_sleep(60)"))
        self.running(2)
        sessions[1].socket.close()  # a session that is gone gives its place back
        def free():
            sessions[3].send(wire.query("SELECT 1"))
            return sessions[3].types_until_ready() == "TDCZ"
        lab.wait_until(free, "the place is free", 10)

    def test_concurrency_is_exact_over_workers(self):
        """Many sessions of both workers at once: never more than two run, and whoever is refused may try again."""
        sessions = [self.login("two") for _ in range(8)]
        ran, refused, failures = [], [], []
        now, most, guard = [0], [0], threading.Lock()
        key = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
        def work(number, connection):
            for _ in range(25):
                connection.send(wire.query(f"SELECT pg_advisory_xact_lock({number}), pg_sleep(0.002), ({key})"))
                messages = connection.receive_until("Z")
                rows = [body for kind, body in messages if kind == "D"]
                if not rows:
                    (refused if errors(messages)[0]["C"] == "53300" else failures).append(messages)
                    continue
                ran.append(1)
                with guard:
                    most[0] = max(most[0], int(rows[0][2:].split(b"\0")[-1][1:] or 0))
        threads = [threading.Thread(target=work, args=pair) for pair in enumerate(sessions)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        self.assertGreater(len(ran), 0)
        self.assertGreater(len(refused), 0)
        self.assertLessEqual(most[0], 2)

    def test_rate(self):
        sessions = [self.login("five") for _ in range(3)]
        outcomes = []
        def work(connection):
            for _ in range(20):
                connection.send(wire.query("SELECT 1"))
                outcomes.append([error["C"] for error in errors(connection.receive_until("Z"))])
        threads = [threading.Thread(target=work, args=(connection,)) for connection in sessions]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        # Five an hour: the bucket holds one, and nothing comes back while this runs.
        self.assertEqual(outcomes.count([]), 1)
        self.assertEqual(outcomes.count(["53400"]), 59)
        again = self.login("five")  # a new session has no new bucket
        again.send(wire.query("SELECT 1"))
        (error,) = errors(again.receive_until("Z"))
        self.assertRegex(error["H"], r"Try again in \d+(\.\d+)?s")
        again.send(wire.query("BEGIN") + wire.parse("", "SELECT 1") + wire.bind() + wire.execute() + wire.SYNC +
                   wire.query("COMMIT"))
        again.types_until_ready()
        self.assertEqual(types(again.receive_until("Z")), "12EZ")
        self.assertEqual(again.receive_until("Z")[0], ("C", b"ROLLBACK\0"))
        denials = [r["decision.rule_id"] for r in self.gateway.audit("statement.decided")
                   if r["user.name"] == "five" and r["decision.effect"] == "deny"]
        self.assertEqual(set(denials), {"of-five/limits.rate"})


class Targets(Case):
    def test_limits_of_a_target_are_of_everybody_together(self):
        users = {"a": "", "b": "rows: 500", "c": "rows: 5"}
        self.gateway = self.lab.gateway(config(self.lab, users, "rows: 10, concurrent: 1"))
        for user, most, by in (("a", 10, 'target "postgres"'), ("b", 10, 'target "postgres"'), ("c", 5, 'policy "of-c"')):
            connection = self.login(user)
            connection.send(wire.query("SELECT i FROM few"))
            messages = connection.receive_until("Z")
            self.assertEqual(types(messages), f"T<{most}D>EZ")
            self.assertIn(by, errors(messages)[0]["D"])
        first, second = self.login("a"), self.login("b")
        first.send(wire.query("SELECT pg_sleep(60)"))
        sleeping = f"SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND pid = {first.pid}"
        lab.wait_until(lambda: self.on_server(sleeping) == "1", "a statement runs", 10)
        second.send(wire.query("SELECT 1"))
        (error,) = errors(second.receive_until("Z"))
        self.assertEqual(error["C"], "53300")
        self.assertIn('target "postgres"', error["D"])

    def test_reload_reaches_live_sessions(self):
        users = {"a": "rows: 3"}
        self.gateway = self.lab.gateway(config(self.lab, users))
        connection = self.login("a")
        def rows():
            connection.send(wire.query("SELECT i FROM few"))
            return len([kind for kind, _ in connection.receive_until("Z") if kind == "D"])
        self.assertEqual(rows(), 3)
        self.gateway.reload(config(self.lab, {"a": "rows: 7, statement_timeout: 200ms"}))
        self.assertEqual(rows(), 7)
        connection.send(wire.query("SELECT pg_sleep(60)"))
        self.assertEqual(errors(connection.receive_until("Z"))[0]["C"], "57014")
        self.gateway.reload(config(self.lab, {"a": ""}))
        self.assertEqual(rows(), 12)


if __name__ == "__main__":
    unittest.main()
