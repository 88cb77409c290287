"""Masks against real statements: whatever form one has, it gives what it gives on a twin whose data are masked already, or
is denied. The value behind a mask is in no byte that the client gets."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import masking  # noqa: E402

CASES = pathlib.Path(__file__).resolve().parent / "mask_cases"
CANARY = b"CANARY"
MASKS = r'''    mask:
      public.customers.email: redact
      public.customers.card: partial
      'public.customers."the ""note"""': "null"
      public.customers.pay: range
      public.customers.born: range
      public.customers.j: redact
      public.parts.email: redact
      public.parent.email: redact
      public.table.email: redact
      public.only.email: redact
      'public."a.""b".email': redact
      public.unié.email: redact
      public.payers.email: redact
'''
WILD = '    mask: { "*.*.email": redact }\n'
NAMED_TABLES = ('"table"', '"only"', '"a.""b"', '"unié"', "parent")


def cases(name):
    lines = (CASES / f"{name}.sql").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if not line.startswith("--")]


def data(masked):
    """What the tables hold, or what is seen of it."""
    def mail(number):
        return "***" if masked else f"CANARY{number}@secret.example"
    rows = []
    for number in (1, 2, 3):
        values = ((mail(number), "*" * 16 + "1111", None, 90000, "1987-01-01", '"***"') if masked else
                  (mail(number), f"CANARY4111{number:06d}1111", "CANARY note", 98765.43, "1987-06-15", '{"CANARY": 1}'))
        mail_, card, note, pay, born, json = ("NULL" if value is None else f"'{value}'" for value in values)
        rows.append(f"INSERT INTO customers VALUES ({number}, {mail_}, {card}, {note}, 'r{number % 2}', {pay}, {born}, {json})")
    for table in NAMED_TABLES:
        rows.append(f"INSERT INTO {table} VALUES (1, '{mail(1)}'), (2, '{mail(2)}')")
    rows.append(f"INSERT INTO payers VALUES (1, '{mail(1)}'), (2, '{mail(2)}')")
    rows.append(f"INSERT INTO child VALUES (3, '{mail(3)}', 'x')")
    rows.append(f"INSERT INTO parts VALUES (1, 1, '{mail(1)}'), (2, 2, '{mail(2)}')")
    rows += ["CREATE VIEW other AS SELECT id, card AS email FROM customers",
             "CREATE VIEW made_of AS SELECT upper(email) AS email FROM customers",
             "CREATE VIEW renamed AS SELECT email AS mail, id FROM customers"]
    rows.append("CREATE MATERIALIZED VIEW mv AS SELECT id, email FROM customers")
    return ";".join(rows + ["ANALYZE"])


def policy(name, users, rest):
    return f"  - name: {name}\n    who: {{ users: [{', '.join(users)}] }}\n    on: [postgres]\n{rest}"


READS = ("    allow:\n      - { select: ['*.*'], lock: ['*.*'], copy_out: ['*.*'], functions: [safe] }\n"
         "      - { insert: [public.copied], update: [public.copied, 'public.customers(region, email)'], delete: [public.copied] }\n")
ALL = "    allow: [ { everything: true } ]\n"


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab()
        cls.addClassCleanup(cls.lab.close)
        cls.lab.postgres.psql("CREATE DATABASE twin")
        setup = (CASES / "setup.sql").read_text(encoding="utf-8")
        cls.lab.postgres.psql(setup + data(masked=False))
        cls.lab.postgres.psql(setup + data(masked=True), database="twin")
        cls.gateway = cls.lab.gateway(cls.config(cls.lab))

    @classmethod
    def config(cls, it, masks=MASKS):
        return ("version: 1\nstate_dir: state\n" + it.listen() + it.users("reader", "keeper", "wild", "admin") + "targets:\n" +
                it.target(search_path=("public", "s2")) + "policies:\n" + policy("admins", ["admin"], ALL) +
                policy("readers", ["reader", "wild"], READS) + policy("keepers", ["keeper"], ALL) +
                policy("masks", ["reader", "keeper"], masks) + policy("patterns", ["wild"], WILD))

    def login(self, user):
        client = masking.Client(self.gateway.port, user)
        self.addCleanup(client.close)
        return client

    def direct(self, database="twin"):
        client = masking.Client(self.lab.postgres.port, "postgres", database)
        self.addCleanup(client.close)
        client.query("SET search_path = public, s2")
        return client


class Forms(Case):
    """The same on both sides, in a transaction that is rolled back where the text begins none itself."""

    def both(self, user, sql, form="query"):
        ours, theirs = self.login(user), self.direct()
        alone = sql.startswith("BEGIN") or "VACUUM" in sql
        found = []
        for client, text in ((ours, sql), (theirs, sql.replace("postgres.public", "twin.public"))):
            if not alone:
                client.query("BEGIN")
            found.append(getattr(client, form)(text))
            if not alone:
                client.query("ROLLBACK")
            client.close()
        return found

    def assert_same(self, ours, theirs):
        self.assertEqual((ours.code, ours.columns, ours.rows, ours.copied, ours.tags),
                         (theirs.code, theirs.columns, theirs.rows, theirs.copied, theirs.tags))

    def assert_nothing_shown(self, sql, reply):
        said = [error["M"] for error in reply.errors]
        if "CANARY" in sql:  # a syntax error may repeat what was sent
            self.assertNotIn(CANARY, b"".join(body for kind, body in reply.messages if kind in "DdNT" and body != sql.encode()), said)
        else:
            self.assertNotIn(CANARY, reply.bytes)

    def test_plain_projections_are_masked(self):
        for user in ("reader", "keeper"):
            for sql in cases("masked"):
                with self.subTest(sql, user=user):
                    ours, theirs = self.both(user, sql)
                    self.assertIsNone(ours.code, ours.errors)
                    self.assertNotIn(CANARY, ours.bytes)
                    self.assert_same(ours, theirs)

    def test_the_same_in_the_extended_protocol(self):
        for sql in cases("masked"):
            if ";" in sql:
                continue
            for form in ("extended", "binary"):
                with self.subTest(sql, form=form):
                    ours, theirs = self.both("reader", sql, form)
                    self.assertIsNone(ours.code, ours.errors)
                    self.assertNotIn(CANARY, ours.bytes)
                    self.assert_same(ours, theirs)

    def test_everything_else_is_masked_or_denied(self):
        for user in ("reader", "keeper"):
            denied = 0
            for sql in cases("masked_or_denied"):
                with self.subTest(sql, user=user):
                    ours, theirs = self.both(user, sql)
                    self.assert_nothing_shown(sql, ours)
                    denied += ours.code == "42501"
                    if ours.code != "42501":
                        self.assert_same(ours, theirs)
            self.assertGreater(denied, 150)

    def test_without_masks_the_canary_is_there(self):
        """A test that looks for what is never there proves nothing."""
        admin, shown = self.login("admin"), 0
        for sql in cases("masked"):
            admin.query("BEGIN")
            shown += CANARY in admin.query(sql).bytes
            admin.query("ROLLBACK")
        self.assertGreater(shown, 100)

    def test_what_a_statement_rests_on_cannot_be_defined(self):
        keeper = self.login("keeper")
        for sql in ("CREATE VIEW shown AS SELECT email FROM customers", "CREATE MATERIALIZED VIEW shown AS TABLE customers",
                    "CREATE MATERIALIZED VIEW shown AS SELECT id FROM customers", "REFRESH MATERIALIZED VIEW mv",
                    "CREATE RULE shown AS ON INSERT TO orders DO ALSO SELECT email FROM customers"):
            with self.subTest(sql):
                self.assertEqual(keeper.query(sql).code, "42501")

    def test_values_are_not_told_from_what_they_do_to_others(self):
        keeper, admin = self.login("keeper"), self.login("admin")
        for sql in ("CLUSTER payers USING by_payer", "CLUSTER", "ALTER DOMAIN pan ADD CHECK (VALUE > 'CANARY2')",
                    "ALTER DOMAIN pan ADD CONSTRAINT c CHECK (VALUE > 'a') NOT VALID", "ALTER DOMAIN pan VALIDATE CONSTRAINT c",
                    "ALTER DOMAIN pan SET NOT NULL"):
            with self.subTest(sql):
                self.assertEqual(keeper.query(sql).code, "42501")
        for sql in ("CLUSTER orders USING orders_pkey", "ALTER DOMAIN town ADD CHECK (VALUE > 'a')"):
            with self.subTest(sql):
                self.assertIsNone(keeper.query(sql).code)
        self.assertEqual(admin.query("ALTER DOMAIN pan ADD CHECK (VALUE > 'CANARY2')").code, "23514")
        self.assertIsNone(admin.query("CLUSTER payers USING by_payer").code)

    def test_masks_are_not_shown(self):
        keeper = self.login("keeper")
        keeper.query("PREPARE p AS SELECT email FROM customers")
        keeper.query("BEGIN; DECLARE c CURSOR FOR SELECT email FROM customers")
        for sql in ("SELECT statement FROM pg_prepared_statements", "SELECT * FROM pg_catalog.pg_prepared_statements",
                    "SELECT statement FROM pg_cursors", "TABLE pg_cursors", "SELECT query FROM pg_stat_activity",
                    "SELECT a FROM pg_stat_activity a", "SELECT current_query()", "SELECT pg_prepared_statement()",
                    "SELECT * FROM pg_cursor()", "SELECT pg_stat_get_backend_activity(1)",
                    "SELECT * FROM pg_stat_get_activity(NULL)"):
            with self.subTest(sql):
                keeper.query("SAVEPOINT s")
                reply = keeper.query(sql)
                self.assertEqual(reply.code, "42501")
                self.assertNotIn(b"pg_catalog.", reply.bytes)
                keeper.query("ROLLBACK TO s")
        for sql in ("SELECT name, from_sql FROM pg_prepared_statements", "SELECT name FROM pg_cursors",
                    "SELECT pid, state FROM pg_stat_activity WHERE pid = pg_backend_pid()"):
            with self.subTest(sql):
                self.assertIsNone(keeper.query(sql).code)


class Patterns(Case):
    """A mask on any table's column: tables, their views, their children and partitions have it alike."""

    def test_views_and_children_are_masked(self):
        wild, twin = self.login("wild"), self.direct()
        for sql in ("SELECT email FROM v", "TABLE v", "SELECT b FROM v2", "SELECT id, email FROM v3 ORDER BY id, total", "SELECT * FROM vu",
                    "TABLE vb", "SELECT email FROM parts ORDER BY id", "TABLE parts_1", "SELECT * FROM parent",
                    "SELECT * FROM ONLY parent", "SELECT * FROM child", "COPY parent TO STDOUT", "SELECT id, region FROM vids"):
            with self.subTest(sql):
                ours, theirs = wild.query(sql), twin.query(sql)
                self.assertNotIn(CANARY, ours.bytes)
                self.assertEqual((ours.code, ours.columns, ours.rows, ours.copied),
                                 (None, theirs.columns, theirs.rows, theirs.copied))

    def test_what_a_view_makes_of_it_is_not_shown(self):
        wild = self.login("wild")
        self.assertEqual(wild.query("SELECT email FROM other").rows, [[b"***"]] * 3)
        self.assertEqual(wild.query("SELECT email FROM made_of").code, "42501")
        self.assertEqual(wild.query("SELECT mail FROM renamed").rows, [[b"***"]] * 3)
        for sql in ("SELECT upper(mail) FROM renamed", "SELECT id FROM renamed WHERE mail LIKE 'C%'", "SELECT id FROM v ORDER BY email"):
            with self.subTest(sql):
                self.assertEqual(wild.query(sql).code, "42501")


if __name__ == "__main__":
    unittest.main()
