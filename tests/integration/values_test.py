"""Rules over values against a real server: what a tenant may not reach stays out of reach on every path, and what its
application sends runs. Every attack is shown to work without the rule."""
import json
import pathlib
import struct
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import wire  # noqa: E402

U1, U2 = "11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"
SETUP = f"""
CREATE TABLE orders (id int PRIMARY KEY DEFAULT 999, tenant_id int, other int, note text);
INSERT INTO orders SELECT n, 40 + n % 4, 42, 'note-' || 40 + n % 4 FROM generate_series(1, 40) n;
CREATE TABLE items (id int PRIMARY KEY, order_id int, tenant_id bigint, price numeric);
INSERT INTO items SELECT n, n, 40 + n % 4, n FROM generate_series(1, 40) n;
CREATE TABLE docs (id int PRIMARY KEY, owner uuid, label text);
INSERT INTO docs VALUES (1, '{U1}', 'note-42'), (2, '{U2}', 'note-43');
CREATE TABLE places (id int, region varchar(20), label text);
INSERT INTO places VALUES (1, 'eu', 'note-42'), (2, 'us', 'note-43'), (3, 'EU', 'note-43');
CREATE TABLE days (id int, day date, label text);
INSERT INTO days VALUES (1, '2024-02-29', 'note-42'), (2, '2024-03-01', 'note-43');
CREATE TABLE sums (id int, amount numeric, label text);
INSERT INTO sums VALUES (1, 42.50, 'note-42'), (2, 42.51, 'note-43');
CREATE TABLE flags (id int, mine bool, label text);
INSERT INTO flags VALUES (1, true, 'note-42'), (2, false, 'note-43');
CREATE TABLE floats (id int, tenant_id float8, label text);
INSERT INTO floats VALUES (1, 42, 'note-43');
CREATE TABLE plain (id int, x int, owner text);
INSERT INTO plain SELECT n, n, 'p' FROM generate_series(1, 50) n;
CREATE SCHEMA evil;
CREATE FUNCTION evil.yes(int, int) RETURNS bool LANGUAGE sql AS 'SELECT true';
CREATE OPERATOR evil.= (FUNCTION = evil.yes, LEFTARG = int, RIGHTARG = int);
"""
TABLES = "[public.orders, public.items, public.docs, public.places, public.days, public.sums, public.flags, public.floats]"


def config(it, tenant="42", attributes=True, more=""):
    given = (f'{{ tenant: "{tenant}", owner: "{U1}", region: eu, day: "2024-02-29", amount: "42.5", mine: "yes" }}'
             if attributes else "{}")
    users = it.users("app", "lister", "pager", "writer", "explainer", "free").splitlines()
    users = [line.replace(" }", f", attributes: {given} }}") if "name: app" in line else line for line in users]
    values = ('{ public.orders.tenant_id: ":user.tenant", public.items.tenant_id: ":user.tenant", '
              'public.docs.owner: ":user.owner", public.places.region: ":user.region", public.days.day: ":user.day", '
              'public.sums.amount: ":user.amount", public.flags.mine: ":user.mine", '
              'public.floats.tenant_id: ":user.tenant" }')
    return f"""version: 1
state_dir: state
{it.listen()}{chr(10).join(users)}
targets:
{it.target("postgres")}policies:
  - name: free
    who: {{ users: [free] }}
    on: [postgres]
    allow: [ {{ everything: true }} ]
  - name: app
    who: {{ users: [app] }}
    on: [postgres]
    allow:
      - {{ select: {TABLES}, insert: {TABLES}, update: {TABLES}, delete: {TABLES}, copy_out: {TABLES}, merge: {TABLES},
          truncate: {TABLES}, lock: {TABLES}, copy_in: {TABLES}, require: {{ values: {values} }} }}
      - {{ select: [public.plain], update: [public.plain], insert: [public.plain], delete: [public.plain], functions: [safe] }}
  - name: lister
    who: {{ users: [lister] }}
    on: [postgres]
    allow: [ {{ select: [public.orders], functions: [safe], require: {{ max_list: 3 }} }} ]
  - name: pager
    who: {{ users: [pager] }}
    on: [postgres]
    allow: [ {{ select: [public.orders], functions: [safe], require: {{ max_limit: 5 }} }} ]
  - name: explainer
    who: {{ users: [explainer] }}
    on: [postgres]
    allow: [ {{ select: [public.plain], require: {{ reason: true }} }} ]
  - name: writer
    who: {{ users: [writer] }}
    on: [postgres]
    allow:
      - {{ select: [public.plain] }}
      - {{ update: [public.plain], insert: [public.plain], delete: [public.plain], require: {{ max_rows: 3 }} }}
{more}"""


