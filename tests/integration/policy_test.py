"""Restricted users against dbgate, with a superuser behind it: what must be refused is refused on every path and leaves
no trace, and what only looks like it runs. The statements are in policy_cases/."""
import os
import pathlib
import re
import struct
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import wire  # noqa: E402

CASES = pathlib.Path(__file__).with_name("policy_cases")
REFUSALS = {"42501", "42601", "54000", "54001", "22021", "26000"}
# In everything that restricted users may not see; readonly may see the rows.
SECRET, DEEP_SECRET = b"4111-PLANTED", b"BURIED-DEEP"
HARMFUL = ["pg_read_file('planted')", "pg_sleep(0)::text", "shop.leak('x')", "leak('x')",
           "set_config('role', 'x', true)", "query_to_xml('SELECT 1', true, true, '')::text",
           "('planted'::text).pg_read_file", "current_setting('port')", "(nextval('shop.items_id_seq'))::text"]
POLICIES = """
policies:
  - name: reader
    who: { users: [reader] }
    on: [postgres]
    allow:
      - { select: [shop.items, shop.orders, shop.item_names, "shop.customers(id, city)"], copy_out: [shop.items] }
      - { functions: [safe, "shop.order_total(integer)"] }
  - name: introspector
    who: { users: [introspector] }
    on: [postgres]
    allow: [ { pack: introspection } ]
  - name: writer
    who: { users: [writer] }
    on: [postgres]
    allow:
      - { select: [shop.items, shop.orders], functions: [safe], insert: ["shop.items(id, name, price)"] }
      - { update: ["shop.items(name, price)", "shop.customers(city)"], delete: [shop.orders], require: { where: true } }
  - name: keeper
    who: { users: [keeper] }
    on: [postgres]
    allow: [ { everything: true } ]
    deny: [ { select: [shop.cards, "shop.customers(card_no)"] }, { functions: [shop.leak] } ]
  - name: readonly
    who: { users: [readonly] }
    on: [postgres]
    allow: [ { pack: readonly } ]
  - name: wide
    who: { users: [wide] }
    on: [postgres]
    allow: [ { functions: ["shop.*"] } ]
"""
SETUP = """
CREATE SCHEMA shop; SET search_path = shop;
CREATE TYPE mood AS ENUM ('glad', 'sad');
CREATE TABLE items (id serial PRIMARY KEY, name text, price numeric, tags text[], attrs jsonb, added timestamptz,
                    span int4range);
INSERT INTO items SELECT n, 'item ' || n, n, '{a,b}', '{"a": {"b": 1}}', '2020-01-01', '[1,5)'
  FROM generate_series(1, 5) n;
SELECT setval('items_id_seq', 100);
CREATE TABLE customers (id int PRIMARY KEY, city text, email text, card_no text NOT NULL CHECK (card_no <> ''));
INSERT INTO customers SELECT n, 'Rome', 'c' || n || '@4111-PLANTED', '4111-PLANTED-' || n FROM generate_series(1, 5) n;
CREATE TABLE orders (id int PRIMARY KEY, customer_id int, item_id int, total numeric, placed timestamptz);
INSERT INTO orders SELECT n, n, n, n * 10, '2020-01-01' FROM generate_series(1, 5) n;
CREATE TABLE cards (id serial PRIMARY KEY, number text, q text);
INSERT INTO cards SELECT n, '4111-PLANTED-' || n, 'SELECT 1' FROM generate_series(1, 5) n;
ALTER TABLE customers ADD CHECK (length(city) < 50);
CREATE VIEW item_names AS SELECT id, name FROM items;
CREATE VIEW card_list AS SELECT * FROM cards;
CREATE VIEW card_list_list AS SELECT id FROM card_list;
CREATE MATERIALIZED VIEW card_copy AS SELECT id, number FROM cards;
CREATE VIEW customer_numbers AS SELECT email, card_no FROM customers;
CREATE VIEW customer_cities AS SELECT city FROM customers;
CREATE TABLE noted (id int); CREATE TABLE checked (id int); CREATE TABLE quiet (id int);
CREATE FUNCTION order_total(id int) RETURNS numeric LANGUAGE sql AS 'SELECT 1.5';
CREATE FUNCTION leak(x text) RETURNS text LANGUAGE sql AS $$SELECT 'BURIED-DEEP' || max(number) FROM shop.cards$$;
CREATE FUNCTION leak(x items) RETURNS text LANGUAGE sql AS $$SELECT 'BURIED-DEEP' || max(number) FROM shop.cards$$;
CREATE FUNCTION touched() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; END$$;
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
  $$BEGIN INSERT INTO shop.items (name) SELECT number FROM shop.cards; RETURN NEW; END$$;
CREATE TRIGGER note BEFORE INSERT ON noted FOR EACH ROW EXECUTE FUNCTION note();
CREATE FUNCTION dynamic() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN EXECUTE 'SELECT ' || NEW.id; RETURN NEW; END$$;
CREATE TRIGGER dynamic BEFORE UPDATE ON noted FOR EACH ROW EXECUTE FUNCTION dynamic();
CREATE RULE leaks AS ON DELETE TO noted DO ALSO INSERT INTO shop.items (name) SELECT number FROM shop.cards;
CREATE FUNCTION known(int) RETURNS boolean LANGUAGE sql AS 'SELECT EXISTS (SELECT number FROM shop.cards WHERE id = $1)';
ALTER TABLE checked ADD CHECK (known(id));
CREATE TRIGGER touched BEFORE INSERT ON quiet FOR EACH ROW EXECUTE FUNCTION touched();
CREATE PROCEDURE wipe() LANGUAGE sql AS 'DELETE FROM shop.cards';
CREATE FUNCTION near(text, text) RETURNS text LANGUAGE sql AS $$SELECT 'BURIED-DEEP'$$;
CREATE OPERATOR <-> (FUNCTION = near, LEFTARG = text, RIGHTARG = text);
SELECT lo_from_bytea(7001, 'BURIED-DEEP');
CREATE ROLE buried PASSWORD 'BURIED-DEEP'; COMMENT ON ROLE buried IS 'x';
CREATE EXTENSION file_fdw;
CREATE SERVER elsewhere FOREIGN DATA WRAPPER file_fdw;
ANALYZE;
"""
# Fields, not rows: a password of a user mapping, which only a wrapper without a validator keeps.
MORE_SETUP = """
CREATE FOREIGN DATA WRAPPER bare;
CREATE SERVER far FOREIGN DATA WRAPPER bare OPTIONS (host 'BURIED-DEEP');
CREATE USER MAPPING FOR postgres SERVER far OPTIONS (password 'BURIED-DEEP');
"""
SNAPSHOT = """
SELECT 'rows', (SELECT md5(string_agg(i::text, '|' ORDER BY id)) FROM shop.items i),
       (SELECT md5(string_agg(c::text, '|' ORDER BY id)) FROM shop.customers c),
       (SELECT md5(string_agg(o::text, '|' ORDER BY id)) FROM shop.orders o),
       (SELECT md5(string_agg(c::text, '|' ORDER BY id)) FROM shop.cards c),
       (SELECT last_value FROM shop.items_id_seq), (SELECT last_value FROM shop.cards_id_seq);
SELECT 'names', md5(string_agg(o::text, '|' ORDER BY o::text)) FROM (
  SELECT oid, relname, relowner, relacl::text, relnamespace FROM pg_class WHERE relnamespace <> 'pg_toast'::regnamespace
  UNION ALL SELECT oid, proname, proowner, proacl::text, pronamespace FROM pg_proc
  UNION ALL SELECT oid, nspname, nspowner, nspacl::text, 0 FROM pg_namespace
  UNION ALL SELECT oid, rolname, 0, md5(rolpassword), 0 FROM pg_authid
  UNION ALL SELECT oid, datname, datdba, datacl::text, 0 FROM pg_database
  UNION ALL SELECT oid, typname, typowner, NULL, typnamespace FROM pg_type
  UNION ALL SELECT oid, extname, 0, NULL, 0 FROM pg_extension
  UNION ALL SELECT oid, oprname, 0, NULL, 0 FROM pg_operator
  UNION ALL SELECT oid, rulename, 0, NULL, 0 FROM pg_rewrite
  UNION ALL SELECT setdatabase, setconfig::text::name, 0, NULL, setrole FROM pg_db_role_setting
  UNION ALL SELECT oid, 'lo', 0, NULL, 0 FROM pg_largeobject_metadata) o;
SELECT 'other', count(*) FROM pg_locks
  WHERE locktype = 'advisory' OR (locktype = 'relation' AND mode <> 'AccessShareLock');
SELECT 'pending', count(*) FROM pg_prepared_xacts;
"""


