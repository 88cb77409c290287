"""Row filters against a real server: tenants see their own rows whatever they ask, and nothing tells of the others'."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import masking  # noqa: E402
import wire  # noqa: E402

SETUP = """
CREATE TABLE notes (id int PRIMARY KEY, tenant text NOT NULL, word text, price numeric, big bigint);
INSERT INTO notes SELECT i, CASE WHEN i % 2 = 0 THEN 'red' ELSE 'blue' END,
  CASE WHEN i % 2 = 0 THEN 'RED' ELSE 'BLUE' END || i, i, CASE WHEN i % 2 = 0 THEN 1 ELSE 6000000000 END FROM generate_series(1, 10) i;
ALTER TABLE notes ADD c1 text COLLATE "C" DEFAULT 'x', ADD c2 text COLLATE "POSIX" DEFAULT 'x', ADD j json[] DEFAULT '{1}';
CREATE TABLE tags (note int, name text);
INSERT INTO tags SELECT i, 'tag' || i FROM generate_series(1, 10) i;
CREATE VIEW v AS SELECT id, word FROM notes;
CREATE VIEW counted AS SELECT count(*) AS n, max(word) AS last FROM notes;
CREATE VIEW over AS SELECT v.word, t.name FROM v JOIN tags t ON t.note = v.id;
CREATE TABLE logs (day date, tenant text, word text) PARTITION BY RANGE (day);
CREATE TABLE logs_2024 PARTITION OF logs FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE logs_2025 PARTITION OF logs FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
INSERT INTO logs VALUES ('2024-05-05', 'red', 'RED24'), ('2024-06-06', 'blue', 'BLUE24'), ('2025-05-05', 'red', 'RED25'),
  ('2025-06-06', 'blue', 'BLUE25');
CREATE FUNCTION leak(t text) RETURNS bool LANGUAGE plpgsql COST 0.0001 AS $$BEGIN RAISE WARNING 'saw %', t; RETURN true; END$$;
CREATE FUNCTION leaks(a text, b text) RETURNS bool LANGUAGE plpgsql COST 0.0001 AS
  $$BEGIN RAISE EXCEPTION 'saw %', a USING ERRCODE = '42000'; END$$;
CREATE OPERATOR <<< (LEFTARG = text, RIGHTARG = text, FUNCTION = leaks);
CREATE TABLE numbers (tenant int, word text);
INSERT INTO numbers VALUES (1, 'RED'), (2, 'BLUE');
"""
FILTERS = """    filter:
      public.notes: "tenant = :user.tenant"
      public.logs: "tenant = :user.tenant"
      public.numbers: "tenant = :user.number::int"
