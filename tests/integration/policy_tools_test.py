"""Policies before they are in force: tests of policies, what a change would change, lists learnt from an application, and
the modes that lead there. Statement lists hold on every path."""
import json
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import wire  # noqa: E402

SETUP = """
CREATE TABLE t (id int PRIMARY KEY, note text); INSERT INTO t SELECT n, 'note ' || n FROM generate_series(1, 9) n;
CREATE TABLE hidden (secret text); INSERT INTO hidden VALUES ('planted');
"""
APPLICATION = """
SELECT note FROM t WHERE id = 3;
SELECT note FROM t WHERE id = 4;
SELECT count(*) FROM hidden WHERE secret IN ('a', 'b');
UPDATE t SET note = 'it''s' WHERE id = 1;
BEGIN; COMMIT;
"""


class PolicyTools(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab()
        cls.addClassCleanup(cls.lab.close)
        cls.lab.postgres.psql(SETUP)
        cls.gateway = cls.lab.gateway(cls.config("allow: [ { select: ['public.t'] } ]"))

    @classmethod
    def config(cls, rules, more=""):
        return ("version: 1\nstate_dir: state\n" + cls.lab.listen() + cls.lab.users("app") + "targets:\n" + cls.lab.target() +
                f"policies:\n  - {{ name: app, who: {{ users: [app] }}, on: [postgres], {rules} }}\n" + more)

    def file(self, name, text):
        path = self.lab.directory / name
        path.write_text(text)
        return path

    def dbgate(self, *arguments, status=0):
        done = subprocess.run([str(lab.CLI), "policy", *map(str, arguments)], capture_output=True, text=True, check=False,
                              timeout=60)
        self.assertEqual(done.returncode, status, f"{arguments}: {done.stdout}{done.stderr}")
        return done

    def decided(self, text):
        return [record for record in self.gateway.audit("statement.decided") if record.get("db.query.text") == text]

    def audit_directory(self):
        return self.gateway.directory / "state" / "audit"

    def psql(self, sql, **options):
        return self.lab.psql(sql, user="app", **options)

    def test_observe_lets_through_and_records(self):
        self.gateway.reload(self.config("mode: observe, allow: [ { select: [public.t] } ], deny: [ { delete: [public.t] } ]"))
        self.psql("SELECT 'observed' FROM hidden")
        record = self.decided("SELECT 'observed' FROM hidden")[-1]
        self.assertEqual((record["decision.effect"], record["decision.rule_id"]), ("log_only", "default"))
        self.assertEqual(record["decision.reasons"], ["no rule allows SELECT on hidden"])
        self.assertNotIn("statement.shapes", record)
        for refused in ("DELETE FROM t", "SET client_encoding = LATIN1", "SELEC 1"):
            self.assertIn("ERROR", self.psql(refused, check=False).stderr, refused)

    def test_learn_then_list_then_enforce(self):
        self.gateway.reload(self.config("mode: learn"))
        self.psql(APPLICATION)
        learnt = self.dbgate("learn", "--audit", self.audit_directory(), "--user", "app", "--target", "postgres")
        self.assertEqual(learnt.stdout.splitlines()[2:], [
            '''      - "select count (*) from hidden where secret in ('', '')"''',
            '''      - "select note from t where id = 0"''',
            '''      - "update t set note = '' where id = 0"'''])
        rules = "".join("    " + line + "\n" for line in learnt.stdout.splitlines())
        enforced = self.config("").split("policies:")[0]
        enforced += "policies:\n  - name: app\n    who: { users: [app] }\n    on: [postgres]\n" + rules
        self.gateway.reload(enforced)
        self.assertEqual(self.psql("SELECT  note FROM t WHERE id = 9 -- again").stdout, "note 9\n")
        self.psql(APPLICATION)
        for refused in ("SELECT note FROM t", "SELECT note FROM t WHERE id = 1 OR true", "SELECT secret FROM hidden",
                        "SELECT note FROM t WHERE id = 1 UNION SELECT secret FROM hidden",
                        "SELECT count(*) FROM hidden WHERE secret IN ('a', 'b', 'c')",
                        "SELECT note FROM t WHERE id = 1; SELECT secret FROM hidden",
                        "SELECT count(*) FROM hidden WHERE secret IN ('a', (SELECT 'b' FROM hidden))",
                        "COPY (SELECT note FROM t WHERE id = 1) TO STDOUT"):
            done = self.psql(refused, check=False)
            self.assertIn("permission denied by dbgate policy", done.stderr, refused)
            self.assertNotIn("planted", done.stdout)

    def test_lists_hold_for_extended_queries(self):
        self.gateway.reload(self.config("allow: [ { statements: ['SELECT note FROM t WHERE id = $1'] } ]"))
        with wire.Connection(self.gateway.port) as connection:
            connection.login("app", "postgres", lab.PASSWORD)
            for text, expected in (("select note from t where id = $1", "12DCZ"), ("SELECT note FROM t WHERE id = $2", "EZ"),
                                   ("SELECT note FROM t WHERE id < $1", "EZ"), ("SELECT note FROM t WHERE id = 1", "EZ")):
                connection.send(wire.parse("", text) + wire.bind("", "", [b"7", b"7"][:text.count("$1")]) + wire.execute("") +
                                wire.SYNC)
                self.assertEqual(connection.types_until_ready(), expected, text)

    def test_a_rule_out_of_its_time_is_not_there(self):
        always = "when: { timezone: Asia/Kathmandu }"
        never = "when: { days: [mon], from: '12:00', to: '12:01', timezone: Pacific/Kiritimati }"
        self.gateway.reload(self.config(f"allow: [ {{ select: [public.t], {always} }}, {{ update: [public.t], {never} }} ]"))
        self.psql("SELECT note FROM t WHERE id = 3")
        self.assertIn("no rule allows UPDATE", self.psql("UPDATE t SET note = ''", check=False).stderr)
        tests = self.file("times.yaml", f"config: {self.gateway.config}\ntests:\n"
                          "  - { as: app, on: postgres, sql: UPDATE t SET note = '', expect: deny, at: '2026-11-22T21:59:59Z' }\n"
                          "  - { as: app, on: postgres, sql: UPDATE t SET note = '', expect: allow, at: '2026-11-22T22:00:00Z' }\n")
        self.dbgate("test", tests)

    def test_tests_of_policies(self):
        config = self.file("policy.yaml", self.config("allow: [ { select: ['public.t(id)'] } ]"))
        tests = self.file("tests.yaml", "tests:\n  - { as: app, on: postgres, sql: SELECT id FROM t, expect: allow }\n"
                          "  - { as: app, on: postgres, sql: SELECT note FROM t, expect: allow }\n")
        done = self.dbgate("test", tests, "--config", config, status=1)
        self.assertEqual([line.split("\t")[:2] for line in done.stdout.splitlines()[1:]], [["2", "ok"], ["3", "FAILED"]])
        self.assertIn("expected allow, got deny by default: no rule allows SELECT on column note of t", done.stdout)
        self.assertIn("2 tests, 1 failed", done.stderr)
        answer = json.loads(self.dbgate("test", tests, "--config", config, "-o", "json", status=1).stdout)
        self.assertEqual((answer["failed"], answer["items"][1]["outcome"]["effect"]), (1, "deny"))
        self.assertIn("names no configuration", self.dbgate("test", tests, status=2).stderr)
        self.assertIn("has no tests", self.dbgate("test", config, status=2).stderr)
        bad = self.file("bad.yaml", "tests:\n  - { as: app, sql: x, expect: maybe }\n")
        said = self.dbgate("test", bad, "--config", config, status=2).stderr
        self.assertIn("bad.yaml:2:5: error: tests[0]: needs on", said)
        self.assertIn('"maybe" is not one of: allow, deny, mask, log_only', said)

    def test_a_configuration_carries_its_own_tests(self):
        test = "tests:\n  - { as: app, on: postgres, sql: SELECT note FROM t, expect: %s }\n"
        for expected, status in (("allow", 0), ("deny", 1)):
            config = self.file("own.yaml", self.config("allow: [ { select: [public.t] } ]", test % expected))
            done = subprocess.run([str(lab.GATEWAY), "--check-config", "--config", str(config)], capture_output=True, text=True,
                                  check=False, timeout=60)
            self.assertEqual(done.returncode, status, done.stderr)
            self.dbgate("test", config, status=status)
        self.assertRegex(done.stderr, r"own\.yaml:\d+:\d+: error: test failed: expected deny, got allow by app/allow\[0\]")

    def test_what_a_change_would_change(self):
        self.gateway.reload(self.config("allow: [ { select: [public.t] } ]"))
        self.psql("SELECT id, 'diff' FROM t WHERE id = 1; SELECT note, 'diff' FROM t WHERE id = 1;")
        self.psql("SELECT secret, 'diff' FROM hidden", check=False)
        old = self.file("old.yaml", self.config("allow: [ { select: [public.t] } ]"))
        new = self.file("new.yaml", self.config("allow: [ { select: ['public.t(id)', public.hidden] } ]"))
        done = self.dbgate("diff", old, new, "--audit", self.audit_directory(), "-o", "json", status=1)
        changes = {item["sql"]: item for item in json.loads(done.stdout)["items"] if "'diff'" in item["sql"]}
        self.assertEqual({sql: (item["user"], item["target"], item["old"]["effect"], item["new"]["effect"], item["new"]["rule"])
                          for sql, item in changes.items()},
                         {"SELECT note, 'diff' FROM t WHERE id = 1;":
                          ("app", "postgres/postgres", "allow", "deny", "default"),
                          "SELECT secret, 'diff' FROM hidden":
                          ("app", "postgres/postgres", "deny", "allow", "app/allow[0]")})
        self.assertEqual(self.dbgate("diff", old, old, "--audit", self.audit_directory()).stdout.count("\n"), 1)
        self.dbgate("diff", old, new, "--audit", self.lab.directory / "nowhere", status=3)
        self.dbgate("diff", old, self.lab.directory / "nowhere", status=2)


if __name__ == "__main__":
    unittest.main()
