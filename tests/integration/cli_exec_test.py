"""dbgate exec against a real gateway and a real PostgreSQL: formats, limits, interruption, and what failures say."""
import csv
import io
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import terminal  # noqa: E402

VALUES = ("SELECT 1 AS n, 'a,\"b' AS t, NULL::text AS z, '' AS e, true AS b, 1.50::numeric AS d, 9223372036854775807 AS big, "
          "E'x\\ny\\tz|' AS c, '{\"k\": [1]}'::jsonb AS j, 'Grüße' AS u")
NAMES = ["n", "t", "z", "e", "b", "d", "big", "c", "j", "u"]


class Exec(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab()
        cls.addClassCleanup(cls.lab.close)
        cls.lab.postgres.psql("CREATE TABLE t AS SELECT generate_series(1, 1000) AS a; CREATE TABLE hidden (a int); "
                              "CREATE TABLE people (name text, card text); INSERT INTO people VALUES ('Ada', '4111222233334444')")
        cls.lab.postgres.psql("CREATE DATABASE second")
        certificates = cls.lab.certificates
        tls = f"tls: {{ cert_file: {certificates.cert}, key_file: {certificates.key} }}"
        cls.gateway = cls.lab.gateway(
            "version: 1\nstate_dir: state\nlisten:\n"
            f"  postgres: {{ address: 127.0.0.1, port: 0, {tls} }}\n  api: {{ address: 127.0.0.1, port: 0, {tls} }}\n" +
            cls.lab.users("ana", "ada") + "targets:\n" + cls.lab.target(databases=("second",)) + "policies:\n"
            "  - { name: read, who: { users: [ana] }, on: [postgres], allow: [ { select: [public.t, public.people], "
            "functions: [safe] } ], mask: { public.people.card: redact } }\n"
            "  - { name: all, who: { users: [ada] }, on: [postgres], allow: [ { everything: true } ] }\n")
        cls.environment = {name: value for name, value in os.environ.items() if name not in ("DBGATE_TOKEN", "PGPASSWORD")}
        home = pathlib.Path(cls.enterClassContext(lab.tempfile.TemporaryDirectory(prefix="dbgate-home-")))
        cls.environment.update({"DBGATE_CA_FILE": str(certificates.ca), "XDG_RUNTIME_DIR": str(home),
                                "XDG_CONFIG_HOME": str(home / "config"), "XDG_CACHE_HOME": str(home / "cache"),
                                "DBGATE_URL": f"https://localhost:{cls.gateway.ports['api']}"})
        cls.states = {user: str(home / user) for user in ("ana", "ada")}
        for user, state in cls.states.items():
            subprocess.run([str(lab.CLI), "login", "--username", user, "--password-stdin"], input=lab.PASSWORD + "\n", text=True,
                           env={**cls.environment, "XDG_STATE_HOME": state}, check=True, capture_output=True)

    def exec(self, *arguments, user="ada", status=0, text="", target="postgres"):
        done = subprocess.run([str(lab.CLI), "exec", target, *arguments], input=text, capture_output=True, text=True, timeout=60,
                              env={**self.environment, "XDG_STATE_HOME": self.states[user]}, check=False)
        self.assertEqual(done.returncode, status, f"{arguments}: {done.stdout[:2000]}{done.stderr}")
        return done

    def running(self, marker):
        return self.lab.postgres.psql("SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE "
                                      f"'%{marker}%' AND pid <> pg_backend_pid()").stdout.strip() != "0"

    def begin(self, sql):
        process = subprocess.Popen([str(lab.CLI), "exec", "postgres", "-o", "csv", "-c", sql], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, env={**self.environment, "XDG_STATE_HOME": self.states["ada"]})
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def test_formats(self):
        read = list(csv.reader(io.StringIO(self.exec("-c", VALUES, "-o", "csv").stdout)))
        self.assertEqual(read, [NAMES, ["1", 'a,"b', "", "", "true", "1.50", "9223372036854775807", "x\ny\tz|", '{"k": [1]}', "Grüße"]])
        self.assertIn(',,"",', self.exec("-c", VALUES, "-o", "csv").stdout)  # NULL is not the empty text
        self.assertEqual(self.exec("-c", VALUES, "-o", "tsv", "--no-headers").stdout.split("\t")[7], "x\\ny\\tz|")
        wanted = {"n": 1, "t": 'a,"b', "z": None, "e": "", "b": True, "d": "1.50", "c": "x\ny\tz|", "j": '{"k": [1]}', "u": "Grüße"}
        row, = json.loads(self.exec("-c", VALUES, "-o", "json").stdout)
        self.assertEqual((str(row.pop("big")), row), ("9223372036854775807", wanted))
        line = json.loads(self.exec("-c", VALUES, "-o", "jsonl").stdout)
        self.assertEqual((str(line.pop("big")), line), ("9223372036854775807", wanted))
        self.assertEqual(self.exec("-c", "SELECT 1 AS a, NULL AS b", "-o", "table").stdout, "A  B\n1  NULL\n")
        self.assertEqual(self.exec("-c", "SELECT 1 AS a", "-o", "aligned").stdout, " a\n---\n 1\n(1 row)\n")
        self.assertEqual(self.exec("-c", "SELECT '|' AS a", "-o", "markdown").stdout, "| a |\n| --- |\n| \\| |\n")
        self.exec("-c", "SELECT 1", "-o", "yaml", status=2)

    def test_large_results_come_whole(self):
        done = self.exec("-c", "SELECT g, md5(g::text) FROM generate_series(1, 9000) g", "-o", "csv", "--max-rows", "9000")
        self.assertEqual([int(row[0]) for row in list(csv.reader(io.StringIO(done.stdout)))[1:]], list(range(1, 9001)))

    def test_rows_are_limited_and_that_is_said(self):
        done = self.exec("-c", "SELECT a FROM t ORDER BY a", "--max-rows", "2", "-o", "csv")
        self.assertEqual(done.stdout, "a\n1\n2\n")
        self.assertIn("--max-rows", done.stderr)
        self.assertNotIn("--max-rows", self.exec("-c", "SELECT a FROM t WHERE a < 3", "--max-rows", "2").stderr)

    def test_other_ways_to_give_a_statement(self):
        self.assertEqual(self.exec("-", text="SELECT 7 AS seven").stdout, "seven\n7\n")
        self.assertEqual(self.exec("-c", "SELECT current_database() AS d", target="postgres/second").stdout, "d\nsecond\n")
        done = self.exec("-c", "SELECT 1 AS a; SELECT 2 AS b", "--script", "-o", "json")
        decoder = json.JSONDecoder()
        first, end = decoder.raw_decode(done.stdout)
        self.assertEqual((first, json.loads(done.stdout[end:])), ([{"a": 1}], [{"b": 2}]))
        self.assertIn("script", self.exec("-c", "SELECT 1; SELECT 2", status=8).stderr)

    def test_tags_and_notices_go_to_standard_error(self):
        done = self.exec("-c", "DO $$ BEGIN RAISE NOTICE 'hello %', 1 USING HINT = 'look'; END $$")
        self.assertEqual((done.stdout, done.stderr), ("", "NOTICE:  hello 1\nHINT:  look\nDO\n"))
        self.exec("-c", "CREATE TABLE made (a int)")
        self.assertEqual(self.exec("-c", "INSERT INTO made VALUES (1), (2)").stderr, "INSERT 0 2\n")

    def test_policy_is_in_force(self):
        self.assertNotIn("4111", self.exec("-c", "SELECT * FROM people", "-o", "csv", user="ana").stdout)
        for flags in ((), ("--dry-run",)):
            self.exec("-c", "SELECT * FROM hidden", *flags, user="ana", status=5)
        problem = json.loads(self.exec("-c", "DELETE FROM t", "-o", "json", user="ana", status=5).stderr)
        self.assertEqual((problem["code"], problem["sqlstate"], problem["exit_code"]), ("denied", "42501", 5))
        self.assertEqual(problem["decision"]["effect"], "deny")

    def test_failures_have_their_status(self):
        self.assertIn("(SQLSTATE 22012)", self.exec("-c", "SELECT 1 / 0", status=8).stderr)
        self.assertEqual(json.loads(self.exec("-c", "SELECT 1 FRM x", "-o", "json", status=8).stderr)["position"], 14)
        # After the answer has begun: the rows that came are printed, and the end is an error.
        done = self.exec("-c", "SELECT 10 / (500 - a) FROM t ORDER BY a", "--no-headers", "-o", "csv", status=8)
        self.assertIn("division by zero (SQLSTATE 22012)", done.stderr)
        began = time.monotonic()
        self.exec("-c", "SELECT pg_sleep(50)", "--timeout", "1s", status=9)
        self.assertLess(time.monotonic() - began, 20)
        said = self.exec("-c", "SELECT 1", target="postgrse", status=3).stderr
        self.assertIn("postgres", said.replace("postgrse", ""))
        self.exec("-c", "SELECT 1", target="postgres/third", status=3)
        self.exec("-c", "COPY t TO STDOUT", status=8)

    def test_ctrl_c_cancels_in_the_database(self):
        environment = {**self.environment, "XDG_STATE_HOME": self.states["ada"]}
        term = self.enterContext(terminal.Terminal(
            [lab.CLI, "exec", "postgres", "-o", "csv", "-c", "SELECT pg_sleep(50), 'ctrl_c_rows'"], environment))
        term.expect("pg_sleep")
        lab.wait_until(lambda: self.running("ctrl_c_rows"), "it runs", 10)
        term.interrupt()
        self.assertEqual(term.wait(), 130)
        lab.wait_until(lambda: not self.running("ctrl_c_rows"), "it runs no more", 10)

    def test_whoever_ends_before_an_answer_leaves_nothing_running(self):
        # Without columns nothing is answered before the end, so the query has no name yet.
        for number, mark in ((signal.SIGINT, "early_int"), (signal.SIGKILL, "early_kill")):
            process = self.begin(f"DO $$ BEGIN PERFORM pg_sleep(50), '{mark}'; END $$")
            lab.wait_until(lambda mark=mark: self.running(mark), "it runs", 10)
            process.send_signal(number)
            self.assertEqual(process.wait(20), 130 if number == signal.SIGINT else -number)
            lab.wait_until(lambda mark=mark: not self.running(mark), "it runs no more", 10)


if __name__ == "__main__":
    unittest.main()
