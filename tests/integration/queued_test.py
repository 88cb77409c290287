"""Statements that wait on the server behind a slow one, while what allowed them goes: they do not run."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import wire  # noqa: E402
from pooled import Session  # noqa: E402

SLOW = "SELECT pg_sleep(60)"
ACTIVE = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()"
CONNECTED = "SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend' AND application_name LIKE 'dbgate:ana%'"
RIGHTS = "{ select: [public.notes], insert: [public.notes], functions: [safe, pg_catalog.pg_sleep] }"


class Queued(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab())
        cls.lab.postgres.psql("CREATE TABLE notes (id int, secret text)")
        cls.gateway = cls.lab.gateway(cls.config())

    @classmethod
    def config(cls, rights=RIGHTS, users=("ana", "bob"), more=""):
        return ("version: 1\nstate_dir: state\n" + cls.lab.listen() + cls.lab.users(*users) + "targets:\n" + cls.lab.target("postgres") +
                cls.lab.target("pooled", pool="mode: transaction, max: 4", database="postgres") + "policies:\n" +
                f"  - {{ name: p, who: {{ users: [ana] }}, on: [postgres, pooled], allow: [ {rights} ] }}\n" + more)

    def setUp(self):
        self.gateway.reload(self.config())
        self.lab.postgres.psql("TRUNCATE notes; INSERT INTO notes VALUES (0, 'PLANTED')")

    def begin(self, messages, target="postgres"):
        """A client that has sent all of it; the slow one runs."""
        session = Session(self.gateway.port, "ana", target, 60)
        self.addCleanup(session.socket.close)
        session.send(messages)
        lab.wait_until(lambda: self.count(ACTIVE) == 1, "the slow statement runs")
        return session

    def count(self, sql="SELECT count(*) FROM notes"):
        return int(self.lab.postgres.psql(sql).stdout)

    def assert_stopped(self, session, message="may not run any more"):
        """It ends soon, though the slow one would go on for long; and nothing of what waited runs."""
        answer = session.answer()
        self.assertEqual(answer.error["C"], "57P01")
        self.assertIn(message, answer.error["M"])
        self.assertNotIn("PLANTED", str(answer.messages))
        lab.wait_until(lambda: self.count(CONNECTED) == 0, "the server's process has ended", 10)
        self.assertEqual(self.count(), 1)

    def test_rights_that_go(self):
        insert = "INSERT INTO notes VALUES (1)"
        execute = wire.bind() + wire.execute() + wire.SYNC
        cases = {
            "simple": wire.query(SLOW) + wire.query(insert),
            "one text": wire.query(f"{SLOW}; {insert}"),
            "extended": wire.parse("", SLOW) + execute + wire.parse("", insert) + execute,
            "behind what may": wire.query(SLOW) + wire.query("SELECT 1") + wire.query(insert) + wire.query("SELECT 1"),
            "many": wire.query(SLOW) + wire.parse("s", insert) + (wire.bind("", "s") + wire.execute() + wire.SYNC) * 300,
            "SQL": wire.query(f"PREPARE p AS {insert}") + wire.query(SLOW) + wire.query("EXECUTE p"),
        }
        for target in ("postgres", "pooled"):
            for name, messages in cases.items():
                if target == "pooled" and name == "SQL":
                    continue  # names of SQL bind the session; it is the same then
                with self.subTest(target=target, case=name):
                    self.setUp()
                    session = self.begin(messages, target)
                    self.gateway.reload(self.config(RIGHTS.replace("insert: [public.notes], ", "")))
                    while name == "SQL" and session.answer().messages[-1][0] == "Z":
                        name = "SQL, prepared"
                    self.assert_stopped(session)
                    ended = [record for record in self.gateway.audit("session.end") if record["user.name"] == "ana"]
                    self.assertIn("access revoked", ended[-1]["reason"])

    def test_columns_that_are_masked(self):
        session = self.begin(wire.query(SLOW) + wire.query("SELECT secret FROM notes"))
        self.gateway.reload(self.config(more="  - { name: m, who: { users: [ana] }, on: [postgres], "
                                        "mask: { public.notes.secret: redact } }\n"))
        self.assert_stopped(session)

    def test_users_that_go(self):
        session = self.begin(wire.query(SLOW) + wire.query("INSERT INTO notes VALUES (1)"))
        self.gateway.reload(self.config(users=("bob",)).replace("[ana]", "[bob]"))
        self.assert_stopped(session, "terminating connection")

    def test_what_still_may_run_runs(self):
        insert = "INSERT INTO notes VALUES (1)"
        for target in ("postgres", "pooled"):
            with self.subTest(target=target):
                self.setUp()
                slow = "SELECT count(pg_sleep(3)) /* pg_sleep(60) */"
                session = self.begin(wire.query(slow) + wire.query(insert) + wire.query("SELECT 'last'"), target)
                more = "  - { name: q, who: { users: [bob] }, on: [postgres], allow: [ { everything: true } ] }\n"
                self.gateway.reload(self.config(more=more))
                self.assertIsNone(session.answer().error)
                self.assertIsNone(session.answer().error)
                self.assertEqual(session.answer().value(), "last")
                self.assertEqual(self.count(), 2)
                session.leave()


if __name__ == "__main__":
    unittest.main()