def sections():
    """(kind, users, statement) of every line of every file."""
    for path in sorted(CASES.glob("*.sql")):
        kind, users = None, ()
        for line in path.read_text(encoding="utf-8").splitlines():
            heading = re.fullmatch(r"\[(denied|allowed|both) ([a-z ]+)\]", line)
            if heading:
                kind, users = heading[1], heading[2].split()
            elif line and not line.startswith("#"):
                for user in users:
                    yield kind, user, line


def expand(line):
    """The two lists of statements that a line with placeholders stands for: denied, allowed."""
    denied, allowed = [], []
    for mark, bad, good in (("{f}", HARMFUL, "lower('A')"), ("{c}", ["card_no", "email"], "city"),
                            ("{t}", ["shop.customers"], "shop.items")):
        if mark not in line:
            continue
        # A harmful function in FROM must be a call; the others are expressions.
        names_function = re.search(r"(FROM|FROM \(|,|LATERAL) \{f\}( |$|,)|ROWS FROM", line)
        for value in bad:
            if mark == "{f}" and names_function and ("::" in value or value.startswith("(")):
                continue
            denied.append(line.replace(mark, value))
        allowed.append(line.replace(mark, good))
    assert denied, line
    return denied, allowed


def table():
    denied, allowed = {}, {}
    for kind, user, line in sections():
        bad, good = expand(line) if kind == "both" else ([line], [line])
        if kind != "allowed":
            denied.setdefault(user, []).extend(bad)
        if kind != "denied":
            allowed.setdefault(user, []).extend(good)
    return denied, allowed


