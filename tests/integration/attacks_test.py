"""Attacks, each shown to do its harm without dbgate and to do nothing through it, and harmless statements of real tools,
which give the same rows both ways. The statements are in attacks/, one file for each section of the threat model."""
import os
import pathlib
import re
import sys
import typing
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import wire  # noqa: E402

CASES = pathlib.Path(__file__).with_name("attacks")
CANARIES = (b"4111-PLANTED", b"BURIED-DEEP", b"3431 31312d", b"343131312d504c414e544544", b"4255524945442d44454550")
REFUSALS = {"42501", "42601", "54000", "54001", "22021"}
KINDS = ("leaks", "changes", "proves", "shows", "fails", "runs", "floods")
USERS = ("reader", "writer", "keeper", "lister", "readonly", "tool", "few")
MOST_ROWS = 3  # of "few"
POLICIES = """
policies:
  - name: reader
    who: { users: [reader] }
    on: [postgres]
    allow:
      - { select: [shop.items, shop.orders, shop.item_names, "shop.customers(id, city)", shop.events, shop.events_open,
                   shop.animals, shop.quiet] }
      - { functions: [safe, "shop.order_total(integer)", "shop.price(integer)", "shop.rate(numeric)", "shop.size_of(integer)",
                      "shop.lone(integer)", "shop.sizes(integer)", "shop.pick(integer, integer)",
                      "shop.chosen(integer[], integer)"] }
      - { pack: introspection }
  - name: writer
    who: { users: [writer] }
    on: [postgres]
    allow:
      - { select: [shop.items, shop.orders, "shop.customers(id, city)"], functions: [safe] }
      - { insert: ["shop.items(id, name, price)", shop.quiet] }
      - { update: ["shop.items(name, price)", "shop.customers(city)"], delete: [shop.orders], require: { where: true } }
  - name: keeper
    who: { users: [keeper] }
    on: [postgres]
    allow: [ { everything: true } ]
    deny: [ { select: [shop.cards, "shop.customers(card_no)", shop.cats, shop.children] }, { functions: [shop.spy] } ]
  - name: lister
    who: { users: [lister] }
    on: [postgres]
    allow:
      - statements:
          - SELECT amount FROM shop.sales_2020 WHERE id = 1
          - SELECT id FROM shop.cards WHERE id IN (1, 2) LIMIT 1
          - UPDATE shop.quiet SET note = 'x' WHERE id = 1
          - SELECT upper('a')
  - name: readonly
    who: { users: [readonly] }
    on: [postgres]
    allow: [ { pack: readonly } ]
    deny: [ { select: [shop.cards, "shop.customers(email, card_no, tags, attrs, who)"] } ]
  - name: tool
    who: { users: [tool] }
    on: [postgres]
    allow: [ { pack: readonly }, { pack: introspection } ]
  - name: few
    who: { users: [few] }
    on: [postgres]
    allow: [ { select: [shop.items], copy_out: [shop.items], functions: [safe] } ]
    limits: { rows: 3 }
"""
SNAPSHOT = """
SELECT md5(string_agg(query_to_xml(format('SELECT * FROM ONLY %s ORDER BY 1', oid::regclass), true, false, '')::text, ''
           ORDER BY oid))
  FROM pg_class WHERE relkind IN ('r', 'm', 'S') AND relnamespace IN (SELECT oid FROM pg_namespace
                                                                 WHERE nspname IN ('shop', 'extra', 'public', 'pg_temp'))
UNION ALL SELECT md5(string_agg(o::text, '|' ORDER BY o::text)) FROM (
  SELECT oid, relname, relowner, relacl::text, relnamespace, relhasrules, relhastriggers, relrowsecurity, reltoastrelid,
         reloptions::text, relpersistence FROM pg_class WHERE relnamespace <> 'pg_toast'::regnamespace
  UNION ALL SELECT oid, proname, proowner, proacl::text, pronamespace, prosecdef, proisstrict, true, 0, prosrc, 'x' FROM pg_proc
  UNION ALL SELECT attrelid, attname, atttypid, attacl::text, attnum, atthasdef, attnotnull, true, 0, '', 'x' FROM pg_attribute
  UNION ALL SELECT oid, nspname, nspowner, nspacl::text, 0, true, true, true, 0, '', 'x' FROM pg_namespace
  UNION ALL SELECT oid, rolname, 0, md5(rolpassword), 0, rolsuper, rolcanlogin, rolbypassrls, 0, '', 'x' FROM pg_authid
  UNION ALL SELECT roleid, 'm', member, '', 0, admin_option, true, true, 0, '', 'x' FROM pg_auth_members
  UNION ALL SELECT oid, typname, typowner, typacl::text, typnamespace, true, true, true, 0, '', 'x' FROM pg_type
  UNION ALL SELECT oid, conname, conrelid, conbin::text, connamespace, true, true, true, 0, '', 'x' FROM pg_constraint
  UNION ALL SELECT setrole, 's', setdatabase, setconfig::text, 0, true, true, true, 0, '', 'x' FROM pg_db_role_setting
  UNION ALL SELECT objoid, 'd', classoid, description, objsubid, true, true, true, 0, '', 'x' FROM pg_description
  UNION ALL SELECT objid, 'p', classid, deptype::text, refobjid, true, true, true, 0, '', 'x' FROM pg_depend
  UNION ALL SELECT oid, amname, amhandler::oid, '', 0, true, true, true, 0, '', 'x' FROM pg_am
  UNION ALL SELECT oid, srvname, srvowner, srvoptions::text, 0, true, true, true, 0, '', 'x' FROM pg_foreign_server
  UNION ALL SELECT oid, subname, subowner, subconninfo, 0, true, true, true, 0, '', 'x' FROM pg_subscription
  UNION ALL SELECT oid, 'c', 0, proconfig::text, 0, true, true, true, 0, '', 'x' FROM pg_proc
  UNION ALL SELECT oid, tgname, tgrelid, tgenabled::text, 0, true, true, true, 0, '', 'x' FROM pg_trigger
  UNION ALL SELECT oid, rulename, ev_class, ev_enabled::text, 0, true, true, true, 0, '', 'x' FROM pg_rewrite
  UNION ALL SELECT oid, 'l', lomowner, '', 0, true, true, true, 0, '', 'x' FROM pg_largeobject_metadata
  UNION ALL SELECT loid, 'b', pageno, md5(data), 0, true, true, true, 0, '', 'x' FROM pg_largeobject) o
UNION ALL SELECT count(*)::text FROM pg_prepared_xacts
UNION ALL SELECT count(*)::text FROM pg_locks WHERE locktype = 'advisory'
"""


