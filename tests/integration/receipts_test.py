"""What a client that has asked for it is told of the audit records of its statements."""
import json
import pathlib
import re
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import wire  # noqa: E402

ON = "-c dbgate.receipts=on"


def replies(client):
    """Types until ReadyForQuery; the receipts among them; values of rows."""
    messages = client.receive_until("Z")
    types = "".join(kind for kind, _ in messages)
    notices = [wire.error_fields(body) for kind, body in messages if kind == "N"]
    receipts = [json.loads(notice["D"]) for notice in notices if notice["C"] == "00R01"]
    rows = [body[6:].decode() for kind, body in messages if kind == "D"]
    return types, receipts, rows


class Receipts(unittest.TestCase):
    POOLS = (None, "mode: transaction, max: 2", "mode: statement, max: 2")

    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab())
        cls.lab.postgres.psql("CREATE TABLE fruits AS SELECT g AS id FROM generate_series(1, 3) g")

    def start(self, pool=None):
        self.gateway = self.lab.gateway(self.lab.forward_everything(extra="audit: { checkpoint_interval: 100ms }\n", pool=pool))

    def connect(self, options=ON):
        client = self.enterContext(wire.Connection(self.gateway.port))
        client.login("postgres", "postgres", lab.PASSWORD, **({"options": options} if options else {}))
        return client

    def ask(self, client, text):
        client.send(wire.query(text))
        return replies(client)

    def check(self, receipts):
        """They are those of records that are in the log, whose hashes are what was told."""
        records = {record["id"]: record for record in self.gateway.audit("statement.decided")}
        for receipt in receipts:
            record = records[receipt["id"]]
            self.assertEqual({name: record[name] for name in receipt}, receipt)
        return [records[receipt["id"]].get("db.query.text") for receipt in receipts]

    def test_every_decision_has_one_in_front_of_ready_for_query(self):
        for pool in self.POOLS:
            with self.subTest(pool=pool):
                self.start(pool)
                client = self.connect()
                seen = []

                def run(text, types, seen=seen, client=client):
                    found, receipts, _ = self.ask(client, text)
                    self.assertEqual((found, len(receipts)), (types, 1), text)
                    seen += receipts
                run("SELECT id FROM fruits; SELECT 1", "TDDDCTDCNZ")
                run("", "INZ")
                run("SELECT 1/0", "ENZ")
                run("SELEC", "ENZ")
                self.assertEqual(self.check(seen), ["SELECT id FROM fruits; SELECT 1", "", "SELECT 1/0", "SELEC"])
                extended = wire.parse("", "SELECT $1::int") + wire.bind(values=[b"1"]) + wire.execute()
                client.send(extended + extended + wire.SYNC)
                types, receipts, _ = replies(client)
                self.assertEqual((types, len(receipts)), ("12DC12DCNNZ", 2))
                self.assertEqual(self.check(receipts), ["SELECT $1::int"] * 2)
                failing = wire.parse("", "SELECT 1 / $1::int") + wire.bind(values=[b"0"]) + wire.execute()
                client.send(failing + extended + wire.SYNC)
                types, receipts, _ = replies(client)
                self.assertEqual((types, len(receipts)), ("1ENNZ", 2))
                # Two at once: each has its own.
                client.send(wire.query("SELECT 1") + wire.query("SELECT 2"))
                first, second = replies(client), replies(client)
                self.assertEqual((first[0], second[0]), ("TDCNZ", "TDCNZ"))
                self.assertEqual(self.check(first[1] + second[1]), ["SELECT 1", "SELECT 2"])
                client.send(wire.query("COPY fruits FROM STDIN"))
                self.assertEqual(client.receive()[0], "G")
                client.send(wire.message(b"d", b"9\n") + wire.message(b"c"))
                self.assertEqual(replies(client)[0], "CNZ")
                self.assertEqual(self.ask(client, "COPY fruits TO STDOUT")[0][-4:], "cCNZ")
                self.ask(client, "DELETE FROM fruits WHERE id > 3")

    def test_it_is_a_setting_like_any_other(self):
        for pool in self.POOLS[:2]:
            with self.subTest(pool=pool):
                self.start(pool)
                told = self.connect()
                self.assertEqual(self.ask(told, "SHOW dbgate.receipts")[2], ["on"])
                self.assertEqual(self.ask(told, "SET dbgate.receipts = off")[0], "CNZ")
                self.assertEqual(self.ask(told, "SELECT 1")[0], "TDCZ")
                self.assertEqual(self.ask(told, "SHOW dbgate.receipts")[2], ["off"])
                self.assertEqual(self.ask(told, "RESET dbgate.receipts")[0], "CZ")
                self.assertEqual(self.ask(told, "SHOW dbgate.receipts")[2], ["on"])
                self.assertEqual(self.ask(told, "SELECT 1")[0], "TDCNZ")
                client = self.connect(options=None)
                for begin, end in (("SET dbgate.receipts = on", "RESET dbgate.receipts"),
                                   ("SET SESSION dbgate.receipts TO 'on'", "DISCARD ALL"),
                                   ("SELECT set_config('dbgate.receipts', 'on', false)", "RESET ALL"),
                                   ("BEGIN; SET LOCAL dbgate.receipts = on", "COMMIT"),
                                   ("BEGIN; SET dbgate.receipts = on", "ROLLBACK")):
                    self.assertEqual(self.ask(client, "SELECT 1")[0], "TDCZ", begin)
                    self.assertNotIn("N", self.ask(client, begin)[0])
                    self.assertEqual(self.ask(client, "SELECT 1")[0], "TDCNZ", begin)
                    self.assertEqual(self.ask(client, "SHOW dbgate.receipts")[2], ["on"])
                    self.assertIn("N", self.ask(client, end)[0])
                self.assertEqual(self.ask(client, "SET dbgate.receipts = perhaps")[0], "EZ")
                # Nobody has another's: server connections change hands.
                for _ in range(5):
                    others = [self.connect(options=None), told, client]
                    self.assertEqual([self.ask(one, "SELECT 1")[0] for one in others], ["TDCZ", "TDCNZ", "TDCZ"])
                with self.assertRaises(PermissionError) as refused:
                    self.connect(options="-c dbgate.receipts=perhaps")
                self.assertIn("dbgate.receipts must be on or off", str(refused.exception))

    def test_a_session_that_has_slept_is_still_told(self):
        self.start("mode: transaction, max: 2")
        clients = [self.connect() for _ in range(20)]
        for _ in range(3):
            self.assertEqual([self.ask(client, "SELECT 1")[0] for client in clients], ["TDCNZ"] * 20)

    def test_read_only_and_denied(self):
        config = self.lab.forward_everything().split("policies:")[0] + """policies:
  - name: reads
    who: { users: [postgres] }
    on: [postgres]
    allow: [ { select: [public.fruits], functions: [safe] } ]
"""
        self.gateway = self.lab.gateway(config)
        client = self.connect(options=None)
        self.assertEqual(self.ask(client, "SET dbgate.receipts = on")[0], "CZ")
        types, receipts, _ = self.ask(client, "DELETE FROM fruits")
        self.assertEqual(types, "ENZ")
        self.assertEqual(self.check(receipts), ["DELETE FROM fruits"])
        client.send(wire.parse("", "DELETE FROM fruits") + wire.bind() + wire.execute() + wire.SYNC)
        types, receipts, _ = replies(client)
        self.assertEqual(types, "ENZ")
        self.assertEqual(self.check(receipts), ["DELETE FROM fruits"])

    def test_psql_shows_it_and_it_leads_to_a_proof(self):
        self.start()
        done = subprocess.run(["psql", "-X", "-A", "-t", "-q", "-h", "127.0.0.1", "-p", str(self.gateway.port), "-U", "postgres", "postgres"],
                              input="SELECT 41 + 1;\n", capture_output=True, text=True, check=True,
                              env={"PGPASSWORD": lab.PASSWORD, "PGOPTIONS": ON, "PATH": "/usr/bin:/bin"})
        self.assertEqual(done.stdout, "42\n")
        self.assertRegex(done.stderr, r"NOTICE:  audit receipt aud_\w+\nDETAIL:  \{.*\}\n")
        self.assertEqual(self.gateway.stop(), 0)
        receipt = json.loads(re.search(r"DETAIL:  (.*)", done.stderr)[1])
        self.assertEqual(self.check([receipt]), ["SELECT 41 + 1;"])


if __name__ == "__main__":
    unittest.main()
