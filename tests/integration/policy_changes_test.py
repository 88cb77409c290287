"""Policies that change while something waits: statements, and transactions before their COMMIT. What policies say when it goes
on counts, and what was turned down does not run. Policies are versions in the store, put in force and rolled back by the API."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import holds_test as holds  # noqa: E402
import lab  # noqa: E402
import wire  # noqa: E402
from raw_http import Raw  # noqa: E402

SECONDS = 120  # of any wait: machines of tests are slow
PEOPLE = ("ana", "lead", "lead2", "boss", "root")
UPDATE = "UPDATE orders SET status = 'sent' WHERE id = 1 RETURNING note"
POLICY = """policies:
  - name: stored
    who: {{ users: [ana] }}
    on: [postgres]
{more}    allow:
      - {{ select: [public.orders], functions: [safe] }}
      - update: [public.orders]
{require}"""
HELD = "        require: { approval: { from: { groups: [leads] }, within: 10m } }\n"
GATE = "    approve: before_commit\n    capture: unprepared\n    approval: { from: { users: [%s] } }\n"


def policy(require=HELD, more=""):
    return POLICY.format(require=require, more=more)


def api(port, method, path, token=None, body=None, status=200):
    with Raw(port, timeout=SECONDS) as connection:
        answer = connection.request(method, "/api/v1" + path, token, body, [("Connection", "close")])
    assert answer.status == status, (method, path, answer.status, answer.body)
    return answer.json() if answer.body else None


class Changes(unittest.TestCase):
    """A gateway whose policies are changed by root."""
    TARGET = ""  # what stands at the target besides

    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab())
        cls.lab.postgres.psql("CREATE TABLE orders (id int PRIMARY KEY, status text, note text)")
        cls.gateway = cls.lab.gateway(cls.configuration(cls.TARGET))
        cls.port = cls.gateway.ports["api"]
        cls.tokens = {name: api(cls.port, "POST", "/login", body={"username": name, "password": lab.PASSWORD})["access_token"] for name in PEOPLE}
        api(cls.port, "POST", "/groups", cls.tokens["root"], {"name": "leads"}, 201)
        cls.member("PUT", "lead")

    @classmethod
    def configuration(cls, target):
        return ("version: 1\nstate_dir: state\nlimits: { api_requests_per_minute: 1000000 }\nlisten:\n"
                "  postgres: { address: 127.0.0.1, port: 0 }\n  api: { address: 127.0.0.1, port: 0 }\n" + cls.lab.users(*PEOPLE) +
                "roles: { admin: { users: [root] } }\ntargets:\n" + cls.lab.target() + target +
                "policies:\n  - { name: checks, who: { users: [root] }, on: [postgres], allow: [ { select: [public.orders] } ] }\n")

    @classmethod
    def member(cls, method, name):
        cls.root(method, f"/groups/leads/members/{name}", status=204)

    @classmethod
    def root(cls, method, path, body=None, status=200):
        return api(cls.port, method, path, cls.tokens["root"], body, status)

    def setUp(self):
        self.lab.postgres.psql("TRUNCATE orders; INSERT INTO orders SELECT n, 'new', 'PLANTED' FROM generate_series(1, 5) n")

    def keep(self, text):
        return self.root("POST", "/policies/versions", {"text": text}, 201)["number"]

    def activate(self, number):
        """A version of the policies; when this returns, the gateway judges by it."""
        self.root("POST", f"/policies/versions/{number}/activate", {"seen": self.root("GET", "/policies")["number"]})

    def put(self, text):
        self.activate(self.keep(text))

    def client(self):
        client = wire.Connection(self.gateway.port, SECONDS)
        self.addCleanup(client.socket.close)
        client.login("ana", "postgres", lab.PASSWORD)
        return client

    def vote(self, identifier, how="approve", by="lead", status=200):
        body = {"reason": "no"} if how == "deny" else {}
        return api(self.port, "POST", f"/approvals/{identifier}/{how}", self.tokens[by], body, status)

    def status(self):
        return self.lab.postgres.psql("SELECT status FROM orders WHERE id = 1").stdout.strip()


class Statements(Changes):
    def held(self, extended=False):
        """A client whose UPDATE waits, and its approval."""
        self.put(policy())
        client = self.client()
        if extended:
            client.send(wire.parse("", UPDATE) + wire.bind() + wire.execute() + wire.SYNC)
            self.assertEqual([client.receive()[0], client.receive()[0]], ["1", "2"])
        else:
            client.send(wire.query(UPDATE))
        return client, holds.read_notice(client)

    def test_rolled_back_to_a_version_that_denies(self):
        before = self.keep(policy("        require: { where: true }\n").replace("update:", "delete:"))
        for extended in (False, True):
            with self.subTest(extended=extended):
                self.activate(before)
                client, approval = self.held(extended)
                self.activate(before)
                self.vote(approval)
                error = holds.rest_of(client)[1]
                self.assertEqual(error["C"], "42501")
                self.assertIn("no rule allows UPDATE", error["M"])
                self.assertEqual(self.status(), "new")

    def test_nobody_has_to_agree_any_more(self):
        for extended in (False, True):
            with self.subTest(extended=extended):
                client, approval = self.held(extended)
                self.put(policy(""))
                self.assertEqual(self.status(), "new", "what waits goes on waiting")
                self.vote(approval)
                types, error, rows = holds.rest_of(client)
                self.assertEqual((types[-2:], error, rows), ("ZI", None, [["PLANTED"]]))
                self.setUp()
                # A no is one all the same.
                client, approval = self.held(extended)
                self.put(policy(""))
                self.vote(approval, "deny")
                error = holds.rest_of(client)[1]
                self.assertEqual((error["C"], error["D"]), ("42501", "no"))
                self.assertEqual(self.status(), "new")
                # So is the client's own.
                client, approval = self.held(extended)
                self.put(policy(""))
                api(self.port, "POST", f"/approvals/{approval}/cancel", self.tokens["ana"], {})
                self.assertEqual(holds.rest_of(client)[1]["C"], "57014")
                self.assertEqual(self.status(), "new")

    def test_masked_by_now(self):
        select = "SELECT note FROM orders WHERE id = 1"
        plain = policy("").replace("functions: [safe] }", "functions: [safe], " + HELD.strip() + " }")
        masked = plain.replace("    allow:", "    mask: { public.orders.note: redact }\n    allow:")
        for extended in (False, True):
            with self.subTest(extended=extended):
                self.put(plain)
                client = self.client()
                client.send(wire.parse("", select) + wire.bind() + wire.execute() + wire.SYNC if extended else wire.query(select))
                approval = wire.error_fields(client.receive_until("N")[-1][1])["M"].split()[-1]
                self.put(masked)
                self.vote(approval)
                types, error, rows = holds.rest_of(client)
                # What was prepared before does not run with another result than it was prepared for.
                expected = ("EZI", []) if extended else ("TDCZI", [["***"]])
                self.assertEqual((types, rows), expected, error)

    def test_others_are_asked_by_now(self):
        client, approval = self.held()
        self.put(policy(HELD.replace("groups: [leads]", "users: [boss]")))
        self.vote(approval)
        again = holds.read_notice(client)
        self.assertNotEqual(again, approval)
        self.vote(again, by="lead", status=404)
        self.assertEqual(self.status(), "new")
        self.vote(again, by="boss")
        self.assertEqual(holds.rest_of(client)[1], None)
        self.assertEqual(self.status(), "sent")

    def test_the_group_has_others_by_now(self):
        client, approval = self.held()
        self.member("DELETE", "lead")
        self.addCleanup(self.member, "PUT", "lead")
        self.vote(approval, by="lead", status=404)
        self.vote(approval, by="lead2", status=404)
        self.member("PUT", "lead2")
        self.addCleanup(self.member, "DELETE", "lead2")
        self.vote(approval, by="lead2")
        self.assertEqual(holds.rest_of(client)[1], None)
        self.assertEqual(self.status(), "sent")


class Transactions(Changes):
    """A target that shows what is changed before it is committed, whichever policy allows it."""
    TARGET = ("    approve: before_commit\n    capture: unprepared\n    lock_budget: 1m\n"
              "    approval: { from: { users: [lead] } }\n")

    def held(self, *texts, more=""):
        self.put(policy("", more))
        client = self.client()
        for text in texts[:-1]:
            client.send(wire.query(text))
            self.assertIsNone(self.rest(client)[1], text)
        client.send(wire.query(texts[-1]))
        return client, self.asked(client)

    def asked(self, client):
        """The approval that a transaction waits for; of a statement of its own, rows come before."""
        for kind, body in client.receive_until("N"):
            self.assertIn(kind, "STDN")
        return wire.error_fields(body)["M"].removeprefix("held for approval ")

    @staticmethod
    def rest(client):
        """What follows, without the settings that the server reports."""
        types, error, rows = holds.rest_of(client)
        return types.replace("S", ""), error, rows

    def shown(self, approval, by="lead"):
        details = api(self.port, "GET", f"/approvals/{approval}", self.tokens[by])["details"]
        return [(row["table"], row["change"], row["after"]["status"]) for row in details["changes"]["rows"]]

    def test_everybody_waits_before_commit(self):
        for texts in ((UPDATE,), ("BEGIN", UPDATE, "COMMIT")):
            with self.subTest(texts=texts):
                client, approval = self.held(*texts)
                self.assertEqual(self.shown(approval), [("public.orders", "update", "sent")])
                self.assertEqual(self.status(), "new")
                self.vote(approval, by="boss", status=404)
                self.vote(approval)
                self.assertIsNone(self.rest(client)[1])
                self.assertEqual(self.status(), "sent")
                self.setUp()
                client, approval = self.held(*texts)
                self.vote(approval, "deny")
                types, error, _ = self.rest(client)
                self.assertEqual((types[-2:], error["C"], error["D"]), ("ZI", "42501", "no"))
                self.assertEqual(self.status(), "new")

    def test_the_target_and_a_policy_ask(self):
        client, approval = self.held("BEGIN", UPDATE, "COMMIT", more=GATE % "boss")
        self.vote(approval)
        second = self.asked(client)
        self.assertNotEqual(second, approval)
        self.assertEqual(self.status(), "new")
        self.assertEqual(self.shown(second, "boss"), [("public.orders", "update", "sent")])
        self.vote(second, by="boss")
        self.assertEqual(self.rest(client)[0], "CZI")
        self.assertEqual(self.status(), "sent")

    def test_nobody_decides(self):
        client, _ = self.held("BEGIN", UPDATE, "COMMIT", more=(GATE % "boss") + "    lock_budget: 1s\n")
        types, error, _ = self.rest(client)
        self.assertEqual((types, error["C"]), ("EZI", "42501"))
        self.assertIn("in time", error["M"])
        self.assertEqual(self.status(), "new")

    def test_denied_by_now(self):
        client, approval = self.held("BEGIN", UPDATE, "COMMIT")
        self.put(policy("        require: { where: true }\n").replace("update:", "delete:"))
        self.vote(approval)
        types, error, _ = self.rest(client)
        self.assertEqual((types, error["C"]), ("EZI", "42501"))
        self.assertEqual(self.status(), "new")

    def test_others_are_asked_by_now(self):
        client, approval = self.held("BEGIN", UPDATE, "COMMIT")
        self.put(policy("", GATE % "boss"))
        self.vote(approval)
        # All are asked about what policies say by now, the target's first.
        first = self.asked(client)
        self.vote(first)
        second = self.asked(client)
        self.vote(second, "deny", by="boss")
        self.assertEqual(self.rest(client)[1]["C"], "42501")
        self.assertEqual(self.status(), "new")

    def test_the_target_asks_nobody_any_more(self):
        for how, after in (("approve", "sent"), ("deny", "new")):
            with self.subTest(how=how):
                client, approval = self.held("BEGIN", UPDATE, "COMMIT")
                self.gateway.reload(self.configuration(""))
                self.addCleanup(self.gateway.reload, self.configuration(self.TARGET))
                self.vote(approval, how)
                self.assertEqual(self.rest(client)[0], "CZI" if how == "approve" else "EZI")
                self.assertEqual(self.status(), after)
                self.setUp()
                self.gateway.reload(self.configuration(self.TARGET))


if __name__ == "__main__":
    unittest.main()