# Each shows or changes rows of others, or may.
ATTACKS = [
    "SELECT * FROM orders",
    "SELECT * FROM orders WHERE tenant_id = 43",
    "SELECT * FROM orders WHERE tenant_id = 42 OR true",
    "SELECT * FROM orders WHERE tenant_id = 42 OR tenant_id = 43",
    "SELECT * FROM orders WHERE (tenant_id = 42) IS NOT NULL",
    "SELECT * FROM orders WHERE NOT (tenant_id = 42)",
    "SELECT * FROM orders WHERE NOT (tenant_id = 42 AND false)",
    "SELECT * FROM orders WHERE tenant_id <> 42",
    "SELECT * FROM orders WHERE tenant_id >= 42",
    "SELECT * FROM orders WHERE tenant_id BETWEEN 42 AND 43",
    "SELECT * FROM orders WHERE tenant_id + 0 = 43",
    "SELECT * FROM orders WHERE tenant_id = 42 + 1",
    "SELECT * FROM orders WHERE abs(tenant_id) = 43",
    "SELECT * FROM orders WHERE tenant_id = tenant_id",
    "SELECT * FROM orders WHERE tenant_id = abs(43)",
    "SELECT * FROM orders WHERE '42'::text = '42'",
    "SELECT * FROM orders WHERE other = 42",
    "SELECT * FROM orders WHERE tenant_id::text LIKE '4%'",
    "SELECT * FROM orders WHERE CASE WHEN tenant_id = 42 THEN true ELSE true END",
    "SELECT * FROM orders WHERE coalesce(tenant_id = 42, true) OR tenant_id = 43",
    "SELECT * FROM orders WHERE tenant_id IN (42, 43)",
    "SELECT * FROM orders WHERE tenant_id NOT IN (42)",
    "SELECT * FROM orders WHERE tenant_id = ANY ('{42,43}')",
    "SELECT * FROM orders WHERE tenant_id = ANY (ARRAY[42, 43])",
    "SELECT * FROM orders WHERE tenant_id = ANY ('[0:1]={43,42}')",
    "SELECT * FROM orders WHERE tenant_id <> ANY (ARRAY[42])",
    "SELECT * FROM orders WHERE tenant_id = ANY (SELECT 43)",
    "SELECT * FROM orders WHERE tenant_id = (SELECT 43)",
    "SELECT * FROM orders WHERE tenant_id IN (SELECT x FROM plain)",
    "SELECT * FROM orders WHERE (tenant_id, id) = (43, 3)",
    "SELECT * FROM orders WHERE tenant_id = '42.6'::numeric::int",
    "SELECT * FROM orders WHERE tenant_id = 42.6::int",
    "SELECT * FROM orders WHERE tenant_id = '43'::int",
    "SELECT * FROM orders WHERE tenant_id = int '43'",
    "SELECT * FROM orders WHERE tenant_id OPERATOR(evil.=) 42",
    "SELECT * FROM orders a, orders b WHERE a.tenant_id = 42 AND b.id = 3",
    "SELECT b.* FROM orders a JOIN orders b ON a.tenant_id = 42",
    "SELECT a.* FROM orders a LEFT JOIN plain p ON a.tenant_id = 42",
    "SELECT a.* FROM plain p RIGHT JOIN orders a ON a.tenant_id = 42",
    "SELECT a.* FROM orders a FULL JOIN plain p ON a.tenant_id = 42 AND false",
    "SELECT o.* FROM (SELECT * FROM orders) o WHERE o.tenant_id <> 42",
    "SELECT o.* FROM (SELECT 42 AS tenant_id, id, note FROM orders) o WHERE o.tenant_id = 42",
    "SELECT * FROM orders AS o (id, real_tenant, tenant_id, note) WHERE o.tenant_id = 42",
    "SELECT * FROM orders AS o (tenant_id, id) WHERE tenant_id = 3",
    "SELECT note FROM orders WHERE tenant_id = 42 UNION SELECT note FROM orders",
    "SELECT note FROM orders UNION ALL SELECT note FROM orders WHERE tenant_id = 42",
    "SELECT note FROM orders EXCEPT SELECT note FROM orders WHERE tenant_id = 42",
    "WITH o AS (SELECT * FROM orders) SELECT * FROM o WHERE tenant_id = 43",
    "WITH orders AS (SELECT * FROM public.orders) SELECT * FROM orders WHERE tenant_id = 43",
    "SELECT x FROM plain WHERE EXISTS (SELECT FROM orders WHERE note = 'note-43')",
    "SELECT (SELECT note FROM orders WHERE id = 3) FROM plain LIMIT 1",
    "SELECT o.* FROM orders o, LATERAL (SELECT 1 WHERE o.tenant_id = 42) x RIGHT JOIN plain p ON true",
    "SELECT * FROM orders o WHERE EXISTS (SELECT FROM plain WHERE o.tenant_id = 42) OR true",
    "SELECT o.* FROM orders o WHERE EXISTS (SELECT FROM orders o WHERE o.tenant_id = 42)",
    "SELECT o.* FROM orders o CROSS JOIN (SELECT FROM plain WHERE id = 1) p GROUP BY o.id HAVING bool_or(o.tenant_id = 42 OR true)",
    "SELECT note, count(*) FILTER (WHERE tenant_id = 42) FROM orders GROUP BY note",
    "SELECT * FROM orders o JOIN items i USING (tenant_id) WHERE i.price > 0",
    "SELECT o.* FROM orders o NATURAL JOIN items i",
    "SELECT 1 FROM orders o JOIN (items i JOIN plain p ON i.tenant_id = 42) ON true",
    "TABLE orders",
    "COPY orders TO STDOUT",
    "COPY (SELECT * FROM orders) TO STDOUT",
    "SELECT * FROM ONLY orders",
    "SELECT * FROM orders TABLESAMPLE system (100)",
    "EXPLAIN ANALYZE SELECT * FROM orders",
    "EXPLAIN SELECT * FROM orders WHERE tenant_id = 42",  # estimates are made from the rows of all
    "DECLARE c CURSOR WITH HOLD FOR SELECT * FROM orders; FETCH ALL FROM c; CLOSE c",
    "PREPARE p AS SELECT * FROM orders; EXECUTE p; DEALLOCATE p",
    "PREPARE p (int) AS SELECT * FROM orders WHERE tenant_id = $1; EXECUTE p (43); DEALLOCATE p",
    "PREPARE p AS SELECT * FROM orders WHERE tenant_id = $1; EXECUTE p ('43'); DEALLOCATE p",
    "PREPARE p (int) AS SELECT * FROM orders WHERE tenant_id = $1; EXECUTE p (42.6); DEALLOCATE p",
    "PREPARE p (int) AS SELECT * FROM orders WHERE tenant_id = $1; EXECUTE p (42 + 1); DEALLOCATE p",
    "PREPARE p (int[]) AS SELECT * FROM orders WHERE tenant_id = ANY ($1); EXECUTE p ('{42,43}'); DEALLOCATE p",
    "PREPARE p (int, int) AS SELECT * FROM orders WHERE tenant_id = $2; EXECUTE p (42, 43); DEALLOCATE p",
    "UPDATE orders SET note = 'x'",
    "UPDATE orders SET note = 'x' WHERE id = 3",
    "UPDATE orders SET note = 'x' WHERE tenant_id = 43",
    "UPDATE orders SET tenant_id = 43 WHERE tenant_id = 42",
    "UPDATE orders SET (note, tenant_id) = ('x', 43) WHERE tenant_id = 42",
    "UPDATE orders SET (tenant_id, note) = (SELECT 43, 'x') WHERE tenant_id = 42",
    "UPDATE orders SET tenant_id = tenant_id + 1 WHERE tenant_id = 42",
    "UPDATE orders SET tenant_id = DEFAULT WHERE tenant_id = 42",
    "UPDATE orders SET tenant_id = NULL WHERE tenant_id = 42",
    "UPDATE orders o SET note = 'x' FROM orders p WHERE p.tenant_id = 42 AND o.id = 3",
    "DELETE FROM orders",
    "DELETE FROM orders WHERE id = 3",
    "DELETE FROM orders WHERE tenant_id = 42 OR id = 3",
    "DELETE FROM orders o USING orders p WHERE p.tenant_id = 42",
    "WITH d AS (DELETE FROM orders WHERE id = 3 RETURNING note) SELECT * FROM d",
    "INSERT INTO orders (id, tenant_id) VALUES (101, 43)",
    "INSERT INTO orders (id, tenant_id) VALUES (101, 42), (102, 43)",
    "INSERT INTO orders (id) VALUES (101)",
    "INSERT INTO orders VALUES (101, 43, 42, 'x')",
    "INSERT INTO orders VALUES (101)",
    "INSERT INTO orders DEFAULT VALUES",
    "INSERT INTO orders (id, tenant_id) SELECT 101, 43",
    "INSERT INTO orders (id, tenant_id) SELECT x + 100, x FROM plain",
    "INSERT INTO orders (id, tenant_id) VALUES (101, NULL)",
    "INSERT INTO orders (id, tenant_id) VALUES (101, DEFAULT)",
    "INSERT INTO orders (id, tenant_id) VALUES (101, 42 + 1)",
    "INSERT INTO orders (id, tenant_id) VALUES (3, 42) ON CONFLICT (id) DO UPDATE SET note = 'x'",
    "INSERT INTO orders (id, tenant_id) VALUES (3, 42) ON CONFLICT (id) DO UPDATE SET note = orders.note RETURNING note",
    "INSERT INTO orders (id, tenant_id) VALUES (3, 42) ON CONFLICT (id) DO UPDATE SET note = 'x' WHERE excluded.tenant_id = 42",
    "MERGE INTO orders o USING plain p ON o.id = p.id AND o.tenant_id = 42 WHEN NOT MATCHED THEN DO NOTHING WHEN MATCHED THEN DELETE",
    "TRUNCATE orders",
    "LOCK TABLE orders",
    "SELECT * FROM orders FOR UPDATE",
    f"SELECT * FROM docs WHERE owner = '{U2}'",
    f"SELECT * FROM docs WHERE owner::text = '{U1}' OR true",
    "SELECT * FROM places WHERE region = 'us'",
    "SELECT * FROM places WHERE region ILIKE 'eu'",
    "SELECT * FROM places WHERE lower(region) = 'eu'",
    "SELECT * FROM places WHERE region = 'eu' COLLATE \"C\" OR label > ''",
    "SELECT * FROM places WHERE region = 'eux'::varchar(2)",
    "SELECT * FROM places WHERE region = 'us'::varchar(2)",
    "SELECT * FROM days WHERE day = '2024-03-01'",
    "SELECT * FROM days WHERE day = 'tomorrow'",
    "SELECT * FROM sums WHERE amount = 42.51",
    "SELECT * FROM sums WHERE amount = 42.5::numeric(10, 0)",
    "SELECT * FROM flags WHERE mine = 'no'",
    "SELECT * FROM flags WHERE mine = false",
    "SELECT * FROM floats WHERE tenant_id = 42",
]
# What an application of that tenant sends.
ALLOWED = [
    "SELECT * FROM orders WHERE tenant_id = 42",
    "SELECT * FROM orders WHERE 42 = tenant_id AND id > 0",
    "SELECT * FROM orders WHERE id > 0 AND (note <> 'x' AND (orders.tenant_id = 42))",
    "SELECT * FROM public.orders WHERE public.orders.tenant_id = 42",
    "SELECT * FROM orders WHERE tenant_id OPERATOR(pg_catalog.=) 42",
    "SELECT * FROM orders WHERE tenant_id = '42'",
    "SELECT * FROM orders WHERE tenant_id = '42'::int AND note LIKE 'note%'",
    "SELECT * FROM orders WHERE tenant_id = 42::bigint",
    "SELECT * FROM orders WHERE tenant_id = 42.0",
    "SELECT * FROM orders WHERE tenant_id IN (42)",
    "SELECT * FROM orders WHERE tenant_id = ANY ('{42}')",
    "SELECT * FROM orders WHERE tenant_id = ANY ('{42,NULL}'::int[])",
    "SELECT * FROM orders WHERE tenant_id = ANY (ARRAY[42, 42])",
    "SELECT * FROM orders WHERE tenant_id = ANY (ARRAY[42]::int[])",
    "SELECT * FROM orders WHERE tenant_id = 42 AND (id = 2 OR note = 'note-42') ORDER BY id LIMIT 3",
    "SELECT a.id, b.id FROM orders a JOIN orders b ON a.id = b.id AND b.tenant_id = 42 WHERE a.tenant_id = 42",
    "SELECT * FROM plain p LEFT JOIN orders o ON o.id = p.id AND o.tenant_id = 42",
    "SELECT * FROM orders o RIGHT JOIN plain p ON o.id = p.id AND o.tenant_id = 42",
    "SELECT * FROM orders o LEFT JOIN items i ON i.order_id = o.id AND i.tenant_id = 42 WHERE o.tenant_id = 42",
    "SELECT * FROM orders o JOIN items i USING (tenant_id) WHERE o.tenant_id = 42 AND i.tenant_id = 42",
    "SELECT * FROM (SELECT * FROM orders WHERE tenant_id = 42) o WHERE o.id > 1",
    "WITH o AS (SELECT * FROM orders WHERE tenant_id = 42) SELECT count(*) FROM o",
    "SELECT note FROM orders WHERE tenant_id = 42 UNION SELECT label FROM docs WHERE owner = '" + U1 + "'",
    "SELECT x FROM plain p WHERE EXISTS (SELECT FROM orders o WHERE o.id = p.id AND o.tenant_id = 42)",
    "SELECT id FROM orders WHERE tenant_id = 42 FOR UPDATE",
    "COPY (SELECT * FROM orders WHERE tenant_id = 42) TO STDOUT",
    "DECLARE c CURSOR WITH HOLD FOR SELECT * FROM orders WHERE tenant_id = 42; FETCH ALL FROM c; CLOSE c",
    "PREPARE p (int) AS SELECT * FROM orders WHERE tenant_id = $1; EXECUTE p (42); DEALLOCATE p",
    "PREPARE p AS SELECT * FROM orders WHERE tenant_id = $1 AND id = $2; EXECUTE p ('42', 2); DEALLOCATE p",
    "PREPARE p (bigint[]) AS SELECT * FROM orders WHERE tenant_id = ANY ($1); EXECUTE p ('{42}'); DEALLOCATE p",
    "UPDATE orders SET note = 'mine' WHERE tenant_id = 42 AND id = 2 RETURNING *",
    "UPDATE orders SET tenant_id = 42, note = 'mine' WHERE tenant_id = 42",
    "DELETE FROM orders WHERE tenant_id = 42 AND id = 6",
    "INSERT INTO orders (id, tenant_id, note) VALUES (101, 42, 'x'), (102, 42, 'y') RETURNING id",
    "INSERT INTO orders VALUES (103, 42, 1, 'x')",
    "INSERT INTO orders (id, tenant_id) VALUES (101, 42) ON CONFLICT DO NOTHING",
    "INSERT INTO orders (id, tenant_id) VALUES (101, 42) ON CONFLICT (id) DO UPDATE SET tenant_id = excluded.tenant_id, "
    "note = excluded.note WHERE orders.tenant_id = 42",
    f"SELECT * FROM docs WHERE owner = '{U1.replace('-', '')}'",
    f"SELECT * FROM docs WHERE owner = '{U1.upper()}'::uuid",
    "SELECT * FROM places WHERE region = 'eu'", "SELECT * FROM places WHERE region = 'eu'::text",
    "SELECT * FROM days WHERE day = date '2024-02-29'", "SELECT * FROM days WHERE day = '2024-02-29'",
    "SELECT * FROM sums WHERE amount = 42.50", "SELECT * FROM sums WHERE amount = '42.5'",
    "SELECT * FROM flags WHERE mine = true", "SELECT * FROM flags WHERE mine = 't'",
    "SELECT x FROM plain WHERE x IN (1, 2, 3)", "UPDATE plain SET x = x WHERE id = 1",
]


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab()
        cls.addClassCleanup(cls.lab.close)
        cls.lab.postgres.psql(SETUP)
        cls.gateway = cls.lab.gateway(config(cls.lab))

    def login(self, user="app", gateway=None):
        connection = wire.Connection((gateway or self.gateway).port)
        self.addCleanup(connection.socket.close)
        connection.login(user, "postgres", lab.PASSWORD)
        return connection

    def run_on(self, connection, data):
        """(SQLSTATE or None, message, all bytes) of what is sent, up to ReadyForQuery."""
        connection.send(data)
        return self.answer(connection)

    @staticmethod
    def answer(connection):
        messages = connection.receive_until("Z")
        errors = [wire.error_fields(body) for kind, body in messages if kind == "E"]
        everything = b"".join(body for _, body in messages)
        return (errors[0]["C"], errors[0]["M"], everything) if errors else (None, "", everything)

    def fingerprint(self):
        return self.lab.postgres.psql("SELECT md5(string_agg(o::text, '|' ORDER BY id)) FROM orders o "
                                      "WHERE tenant_id IS DISTINCT FROM 42").stdout

    def denied(self, connection, data, what):
        before = self.fingerprint()
        code, text, everything = self.run_on(connection, data)
        self.assertEqual(code, "42501", f"{what}: {text} {everything[:200]}")
        self.assertNotIn(b"note-43", everything, what)
        self.assertNotIn("43", text, what)
        self.assertEqual(self.fingerprint(), before, what)

    def passes(self, connection, data, what):
        code, text, everything = self.run_on(connection, data)
        self.assertIsNone(code, f"{what}: {text}")
        self.assertNotIn(b"note-43", everything, what)
        return everything