"""
# By tenant red, who must see RED alone; those that fail or are denied must fail alike whatever the others' rows hold.
SEEN = [("SELECT id FROM notes ORDER BY id", ["2", "4", "6", "8", "10"]), ("SELECT count(*) FROM notes", ["5"]),
        ("SELECT word FROM notes WHERE id IN (1, 2, 3)", ["RED2"]), ("SELECT word FROM notes WHERE tenant = 'blue'", []),
        ("SELECT word FROM notes WHERE id = 1 OR true ORDER BY id LIMIT 1", ["RED2"]), ("SELECT max(word) FROM notes", ["RED8"]),
        ("SELECT word FROM notes n WHERE n.tenant <> 'red' OR n.id = 4", ["RED4"]), ("TABLE notes", 5), ("TABLE ONLY notes", 5),
        ("SELECT n FROM counted", ["5"]), ("SELECT last FROM counted", ["RED8"]), ("SELECT word FROM v WHERE id < 4", ["RED2"]),
        ("SELECT name FROM over ORDER BY 1", ["tag10", "tag2", "tag4", "tag6", "tag8"]),
        ("SELECT t.name FROM tags t JOIN notes n ON n.id = t.note WHERE t.note < 4", ["tag2"]),
        ("SELECT t.name FROM tags t WHERE NOT EXISTS (SELECT FROM notes n WHERE n.id = t.note) AND t.note < 4 ORDER BY 1",
         ["tag1", "tag3"]),
        ("SELECT t.note FROM tags t LEFT JOIN notes n ON n.id = t.note WHERE n.id IS NULL AND t.note < 4 ORDER BY 1", ["1", "3"]),
        ("SELECT (SELECT word FROM notes WHERE id = t.note) FROM tags t WHERE note < 3 ORDER BY note", [None, "RED2"]),
        ("SELECT word FROM logs ORDER BY word", ["RED24", "RED25"]), ("SELECT word FROM logs_2024", ["RED24"]),
        ("SELECT word FROM logs_2025 WHERE day > '2025-01-01'", ["RED25"]), ("SELECT word FROM numbers", ["RED"]),
        ("WITH x AS (SELECT * FROM notes) SELECT count(*) FROM x", ["5"]), ("SELECT count(*) FROM notes, notes m", ["25"]),
        ("SELECT word FROM notes WHERE id < 5 UNION ALL SELECT word FROM logs_2024 ORDER BY 1", ["RED2", "RED24", "RED4"]),
        ("SELECT word FROM notes WHERE 1 / (id - 5) = 0 AND id < 3", ["RED2"]), ("SELECT count(*) FROM notes WHERE 1 / (id - 5) >= 0", ["4"]),
        ("SELECT word FROM notes WHERE CAST(substr(word, 4) AS int) = 2", ["RED2"]),
        ("SELECT count(*) FROM notes WHERE word LIKE '%1'", ["0"]), ("SELECT id / (id - 5) FROM notes WHERE id = 4", ["-4"]),
        ("SELECT sum(1 / (id - 5)) FROM notes", ["0"]), ("SELECT count(*) FROM notes HAVING min(1 / (id - 7)) < 9", ["5"]),
        ("SELECT t.name FROM tags t JOIN notes n ON n.id = t.note AND 1 / (n.id - 5) > 9", []),
        ("SELECT id FROM notes WHERE id = 2 AND CASE WHEN tenant = 'blue' THEN 1 / (id - id) ELSE 1 END = 1", ["2"]),
        ("SELECT count(*) FROM notes WHERE id = 1 AND CASE WHEN word < 'BLUE2' THEN (SELECT note FROM tags) = 1 END", ["0"]),
        ("SELECT count(*) FROM v WHERE id = 1 AND CASE WHEN word < 'BLUE2' THEN (VALUES (1), (2)) = 1 END", ["0"]),
        ("SELECT count(*) FROM notes n WHERE n = ROW(1, 'blue')", ["0"]), ("SELECT count(*) FROM tags t WHERE note IN (SELECT big FROM notes)", ["1"]),
        ("SELECT count(*) FROM notes WHERE CASE WHEN id = 1 THEN XMLPARSE(DOCUMENT word) IS NULL END", ["0"]),
        ("SELECT count(*) FROM notes n JOIN numbers m ON n.big = m.tenant AND n.id < 3", ["1"]),
        ("SELECT word FROM v WHERE 1 / (id - 5) = 1", ["RED6"]), ("SELECT word FROM logs WHERE 1 / (length(word) - 6) <> 5 ORDER BY 1", ["RED24", "RED25"]),
        ("SELECT n::text LIKE '%RED%' FROM notes n WHERE id < 4", ["t"]), ("SELECT to_json(n) ->> 'word' FROM notes n WHERE id < 4", ["RED2"]),
        ("SELECT id FROM notes WHERE NOT (word = 'BLUE1') OR EXISTS (SELECT 1 LIMIT -1)", 5),
        ("SELECT id FROM notes WHERE word <> 'BLUE1' OR j = j", 5), ("SELECT id FROM notes WHERE word <> 'BLUE1' OR j IN (j)", 5),
        ("SELECT id FROM notes WHERE word <> 'BLUE1' OR c1 = c2", 5), ("SELECT id FROM notes WHERE word <> 'BLUE1' OR c1 < c2", 5),
        ("SELECT id FROM notes WHERE word <> 'BLUE1' OR j > '{}'", 5),
        ("SELECT id FROM v WHERE word <> 'BLUE1' OR EXISTS (SELECT 1 FROM tags WHERE false LIMIT v.id - 2)", 5),
        ("SELECT count(*) FROM notes WHERE word LIKE 'BLU_\\'", ["0"]), ("SELECT count(*) FROM v WHERE word ILIKE 'b%1\\'", ["0"]),
        ("SELECT count(*) FROM logs_2024 WHERE word NOT LIKE 'BLUE2\\'", ["1"]),
        ("SELECT leak(word) FROM notes WHERE id < 4", ["t"]), ("SELECT count(*) FROM notes WHERE leak(word)", ["5"]),
        ("SELECT count(*) FROM v WHERE leak(word)", ["5"]), ("SELECT count(*) FROM logs WHERE leak(word)", ["2"])]
DENIED = ["SELECT idx_tup_fetch, seq_tup_read FROM pg_stat_user_tables WHERE relname = 'notes'", "TABLE pg_stat_user_indexes",
          "SELECT tup_fetched FROM pg_stat_database", "SELECT pg_stat_get_tuples_fetched('notes'::regclass)",
          "EXPLAIN SELECT * FROM notes", "EXPLAIN ANALYZE SELECT * FROM v", "SELECT ctid FROM notes", "SELECT * FROM notes TABLESAMPLE SYSTEM (100)",
          "UPDATE notes SET word = 'x'", "DELETE FROM notes", "INSERT INTO notes VALUES (99, 'blue', 'x')", "TRUNCATE notes",
          "INSERT INTO notes VALUES (1, 'red', 'x') ON CONFLICT DO NOTHING", "SET dbgate.user_tenant = 'blue'",
          "SET LOCAL dbgate.user_tenant = 'blue'", "SELECT set_config('dbgate.user_tenant', 'blue', false)",
          "SELECT set_config('dbgate.user' || '_tenant', 'blue', false)", "RESET dbgate.user_tenant",
          "SHOW dbgate.user_tenant", "SELECT current_setting('dbgate.user_tenant')", "UPDATE pg_settings SET setting = 'blue' WHERE name = 'dbgate.user_tenant'",
          "MERGE INTO notes USING tags ON id = note WHEN MATCHED THEN DELETE", "CREATE VIEW mine AS SELECT * FROM notes",
          "CREATE INDEX ON notes ((1 / (id - 5)))", "ALTER TABLE notes DISABLE TRIGGER ALL", "ALTER TABLE logs DETACH PARTITION logs_2024",
          "COPY notes FROM '/tmp/x'", "SELECT query_to_xml('TABLE notes', true, true, '')", "DO 'BEGIN END'"]


def config(it, tenant="red", filters=FILTERS, masks=""):
    secret = it.users("red").split('"')[1]
    def user(name, attributes):
        return f'  - {{ name: {name}, scram_verifier: "{secret}", attributes: {{ {attributes} }} }}\n'
    users = ("users:\n" + user("red", f"tenant: {tenant}, number: 1") + user("blue", "tenant: blue, number: 2") +
             user("keeper", f"tenant: {tenant}, number: 1") + user("nobody", "number: 1") +
             user("quoted", "tenant: \"' OR true --\", number: \"1 OR true\"") + user("admin", "tenant: x"))
    functions = "functions: [safe, public.leak]"
    return ("version: 1\nstate_dir: state\nmasking: { key: sixteen characters or more }\n" + it.listen() + users + "targets:\n" + it.target() +
            "policies:\n  - { name: admins, who: { users: [admin] }, on: [postgres], allow: [ { everything: true } ] }\n"
            "  - name: reads\n    who: { users: [red, blue, nobody, quoted] }\n    on: [postgres]\n"
            f"    allow: [ {{ select: ['public.*'], copy_out: ['public.*'], {functions} }} ]\n"
            f"  - {{ name: keeps, who: {{ users: [keeper] }}, on: [postgres], allow: [ {{ everything: true, {functions} }} ] }}\n"
            "  - name: tenants\n    who: { users: [red, blue, keeper, nobody, quoted] }\n    on: [postgres]\n" + filters + masks)


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab()
        cls.addClassCleanup(cls.lab.close)
        cls.lab.postgres.psql(SETUP + "ANALYZE")
        cls.gateway = cls.lab.gateway(config(cls.lab))

    def session(self, user):
        client = masking.Client(self.gateway.port, user)
        self.addCleanup(client.close)
        return client


class Tenants(Case):
    def test_each_sees_its_own_rows(self):
        for user in ("red", "keeper"):
            client = self.session(user)
            for sql, expected in SEEN:
                for form in ("query", "extended"):
                    with self.subTest(sql, user=user, form=form):
                        reply = getattr(client, form)(sql)
                        self.assertIsNone(reply.code, reply.errors)
                        self.assertNotIn(b"BLUE", reply.bytes)
                        shown = [row[0] and row[0].decode() for row in reply.rows]
                        self.assertEqual(len(shown) if isinstance(expected, int) else shown, expected)

    def test_the_other_tenant_sees_the_others(self):
        blue = self.session("blue")
        self.assertEqual([row[0] for row in blue.query("SELECT word FROM notes ORDER BY id").rows],
                         [b"BLUE1", b"BLUE3", b"BLUE5", b"BLUE7", b"BLUE9"])
        self.assertEqual(blue.query("SELECT word FROM notes WHERE 1 / (id - 5) = 0").code, "22012")  # a row of its own
        self.assertNotIn(b"RED", blue.query("SELECT word, leak(word) FROM notes; TABLE logs; COPY notes TO STDOUT; TABLE v").bytes)

    def test_copy_and_cursors(self):
        red = self.session("red")
        for sql in ("COPY notes TO STDOUT", "COPY notes (word) TO STDOUT (FORMAT csv)", "COPY (TABLE v) TO STDOUT", "COPY logs_2024 TO STDOUT"):
            reply = red.query(sql)
            self.assertIn(b"RED", reply.copied, sql)
            self.assertNotIn(b"BLUE", reply.bytes, sql)
        reply = red.query("BEGIN; DECLARE c SCROLL CURSOR FOR SELECT word FROM notes ORDER BY id; FETCH ALL c; FETCH ABSOLUTE 1 c; COMMIT")
        self.assertEqual([row[0] for row in reply.rows], [b"RED2", b"RED4", b"RED6", b"RED8", b"RED10", b"RED2"])

    def test_bind_values_are_no_way_out(self):
        red = self.session("red")
        reply = red.extended("SELECT word FROM notes WHERE tenant = $1 OR id = $2", values=[b"blue", b"1"])
        self.assertEqual((reply.code, reply.rows), (None, []))
        self.assertEqual(red.extended("SELECT word FROM notes WHERE 1 / (id - $1) = 0 AND id < 1", values=[b"5"]).code, None)

    def test_types_of_parameters_are_no_way_out(self):
        """A column that is compared with an oid is converted to it, which fails for large numbers."""
        red, blue = self.session("red"), self.session("blue")
        for types in ((), (26,), ()):
            reply = red.extended("SELECT count(*) FROM notes WHERE big = $1", values=[b"1"], oids=types)
            self.assertEqual((reply.code, reply.rows), (None, [[b"5"]]), types)
        self.assertEqual(blue.extended("SELECT count(*) FROM notes WHERE big = $1", values=[b"1"], oids=(26,)).code, "22003")

    def test_what_could_go_round_is_denied(self):
        for user in ("red", "keeper"):
            client = self.session(user)
            for sql in DENIED:
                with self.subTest(sql, user=user):
                    reply = client.query(sql)
                    self.assertEqual(reply.code, "42501", reply.rows[:1])
                    self.assertNotIn(b"BLUE", reply.bytes)
        rows = self.lab.postgres.psql("SELECT count(*), count(DISTINCT word) FROM notes").stdout
        self.assertEqual(rows, "10|10\n")

    def test_settings_go_back_to_what_they_were(self):
        keeper = self.session("keeper")
        for sql in ("RESET ALL", "DISCARD ALL", "BEGIN; SET LOCAL work_mem = '1MB'; ROLLBACK"):
            self.assertIsNone(keeper.query(sql).code, sql)
            self.assertEqual(keeper.query("SELECT count(*), min(word) FROM notes").rows, [[b"5", b"RED10"]])

    def test_operators_of_users_see_no_other_rows(self):
        self.assertEqual(self.session("red").query("SELECT count(*) FROM notes WHERE word <<< 'x'").code, "42501")
        reply = self.session("keeper").query("SELECT count(*) FROM notes WHERE word <<< 'x'")
        self.assertEqual((reply.code, b"BLUE" in reply.bytes), ("42000", False))

    def test_an_attribute_that_is_missing(self):
        nobody = self.session("nobody")
        reply = nobody.query("SELECT count(*) FROM notes")
        self.assertEqual(reply.code, "42501")
        self.assertIn("attribute tenant, which is not set", reply.errors[0]["M"])
        self.assertEqual(nobody.query("SELECT word FROM numbers").rows, [[b"RED"]])
        self.assertEqual(nobody.query("SELECT count(*) FROM tags").rows, [[b"10"]])

    def test_an_attribute_is_a_value_and_no_sql(self):
        quoted = self.session("quoted")
        self.assertEqual(quoted.query("SELECT word FROM notes").rows, [])
        reply = quoted.query("SELECT word FROM numbers")
        self.assertEqual((reply.code, reply.rows), ("22P02", []))

    def test_without_filters_the_leaks_are_there(self):
        direct = masking.Client(self.lab.postgres.port, "postgres")
        self.addCleanup(direct.close)
        self.assertIn(b"saw BLUE", direct.query("SELECT count(*) FROM notes WHERE leak(word) AND tenant = 'red'").bytes)


class Times(unittest.TestCase):
    """Filters that rest on the time zone or the date format: neither is the client's to choose then."""

    ZONE = "<+167>-167"
    FILTERS = """    filter:
      public.reports: "publish_on <= current_date"
      public.sent: "at <= now()"
      public.dated: "day <= '03/04/2024'"
"""

    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab(settings=["timezone='UTC'", "datestyle='ISO, MDY'"])
        cls.addClassCleanup(cls.lab.close)
        cls.lab.postgres.psql("CREATE TABLE reports (id int, publish_on date); INSERT INTO reports VALUES (1, current_date - 1), (2, current_date + 5);"
                              "CREATE TABLE sent (id int, at timestamptz); INSERT INTO sent VALUES (1, now()), (2, now() + interval '5 days');"
                              "CREATE TABLE dated (id int, day date); INSERT INTO dated VALUES (1, '2024-01-01'), (2, '2024-03-20')")
        allow = "    allow: [ { select: ['public.*'], functions: [safe] } ]\n"
        rest = "".join(f"  - name: {name}\n    who: {{ users: [{name}] }}\n    on: [postgres]\n{allow}{more}" for name, more in (
            ("reader", cls.FILTERS), ("instants", '    filter: { public.sent: "at <= now()" }\n'), ("free", "")))
        cls.gateways = [cls.lab.gateway("version: 1\nstate_dir: state\n" + cls.lab.listen() + cls.lab.users("reader", "instants", "free") +
                                        "targets:\n" + cls.lab.target(pool=pool) + "policies:\n" + rest) for pool in (None, "mode: transaction, max: 3")]

    def connect(self, gateway, user, **settings):
        connection = wire.Connection(gateway.port)
        self.addCleanup(connection.socket.close)
        connection.login(user, "postgres", lab.PASSWORD, **settings)
        return connection

    def answer(self, connection, sql):
        """The values of the first column, or an SQLSTATE."""
        connection.send(wire.query(sql))
        rows = []
        for kind, body in connection.receive_until("Z"):
            if kind == "E":
                return wire.error_fields(body)["C"]
            if kind == "D":
                rows.append(body[6:].decode())
        return rows

    def test_what_is_given_when_connecting_is_left_out(self):
        for gateway in self.gateways:
            for settings in ({"TimeZone": self.ZONE, "DateStyle": "ISO, DMY"}, {"options": f"-c TimeZone={self.ZONE} -c datestyle=DMY"}):
                connection = self.connect(gateway, "reader", **settings)
                for table in ("reports", "sent", "dated"):
                    with self.subTest(settings, table=table):
                        self.assertEqual(self.answer(connection, f"SELECT id FROM {table}"), ["1"])
                self.assertEqual(self.answer(connection, "SHOW TimeZone"), ["UTC"])

    def test_what_is_set_later_is_refused(self):
        for gateway in self.gateways:
            connection = self.connect(gateway, "reader")
            for sql in (f"SET TimeZone = '{self.ZONE}'", f"SET TIME ZONE '{self.ZONE}'", "SET TIME ZONE INTERVAL '+14:00' HOUR TO MINUTE",
                        "SET LOCAL timezone = 'Pacific/Kiritimati'", "SET DateStyle = DMY", "SET datestyle TO 'ISO, DMY'", "SET TIME ZONE 14",
                        f"SELECT set_config('TimeZone', '{self.ZONE}', false)"):
                with self.subTest(sql):
                    self.assertEqual(self.answer(connection, sql), "42501")
                    self.assertEqual(self.answer(connection, "SELECT id FROM reports"), ["1"])

    def test_what_drivers_send_works(self):
        for gateway in self.gateways:
            connection = self.connect(gateway, "reader", TimeZone="UTC", DateStyle="ISO")
            for sql in ("SET TimeZone = 'UTC'", "SET TIME ZONE 'UTC'", "SET datestyle TO 'ISO'", "RESET TimeZone", "SET TimeZone TO DEFAULT",
                        "SET intervalstyle = iso_8601"):
                with self.subTest(sql):
                    self.assertEqual(self.answer(connection, sql), [])

    def test_other_filters_leave_it_alone(self):
        for gateway in self.gateways:
            for user in ("instants", "free"):
                connection = self.connect(gateway, user, TimeZone="Europe/Rome", DateStyle="ISO, DMY")
                self.assertEqual(self.answer(connection, "SHOW TimeZone"), ["Europe/Rome"])
                self.assertEqual(self.answer(connection, "SET TimeZone = 'Asia/Tokyo'"), [])
                self.assertEqual(self.answer(connection, "SET DateStyle = DMY"), [])
                self.assertEqual(self.answer(connection, "SELECT id FROM sent"), ["1"] if user == "instants" else ["1", "2"])