class Attack(typing.NamedTuple):
    section: str
    kind: str       # how its harm shows: see attacks/README.md
    user: str
    argument: str   # of the kind: SQL of `proves`, expression of `shows`, SQLSTATE of `fails`
    alone: bool     # not in a transaction block
    before: str     # statements that are allowed and go ahead
    statement: str


def lines_of(path):
    heading = None
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("["):
            heading = line[1:-1]
        elif line and not line.startswith("#"):
            assert heading, f"{path.name}:{number}: no heading"
            yield heading, line


def attacks():
    for path in sorted(CASES.glob("[0-9]*.sql")):
        for heading, line in lines_of(path):
            words, _, argument = heading.partition(" | ")
            kind, *users = words.split()
            assert kind in KINDS, heading
            before, _, statement = line.rpartition(" >> ")
            statement = re.sub(r"\\u([0-9a-f]{4})", lambda match: chr(int(match[1], 16)), statement)
            for user in (user for user in users if user != "alone"):
                yield Attack(path.stem[:2], kind, user, argument, "alone" in users, before, statement)


def errors_in(messages):
    return [wire.error_fields(body) for kind, body in messages if kind == "E"]


def run(connection, data):
    """All messages up to ReadyForQuery; COPY FROM STDIN gets one row and its end."""
    connection.send(data)
    messages = []
    while True:
        messages += connection.receive_until("ZG")
        if messages[-1][0] == "Z":
            return messages
        connection.send(wire.message(b"d", b"1\tx\n") + wire.message(b"c"))


def answer(connection, sql):
    """Every value of every row, as text."""
    values = []
    for kind, body in run(connection, wire.query(sql)):
        if kind == "E":
            raise AssertionError(f"{wire.error_fields(body)}: {sql[:200]}")
        if kind == "D":
            values.append(fields_of(body))
    return values


def fields_of(body):
    fields, at = [], 2
    for _ in range(int.from_bytes(body[:2], "big")):
        size = int.from_bytes(body[at:at + 4], "big", signed=True)
        at += 4
        fields.append(None if size < 0 else body[at:at + size])
        at += max(size, 0)
    return fields


def has_canary(messages):
    data = b"".join(body for kind, body in messages if kind in "DdENCS")
    return any(canary in data for canary in CANARIES)


def rows_in(messages):
    return sum(kind in "Dd" for kind, _ in messages)


def simple(statement):
    return wire.query(statement)


def extended(statement):
    return wire.parse("", statement) + wire.describe(b"S") + wire.bind() + wire.execute() + wire.SYNC