class Constants(Case):
    def test_attacks(self):
        app = self.login()
        for attack in ATTACKS:
            with self.subTest(attack):
                # In a block, so that what one statement does is no help to the next.
                self.denied(app, wire.query(attack), attack)

    def test_attacks_work_without_the_rule(self):
        """Else they would prove nothing: each runs for somebody without such rules, and is undone."""
        free = self.login("free")
        for attack in ATTACKS:
            with self.subTest(attack):
                if "WITH HOLD" not in attack:
                    self.run_on(free, wire.query("BEGIN"))
                code, text, _ = self.run_on(free, wire.query(attack))
                self.run_on(free, wire.query("ROLLBACK; DEALLOCATE ALL"))
                self.assertIsNone(code, text)

    def test_what_an_application_sends_runs(self):
        app = self.login()
        for statement in ALLOWED:
            with self.subTest(statement):
                self.run_on(app, wire.query("BEGIN"))
                self.passes(app, wire.query(statement), statement)
                self.run_on(app, wire.query("ROLLBACK"))

    def test_the_same_in_extended_queries(self):
        app = self.login()
        for statement in ALLOWED:
            if ";" in statement:
                continue
            with self.subTest(statement):
                self.run_on(app, wire.query("BEGIN"))
                self.passes(app, wire.parse("", statement) + wire.bind() + wire.execute() + wire.SYNC, statement)
                self.run_on(app, wire.query("ROLLBACK"))
        for attack in ATTACKS:
            if ";" in attack:
                continue
            with self.subTest(attack):
                self.denied(app, wire.parse("", attack) + wire.bind() + wire.execute() + wire.SYNC, attack)