def errors_in(messages):
    return [wire.error_fields(body) for kind, body in messages if kind == "E"]


class Policy(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab(settings=["log_statement=all", "max_prepared_transactions=5"])
        cls.addClassCleanup(cls.lab.close)
        cls.server = cls.lab.postgres
        (cls.server.data / "planted").write_text("BURIED-DEEP\n")
        os.chown(cls.server.data / "planted", *((os.stat(cls.server.data).st_uid,) * 2))
        cls.server.psql(SETUP + MORE_SETUP)
        users = ("reader", "introspector", "writer", "keeper", "readonly", "wide")
        cls.config = ("version: 1\nstate_dir: state\n" + cls.lab.listen() + cls.lab.users(*users) + "targets:\n" +
                      cls.lab.target(search_path=("shop",)) + POLICIES.lstrip("\n"))
        cls.gateway = cls.lab.gateway(cls.config)
        cls.denied, cls.allowed = table()

    def connect(self, user):
        connection = wire.Connection(self.gateway.port)
        self.addCleanup(connection.socket.close)
        connection.login(user, "postgres", lab.PASSWORD)
        return connection

    def snapshot(self):
        return self.server.psql(SNAPSHOT).stdout

    def server_log(self):
        return (self.server.directory / "log").read_text(encoding="utf-8", errors="replace")

    def clean(self, user, messages):
        data = b"".join(body for _, body in messages)
        self.assertNotIn(DEEP_SECRET, data)
        if user != "readonly":
            self.assertNotIn(SECRET, data)

    def refused(self, user, messages, statement):
        """One error of dbgate's own, nothing else but ReadyForQuery, and no secret."""
        self.clean(user, messages)
        kinds = "".join(kind for kind, _ in messages)
        self.assertRegex(kinds, "^E?Z$" if not kinds.startswith("E") else "^EZ$", statement)
        fields = errors_in(messages)
        self.assertTrue(fields, statement)
        self.assertIn(fields[0]["C"], REFUSALS, (statement, fields))
        if fields[0]["C"] == "42501":
            self.assertTrue(fields[0]["M"].startswith("permission denied by dbgate policy"), (statement, fields))

    @staticmethod
    def ways(statement):
        """The paths that a statement can take to the server, each as bytes that end in one ReadyForQuery."""
        yield "simple", wire.query(statement)
        yield "parse", wire.parse("", statement) + wire.describe(b"S") + wire.bind() + wire.execute() + wire.SYNC
        yield "named", wire.parse("n", statement) + wire.bind("p", "n") + wire.execute("p") + wire.SYNC
        yield "second", wire.query("SELECT 1; " + statement)
        if re.match(r"(SELECT|WITH|INSERT|UPDATE|DELETE|MERGE|VALUES|TABLE)\b", statement):
            yield "prepare", wire.query("PREPARE through AS " + statement)
            yield "explain", wire.query("EXPLAIN (ANALYZE) " + statement)
            yield "declare", wire.query("DECLARE through CURSOR WITH HOLD FOR " + statement)
            yield "copy", wire.query(f"COPY ({statement}) TO STDOUT")
            yield "create", wire.query("CREATE TEMP TABLE through AS " + statement)

    def test_denied(self):
        before = self.snapshot()
        log_before = len(self.server_log())
        total = 0
        for user, statements in self.denied.items():
            connection = self.connect(user)
            for statement in dict.fromkeys(statements):
                for way, data in self.ways(statement):
                    with self.subTest(user=user, way=way, statement=statement):
                        connection.send(data)
                        messages = connection.receive_until("Z")
                        total += 1
                        if messages[-1][1] != b"I" or any(kind in "GHW" for kind, _ in messages):
                            connection = self.connect(user)
                        self.refused(user, messages, statement)
        self.assertGreater(total, 3000)
        self.assertEqual(self.snapshot(), before, "denied statements changed something")
        reached = self.server_log()[log_before:]
        marks = re.findall(r"LOG:  (?:statement|execute [^:]*): (.*)", reached)
        ours = [mark for mark in marks if "md5(string_agg" not in mark]
        seen = set(ours) & {statement for statements in self.denied.values() for statement in statements}
        self.assertFalse(seen, "denied statements reached the server")

    def test_errors_show_no_more_than_the_rights(self):
        for user, statement, code in (
                ("writer", "UPDATE shop.customers SET city = repeat('x', 60) WHERE true", "23514"),
                ("reader", "SELECT city::int FROM shop.customers", "22P02"),
                ("keeper", "UPDATE shop.customers SET city = repeat('x', 60) WHERE id = 1", "23514")):
            connection = self.connect(user)
            for message in (wire.query(statement), wire.parse("", statement) + wire.bind() + wire.execute() + wire.SYNC):
                connection.send(message)
                messages = connection.receive_until("Z")
                self.clean(user, messages)
                self.assertEqual([error["C"] for error in errors_in(messages)], [code], statement)
                self.assertNotIn(b"Rome", b"".join(body for _, body in messages))
        direct = lab.run_psql("UPDATE shop.customers SET city = repeat('x', 60)", host="127.0.0.1",
                              port=self.lab.postgres.port, user="postgres", database="postgres", check=False)
        self.assertIn("4111-PLANTED", direct.stderr, "the attack does not work without dbgate either")

    def test_allowed(self):
        for user, statements in self.allowed.items():
            connection = self.connect(user)
            for statement in dict.fromkeys(statements):
                with self.subTest(user=user, statement=statement):
                    connection = self.run_allowed(user, connection, statement)

    def run_allowed(self, user, connection, statement):
        """Each in a transaction that is rolled back, if it is none itself; then again as a prepared statement."""
        alone = re.match(r"(BEGIN|START|SET|RESET|DISCARD|CHECKPOINT|PREPARE|DEALLOCATE|CLOSE|UNLISTEN)", statement)
        single = ";" not in statement.rstrip("; ")
        ways = [wire.query(statement)]
        if single and not statement.startswith(("COPY", "PREPARE", "DEALLOCATE", "CREATE ROLE")):
            ways.append(wire.parse("", statement) + wire.describe(b"S") + wire.bind() + wire.execute() + wire.SYNC)
        for data in ways:
            if not alone and single:
                connection.send(wire.query("BEGIN"))
                connection.receive_until("Z")
            connection.send(data)
            messages = connection.receive_until("Z")
            self.clean(user, messages)
            self.connection_reset(connection)
            self.assertFalse(errors_in(messages), statement)
        return connection

    @staticmethod
    def connection_reset(connection):
        connection.send(wire.query("ROLLBACK"))
        connection.receive_until("Z")

    def test_names_and_bytes_that_deceive(self):
        connection = self.connect("reader")
        long_name = "c" * 63
        self.server.psql(f'CREATE TABLE IF NOT EXISTS shop."{long_name}" AS SELECT * FROM shop.cards')
        for text in (
                f"SELECT * FROM shop.{long_name}", f"SELECT * FROM shop.{long_name}items",
                f'SELECT * FROM shop."{long_name}x"', "SELECT\u00a0*\u00a0FROM shop.cards",
                "SELECT * FROM shop\u200b.items", "\ufeffSELECT 1", "SELECT\v*\vFROM\vshop.cards",
                "SELECT\f*\fFROM\rshop.cards", "TABLE\tshop\n.\ncards", "SELECT * FROM shop./* */cards",
                "SELECT * FROM shop.--\ncards", "ſelect 1", "SELECT * FROM ＊", "SELECT 1 FROM shop.cards\n--",
                "SELECT 'a'\n'b' FROM shop.cards", "SELECT " + "(" * 5000 + "1" + ")" * 5000,
                "SELECT 1 " + "+" * 5000 + " 1", "SELECT " + "/*" * 5000,
                "SELECT " + "- " * 200000 + "1 FROM shop.cards", "SELECT 'x" + "a" * 200000 + "' FROM shop.cards",
                "SELECT q" + ", q" * 50000 + " FROM shop.cards"):
            for _, data in list(self.ways(text))[:4]:
                with self.subTest(text=text[:80]):
                    connection.send(data)
                    self.refused("reader", connection.receive_until("Z"), text[:80])
        for raw in (b"SELECT '\xff'", b"SELECT * FROM shop.c\xc1\xa1rds", b"SELECT '\xed\xa0\x80'",
                    b"SELECT '\xf8\x88\x80\x80\x80'", b"SELECT '\xc3'"):
            for data in (wire.message(b"Q", raw + b"\0"), wire.message(b"P", b"\0" + raw + b"\0\0\0") + wire.SYNC):
                connection.send(data)
                messages = connection.receive_until("Z")
                self.assertEqual([fields["C"] for fields in errors_in(messages)], ["22021"], raw)

    def test_functions_of_a_whole_schema_are_not_those_of_the_system(self):
        connection = self.connect("wide")
        for statement in ("SELECT pg_read_file('planted')", "SELECT lo_get(7001)", "SELECT lower('A')",
                          "SELECT nextval('shop.items_id_seq')", "SELECT pg_catalog.pg_read_file('planted')",
                          "SELECT query_to_xml('SELECT 1', true, true, '')", "SELECT ('planted'::text).pg_read_file"):
            connection.send(wire.query(statement))
            self.refused("wide", connection.receive_until("Z"), statement)
        for statement in ("SELECT order_total(1)", "SELECT shop.order_total(1)"):
            self.run_allowed("wide", connection, statement)

    def test_long_names_of_statements_and_portals_are_those_of_the_server(self):
        name = "n" * 63
        connection = self.connect("reader")
        connection.send(wire.parse(name + "x", "SELECT 'first'") + wire.SYNC)
        connection.receive_until("Z")
        connection.send(wire.parse(name + "y", "SELECT 'second'") + wire.SYNC)
        self.assertEqual(errors_in(connection.receive_until("Z"))[0]["C"], "42P05")
        connection.send(wire.close(b"S", name + "y") + wire.bind("", name + "x") + wire.execute() + wire.SYNC)
        self.assertEqual(errors_in(connection.receive_until("Z"))[0]["C"], "26000", "the one name is closed")

    def test_what_was_prepared_before_a_reload_is_judged_again(self):
        connection = self.connect("reader")
        long_name = "l" * 70
        named = wire.parse("named", "SELECT name FROM shop.items") + wire.parse(long_name, "TABLE shop.items")
        for data in (wire.query("PREPARE old AS SELECT name FROM shop.items"), wire.query("PREPARE fine AS SELECT 1"),
                     wire.query("DECLARE old_cursor CURSOR WITH HOLD FOR SELECT name FROM shop.items"),
                     named + wire.SYNC):
            connection.send(data)
            self.assertFalse(errors_in(connection.receive_until("Z")))
        self.gateway.reload(self.config.replace("[shop.items, shop.orders, shop.item_names,", "[shop.orders,"))
        try:
            run = wire.execute() + wire.SYNC
            for data in (wire.query("EXECUTE old"), wire.query("EXPLAIN ANALYZE EXECUTE old"),
                         wire.query("FETCH 1 FROM old_cursor"), wire.query("CREATE TEMP TABLE t AS EXECUTE old"),
                         wire.query("SELECT 1; EXECUTE old"), wire.bind("", "named") + run,
                         wire.bind("", long_name) + run, wire.parse("", "EXECUTE old") + wire.bind() + run,
                         wire.parse("", "FETCH 1 old_cursor") + wire.bind() + run,
                         wire.query("SELECT name FROM shop.items")):
                connection.send(data)
                messages = connection.receive_until("Z")
                self.assertEqual([fields["C"] for fields in errors_in(messages)], ["42501"], data)
                self.assertNotIn("D", [kind for kind, _ in messages])
            for sql in ("EXECUTE fine", "CLOSE old_cursor"):
                connection.send(wire.query(sql))
                self.assertFalse(errors_in(connection.receive_until("Z")))
        finally:
            self.gateway.reload(self.config)

    # Names are judged by the target's search_path: what was set under other rules may not stay.
    def test_a_search_path_from_before_a_reload(self):
        self.lab.postgres.psql("CREATE SCHEMA away; CREATE TABLE away.items (name text); INSERT INTO away.items VALUES ('4111-PLANTED')")
        reads = "allow: [ { select: [shop.items], functions: [safe] } ]"
        everything = "allow: [ { everything: true } ]"

        def config(rules):
            return ("version: 1\nstate_dir: state\n" + self.lab.listen() + self.lab.users("ana") + "targets:\n" +
                    self.lab.target(search_path=("shop",)) + f"policies:\n  - {{ name: ana, who: {{ users: [ana] }}, on: [postgres], {rules} }}\n")

        def run(client, sql):
            client.send(wire.query(sql))
            messages = client.receive_until("Z")
            return [fields["C"] for fields in errors_in(messages)], b"".join(body for _, body in messages)
        for rules in (reads, everything + ", deny: [ { select: [away.items] } ]", everything + ", mask: { away.items.name: redact }"):
            gateway = self.lab.gateway(config(everything))
            clients = {name: wire.Connection(gateway.port, 20) for name in ("set", "given", "local", "undone", "plain", "kept")}
            for name, client in clients.items():
                self.addCleanup(client.socket.close)
                client.login("ana", "postgres", lab.PASSWORD, **({"options": "-c search_path=away"} if name == "given" else {}))
            for name, sql in (("set", "SET search_path = away"), ("local", "BEGIN; SET LOCAL search_path = away"),
                              ("undone", "BEGIN; SAVEPOINT a; SET search_path = away; ROLLBACK TO a"), ("kept", "SET search_path = shop")):
                self.assertEqual(run(clients[name], sql)[0], [])
            self.assertIn(b"PLANTED", run(clients["set"], "PREPARE p AS SELECT name FROM items; EXECUTE p")[1])
            clients["set"].send(wire.parse("s", "SELECT name FROM items") + wire.SYNC)
            clients["set"].types_until_ready()
            gateway.reload(config(rules))
            for name, sql in (("set", "SELECT name FROM items"), ("set", "SELECT name FROM items i"), ("set", "EXECUTE p"),
                              ("given", "SELECT name FROM items"), ("local", "SELECT name FROM items")):
                codes, said = run(clients[name], sql)
                self.assertEqual((codes, b"PLANTED" in said), (["42501"], False), (rules, name, sql))
            clients["set"].send(wire.bind("", "s") + wire.execute() + wire.SYNC)
            self.assertEqual([fields["C"] for fields in errors_in(clients["set"].receive_until("Z"))], ["42501"])
            self.assertEqual(run(clients["set"], "RESET search_path")[0], [])
            self.assertEqual(run(clients["local"], "ROLLBACK")[0], [])
            self.assertEqual(run(clients["undone"], "ROLLBACK")[0], [])
            for name in ("set", "local", "undone", "plain", "kept"):
                self.assertEqual(run(clients[name], "SELECT name FROM items")[0], [], (rules, name))
            self.assertEqual(gateway.stop(), 0)

    # Which rows a filter leaves may rest on the zone.
    def test_a_zone_from_before_a_reload(self):
        self.lab.postgres.psql("CREATE TABLE public.days (d date); INSERT INTO days SELECT current_date")

        def config(more):
            return ("version: 1\nstate_dir: state\n" + self.lab.listen() + self.lab.users("ana") + "targets:\n" + self.lab.target() +
                    f"policies:\n  - {{ name: ana, who: {{ users: [ana] }}, on: [postgres], allow: [ {{ everything: true }} ]{more} }}\n")

        def codes(client, sql="SELECT d FROM days"):
            client.send(wire.query(sql))
            return [fields["C"] for fields in errors_in(client.receive_until("Z"))]
        gateway = self.lab.gateway(config(""))

        def login(**parameters):
            client = wire.Connection(gateway.port, 20)
            self.addCleanup(client.socket.close)
            client.login("ana", "postgres", lab.PASSWORD, **parameters)
            return client
        zones, given, utc, plain = login(), login(TimeZone="Etc/GMT+12"), login(TimeZone="UTC", DateStyle="ISO"), login()
        self.assertEqual(codes(zones, "SET TimeZone = 'Etc/GMT+12'"), [])
        gateway.reload(config(', filter: { public.other: "a > 1" }'))
        for client in (zones, given, utc, plain):
            self.assertEqual(codes(client), [])
        gateway.reload(config(', filter: { public.days: "d >= current_date" }'))
        self.assertEqual([codes(client) for client in (zones, given, utc, plain)], [["42501"], ["42501"], [], []])
        self.assertEqual(codes(zones, "RESET TimeZone") + codes(zones), [])
        self.assertEqual(codes(login(TimeZone="Etc/GMT+12")), [], "at the login it is left out")

    def test_a_function_call_by_oid_is_denied(self):
        for user in self.denied:
            connection = self.connect(user)
            # pg_ls_dir(text), no format codes, no arguments, a result as text
            connection.send(wire.message(b"F", struct.pack("!IHHH", 2625, 0, 0, 0)))
            self.assertEqual(errors_in(connection.receive_until("Z"))[0]["C"], "42501")

    def test_settings_of_the_startup_packet(self):
        for user in self.denied:
            for settings in ({"search_path": "public"}, {"options": "-c search_path=public"}, {"role": "postgres"},
                             {"options": "-crole=postgres"}, {"options": "--session-authorization=postgres"},
                             {"client_encoding": "LATIN1"}, {"standard_conforming_strings": "off"}):
                connection = wire.Connection(self.gateway.port)
                self.addCleanup(connection.socket.close)
                with self.subTest(user=user, settings=settings), self.assertRaises(PermissionError):
                    connection.login(user, "postgres", lab.PASSWORD, **settings)

    def test_psql(self):
        commands = r"""
\conninfo
\encoding
\d
\d+
\d shop.items
\d+ shop.items
\d shop.customers
\d shop.items_id_seq
\d shop.items_pkey
\d shop.*
\da
\dA
\dA+
\dAc
\dAf
\dAo
\dAp
\db
\db+
\dc
\dC
\dC+
\dd
\dD
\dD+
\ddp
\dE
\des
\det
\deu
\dew
\df
\df shop.*
\dfa
\dfn
\dft
\dF
\dFd
\dFp
\dFt
\dg
\dg+
\di
\di+
\dl
\dL
\dL+
\dm
\dn
\dn+
\do
\do shop.*
\dO
\dp
\dP
\dP+
\dPi
\dRp
\dRp+
\ds
\ds+
\dt
\dt+
\dt *.*
\dtvs shop.*
\dT
\dT+
\du
\du+
\dv
\dv+
\dx
\dx+
\dX
\dy
\l
\l+
\z
\z shop.*
"""
        wanted = [line for line in commands.split("\n") if line]
        done = lab.run_psql("\n".join(f"{line}\n\\warn ++ {line}" for line in wanted), host="localhost",
                            port=self.gateway.port, user="introspector", database="postgres", check=False)
        self.assertEqual([line for line in done.stderr.splitlines() if "ERROR" in line], [], done.stderr[-3000:])
        self.assertNotIn(DEEP_SECRET, done.stdout.encode())
        self.assertNotIn(SECRET, done.stdout.encode())

    def test_the_list_of_system_functions_is_that_of_the_server(self):
        source = "".join((lab.ROOT / "gateway" / "policy" / name).read_text(encoding="utf-8")
                         for name in ("system_functions.cpp", "catalog_lists.cpp"))
        known = set(re.findall(r"\w+", "".join(re.findall(r'function_words = R"\((.*?)\)"', source, re.S))))
        real = self.server.psql("SELECT DISTINCT proname FROM pg_proc WHERE prokind <> 'p' AND "
                                "pronamespace = 'pg_catalog'::regnamespace").stdout.split()
        self.assertEqual([name for name in real if name not in known and not name.startswith("pg_")], [])


if __name__ == "__main__":
    unittest.main()