class Laboratory(unittest.TestCase):
    """A server with something to hide, a gateway in front of it, and connections to both."""

    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab(settings=["log_statement=all", "max_prepared_transactions=5", "track_activities=on",
                                    "shared_preload_libraries='pg_stat_statements'", "pg_stat_statements.track_utility=off"])
        cls.addClassCleanup(cls.lab.close)
        cls.server = cls.lab.postgres
        planted = cls.server.data / "planted"
        planted.write_text("BURIED-DEEP\n")
        os.chown(planted, *((os.stat(cls.server.data).st_uid,) * 2))
        cls.server.psql((CASES / "setup.sql").read_text(encoding="utf-8"))
        cls.config = ("version: 1\nstate_dir: state\n" + cls.lab.listen() + cls.lab.users(*USERS) + "targets:\n" +
                      cls.lab.target(search_path=("shop",)) + POLICIES.lstrip("\n"))
        cls.gateway = cls.lab.gateway(cls.config)
        cls.attacks = list(attacks())
        cls.denied = [attack for attack in cls.attacks if attack.kind != "floods"]

    def connect(self, user):
        connection = wire.Connection(self.gateway.port)
        self.addCleanup(connection.socket.close)
        connection.login(user, "postgres", lab.PASSWORD)
        return connection

    def direct(self):
        """The account that dbgate uses upstream, without dbgate."""
        connection = wire.Connection(self.server.port)
        self.addCleanup(connection.socket.close)
        connection.login("postgres", "postgres", lab.PASSWORD, search_path="shop")
        return connection

    def snapshot(self):
        return self.server.psql(SNAPSHOT).stdout

    def refused(self, messages):
        """One error of dbgate's own and nothing else."""
        self.assertFalse(has_canary(messages), messages)
        self.assertEqual("".join(kind for kind, _ in messages), "EZ", messages[:5])
        fields = errors_in(messages)[0]
        self.assertIn(fields["C"], REFUSALS, fields)
        if fields["C"] == "42501":
            self.assertTrue(fields["M"].startswith("permission denied by dbgate policy"), fields)