def bind(values, formats=(), portal="", statement=""):
    body = wire.cstring(portal) + wire.cstring(statement) + struct.pack("!H", len(formats))
    body += b"".join(struct.pack("!H", code) for code in formats) + struct.pack("!H", len(values))
    for value in values:
        body += struct.pack("!i", -1) if value is None else struct.pack("!I", len(value)) + value
    return wire.message(b"B", body + struct.pack("!H", 0))


def array(oid, elements):
    body = struct.pack("!iiI", 1, 0, oid) + struct.pack("!ii", len(elements), 1)
    return body + b"".join(struct.pack("!I", len(one)) + one for one in elements)


INT2, INT4, INT8, TEXT, VARCHAR, NUMERIC, UUID, BOOL, DATE = 21, 23, 20, 25, 1043, 1700, 2950, 16, 1082
FLOAT4, FLOAT8, BPCHAR, NAME, INT4_ARRAY, INT8_ARRAY, OID, CHAR = 700, 701, 1042, 19, 1007, 1016, 26, 18
NUM_42 = struct.pack("!hhhhh", 1, 0, 0, 0, 42)
NUM_42_5 = struct.pack("!hhhhhh", 2, 0, 0, 1, 42, 5000)
BY_TENANT = "SELECT * FROM orders WHERE tenant_id = $1"
# Statement, declared types, values, formats.
RIGHT = [
    (BY_TENANT, [], [b"42"], []), (BY_TENANT, [INT4], [b"42"], []), (BY_TENANT, [INT8], [b" 42".strip()], [0]),
    (BY_TENANT, [], [struct.pack("!i", 42)], [1]), (BY_TENANT, [INT4], [struct.pack("!i", 42)], [1]),
    (BY_TENANT, [INT8], [struct.pack("!q", 42)], [1]), (BY_TENANT, [INT2], [struct.pack("!h", 42)], [1]),
    (BY_TENANT, [NUMERIC], [NUM_42], [1]), (BY_TENANT, [NUMERIC], [b"42.00"], [0]),
    ("SELECT * FROM orders WHERE tenant_id = $1::int", [TEXT], [b"42"], []),
    ("SELECT * FROM orders WHERE tenant_id = $1::int", [VARCHAR], [b"42"], [1]),
    ("SELECT * FROM orders WHERE tenant_id = $1::bigint", [], [struct.pack("!q", 42)], [1]),
    ("SELECT * FROM orders o WHERE o.tenant_id = $1 AND o.other > $2", [], [b"42", b"1"], []),
    ("SELECT * FROM orders o WHERE o.tenant_id = $1 AND o.other > $2", [], [struct.pack("!i", 42), struct.pack("!i", 1)], [1]),
    ("SELECT * FROM orders WHERE tenant_id = ANY ($1)", [], [b"{42}"], []),
    ("SELECT * FROM orders WHERE tenant_id = ANY ($1)", [INT4_ARRAY], [array(INT4, [struct.pack("!i", 42)])], [1]),
    ("SELECT * FROM orders WHERE tenant_id = ANY ($1)", [INT8_ARRAY], [array(INT8, [struct.pack("!q", 42)])], [1]),
    ("SELECT * FROM orders WHERE tenant_id = ANY ($1::int[])", [], [array(INT4, [struct.pack("!i", 42)] * 2)], [1]),
    ("SELECT * FROM orders WHERE tenant_id IN ($1, $2)", [], [b"42", b"42"], []),
    ("SELECT * FROM orders a JOIN orders b ON a.tenant_id = $1 AND b.tenant_id = $1", [], [struct.pack("!i", 42)], [1]),
    ("SELECT * FROM orders o JOIN items i ON o.tenant_id = $1 AND i.tenant_id = $1", [], [b"42"], []),
    ("SELECT * FROM orders WHERE tenant_id = $1 AND ($1 > 1 OR $1 IS NULL)", [INT4], [b"42"], []),
    ("SELECT * FROM docs WHERE owner = $1", [], [bytes.fromhex(U1.replace("-", ""))], [1]),
    ("SELECT * FROM docs WHERE owner = $1", [UUID], [U1.encode()], []),
    ("SELECT * FROM docs WHERE owner = $1::uuid", [VARCHAR], [U1.encode()], []),
    ("SELECT * FROM places WHERE region = $1", [], [b"eu"], []), ("SELECT * FROM places WHERE region = $1", [VARCHAR], [b"eu"], [1]),
    ("SELECT * FROM places WHERE region = $1::varchar", [], [b"eu"], []),
    ("SELECT * FROM days WHERE day = $1", [DATE], [struct.pack("!i", 8825)], [1]),
    ("SELECT * FROM days WHERE day = $1", [], [b"2024-02-29"], []),
    ("SELECT * FROM sums WHERE amount = $1", [], [NUM_42_5], [1]), ("SELECT * FROM sums WHERE amount = $1", [], [b"42.5"], []),
    ("SELECT * FROM flags WHERE mine = $1", [BOOL], [b"\1"], [1]), ("SELECT * FROM flags WHERE mine = $1", [], [b"t"], []),
    ("INSERT INTO orders (id, tenant_id) VALUES ($1, $2)", [], [b"201", b"42"], []),
    ("INSERT INTO orders (id, tenant_id) VALUES ($1, $2), ($3, $2)", [], [struct.pack("!i", n) for n in (201, 42, 202)], [1]),
    ("UPDATE orders SET tenant_id = $1, note = $2 WHERE tenant_id = $1 AND id = $3", [], [b"42", b"x", b"2"], []),
    ("DELETE FROM orders WHERE id = $1 AND tenant_id = $2", [INT8, INT8], [struct.pack("!q", 2), struct.pack("!q", 42)], [1]),
    ("COPY (SELECT * FROM orders WHERE tenant_id = 42) TO STDOUT", [], [], []),
]
WRONG = [
    (BY_TENANT, [], [b"43"], []), (BY_TENANT, [INT4], [struct.pack("!i", 43)], [1]), (BY_TENANT, [INT8], [struct.pack("!q", 43)], [1]),
    (BY_TENANT, [NUMERIC], [b"42.4"], []), (BY_TENANT, [], [None], []), (BY_TENANT, [], [b"0x2a"], []), (BY_TENANT, [], [b""], []),
    (BY_TENANT, [FLOAT8], [b"43"], []), (BY_TENANT, [FLOAT4], [struct.pack("!f", 43)], [1]),
    (BY_TENANT, [FLOAT8], [b"42"], []), (BY_TENANT, [OID], [b"42"], []), (BY_TENANT, [INT4], [b"42"], [1]),
    (BY_TENANT, [INT2], [struct.pack("!i", 42)], [1]), (BY_TENANT, [], [struct.pack("!q", 42)], [1]), (BY_TENANT, [], [], []),
    ("SELECT * FROM orders WHERE tenant_id = $1 OR id = $2", [], [b"42", b"3"], []),
    ("SELECT * FROM orders WHERE tenant_id = $2 AND id = $1", [], [b"42", b"43"], []),
    ("SELECT * FROM orders WHERE tenant_id = $1 + 1", [INT4], [b"42"], []),
    ("SELECT * FROM orders WHERE tenant_id = ANY ($1)", [], [b"{42,43}"], []),
    ("SELECT * FROM orders WHERE tenant_id = ANY ($1)", [], [b"{{42},{43}}"], []),
    ("SELECT * FROM orders WHERE tenant_id = ANY ($1)", [], [b"[0:0]={43}"], []),
    ("SELECT * FROM orders WHERE tenant_id = ANY ($1)", [INT4_ARRAY], [array(INT4, [struct.pack("!i", n) for n in (42, 43)])], [1]),
    ("SELECT * FROM orders WHERE tenant_id = ALL ($1)", [INT4_ARRAY], [b"{}"], []),
    ("SELECT * FROM orders WHERE tenant_id <> ALL ($1)", [INT4_ARRAY], [b"{42}"], []),
    ("SELECT * FROM orders WHERE tenant_id IN ($1, $2)", [], [b"42", b"43"], []),
    ("SELECT * FROM orders WHERE tenant_id = $1::numeric::int", [], [b"42.6"], []),
    ("SELECT * FROM orders WHERE tenant_id = $1::int", [NUMERIC], [b"42.6"], []),
    ("SELECT * FROM orders WHERE tenant_id = $1::int", [FLOAT8], [b"42"], []),
    ("SELECT * FROM orders a, orders b WHERE a.tenant_id = $1 AND b.tenant_id = $2", [], [b"42", b"43"], []),
    ("SELECT $1::float4 FROM orders WHERE tenant_id = $1", [], [struct.pack("!i", 42)], [1]),
    ("SELECT * FROM docs WHERE owner = $1", [], [U2.encode()], []),
    ("SELECT * FROM docs WHERE owner = $1", [UUID], [bytes.fromhex(U2.replace("-", ""))], [1]),
    ("SELECT * FROM places WHERE region = $1", [], [b"us"], []), ("SELECT * FROM places WHERE region = $1", [BPCHAR], [b"eu  "], []),
    ("SELECT * FROM places WHERE region = $1", [NAME], [b"eu"], []),
    ("SELECT * FROM places WHERE region = $1 AND label <> $1::\"char\"::text", [], [b"eu"], []),
    ("SELECT * FROM days WHERE day = $1", [DATE], [struct.pack("!i", 8826)], [1]),
    ("SELECT * FROM sums WHERE amount = $1", [], [b"42.51"], []), ("SELECT * FROM flags WHERE mine = $1", [BOOL], [b"\0"], [1]),
    ("INSERT INTO orders (id, tenant_id) VALUES ($1, $2)", [], [b"201", b"43"], []),
    ("INSERT INTO orders (id, tenant_id) VALUES ($1, $2)", [], [b"201", None], []),
    ("INSERT INTO orders (id, tenant_id) VALUES ($1, $2), ($1 + 1, $3)", [INT4] * 3, [b"201", b"42", b"43"], []),
    ("UPDATE orders SET tenant_id = $1 WHERE tenant_id = $2", [], [b"43", b"42"], []),
    ("DELETE FROM orders WHERE tenant_id = $1", [INT8], [struct.pack("!q", 43)], [1]),
    ("EXPLAIN ANALYZE SELECT * FROM orders WHERE tenant_id = $1", [INT4], [b"43"], []),
    ("EXPLAIN SELECT * FROM orders WHERE tenant_id = $1", [INT4], [b"42"], []),
]


