"""What would be decided, and why: POST /decisions, dbgate check, and the same hint in the error of a real session."""
import json
import os
import pathlib
import subprocess
import sys
import unittest
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import wire  # noqa: E402


class Decisions(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab()
        cls.addClassCleanup(cls.lab.close)
        cls.lab.postgres.psql("CREATE TABLE customers (id int, city text, card text); CREATE TABLE cards (number text);"
                              "INSERT INTO customers VALUES (1, 'Rome', 'planted')")
        config = ("version: 1\nstate_dir: state\nlisten:\n  postgres: { address: 127.0.0.1, port: 0 }\n"
                  "  api: { address: 127.0.0.1, port: 0 }\n" + cls.lab.users("ana", "ada", "eve", "max") + "targets:\n" + cls.lab.target() +
                  "policies:\n"
                  "  - { name: read, who: { users: [ana] }, on: [postgres], allow: [ { select: ['public.customers(id, city)'], "
                  "functions: [safe] }, { update: [public.customers], require: { where: true } } ] }\n"
                  "  - { name: masked, who: { users: [max] }, on: [postgres], allow: [ { pack: readonly } ], "
                  "mask: { public.customers.card: redact } }\n"
                  "  - { name: watch, mode: observe, who: { users: [eve] }, on: [postgres] }\n"
                  "  - { name: all, who: { users: [ada] }, on: [postgres], allow: [ { everything: true } ] }\n")
        cls.gateway = cls.lab.gateway(config)
        cls.url = f"http://127.0.0.1:{cls.gateway.ports['api']}"
        cls.tokens = {user: cls.post("login", {"username": user, "password": lab.PASSWORD})["access_token"]
                      for user in ("ana", "ada", "eve")}

    @classmethod
    def post(cls, path, body, token=None, status=200):
        request = urllib.request.Request(f"{cls.url}/api/v1/{path}", json.dumps(body).encode(),
                                         {"Content-Type": "application/json",
                                          **({"Authorization": f"Bearer {token}"} if token else {})})
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                got, text = answer.status, answer.read()
        except urllib.error.HTTPError as problem:
            got, text = problem.code, problem.read()
        if got != status:
            raise AssertionError(f"{path} {body}: {got} {text}")
        return json.loads(text)

    def decide(self, user="ana", status=200, **body):
        return self.post("decisions", {"target": "postgres", **body}, self.tokens[user], status)

    def test_a_denial_says_why_about_what_and_what_would_pass(self):
        answer = self.decide(sql="SELECT *, upper(city) FROM customers WHERE id = 1")
        self.assertEqual((answer["effect"], answer["rule"], answer["sqlstate"]), ("deny", "default", "42501"))
        self.assertEqual(answer["reasons"], ["no rule allows SELECT on all columns of customers"])
        self.assertEqual(answer["objects"], {"relations": [{"name": "customers", "effects": ["read"],
                                                            "reads": ["*", "city", "id"]}], "functions": ["upper"]})
        self.assertEqual(answer["suggestion"], "SELECT city, id, upper(city) FROM customers WHERE id = 1")
        self.assertEqual(self.decide(sql=answer["suggestion"])["effect"], "allow")
        self.assertNotIn("suggestion", self.decide(sql="SELECT number FROM cards"))
        self.assertEqual(self.decide(sql="SELEC 1")["effect"], "error")

    def test_what_is_masked_is_said_to_be(self):
        decided = [self.decide("ada", sql=sql, principal="max")["effect"]
                   for sql in ("SELECT id, card FROM customers", "SELECT number FROM cards", "SELECT id FROM customers ORDER BY card")]
        self.assertEqual(decided, ["mask", "allow", "deny"])

    def test_the_error_of_a_session_has_the_same_hint(self):
        passes = "This passes: SELECT city, id FROM customers"
        done = self.lab.psql("SELECT * FROM customers", user="ana", check=False)
        self.assertIn(passes + "\n", done.stderr)
        with wire.Connection(self.gateway.port) as connection:
            connection.login("ana", "postgres", lab.PASSWORD)
            connection.send(wire.parse("", "SELECT * FROM customers") + wire.SYNC)
            self.assertEqual(wire.error_fields(connection.receive()[1])["H"].splitlines()[0], passes)
        done = self.lab.psql("SELECT 1; UPDATE customers SET city = 'x' RETURNING id;", user="ana", check=False)
        self.assertIn("This passes: UPDATE customers SET city = 'x' WHERE … RETURNING id", done.stderr)

    def test_several_statements(self):
        answer = self.decide(statements=["SELECT id FROM customers", "DROP TABLE customers", "BEGIN"])
        self.assertEqual([item["effect"] for item in answer["items"]], ["allow", "deny", "allow"])

    def test_observed(self):
        answer = self.decide("eve", sql="DELETE FROM customers")
        self.assertEqual((answer["effect"], answer["reasons"]), ("log_only", ["no rule allows DELETE on customers"]))

    def test_administrators_may_ask_for_others(self):
        self.assertEqual(self.decide("ada", sql="SELECT card FROM customers", principal="ana")["effect"], "deny")
        self.assertEqual(self.decide("ada", sql="SELECT card FROM customers")["effect"], "allow")
        self.assertEqual(self.decide("ana", sql="SELECT 1", principal="ana")["effect"], "allow")
        for user in ("ana", "eve"):
            for principal in ("ada", "nobody"):
                self.assertEqual(self.decide(user, 403, sql="SELECT 1", principal=principal)["code"], "not_administrator")
        self.decide("ada", 404, sql="SELECT 1", principal="nobody")

    def test_every_decision_is_rated(self):
        for user, sql, level, rules in (("ana", "SELECT id FROM customers WHERE id = 1", "info", []),
                                        ("ada", "DELETE FROM customers", "critical", ["DML-01"]),
                                        ("ana", "DELETE FROM customers", "critical", ["DML-01"]),
                                        ("ada", "SELECT 1; DROP TABLE customers", "critical", ["DD-01", "ST-01"]),
                                        ("ada", "SELEC 1", "critical", ["ST-02"])):
            risk = self.decide(user, sql=sql)["risk"]
            self.assertEqual((risk["level"], [rule["id"] for rule in risk["rules"]]), (level, rules), sql)
        rule = self.decide("ada", sql="UPDATE customers SET city = 'x'")["risk"]["rules"][0]
        self.assertEqual(rule, {"id": "DML-01", "level": "critical", "title": "UPDATE or DELETE without WHERE", "about": "customers",
                                "why": "Every row of the table is changed or deleted.", "remedy": "Name the rows that are meant."})

    def test_malformed_questions(self):
        for body in ({}, {"sql": "x", "statements": ["x"]}, {"statements": []}, {"statements": [1]}, {"statements": "x"},
                     {"sql": 1}, {"sql": "x", "more": 1}, {"sql": "x", "principal": None}, {"statements": ["x"] * 101}):
            self.assertEqual(self.decide(status=400, **body)["code"], "bad_request", body)
        self.post("decisions", {"sql": "x"}, self.tokens["ana"], 400)
        self.post("decisions", {"target": "nowhere", "sql": "x"}, self.tokens["ana"], 404)
        self.post("decisions", {"target": "postgres", "sql": "x"}, None, 401)

    def test_check(self):
        environment = {**os.environ, "DBGATE_URL": self.url, "DBGATE_TOKEN": self.tokens["ada"],
                       "XDG_STATE_HOME": str(self.lab.directory)}
        for options, status in (((), 0), (("--as", "max"), 0), (("--as", "ana"), 5)):
            done = subprocess.run([str(lab.CLI), "check", "postgres", "-c", "SELECT * FROM customers", *options],
                                  capture_output=True, text=True, env=environment, check=False, timeout=60)
            self.assertEqual(done.returncode, status, done.stderr)
        self.assertIn("hint: This passes: SELECT city, id FROM customers", done.stderr)
        for sql, options, status in (("DELETE FROM customers", ("--fail-on", "high"), 10), ("DELETE FROM customers", (), 0),
                                     ("DELETE FROM customers WHERE id = 1", ("--fail-on", "low"), 0),
                                     ("DROP TABLE customers", ("--as", "ana", "--fail-on", "low"), 5)):
            done = subprocess.run([str(lab.CLI), "check", "postgres", "-c", sql, *options], capture_output=True, text=True,
                                  env=environment, check=False, timeout=60)
            self.assertEqual(done.returncode, status, done.stderr)
        self.assertIn("critical: DD-01 What holds data is dropped (customers)\n        instead: Rename it first", done.stderr)


if __name__ == "__main__":
    unittest.main()
