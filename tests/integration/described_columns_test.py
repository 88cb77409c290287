"""What masks put in the place of a column is described as that column: name, table, number, type, modifier."""
import pathlib
import struct
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import wire  # noqa: E402

POLICIES = """policies:
  - { name: all, who: { users: [postgres] }, on: [postgres], allow: [ { everything: true } ] }
  - name: masked
    who: { users: [ana] }
    on: [postgres]
    allow: [ { select: ["*"], functions: [safe] } ]
    mask: { public.t.email: email, public.t.card: partial, public.t.pay: range, public.t.born: hash, public.t.doc: redact,
            public.t.at: 'null' }
"""
QUERIES = ["SELECT * FROM t", "SELECT id, email AS e, pay FROM t x", "SELECT * FROM v", "SELECT v.mail, t.email FROM v, t",
           "WITH w AS (SELECT * FROM t) SELECT card, email, 1 FROM w", "TABLE t", "SELECT public.t.at FROM public.t",
           "SELECT email FROM t UNION ALL SELECT name FROM t"]


def described(messages):
    """Of each RowDescription its columns: name, table, attribute, type, size, modifier, format."""
    for kind, body in messages:
        if kind != "T":
            continue
        columns, at = [], 2
        for _ in range(struct.unpack("!H", body[:2])[0]):
            end = body.index(b"\0", at)
            columns.append((body[at:end].decode(), *struct.unpack("!IhIhih", body[end + 1:end + 19])))
            at = end + 19
        yield columns


class DescribedColumns(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab()
        cls.addClassCleanup(cls.lab.close)
        cls.lab.postgres.psql(
            "CREATE TABLE t (id int, name varchar(40), email varchar(40), card char(19), pay numeric(10,2), born date, doc jsonb, "
            "at timestamp(3)); CREATE VIEW v AS SELECT id AS number, email AS mail, upper(name) AS shout FROM t")
        cls.gateway = cls.lab.gateway("version: 1\nstate_dir: state\n" + cls.lab.listen() + cls.lab.users("ana", "postgres") +
                                      "targets:\n" + cls.lab.target() + POLICIES)

    def login(self, user):
        connection = wire.Connection(self.gateway.port)
        self.addCleanup(connection.socket.close)
        connection.login(user, "postgres", lab.PASSWORD)
        return connection

    def test_simple_and_extended(self):
        masked, plain = self.login("ana"), self.login("postgres")
        for query in QUERIES:
            text = query.encode()
            for bytes_sent, descriptions in (
                    (wire.query(query), 1),
                    (wire.message(b"P", b"s\0" + text + b"\0\0\0") + wire.message(b"D", b"Ss\0") +
                     wire.message(b"B", b"\0s\0" + bytes(6)) + wire.message(b"D", b"P\0") + wire.message(b"C", b"Ss\0") +
                     wire.message(b"S"), 2)):
                with self.subTest(query, descriptions=descriptions):
                    results = []
                    for connection in (masked, plain):
                        connection.send(bytes_sent)
                        results.append(list(described(connection.receive_until("Z"))))
                    self.assertEqual(len(results[0]), descriptions)
                    self.assertEqual(results[0], results[1])


if __name__ == "__main__":
    unittest.main()