class Attacks(Laboratory):
    # ---- Without dbgate

    def test_every_attack_works_without_dbgate(self):
        connection = self.direct()
        normal = answer(connection, SNAPSHOT)
        for attack in self.attacks:
            with self.subTest(section=attack.section, kind=attack.kind, statement=attack.statement):
                try:
                    why = self.harm(connection, attack, normal)
                finally:
                    # Sequences do not roll back.
                    run(connection, wire.query("ROLLBACK; DEALLOCATE ALL; SELECT setval('shop.items_id_seq', 100), "
                                               "setval('shop.cards_id_seq', 1, false)"))
                    if attack.kind == "proves":
                        run(connection, wire.query("DISCARD ALL"))
                        run(connection, wire.query("SET search_path = shop"))
                self.assertEqual(why, "")
        self.assertEqual(answer(connection, SNAPSHOT), normal, "an attack was not undone: the rest may have proved nothing")

    def harm(self, connection, attack, normal):
        """Empty if the attack does what it is for, else what it did."""
        if not attack.alone:
            run(connection, wire.query("BEGIN"))
        if attack.before:
            run(connection, wire.query(attack.before))
        messages = run(connection, simple(attack.statement))
        errors = errors_in(messages)
        if attack.kind == "leaks":
            return "" if has_canary(messages) else f"no canary: {errors or messages}"[:2000]
        if attack.kind == "fails":
            return "" if errors and errors[0]["C"] == attack.argument else f"no such error: {errors or messages}"
        if errors:
            return str(errors)
        if attack.kind == "floods":
            return "" if rows_in(messages) > MOST_ROWS else f"{rows_in(messages)} rows"
        if attack.kind == "shows":
            shown = b"\n".join(body for kind, body in messages if kind in "Dd")
            return "" if re.search(attack.argument.encode(), shown) else f"not shown: {shown[:500]!r}"
        if attack.kind == "changes":
            return "nothing changed" if answer(connection, SNAPSHOT) == normal else ""
        if attack.kind == "proves":
            return "" if answer(connection, attack.argument) == [[b"t"]] else f"not so: {answer(connection, attack.argument)}"
        return ""

    # ---- Through dbgate

    def test_no_attack_works_through_dbgate(self):
        before = self.snapshot()
        log_before = len(self.server_log())
        connections = {user: self.connect(user) for user in USERS}
        for attack in self.denied:
            for way, data in (("simple", simple(attack.statement)), ("extended", extended(attack.statement))):
                with self.subTest(section=attack.section, user=attack.user, way=way, statement=attack.statement):
                    connection = connections[attack.user]
                    if attack.before:
                        self.assertEqual(errors_in(run(connection, wire.query("BEGIN; " + attack.before))), [])
                    messages = run(connection, data)
                    if attack.before:
                        run(connection, wire.query("ROLLBACK"))
                    elif messages[-1][1] != b"I":
                        connections[attack.user] = self.connect(attack.user)
                    self.refused(messages)
        self.assertEqual(self.snapshot(), before, "an attack changed something")
        reached = self.server_log()[log_before:]
        arrived = set(re.findall(r"LOG:  (?:statement|execute [^:]*): (.*)", reached))
        self.assertFalse(arrived & {attack.statement for attack in self.denied}, "an attack reached the server")
        self.audited()

    def audited(self):
        denied = {}
        for record in self.gateway.audit("statement.decided"):
            if record["decision.effect"] in ("deny", "error"):
                key = record["user.name"], record.get("db.query.text")
                denied.setdefault(key, set()).add(record["protocol"])
        for attack in self.denied:
            with self.subTest(statement=attack.statement):
                self.assertEqual(denied.get((attack.user, attack.statement)), {"simple", "extended"})

    def test_no_way_leads_to_more_rows_than_the_limit(self):
        connection = self.connect("few")
        for attack in self.attacks:
            ways = [simple(attack.statement)] if ";" in attack.statement else [simple(attack.statement), extended(attack.statement)]
            for data in ways if attack.kind == "floods" else ():
                with self.subTest(statement=attack.statement, data=data[:1]):
                    run(connection, wire.query("BEGIN"))
                    messages = run(connection, data)
                    self.assertEqual([fields["C"] for fields in errors_in(messages)], ["54000"])
                    self.assertLessEqual(rows_in(messages), MOST_ROWS)
                    self.assertEqual(messages[-1][1], b"E", "the transaction is aborted")
                    run(connection, wire.query("ROLLBACK"))

    def server_log(self):
        return (self.server.directory / "log").read_text(encoding="utf-8", errors="replace")

    # ---- What tools send

    def psql_queries(self):
        """The queries behind psql's commands, as it says itself."""
        done = lab.run_psql((CASES.parent / "benign" / "psql.txt").read_text(encoding="utf-8"), host="127.0.0.1",
                            port=self.server.port, user="postgres", database="postgres", options=("-X", "-E"), check=False,
                            environment={"PGOPTIONS": "-c search_path=shop"})
        queries = re.findall(r"\*{9} QUERY \*{10}\n(.*?)\n\*{26}", done.stdout, re.S)
        # One of those that differ by an OID only. Options of foreign tables say where files and servers are.
        return {re.sub(r"\d+", "", query): query for query in queries if "(ftoptions)" not in query}.values()

    def test_tools_see_what_they_see_without_dbgate(self):
        tools = [line for line in (CASES.parent / "benign" / "tools.sql").read_text(encoding="utf-8").splitlines()
                 if line and not line.startswith("#")]
        statements = list(dict.fromkeys([*self.psql_queries(), *tools]))
        self.assertGreaterEqual(len(statements), 150)
        direct, connection = self.direct(), self.connect("tool")
        for statement in statements:
            for way in (simple, extended):
                with self.subTest(way=way.__name__, statement=statement):
                    there, here = run(direct, way(statement)), run(connection, way(statement))
                    self.assertEqual([error["M"][:110] for error in errors_in(here)], [])
                    self.assertEqual(errors_in(there), [])
                    self.assertEqual(*(sorted(body for kind, body in messages if kind == "D") for messages in (here, there)))

    def test_psql_describes_the_views_that_may_be_read(self):
        def psql(command):
            return lab.run_psql(command, host="localhost", port=self.gateway.port, user="reader", database="postgres", check=False)
        for command in (r"\d+ shop.item_names", r"\sv shop.item_names", r"\sv item_names", r"\d shop.ruled", r"\d+ shop.holder"):
            done = psql(command)
            self.assertEqual(done.stderr, "", command)
            self.assertRegex(done.stdout, "id|Rules")
        for command in (r"\d+ shop.card_list", r"\sv shop.card_list", r"\d+ shop.customer_numbers"):
            done = psql(command)
            self.assertIn("permission denied by dbgate policy", done.stderr, command)
            self.assertNotIn("BURIED-DEEP", done.stdout)

    def test_there_are_enough_of_them(self):
        sections = {attack.section for attack in self.attacks}
        self.assertEqual(sections, {f"{number:02}" for number in range(3, 13) if number != 11})
        self.assertGreaterEqual(len({(attack.user, attack.statement) for attack in self.attacks}), 400)


if __name__ == "__main__":
    unittest.main()