class Reload(Case):
    """What changes under a session that has prepared statements and open cursors."""

    MASK = "    mask: { public.notes.word: redact }\n"

    def setUp(self):
        self.gateway.reload(config(self.lab))

    def test_an_attribute(self):
        red = self.session("red")
        self.assertEqual(red.query("SELECT min(word) FROM notes").rows, [[b"RED10"]])
        self.gateway.reload(config(self.lab, tenant="blue"))
        reply = red.query("SELECT min(word) FROM notes")
        self.assertEqual(reply.code, "42501")
        self.assertIn("has changed", reply.errors[0]["M"])
        self.assertIn("Connect again", reply.errors[0]["H"])
        self.assertEqual(red.query("SELECT count(*) FROM tags").rows, [[b"10"]])
        self.assertEqual(self.session("red").query("SELECT min(word) FROM notes").rows, [[b"BLUE1"]])

    def test_prepared_statements(self):
        red = self.session("red")
        sql = "SELECT word FROM notes WHERE id = 2"
        red.send(wire.parse("n", sql) + wire.SYNC)
        red.query(f"PREPARE p AS {sql}")
        run = wire.bind("", "n") + wire.execute() + wire.SYNC
        self.assertEqual((red.send(run).rows, red.query("EXECUTE p").rows), ([[b"RED2"]], [[b"RED2"]]))
        self.gateway.reload(config(self.lab, masks=self.MASK))
        for reply in (red.send(run), red.query("EXECUTE p"), red.send(wire.describe(b"S", "n") + run)):
            self.assertEqual((reply.code, reply.rows), ("0A000", []))
            self.assertIn("cached plan must not change result type", reply.errors[0]["M"])
        self.assertEqual(red.query(sql).rows, [[b"***"]])
        red.send(wire.close(b"S", "n") + wire.parse("n", sql) + wire.SYNC)
        self.assertEqual(red.send(run).rows, [[b"***"]])
        self.gateway.reload(config(self.lab))
        self.assertEqual(red.send(run).code, "0A000")
        self.assertEqual(red.query(sql).rows, [[b"RED2"]])

    def test_open_cursors_and_portals(self):
        red = self.session("red")
        red.query("BEGIN")
        red.query("DECLARE c CURSOR WITH HOLD FOR SELECT word FROM notes ORDER BY id")
        self.assertEqual(red.query("FETCH 1 FROM c").rows, [[b"RED2"]])
        red.query("COMMIT")
        red.query("BEGIN")
        portal = wire.parse("", "SELECT word FROM notes ORDER BY id") + wire.bind("p", "") + wire.execute("p", 1) + wire.SYNC
        self.assertEqual(red.send(portal).rows, [[b"RED2"]])
        self.gateway.reload(config(self.lab, masks=self.MASK))
        reply = red.send(wire.execute("p", 1) + wire.SYNC)
        self.assertEqual((reply.code, reply.rows), ("0A000", []))
        red.query("ROLLBACK")
        reply = red.query("FETCH 1 FROM c")
        self.assertEqual((reply.code, reply.rows), ("0A000", []))
        self.assertEqual(red.query("SELECT word FROM notes WHERE id = 2").rows, [[b"***"]])

    def test_a_filter_that_comes_and_goes(self):
        red = self.session("red")
        red.send(wire.parse("n", "SELECT count(*) FROM notes") + wire.SYNC)
        run = wire.bind("", "n") + wire.execute() + wire.SYNC
        self.assertEqual(red.send(run).rows, [[b"5"]])
        self.gateway.reload(config(self.lab, filters="    filter: { public.notes: \"tenant = :user.tenant AND id < 5\" }\n"))
        self.assertEqual(red.send(run).code, "0A000")
        self.assertEqual(red.query("SELECT count(*) FROM notes").rows, [[b"2"]])  # the server knows the tenant
        self.assertEqual(self.session("red").query("SELECT count(*) FROM notes").rows, [[b"2"]])


if __name__ == "__main__":
    unittest.main()