class Parameters(Case):
    def test_right_values(self):
        app = self.login()
        for statement, oids, values, formats in RIGHT:
            with self.subTest(statement, oids=oids, values=values):
                self.run_on(app, wire.query("BEGIN"))
                data = wire.parse("", statement, oids) + bind(values, formats) + wire.execute() + wire.SYNC
                everything = self.passes(app, data, statement)
                if statement.startswith("SELECT"):
                    self.assertIn(b"note-42", everything)
                self.run_on(app, wire.query("ROLLBACK"))

    def test_wrong_values(self):
        app = self.login()
        for statement, oids, values, formats in WRONG:
            with self.subTest(statement, oids=oids, values=values):
                self.denied(app, wire.parse("", statement, oids) + bind(values, formats) + wire.execute() + wire.SYNC, statement)

    def test_a_statement_serves_many_binds(self):
        app = self.login()
        app.send(wire.parse("s", BY_TENANT, [INT4]) + wire.describe(b"S", "s") + wire.SYNC)
        self.assertEqual(app.types_until_ready(), "1tTZ")
        for value, code in ((b"42", None), (b"43", "42501"), (b"42", None)):
            with self.subTest(value):
                self.assertEqual(self.run_on(app, bind([value], statement="s") + wire.execute() + wire.SYNC)[0], code)

    def test_a_denial_stands_in_its_place(self):
        app = self.login()
        app.send(wire.parse("", "SELECT 1") + wire.bind() + wire.execute() + wire.parse("s", BY_TENANT) +
                 bind([b"43"], statement="s") + wire.execute() + wire.parse("", "SELECT 2") + wire.SYNC)
        self.assertEqual(app.types_until_ready(), "12DC1EZ")
        self.passes(app, wire.query("SELECT 3"), "usable")

    def test_in_a_transaction_it_fails(self):
        app = self.login()
        self.run_on(app, wire.query("BEGIN"))
        self.run_on(app, wire.parse("s", BY_TENANT) + bind([b"43"], statement="s") + wire.execute() + wire.SYNC)
        self.assertEqual(self.run_on(app, wire.query("SELECT 1"))[0], "25P02")

    def test_bytes_may_come_one_by_one(self):
        app = self.login()
        for value, code in ((b"42", None), (b"43", "42501")):
            for byte in wire.parse("", BY_TENANT + " AND note <> $2") + bind([value, b"x" * 100]) + wire.execute() + wire.SYNC:
                app.send(bytes([byte]))
            self.assertEqual(self.answer(app)[0], code)

    def test_large_values(self):
        app = self.login()
        text = BY_TENANT + " AND note <> $2"
        self.passes(app, wire.parse("", text) + bind([b"42", b"x" * 900_000]) + wire.execute() + wire.SYNC, "large")
        code, _, _ = self.run_on(app, wire.parse("", text) + bind([b"42", b"x" * 4_000_000]) + wire.execute() + wire.SYNC)
        self.assertEqual(code, "54000")
        # Statements without such a rule have no such limit.
        self.passes(app, wire.parse("", "SELECT length($1::text)") + bind([b"x" * 4_000_000]) + wire.execute() + wire.SYNC, "other")

    def test_portals_that_go_on(self):
        app = self.login()
        self.run_on(app, wire.query("BEGIN"))
        self.passes(app, wire.parse("s", BY_TENANT) + bind([b"42"], portal="p", statement="s") + wire.execute("p", 2) + wire.SYNC, "first")
        self.passes(app, wire.execute("p", 2) + wire.SYNC, "second")
        self.assertEqual(self.run_on(app, bind([b"43"], portal="q", statement="s") + wire.SYNC)[0], "42501")

    def test_cursors_with_parameters(self):
        app = self.login()
        declare = "DECLARE c CURSOR FOR SELECT * FROM orders WHERE tenant_id = $1"
        self.run_on(app, wire.query("BEGIN"))
        self.passes(app, wire.parse("", declare, [INT4]) + bind([b"42"]) + wire.execute() + wire.SYNC, declare)
        self.assertIn(b"note-42", self.passes(app, wire.query("FETCH 2 FROM c"), "FETCH"))
        self.assertIn(b"note-42", self.passes(app, wire.execute("c", 2) + wire.SYNC, "Execute"))
        self.run_on(app, wire.query("ROLLBACK"))
        self.run_on(app, wire.query("BEGIN"))
        self.denied(app, wire.parse("", declare, [INT4]) + bind([b"43"]) + wire.execute() + wire.SYNC, declare)

    def test_prepared_one_way_and_run_another(self):
        app = self.login()
        self.run_on(app, wire.parse("s", BY_TENANT) + wire.SYNC)
        self.passes(app, wire.query("EXECUTE s (42)"), "EXECUTE of Parse")
        self.denied(app, wire.query("EXECUTE s (43)"), "EXECUTE of Parse")
        self.denied(app, wire.query("EXPLAIN ANALYZE EXECUTE s (43)"), "EXPLAIN EXECUTE")
        self.denied(app, wire.query("EXPLAIN EXECUTE s (42)"), "EXPLAIN EXECUTE, whose estimates are made from the rows of all")
        self.denied(app, wire.query("CREATE TEMP TABLE t AS EXECUTE s (43)"), "CREATE TABLE AS EXECUTE")
        self.passes(app, wire.query("PREPARE t (int) AS " + BY_TENANT), "PREPARE")
        self.passes(app, bind([b"42"], statement="t") + wire.execute() + wire.SYNC, "Bind of PREPARE")
        self.denied(app, bind([b"43"], statement="t") + wire.execute() + wire.SYNC, "Bind of PREPARE")
        self.passes(app, wire.parse("", "PREPARE u AS " + BY_TENANT) + wire.bind() + wire.execute() + wire.SYNC, "Parse of PREPARE")
        self.denied(app, wire.query("EXECUTE u (43)"), "EXECUTE")


