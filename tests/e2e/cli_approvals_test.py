#!/usr/bin/python3
"""Approvals by the command line, under a terminal, at a real gateway: who asks, who decides, who waits."""
import pathlib
import re
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import cli_people  # noqa: E402
import lab  # noqa: E402

POLICIES = """policies:
  - name: fruit
    who: { users: [wanda] }
    on: [postgres]
    allow:
      - { select: [public.fruits], functions: [safe] }
      - { delete: [public.fruits], require: { approval: { from: { users: [oleg], groups: [leads] }, within: 10m } } }
      - { update: [public.fruits], require: { approval: { from: { users: [oleg, lea] }, of: 2 } } }
      - { insert: [public.fruits], require: { approval: { from: { users: [oleg] }, within: 1s } } }
requests:
  - name: repair
    who: { users: [wanda] }
    on: [postgres]
    tables: [public.fruits, "public.labels(id, text)"]
    verbs: [select, truncate, copy_out]
    longest: 4h
    approval: { from: { users: [oleg] } }
    break_glass: { longest: 30m, review: { from: { users: [lea] } } }
"""
WISH = ("request", "postgres", "--tables", "public.fruits,public.labels(id, text)", "--verbs", "truncate,copy_out", "--for", "2h")


class Approvals(cli_people.People):
    VERBS = {"approvals list", "approvals show", "approvals approve", "approvals deny", "approvals cancel", "approvals wait", "request",
             "access list", "access show", "access end", "access offers"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.root.run("group", "add", "leads")
        cls.wanda, cls.oleg, cls.lea, cls.ned = (cls.person(cls(), name) for name in ("wanda", "oleg", "lea", "ned"))
        cls.root.run("policy", "apply", "-", text=POLICIES)
        lab.wait_until(lambda: cls.wanda.json("list"), "the policy gives access", 10)

    def ask(self, sql):
        """Wanda asks without waiting; the id of her approval."""
        self.wanda.run("exec", "postgres", "-c", sql, status=6)
        self.assertRegex(self.wanda.said, r"^dbgate: .*approval apr_[0-9A-Z]{26}\n  hint: dbgate approvals wait apr_[0-9A-Z]{26}\n")
        return re.search(r"apr_[0-9A-Z]{26}", self.wanda.said)[0]

    def test_from_the_question_to_the_rows(self):
        wanda, oleg = self.wanda, self.oleg
        sql = "DELETE FROM fruits WHERE id = 1 RETURNING name"
        checked = wanda.see("check", "postgres", "-c", sql, status=6)
        self.assertRegex(checked, r"(?m)^hold +DELETE +fruit/allow\[1\]")
        self.assertIn("needs approval: 1 more of group leads, user oleg (fruit/allow[1])", checked)
        decision = wanda.json("check", "postgres", "-c", sql, status=6)
        self.assertEqual(decision["approvals"], [{"rule": "fruit/allow[1]", "groups": ["leads"], "users": ["oleg"], "needed": 1}])
        asked = self.ask(sql)
        self.assertEqual(self.ask(sql), asked, "who asks again asks for the same")
        screen = oleg.see("approvals", "list", "-o", "table")
        self.assertRegex(screen, rf"(?m)^{asked} +pending +wanda +postgres +DELETE .*{re.escape(sql)}")
        self.assertEqual([one["id"] for one in wanda.json("approvals", "list", "--target", "postgres")], [asked])
        self.assertEqual(oleg.run("approvals", "list", "-q", "--requester", "wanda"), asked + "\n")
        self.assertEqual(self.ned.json("approvals", "list", "--all"), [])
        screen = oleg.see("approvals", "show", asked)
        for line in (rf"{asked}  pending", r"  asked by +wanda, at 2\S+Z", r"  for +postgres, statement DELETE", r"  rule +fruit/allow\[1\]",
                     r"  approvers +1 more of group leads, user oleg", r"  you +may decide", rf"  {re.escape(sql)}"):
            self.assertRegex(screen, rf"(?m)^{line}$")
        self.assertEqual(oleg.json("approvals", "show", asked)["sql"], sql)
        self.ned.refused("approvals", "show", asked, status=3, cause="no approval", hint="dbgate approvals list")
        wanda.refused("approvals", "approve", asked, "--yes", status=5, cause="themselves")
        wanda.refused("approvals", "wait", asked, "--timeout", "1s", status=6, cause="still pending: 1 more of", hint="dbgate approvals wait")
        self.assertIn("nothing was done", oleg.see("approvals", "approve", asked, answers=[(r"Approve what wanda asks for\? \[y/N\]", "n")], status=1))
        waited = []
        waiting = threading.Thread(target=lambda: waited.append(wanda.json("approvals", "wait", asked)["state"]))
        waiting.start()
        screen = oleg.see("approvals", "approve", asked, "--ticket", "OPS-1", answers=[(r"\[y/N\]", "y")])
        self.assertIn(sql, screen, "what one says yes to is on the screen")
        waiting.join(60)
        self.assertEqual(waited, ["approved"])
        self.assertRegex(wanda.see("approvals", "wait", asked), r"(?m)^state +approved$")
        self.assertEqual(wanda.json("exec", "postgres", "-c", sql), [{"name": "fruit 1"}])
        self.assertEqual(wanda.json("approvals", "show", asked)["state"], "used")
        oleg.refused("approvals", "deny", asked, "--reason", "too late", status=1, cause="is used by oleg", hint="dbgate approvals show")
        self.assertNotEqual(self.ask(sql), asked, "it was good for once")

    def test_a_no(self):
        asked = self.ask("DELETE FROM fruits WHERE id = 2")
        self.oleg.run("approvals", "deny", asked, status=2)
        screen = self.oleg.see("approvals", "deny", asked, answers=[("Reason", "not on a Friday")])
        self.assertRegex(screen, r"(?m)^state +denied")
        self.wanda.refused("approvals", "wait", asked, status=5, cause="was denied by oleg: not on a Friday", hint="dbgate approvals show")
        self.assertEqual(self.wanda.json("approvals", "wait", asked, status=5)["state"], "denied")
        self.assertRegex(self.wanda.see("approvals", "show", asked), r"(?m)^  vote +oleg: no, \S+, because: not on a Friday$")
        other = self.ask("DELETE FROM fruits WHERE id = 3")
        self.assertEqual(self.oleg.json("approvals", "deny", other, "--reason", "no")["state"], "denied")
        self.assertIn(other, self.oleg.run("approvals", "list", "--state", "denied", "-q"))

    def test_taken_back(self):
        asked = self.ask("DELETE FROM fruits WHERE id = 4")
        self.oleg.refused("approvals", "cancel", asked, "--yes", status=5, cause="only who has asked")
        self.wanda.see("approvals", "cancel", asked, answers=[(r"\[y/N\]", "y")])
        self.wanda.refused("approvals", "wait", asked, status=1, cause="is cancelled")
        other = self.ask("DELETE FROM fruits WHERE id = 4")
        self.assertEqual(self.wanda.json("approvals", "cancel", other, "--yes")["state"], "cancelled")

    def test_two_must_agree(self):
        asked = self.ask("UPDATE fruits SET name = 'apple' WHERE id = 2")
        self.assertEqual(self.oleg.json("approvals", "approve", asked, "--yes", "--reason", "fine")["missing"], 1)
        self.oleg.run("approvals", "approve", asked, "--yes", status=1)
        self.assertEqual(self.lea.json("approvals", "approve", asked, "--yes")["state"], "approved")
        self.wanda.run("exec", "postgres", "-c", "UPDATE fruits SET name = 'apple' WHERE id = 2")
        self.assertEqual(self.lab.postgres.psql("SELECT name FROM fruits WHERE id = 2").stdout, "apple\n")

    def test_nobody_decides(self):
        asked = self.ask("INSERT INTO fruits VALUES (77, 'late')")
        self.wanda.refused("approvals", "wait", asked, status=9, cause="has expired", hint="dbgate approvals show")

    def test_exec_that_waits(self):
        sql = "DELETE FROM fruits WHERE id = 3 RETURNING name"
        done = []
        waiting = threading.Thread(target=lambda: done.append(self.wanda.json("exec", "postgres", "--wait", "-c", sql)))
        waiting.start()
        asked = lab.wait_until(lambda: [one["id"] for one in self.oleg.json("approvals", "list") if one["sql"] == sql], "it is asked for")[0]
        self.oleg.run("approvals", "approve", asked, "--yes")
        waiting.join(60)
        self.assertEqual(done, [[{"name": "fruit 3"}]])

    def test_access_for_a_time(self):
        wanda, oleg = self.wanda, self.oleg
        self.assertRegex(wanda.see("access", "offers"), r"(?m)^repair +postgres +public.fruits,\S+ text\) +select,truncate,copy_out +14400 +1800")
        self.assertEqual(wanda.json("access", "offers", "--target", "postgres")[0]["approvers"], {"groups": [], "users": ["oleg"], "needed": 1})
        wanda.refused("request", "postgres", "--verbs", "truncate", "--for", "2h", status=2, cause="needs --tables", hint="dbgate access offers")
        wanda.refused(*WISH[:-1], "9h", "--reason", "x", status=5, cause="gives access for 4h at most", hint="dbgate access offers")
        screen = wanda.see(*WISH, answers=[("Reason", "fruits are stuck")], status=6)
        self.assertRegex(screen, r"(?m)^state +pending\s*$")
        asked = re.search(r"acc_[0-9A-Z]{26}", screen)[0]
        approval = re.search(r"dbgate: access to \"postgres\" waits for approval (apr_[0-9A-Z]{26})\s+hint: dbgate approvals wait \1", screen)[1]
        self.assertRegex(oleg.see("approvals", "show", approval), r"(?m)^  for +postgres, access TRUNCATE, COPY_OUT")
        oleg.run("approvals", "approve", approval, "--yes")
        wanda.run("exec", "postgres", "-c", "TRUNCATE fruits")
        self.assertRegex(wanda.see("whoami"), rf"(?m)^access +truncate,copy_out on postgres: public.fruits,\S+ text\), until \S+Z \({asked}\)")
        self.assertIn(asked, wanda.see("show", "postgres"))
        self.assertEqual([one["id"] for one in wanda.json("whoami")["access"]], [asked])
        self.assertRegex(wanda.see("list", "-o", "table"), rf"(?m)^NAME .* FOR_A_TIME\s*$\n^postgres .* truncate,copy_out on postgres: .*\({asked}\)")
        self.assertEqual([one["id"] for one in wanda.json("list")[0]["for_a_time"]], [asked])
        self.assertNotIn("FOR_A_TIME", oleg.see("list", "-o", "table"))
        self.assertEqual(oleg.json("access", "list")[0]["id"], asked)
        self.assertRegex(oleg.see("access", "list", "-o", "table"), rf"(?m)^{asked} +active +wanda +postgres +public.fruits")
        self.assertRegex(wanda.see("access", "show", asked), r"(?m)^reason +fruits are stuck")
        self.assertEqual(wanda.json("access", "show", asked)["state"], "active")
        self.ned.refused("access", "show", asked, status=3, cause="no request for access")
        self.assertRegex(wanda.see("access", "end", asked, "--reason", "done", answers=[(r"\[y/N\]", "y")]), r"(?m)^state +ended")
        wanda.run("exec", "postgres", "-c", "TRUNCATE fruits", status=5)
        wanda.refused("access", "end", asked, "--yes", status=1, cause="has ended")
        self.lab.postgres.psql("INSERT INTO fruits SELECT g, 'fruit ' || g FROM generate_series(1, 3) g")

    def test_access_that_is_waited_for(self):
        done = []
        waiting = threading.Thread(target=lambda: done.append(self.wanda.json(*WISH, "--reason", "again", "--wait")))
        waiting.start()
        asked = lab.wait_until(lambda: [one["id"] for one in self.oleg.json("approvals", "list") if one["reason"] == "again"], "it is asked for")[0]
        self.oleg.run("approvals", "approve", asked, "--yes")
        waiting.join(60)
        self.assertEqual([one["state"] for one in done], ["active"])
        self.assertEqual(self.wanda.json("access", "end", done[0]["id"], "--yes")["state"], "ended")

    def test_break_glass(self):
        screen = self.wanda.see("request", "postgres", "--tables", "public.fruits", "--verbs", "select", "--for", "10m", "--reason", "outage",
                                "--break-glass", answers=[(r"Break the glass\?.*\[y/N\]", "y")])
        self.assertRegex(screen, r"(?m)^state +active")
        review = re.search(r"apr_[0-9A-Z]{26}", screen)[0]
        self.assertRegex(self.lea.see("approvals", "list", "-o", "table"), rf"(?m)^{review} +pending +wanda")
        self.assertEqual(self.lea.json("approvals", "deny", review, "--reason", "no outage")["state"], "denied")
        self.assertEqual(self.wanda.json("access", "list"), [])
        self.assertEqual(self.wanda.json("access", "list", "--all", "--limit", "1")[0]["ended_by"], "lea")


if __name__ == "__main__":
    unittest.main()
