"""What a statement reaches beneath views, functions and rules counts, whether or not it names the same table itself."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import masking  # noqa: E402

SETUP = """
CREATE TABLE customers (id int PRIMARY KEY, email text, card text, city text, changed int);
INSERT INTO customers SELECT i, 'SECRETmail' || i, 'SECRETcard' || i, 'city' || i % 3, 0 FROM generate_series(1, 4) i;
CREATE TABLE notes (id int PRIMARY KEY, tenant text, word text);
INSERT INTO notes SELECT i, CASE WHEN i % 2 = 0 THEN 'red' ELSE 'blue' END, CASE WHEN i % 2 = 0 THEN 'RED' ELSE 'SECRETblue' END || i FROM generate_series(1, 6) i;
CREATE TABLE free (id int, a text); INSERT INTO free SELECT i, 'a' || i FROM generate_series(1, 3) i;
CREATE MATERIALIZED VIEW mv AS SELECT id, email, card FROM customers;
CREATE MATERIALIZED VIEW mvn AS SELECT id, word FROM notes;
CREATE VIEW v AS SELECT id, email, city FROM customers; CREATE VIEW vf AS SELECT id, word FROM notes;
CREATE VIEW vc AS SELECT id, card FROM customers;
CREATE FUNCTION mails() RETURNS text LANGUAGE sql STABLE AS 'SELECT string_agg(email, '','') FROM customers';
CREATE FUNCTION words() RETURNS text LANGUAGE plpgsql STABLE AS $$BEGIN RETURN (SELECT string_agg(word, ',') FROM notes); END$$;
CREATE TABLE log (id int, a text); CREATE RULE copied AS ON INSERT TO log DO ALSO UPDATE customers SET city = card;
CREATE FUNCTION g() RETURNS text LANGUAGE plpgsql AS $$DECLARE r text; BEGIN EXECUTE 'SELECT string_agg(card, '','') FROM ' || lower('Customers') INTO r; RETURN r; END$$;
CREATE FUNCTION f() RETURNS text LANGUAGE sql AS 'SELECT g()';
CREATE VIEW vg AS SELECT g() AS e; CREATE VIEW vg2 AS SELECT e FROM vg;
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.changed := OLD.changed + 1; RETURN NEW; END$$;
CREATE TRIGGER stamp BEFORE UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION stamp();
"""
CUSTOMERS = "EXISTS (SELECT FROM customers)"
NOTES = "EXISTS (SELECT FROM notes)"
# Denied as they are; {} takes a condition that names the hidden table as well.
BY_READER = [("SELECT email FROM mv WHERE true {}", CUSTOMERS), ("SELECT card FROM mv WHERE card LIKE 'S%' {} ORDER BY 1", CUSTOMERS),
             ("COPY (SELECT * FROM mv WHERE true {}) TO STDOUT", CUSTOMERS), ("SELECT word FROM mvn WHERE true {}", NOTES),
             ("SELECT mails() WHERE true {}", CUSTOMERS), ("SELECT words() FROM free WHERE true {}", NOTES)]
BY_WRITER = [("UPDATE v SET city = 'x' WHERE true {} RETURNING v.email", CUSTOMERS), ("DELETE FROM vf WHERE true {} RETURNING vf.word", NOTES),
             ("UPDATE vf SET word = 'x' WHERE true {}", NOTES), ("INSERT INTO log SELECT 1, 'x' WHERE true {}", CUSTOMERS)]
BY_DENIED = [("SELECT card FROM vc WHERE true {}", "EXISTS (SELECT c.id FROM customers c)"),
             ("SELECT vc.card FROM vc, free WHERE true {}", "EXISTS (SELECT c.id FROM customers c)"),
             ("UPDATE vc SET id = id WHERE true {} RETURNING card", "EXISTS (SELECT c.id FROM customers c)"),
             ("SELECT e FROM vg2 WHERE true {}", "f() IS NOT NULL")]


def config(it):
    secret = it.users("ana").split('"')[1]
    users = "users:\n" + "".join(f'  - {{ name: {name}, scram_verifier: "{secret}", attributes: {{ tenant: red }} }}\n'
                                 for name in ("ana", "wri", "keeper", "den"))
    hidden = """    mask: { public.customers.email: redact, public.customers.card: redact }
    filter: { public.notes: "tenant = :user.tenant" }
"""
    return ("version: 1\nstate_dir: state\n" + it.listen() + users + "targets:\n" + it.target() + """policies:
  - name: reads
    who: { users: [ana] }
    on: [postgres]
    allow: [ { select: ['public.*'], copy_out: ['public.*'], functions: [safe, public.mails, public.words] } ]
""" + hidden + """  - name: writes
    who: { users: [wri] }
    on: [postgres]
    allow: [ { select: ['public.*'], insert: ['public.*'], update: ['public.*'], delete: ['public.*'], functions: [safe] } ]
""" + hidden + """  - { name: keeps, who: { users: [keeper] }, on: [postgres], allow: [ { everything: true } ] }
  - name: keeper-sees
    who: { users: [keeper] }
    on: [postgres]
""" + hidden + """  - name: denies
    who: { users: [den] }
    on: [postgres]
    allow: [ { everything: true, functions: [safe, public.f] } ]
    deny: [ { select: ["public.customers(card)"] } ]
""")


class Beneath(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab()
        cls.addClassCleanup(cls.lab.close)
        cls.lab.postgres.psql(SETUP + "ANALYZE")
        cls.gateway = cls.lab.gateway(config(cls.lab))

    def are_denied(self, user, cases):
        client = masking.Client(self.gateway.port, user)
        self.addCleanup(client.close)
        for text, also in cases:
            for sql in (text.format(""), text.format("AND " + also), text.format("AND NOT " + also)):
                for form in ("query", "extended"):
                    with self.subTest(sql, user=user, form=form):
                        reply = getattr(client, form)(sql)
                        self.assertEqual(reply.code, "42501", reply.bytes[:200])
                        self.assertNotIn(b"SECRET", reply.bytes)

    def test_readers(self):
        self.are_denied("ana", BY_READER)
        self.are_denied("keeper", BY_READER)

    def test_writers(self):
        self.are_denied("wri", BY_WRITER)
        self.are_denied("keeper", BY_WRITER)
        self.assertEqual(self.lab.postgres.psql("SELECT sum(changed) FROM customers").stdout, "0\n")

    def test_deny_rules_on_columns(self):
        self.are_denied("den", BY_DENIED)

    def test_an_allowed_function_hides_no_other_way(self):
        client = masking.Client(self.gateway.port, "den")
        self.addCleanup(client.close)
        self.assertIsNone(client.query("SELECT f() IS NOT NULL").code)  # allowed by name, whatever it does
        self.assertEqual(client.query("SELECT e, f() FROM vg2").code, "42501")
        self.assertEqual(client.query("SELECT f(), e FROM vg").code, "42501")

    def test_triggers_of_the_table_itself_run(self):
        """A trigger is given the row that the statement writes; that is no way round."""
        client = masking.Client(self.gateway.port, "wri")
        self.addCleanup(client.close)
        for sql in ("BEGIN", "UPDATE customers SET city = 'here' WHERE id = 1", "UPDATE customers c SET city = 'x' FROM free f WHERE f.id = c.id",
                    "UPDATE free SET a = c.city FROM customers c WHERE c.id = free.id", "DELETE FROM free USING notes n WHERE n.id = free.id", "ROLLBACK"):
            self.assertIsNone(client.query(sql).code, sql)


if __name__ == "__main__":
    unittest.main()