class Reload(Case):
    def test_attributes_change_under_live_statements(self):
        gateway = self.lab.gateway(config(self.lab))
        app = self.login(gateway=gateway)
        self.run_on(app, wire.parse("s", BY_TENANT) + wire.query("PREPARE p (int) AS " + BY_TENANT))
        self.run_on(app, wire.query("DECLARE c CURSOR WITH HOLD FOR " + BY_TENANT.replace("$1", "42")))
        self.run_on(app, wire.query("BEGIN"))
        self.passes(app, bind([b"42"], portal="held", statement="s") + wire.execute("held", 1) + wire.SYNC, "before")
        gateway.reload(config(self.lab, tenant="43"))
        self.assertEqual(self.run_on(app, wire.execute("held", 1) + wire.SYNC)[0], "42501")
        self.run_on(app, wire.query("ROLLBACK"))
        self.denied(app, bind([b"42"], statement="s") + wire.execute() + wire.SYNC, "Bind")
        self.denied(app, wire.query("EXECUTE p (42)"), "EXECUTE")
        self.denied(app, wire.query("FETCH 1 FROM c"), "FETCH")
        self.assertIn(b"note-43", self.run_on(app, bind([b"43"], statement="s") + wire.execute() + wire.SYNC)[2])
        gateway.reload(config(self.lab, attributes=False))
        self.denied(app, bind([b"43"], statement="s") + wire.execute() + wire.SYNC, "no attribute")
        self.denied(app, wire.query("SELECT * FROM orders WHERE tenant_id = 42"), "no attribute")

    def test_rules_that_come_later(self):
        rule = "require: { values:"
        without = config(self.lab).replace(rule, "descendants: false } # ")
        gateway = self.lab.gateway("\n".join(line.split(" # ")[0] if " # " in line else line for line in without.splitlines()))
        app = self.login(gateway=gateway)
        self.run_on(app, wire.parse("s", BY_TENANT) + wire.query("PREPARE p (int) AS " + BY_TENANT))
        self.run_on(app, wire.query("BEGIN"))
        self.run_on(app, bind([b"43"], portal="held", statement="s") + wire.execute("held", 1) + wire.SYNC)
        gateway.reload(config(self.lab))
        self.assertEqual(self.run_on(app, wire.execute("held", 1) + wire.SYNC)[0], "42501")
        self.run_on(app, wire.query("ROLLBACK"))
        self.denied(app, bind([b"43"], statement="s") + wire.execute() + wire.SYNC, "Bind")
        self.denied(app, wire.query("EXECUTE p (43)"), "EXECUTE")
        self.passes(app, bind([b"42"], statement="s") + wire.execute() + wire.SYNC, "Bind")


class Lists(Case):
    def test_lists(self):
        lister = self.login("lister")
        for text, right in (("id IN (1, 2, 3)", True), ("id IN (1, 2, 3, 4)", False), ("id NOT IN (1, 2, 3, 4)", False),
                            ("id = ANY ('{1,2,3}')", True), ("id = ANY ('{1,2,3,4}')", False),
                            ("id = ANY (ARRAY[1, 2, 3, 4])", False), ("id <> ALL (ARRAY[1, 2, 3, 4])", False),
                            ("id = ANY (string_to_array('1,2,3,4', ',')::int[])", False),
                            ("id = ANY ('{1,2}'::int[] || '{3,4}'::int[])", False), ("id IN (SELECT 1)", True)):
            with self.subTest(text):
                code, message, _ = self.run_on(lister, wire.query("SELECT id FROM orders WHERE " + text))
                self.assertEqual(code, None if right else "42501", message)

    def test_array_parameters(self):
        lister = self.login("lister")
        for value, form, right in ((b"{1,2,3}", 0, True), (b"{1,2,3,4}", 0, False), (None, 0, True), (b"{}", 0, True),
                                   (array(INT4, [struct.pack("!i", n) for n in (1, 2, 3)]), 1, True),
                                   (array(INT4, [struct.pack("!i", n) for n in (1, 2, 3, 4)]), 1, False)):
            with self.subTest(value):
                data = wire.parse("", "SELECT id FROM orders WHERE id = ANY ($1)", [INT4_ARRAY])
                self.assertEqual(self.run_on(lister, data + bind([value], [form]) + wire.execute() + wire.SYNC)[0],
                                 None if right else "42501")


class Limits(Case):
    def test_limits(self):
        pager = self.login("pager")
        for text, right in (("SELECT id FROM orders LIMIT 5", True), ("SELECT id FROM orders LIMIT 6", False),
                            ("SELECT id FROM orders", False), ("SELECT id FROM orders LIMIT ALL", False),
                            ("SELECT id FROM orders LIMIT NULL", False), ("SELECT id FROM orders LIMIT 2 + 2", False),
                            ("SELECT id FROM orders LIMIT '5'", True), ("SELECT id FROM orders LIMIT '50'", False),
                            ("SELECT id FROM orders ORDER BY tenant_id FETCH FIRST 5 ROWS ONLY", True),
                            ("SELECT id FROM orders ORDER BY tenant_id FETCH FIRST 5 ROWS WITH TIES", False),
                            ("SELECT id FROM (SELECT id FROM orders LIMIT 5) o", False),
                            ("SELECT id FROM (SELECT id FROM orders) o LIMIT 5", True),
                            ("SELECT array_agg(id) FROM orders LIMIT 1", False), ("SELECT ARRAY(SELECT id FROM orders) LIMIT 1", False),
                            ("WITH RECURSIVE r(n, all_of) AS (SELECT 0, '' UNION ALL SELECT n + 1, all_of || ',' || (SELECT note FROM "
                             "orders ORDER BY id OFFSET n FETCH FIRST ROW ONLY) FROM r WHERE n < 9) SELECT all_of FROM r LIMIT 5", False),
                            ("WITH w AS (SELECT id FROM orders) SELECT id FROM w LIMIT 5", True),
                            ("SELECT id FROM orders UNION SELECT id FROM orders LIMIT 5", True),
                            ("(SELECT id FROM orders LIMIT 5) UNION ALL (SELECT id FROM orders LIMIT 5)", False),
                            ("EXPLAIN SELECT id FROM orders LIMIT 5", True), ("EXPLAIN SELECT id FROM orders", False),
                            ("DECLARE c CURSOR WITH HOLD FOR SELECT id FROM orders", False),
                            ("DECLARE c CURSOR WITH HOLD FOR SELECT id FROM orders LIMIT 5; CLOSE c", True),
                            ("PREPARE p AS SELECT id FROM orders LIMIT $1; EXECUTE p (5); DEALLOCATE p", True),
                            ("PREPARE p AS SELECT id FROM orders LIMIT $1; EXECUTE p (6); DEALLOCATE p", False),
                            ("PREPARE p AS SELECT id FROM orders LIMIT $1; EXECUTE p (NULL); DEALLOCATE p", False)):
            with self.subTest(text):
                code, message, _ = self.run_on(pager, wire.query(text))
                self.assertEqual(code, None if right else "42501", message)

    def test_limit_parameters(self):
        pager = self.login("pager")
        for oids, value, form, right in (([], b"5", 0, True), ([], b"6", 0, False), ([INT8], struct.pack("!q", 5), 1, True),
                                         ([], struct.pack("!q", 5), 1, True), ([INT4], struct.pack("!i", 6), 1, False),
                                         ([], None, 0, False), ([FLOAT8], b"5", 0, False), ([NUMERIC], b"5.6", 0, False)):
            with self.subTest(oids=oids, value=value):
                data = wire.parse("", "SELECT id FROM orders LIMIT $1", oids) + bind([value], [form])
                self.assertEqual(self.run_on(pager, data + wire.execute() + wire.SYNC)[0], None if right else "42501")


class Reasons(Case):
    def test_a_reason_stands_at_the_head(self):
        connection = self.login("explainer")
        for head, right in (("/* reason: ticket 17 */ ", True), ("\n-- reason: ticket 17\n", True), ("", False),
                            ("/* reason: */", False), ("/* why not */", False), ("/* a /* reason: x */ */", False),
                            ("/* a */ /* reason: x */", False), ("/* /* reason: x */ */", False)):
            for suffix in ("SELECT x FROM plain", "DECLARE c CURSOR WITH HOLD FOR SELECT x FROM plain"):
                with self.subTest(head + suffix):
                    code, text, _ = self.run_on(connection, wire.query(head + suffix))
                    self.assertEqual(code, None if right else "42501", text)
                    self.run_on(connection, wire.query("CLOSE ALL"))
        self.assertEqual(self.run_on(connection, wire.query("SELECT '/* reason: x */' FROM plain"))[0], "42501")
        port = connection.socket.getsockname()[1]
        given = [record for record in self.gateway.audit("statement.decided") if record["client.port"] == port]
        self.assertIn("reason given: ticket 17", json.dumps(given[0]))


class Changes(Case):
    """`writer` may change three rows with one statement."""

    def setUp(self):
        self.lab.postgres.psql("DELETE FROM plain; INSERT INTO plain SELECT n, n, 'p' FROM generate_series(1, 50) n")

    def changed(self):
        return int(self.lab.postgres.psql("SELECT count(*) FROM plain WHERE x < 0 OR id > 50").stdout)

    def too_many(self, connection, data, what):
        code, text, _ = self.run_on(connection, data)
        self.assertEqual((code, "more rows than the limit of 3" in text), ("54000", True), f"{what}: {code} {text}")

    def test_up_to_the_limit_it_stays(self):
        writer = self.login("writer")
        for text in ("UPDATE plain SET x = -1 WHERE id <= 3", "INSERT INTO plain VALUES (51), (52), (53)",
                     "UPDATE plain SET x = -1 WHERE id <= 3 RETURNING id"):
            self.passes(writer, wire.query(text), text)
        self.assertEqual(self.changed(), 6)
        text = "UPDATE plain SET x = -1 WHERE id BETWEEN 4 AND 6"
        self.passes(writer, wire.parse("", text) + wire.bind() + wire.execute() + wire.SYNC, text)
        self.assertEqual(self.changed(), 9)
        self.passes(writer, wire.query("DELETE FROM plain WHERE id > 50; SELECT 1 FROM plain LIMIT 1"), "DELETE; SELECT")
        self.assertEqual(self.changed(), 6)

    TOO_MUCH = ["UPDATE plain SET x = -1 WHERE id <= 4", "UPDATE plain SET x = -1", "DELETE FROM plain",
                "INSERT INTO plain SELECT x + 100 FROM plain LIMIT 4", "INSERT INTO plain VALUES (51), (52), (53), (54)",
                "UPDATE plain SET x = -1 WHERE id <= 4 RETURNING id"]

    def test_more_is_undone(self):
        writer = self.login("writer")
        for text in self.TOO_MUCH:
            with self.subTest(text):
                self.too_many(writer, wire.query(text), text)
                self.too_many(writer, wire.parse("", text) + wire.bind() + wire.execute() + wire.SYNC, text)
                self.too_many(writer, wire.parse("", text) + wire.bind() + wire.execute() + wire.FLUSH + wire.SYNC, text)
                self.too_many(writer, wire.query("PREPARE p AS " + text + "; EXECUTE p"), text)
                self.run_on(writer, wire.query("DEALLOCATE ALL"))
                self.passes(writer, wire.query("SELECT 1"), "usable")
                self.assertEqual(self.lab.postgres.psql("SELECT count(*), sum(x), max(id) FROM plain").stdout.strip(), "50|1275|50")

    def test_in_a_transaction_nothing_can_be_committed(self):
        writer = self.login("writer")
        text = "UPDATE plain SET x = -1"
        for data in (wire.query(text), wire.parse("", text) + wire.bind() + wire.execute() + wire.SYNC):
            self.passes(writer, wire.query("BEGIN"), "BEGIN")
            self.passes(writer, wire.query("UPDATE plain SET x = -2 WHERE id = 1"), "small")
            self.too_many(writer, data, text)
            self.assertEqual(self.run_on(writer, wire.query("SELECT 1"))[0], "25P02")
            writer.send(wire.query("COMMIT"))
            self.assertEqual(writer.receive_until("Z")[0], ("C", b"ROLLBACK\0"))
            self.assertEqual(self.changed(), 0)

    def test_what_comes_behind_in_the_pipeline_does_not_save_it(self):
        writer = self.login("writer")
        text = "UPDATE plain SET x = -1"
        one = wire.parse("", text) + wire.bind() + wire.execute()
        commit = wire.parse("", "COMMIT") + wire.bind() + wire.execute()
        begin = wire.parse("", "BEGIN") + wire.bind() + wire.execute()
        for data, ready in ((one + commit + wire.SYNC, 1), (one + wire.SYNC + wire.query("COMMIT"), 2),
                            (begin + one + commit + wire.SYNC, 1), (begin + wire.SYNC + one + commit + wire.SYNC + wire.query("COMMIT"), 3),
                            (wire.query("BEGIN") + commit + one + wire.SYNC, 2), (wire.query("BEGIN") + one + wire.SYNC + wire.query("COMMIT"), 3),
                            (one + one + wire.SYNC, 1), (wire.query("SELECT 1") + wire.query(text) + wire.query("COMMIT"), 3)):
            writer.send(data)
            errors = []
            for _ in range(ready):
                errors += [wire.error_fields(body)["C"] for kind, body in writer.receive_until("Z") if kind == "E"]
            self.assertEqual(errors[:1], ["54000"])
            self.run_on(writer, wire.query("ROLLBACK"))
            self.assertEqual(self.changed(), 0)

    def test_savepoints_bring_back_what_was_before(self):
        writer = self.login("writer")
        for text in ("BEGIN", "UPDATE plain SET x = -1 WHERE id = 1", "SAVEPOINT s"):
            self.passes(writer, wire.query(text), text)
        self.too_many(writer, wire.query("UPDATE plain SET x = -1"), "UPDATE")
        for text in ("ROLLBACK TO s", "COMMIT"):
            self.passes(writer, wire.query(text), text)
        self.assertEqual(self.changed(), 1)

    def test_what_cannot_be_counted_or_undone_is_denied(self):
        writer = self.login("writer")
        self.passes(writer, wire.query("PREPARE p AS UPDATE plain SET x = -1"), "PREPARE")
        self.passes(writer, wire.parse("s", "UPDATE plain SET x = -1") + wire.SYNC, "Parse")
        for text in ("BEGIN; UPDATE plain SET x = -1; COMMIT", "UPDATE plain SET x = -1; COMMIT",
                     "WITH u AS (UPDATE plain SET x = -1 RETURNING id) SELECT * FROM u",
                     "WITH u AS (UPDATE plain SET x = -1 RETURNING id) DELETE FROM plain WHERE id = 1",
                     "EXPLAIN ANALYZE UPDATE plain SET x = -1", "EXPLAIN ANALYZE EXECUTE p", "EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE s",
                     "SELECT 1; EXPLAIN ANALYZE EXECUTE p", "PREPARE q AS UPDATE plain SET x = -1; EXPLAIN ANALYZE EXECUTE q"):
            with self.subTest(text):
                self.assertEqual(self.run_on(writer, wire.query(text))[0], "42501")
        text = "UPDATE plain SET x = -1 RETURNING id"
        self.assertEqual(self.run_on(writer, wire.parse("", text) + wire.bind() + wire.execute("", 1) + wire.SYNC)[0], "42501")
        self.passes(writer, wire.query("SELECT 1"), "usable")
        self.assertEqual(self.changed(), 0)

    def test_the_record_names_the_rule(self):
        writer = self.login("writer")
        self.too_many(writer, wire.query("UPDATE plain SET x = -1"), "UPDATE")
        port = writer.socket.getsockname()[1]
        sessions = {record["session_id"] for record in self.gateway.audit("session.start") if record["client.port"] == port}
        found = lab.wait_until(lambda: [record for record in self.gateway.audit("statement.done")
                                        if record["session_id"] in sessions and record.get("limit")], "the outcome", 10)
        self.assertEqual(found[-1]["limit"], "writer/allow[1].max_rows")


if __name__ == "__main__":
    unittest.main()
