#!/usr/bin/python3
"""Targets, policies and what is done on them by the command line, under a terminal, at a real gateway."""
import csv
import io
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import cli_people  # noqa: E402
import lab  # noqa: E402
import terminal  # noqa: E402

POLICIES = "policies:\n  - {{ name: {name}, who: {{ users: [{user}] }}, on: [{target}], allow: [ {{ {rule} }} ] }}\n"


class Targets(cli_people.People):
    VERBS = {"target list", "target show", "target add", "target edit", "target test", "target prepare", "target remove", "policy list", "policy show",
             "policy validate", "policy apply", "policy activate", "policy test", "policy diff", "policy learn", "list", "show"}

    def test_a_target_from_first_to_last(self):
        root, port = self.root, self.lab.postgres.port
        settings = ["--host", f"127.0.0.1:{port}", "--database", "postgres", "--user", "postgres", "--tls", "disable"]
        # The password is asked for, and shown nowhere.
        screen = root.see("target", "add", "fresh", *settings, "--env", "production", "--label", "team=sales", answers=[("Password", "wrong one")])
        self.assertNotIn("wrong one", screen)
        self.assertRegex(screen, r"(?m)^settings.environment +production$")
        screen = root.see("target", "test", "fresh", status=1)
        self.assertRegex(screen, r"(?m)^ok +false$")
        root.run("target", "edit", "fresh", "--password-stdin", "-o", "json", text=lab.PASSWORD + "\n")
        self.assertTrue(root.json("target", "test", "fresh")["ok"])
        # The commit gate's SQL: shown, run, taken back.
        self.assertIn("CREATE SCHEMA IF NOT EXISTS dbgate_gate", root.see("target", "prepare", "fresh"))
        self.assertIn("CREATE SCHEMA IF NOT EXISTS dbgate_gate", root.json("target", "prepare", "fresh")["sql"])
        schemas = "SELECT count(*) FROM pg_namespace WHERE nspname = 'dbgate_gate'"
        self.assertEqual(self.lab.postgres.psql(schemas).stdout, "0\n")
        self.assertIn("prepared fresh", root.see("target", "prepare", "fresh", "--apply", answers=[(r"\[y/N\]", "y")]))
        self.assertEqual(self.lab.postgres.psql(schemas).stdout, "1\n")
        self.assertEqual(root.run("target", "prepare", "fresh", "--undo", "--apply", "--yes").splitlines()[-1], "DROP SCHEMA IF EXISTS dbgate_gate CASCADE;")
        self.assertEqual(self.lab.postgres.psql(schemas).stdout, "0\n")
        root.refused("target", "prepare", "fresh", "--apply", "--yes", "--database", "nonsense", status=1, cause="no database")
        shown = root.json("target", "show", "fresh")
        self.assertTrue(shown["has_password"])
        self.assertNotIn(lab.PASSWORD, json.dumps(shown))
        self.assertIn("changed fresh", root.see("target", "edit", "fresh", "--env", "staging", "--further-database", "template1"))
        screen = root.see("target", "show", "fresh")
        self.assertRegex(screen, r"(?m)^settings.environment +staging$")
        self.assertRegex(screen, r'(?m)^settings.labels +\{"team":"sales"\}$')
        # All targets are for administrators; who may use none sees none.
        self.assertRegex(root.see("target", "list"), r"(?m)^fresh +postgresql +postgres,template1 +staging +none")
        self.assertEqual({one["name"] for one in root.json("target", "list")}, {"fresh", "postgres"})
        nobody = self.person("nobody-yet")
        nobody.refused("target", "list", status=5, cause="administrators")
        self.assertIn("no target is open to you", nobody.see("list"))
        root.run("policy", "apply", "-", text=POLICIES.format(name="use", user="nobody-yet", target="fresh", rule="everything: true"))
        lab.wait_until(lambda: nobody.json("list"), "the policy gives access", 5)
        self.assertRegex(nobody.see("list"), r"(?m)^fresh +staging +postgresql +(?:NULL|[0-9.]+) +postgres,template1 +write")
        self.assertEqual(nobody.run("list", "--env", "staging", "--label", "team=sales", "-q"), "fresh\n")
        self.assertEqual(nobody.run("list", "--env", "production", "-q"), "")
        self.assertRegex(nobody.see("show", "fresh"), r"(?m)^environment +staging$")
        self.assertEqual(nobody.json("show", "fresh")["access"], "write")
        nobody.refused("show", "frech", status=3, cause='no target "frech"', hint='did you mean "fresh"')
        self.assertEqual(nobody.run("exec", "fresh", "-c", "SELECT count(*) FROM fruits", "--no-headers"), "3\n")
        root.refused("target", "add", "fresh", *settings, "--password-stdin", status=1, cause="already", hint="dbgate target list",
                     answers=[("", lab.PASSWORD)])
        root.refused("target", "edit", "postgres", "--env", "x", status=1, cause="configuration file", hint="SIGHUP")
        root.refused("target", "add", "bad", "--host", "nonsense:0", "--database", "x", "--user", "y", "--password-stdin", status=1,
                     cause="0 is not a port", answers=[("", "x")])
        root.refused("target", "add", "bad", status=2, cause="--host")
        root.refused("target", "edit", "fresh", "--label", "team", status=2, cause="KEY=VALUE")
        root.json("target", "add", "brief", *settings, "--password-stdin", text=lab.PASSWORD + "\n")
        root.run("target", "remove", "brief", "--yes", "-o", "json")
        root.refused("target", "remove", "fresh", "--yes", status=1, cause='policy "use" names')
        root.run("policy", "apply", "-", text="policies: []\n")
        root.see("target", "remove", "fresh", answers=[(r"\[y/N\]", "y")])
        self.assertEqual(root.api("GET", "/targets/fresh")[0], 404)
        lab.wait_until(lambda: not nobody.json("list"), "the target is gone", 5)
        root.refused("target", "test", "fresh", status=3, cause="fresh", hint="dbgate target list")

    def test_policies_of_the_store(self):
        root, pia = self.root, self.person("pia")
        before = root.json("policy", "show")["number"]
        good = POLICIES.format(name="pias", user="pia", target="postgres", rule="select: [public.fruits], functions: [safe]")
        file = root.home / "policies.yaml"
        file.write_text(good)
        self.assertIn("nothing is wrong", root.see("policy", "validate", file))
        self.assertIn("is in force", root.see("policy", "apply", file, "--comment", "pia may look"))
        lab.wait_until(lambda: pia.json("list"), "the policy gives access", 5)
        self.assertEqual(pia.run("exec", "postgres", "-c", "SELECT name FROM fruits WHERE id = 1", "--no-headers"), "fruit 1\n")
        pia.run("exec", "postgres", "-c", "DELETE FROM fruits", status=5)
        number = root.json("policy", "show")["number"]
        self.assertGreater(number, before)
        self.assertRegex(root.see("policy", "list"), rf"(?m)^ *{number} +true +root .* pia may look")
        self.assertEqual(root.json("policy", "list")[0]["number"], number)
        self.assertEqual(root.run("policy", "show", number), good)
        self.assertIn("select: [public.fruits]", root.see("policy", "show"))
        file.write_text(POLICIES.format(name="pias", user="nobody-at-all", target="postgres", rule="everything: true"))
        self.assertRegex(root.see("policy", "validate", file), r'warning +2 +\d+ .*no user is called "nobody-at-all"')
        file.write_text(POLICIES.format(name="pias", user="pia", target="postgres", rule="selekt: [public.fruits]"))
        screen = root.see("policy", "validate", file, status=1)
        self.assertRegex(screen, r"error +2 +\d+ .*selekt")
        self.assertFalse(cli_people.json.loads(root.run("policy", "validate", file, "-o", "json", status=1))["valid"])
        root.refused("policy", "apply", file, status=1, cause="selekt")
        file.write_text("policies: []\n")
        draft = root.json("policy", "apply", file, "--draft")["number"]
        self.assertEqual(root.json("policy", "show")["number"], number)
        root.see("policy", "activate", draft, answers=[(r"\[y/N\]", "y")])
        lab.wait_until(lambda: not pia.json("list"), "the policy is taken back", 5)
        root.run("policy", "activate", number, "--yes", "-o", "json")
        lab.wait_until(lambda: pia.json("list"), "and is in force again", 5)
        root.refused("policy", "activate", "99999", "--yes", status=3, cause="99999", hint="dbgate policy list")
        pia.refused("policy", "list", status=5, cause="administrative role")

    def test_policies_without_a_gateway(self):
        root = self.root
        config = root.home / "gateway.yaml"
        base = ("version: 1\nstate_dir: state\n" + self.lab.users("ana") + "targets:\n" + self.lab.target() +
                "policies:\n  - name: p\n    who: { users: [ana] }\n    on: [postgres]\n    allow: [ { select: [public.fruits] } ]\n")
        config.write_text(base + "tests:\n  - { as: ana, on: postgres, sql: SELECT id FROM fruits, expect: allow }\n")
        self.assertIn("1 test, 0 failed", root.see("policy", "test", config))
        self.assertEqual(root.json("policy", "test", config)["failed"], 0)
        other = root.home / "other.yaml"
        other.write_text(base.replace("select: [public.fruits]", "select: [public.vegetables]"))
        audit = self.gateway.directory / "state" / "audit"
        self.assertIn("statements change", root.see("policy", "diff", config, other, "--audit", audit))
        self.assertEqual(root.json("policy", "diff", config, other, "--audit", audit)["changed"], 0)
        root.refused("policy", "learn", "--audit", audit, "--user", "ana", "--target", "postgres", status=3, cause="nothing was learnt", hint="learn")
        root.run("policy", "learn", "--audit", audit, "--user", "ana", "--target", "postgres", "-o", "json", status=3)


class Work(cli_people.People):
    VERBS = {"connect", "status", "disconnect", "env", "config pgservice", "exec", "check", "history list", "history show", "history rerun",
             "saved-query list", "saved-query show", "saved-query add", "saved-query run", "saved-query remove", "sessions list",
             "sessions watch", "sessions kill", "audit tail", "audit search", "audit export", "audit verify",
             "audit receipt", "audit check", "audit unseal", "replay"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.wanda = cls.person(cls(), "wanda")
        cls.oleg = cls.person(cls(), "oleg")
        cls.allow(cls(), "wanda")
        lab.wait_until(lambda: cls.wanda.json("list"), "the policy gives access", 5)

    def test_statements(self):
        wanda = self.wanda
        screen = wanda.see("exec", "postgres", "-c", "SELECT id, name, NULL AS nothing FROM fruits ORDER BY 1")
        self.assertRegex(screen, r"ID +NAME +NOTHING\n +1 +fruit 1 +NULL\n")
        self.assertEqual(wanda.run("exec", "postgres", "-", "-o", "csv", text="SELECT 1 AS a, 'x,y' AS b, NULL AS c"), 'a,b,c\n1,"x,y",\n')
        self.assertEqual(wanda.json("exec", "postgres", "-c", "SELECT 1 AS a"), [{"a": 1}])
        screen = wanda.see("exec", "postgres", "-c", "SELECT 1/0", status=8)
        self.assertRegex(screen, r"dbgate: division by zero \(SQLSTATE 22012\)")
        self.oleg.refused("exec", "postgres", "-c", "SELECT 1", status=3, cause="no target")
        wanda.refused("exec", "postgres", status=2, cause="needs a statement", hint="-c SQL")
        wanda.refused("exec", "postgres", "-c", "SELECT pg_sleep(30)", "--timeout", "1s", status=9, cause=".", hint="timeout")
        wanda.run("exec", "postgres", "-c", "INSERT INTO fruits VALUES (99, 'one more')")
        self.assertEqual(self.lab.postgres.psql("SELECT name FROM fruits WHERE id = 99").stdout, "one more\n")
        wanda.run("exec", "postgres", "-c", "DELETE FROM fruits WHERE id = 99", "--dry-run")
        self.assertEqual(self.lab.postgres.psql("DELETE FROM fruits WHERE id = 99 RETURNING 1").stdout, "1\n")
        with terminal.Terminal([lab.CLI, "exec", "postgres", "-c", "SELECT pg_sleep(60)"], wanda.environment) as term:
            lab.wait_until(lambda: "pg_sleep(60)" in self.running(), "the statement runs")
            term.interrupt()
            self.assertEqual(term.wait(), 130, term.screen)
        lab.wait_until(lambda: "pg_sleep(60)" not in self.running(), "Ctrl-C has cancelled it in the database", 10)
        self.assertRegex(wanda.see("check", "postgres", "-c", "SELECT 1"), r"allow +SELECT")
        self.assertEqual(wanda.json("check", "postgres", "-c", "DROP TABLE fruits")["effect"], "allow")
        wanda.see("check", "postgres", "-c", "SELEC", status=8)
        self.oleg.refused("check", "postgres", "-c", "SELECT 1", status=3, cause="no target")

    def running(self):
        return self.lab.postgres.psql("SELECT query FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid()").stdout

    def test_history(self):
        wanda = self.wanda
        wanda.run("exec", "postgres", "-c", "SELECT 4711 AS seen")
        entry = lab.wait_until(lambda: next((one for one in wanda.json("history", "list", "--state", "succeeded")
                                             if "4711" in one["sql"]), None), "the statement and its outcome are in the history", 10)
        self.assertRegex(wanda.see("history", "list", "--state", "succeeded"), rf"(?m)^{entry['id']} .*4711")
        self.assertIn("SELECT 4711 AS seen", wanda.see("history", "show", entry["id"]))
        self.assertEqual(wanda.json("history", "show", entry["id"])["id"], entry["id"])
        self.assertRegex(wanda.see("history", "rerun", entry["id"]), r"SEEN\n4711")
        self.assertEqual(wanda.json("history", "rerun", entry["id"]), [{"seen": 4711}])
        self.oleg.refused("history", "show", entry["id"], status=3, cause=".", hint="dbgate history list")
        self.assertIn("4711", self.root.run("history", "list", "--all", "--user", "wanda"))
        self.oleg.refused("history", "list", "--all", status=5, cause=".", hint="whoami")

    def test_saved_queries(self):
        wanda, oleg = self.wanda, self.oleg
        self.assertIn("no saved query", oleg.see("saved-query", "list"))
        wanda.see("saved-query", "add", "count", "postgres", "-c", "SELECT count(*) AS n FROM fruits", "--description", "how many")
        self.assertEqual(wanda.json("saved-query", "add", "ours", "postgres", "-c", "SELECT 1 AS one", "--shared")["shared"], True)
        self.assertRegex(wanda.see("saved-query", "list"), r"(?m)^count +postgres +wanda +false +how many")
        self.assertEqual([one["name"] for one in oleg.json("saved-query", "list")], ["ours"])
        self.assertIn("SELECT count(*)", wanda.see("saved-query", "show", "count"))
        self.assertEqual(wanda.json("saved-query", "show", "count")["target"], "postgres")
        self.assertRegex(wanda.see("saved-query", "run", "count"), r"N\n3")
        self.assertEqual(wanda.json("saved-query", "run", "ours"), [{"one": 1}])
        # Shared is the text, not the right to run it.
        oleg.refused("saved-query", "run", "ours", status=3, cause="no target")
        oleg.refused("saved-query", "show", "count", status=3, cause="count", hint="dbgate saved-query list")
        oleg.run("saved-query", "remove", "ours", "--yes", status=5)
        wanda.see("saved-query", "remove", "count", answers=[(r"\[y/N\]", "y")])
        wanda.run("saved-query", "remove", "ours", "--yes", "-o", "json")
        self.assertEqual(wanda.api("GET", "/saved-queries")[1]["items"], [])

    def test_tunnels(self):
        wanda = self.wanda
        wanda.refused("env", "postgres", status=3, cause="no tunnel", hint="dbgate connect postgres --background")
        self.assertIn("psql", wanda.see("connect", "postgres", "--port", "0", "--background"))
        tunnel = wanda.json("status")[0]
        self.assertRegex(wanda.see("status"), rf"(?m)^postgres +postgres +127.0.0.1:{tunnel['port']}")
        exports = dict(re.findall(r"export (PG\w+)='?([^'\n]*)'?", wanda.see("env", "postgres")))
        done = subprocess.run(["psql", "-X", "-A", "-t", "-c", "SELECT current_user, 'through'"], env={**wanda.environment, **exports},
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.stdout, "postgres|through\n", done.stderr)
        self.assertIn("[postgres]", wanda.see("config", "pgservice", "postgres", "--print"))
        wanda.run("config", "pgservice", "postgres", "-o", "json")
        done = subprocess.run(["psql", "-X", "-A", "-t", "-c", "SELECT 1"], env={**wanda.environment, "PGSERVICE": "postgres"},
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.stdout, "1\n", done.stderr)
        self.assertEqual(wanda.json("list")[0]["port"], tunnel["port"])
        self.assertEqual(pathlib.Path(tunnel["passfile"]).stat().st_mode & 0o777, 0o600)
        screen = wanda.see("connect", "postgres", "--port", "0", "--", "psql", "-X", "-A", "-t", "-c", "SELECT 'in a terminal'")
        self.assertIn("in a terminal", screen)
        wanda.see("connect", "postgres", "--port", "0", "--", "sh", "-c", "exit 42", status=42)
        wanda.see("connect", "postgres", "--port", "0", "--", "no-such-program", status=127)
        wanda.refused("connect", "postgres", "--port", str(tunnel["port"]), status=125, cause="taken", hint="--port 0")
        self.oleg.refused("connect", "postgres", status=3, cause="no target")
        self.assertIn("ended", wanda.see("disconnect", "postgres") + "ended")
        lab.wait_until(lambda: wanda.json("status") == [], "the tunnel is gone", 5)
        wanda.refused("disconnect", "postgres", status=3, cause="no tunnel|postgres")
        wanda.run("disconnect", "--all", "-o", "json")
        with subprocess.Popen([str(lab.CLI), "connect", "postgres", "--port", "0", "-o", "json"], stdout=subprocess.PIPE, text=True,
                              env=wanda.environment) as process:
            events = [json.loads(process.stdout.readline())["event"] for _ in range(2)]
            self.assertEqual(events, ["starting", "ready"])
            process.send_signal(signal.SIGINT)
            self.assertEqual([json.loads(line)["event"] for line in process.stdout], ["ended"])
        self.assertEqual(process.returncode, 130)
        self.note(["connect"], True, False)

    def test_sessions(self):
        wanda, root = self.wanda, self.root
        with terminal.Terminal([lab.CLI, "sessions", "watch", "--debug"], root.environment) as watch:
            self.note(["sessions", "watch"], True, True)
            watch.expect("text/event-stream")
            with subprocess.Popen([str(lab.CLI), "connect", "postgres", "--port", "0", "--", "psql", "-X", "-c", "SELECT pg_sleep(60)"],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=wanda.environment) as psql:
                self.addCleanup(psql.kill)
                lab.wait_until(lambda: "pg_sleep(60)" in self.running(), "the statement runs")
                session = next(one for one in root.json("sessions", "list", "--user", "wanda") if one["state"] == "active")
                self.assertRegex(root.see("sessions", "list"), rf"(?m)^{session['id']} +wanda +postgres +active")
                self.assertIn(session["id"], [one["id"] for one in wanda.json("sessions", "list", "--target", "postgres")])
                self.assertEqual(self.oleg.json("sessions", "list"), [])
                self.oleg.refused("sessions", "kill", session["id"], "--reason", "x", "--yes", status=3, cause="no session", hint="sessions list")
                root.see("sessions", "kill", session["id"], answers=[(r"\[y/N\]", "y"), ("Reason", "enough")])
                self.assertIn("enough", psql.communicate(timeout=20)[0])
            root.run("sessions", "kill", session["id"], "--reason", "x", "--yes", "-o", "json", status=3)
            watch.interrupt()
            self.assertEqual(watch.wait(), 130)

    @staticmethod
    def ends_with(person, status, *words):
        try:
            person.run(*words, status=status)
            return True
        except AssertionError:
            return False

    def test_records(self):
        root, log = self.root, self.gateway.directory / "state" / "audit"
        self.wanda.run("exec", "postgres", "-c", "SELECT 'for the record'")
        self.assertRegex(root.see("audit", "search", log, "--user", "wanda", "--text", "for the record"), r"statement.decided +wanda +postgres +allow")
        self.assertTrue(any(one["event"] == "statement.decided" for one in root.json("audit", "tail", log, "-n", "50")))
        self.assertEqual({one["user.name"] for one in root.json("audit", "search", log, "--user", "wanda")}, {"wanda"})
        self.assertIn("TS", root.see("audit", "tail", log))
        self.assertRegex(root.see("audit", "verify", log), r"\d+ records in \d+ chains")
        self.assertEqual(root.json("audit", "verify", log)["problems"], [])
        self.assertIn("wanda", root.see("audit", "search", "--user", "wanda", "--text", "for the record"))
        self.assertTrue(root.json("audit", "tail", "--user", "wanda"))
        self.oleg.refused("audit", "tail", status=5, cause=".", hint="whoami")
        session = root.json("audit", "search", log, "--user", "wanda", "--text", "for the record")[0]["session_id"]
        self.assertIn("for the record", root.see("replay", session))
        self.assertEqual(root.json("replay", session, log), root.json("replay", session))
        root.refused("replay", "ses_0", log, status=3, cause="there is no record", hint="session.start")
        self.oleg.refused("replay", session, status=5, cause=".", hint="whoami")
        root.refused("audit", "verify", root.home / "nowhere", status=3, cause="cannot read", hint="state_dir")
        key = self.gateway.directory / "state" / "audit-signing-key.pub"
        lab.wait_until(lambda: self.ends_with(root, 0, "audit", "verify", log, "--key", key), "every chain has a checkpoint")
        self.assertRegex(root.see("audit", "verify", log, "--key", key), r"[1-9]\d* checkpoints, signed by the key; \d+ records are newer")
        root.refused("audit", "verify", log, "--key", log / "log-id", status=2, cause="is not an Ed25519 key", hint="audit-signing-key.pub")
        root.refused("audit", "verify", log, "--checkpoint", log / "log-id", status=2, cause="is no checkpoint", hint="checkpoints")
        root.refused("audit", "unseal", log, root.home / "clear", "--private-key", key, status=2, cause="is no private key", hint="certificate")
        private = self.gateway.directory / "state" / "audit-signing-key.pem"
        self.assertIn("0 segments unsealed", root.see("audit", "unseal", log, root.home / "clear", "--private-key", private))
        self.assertEqual(root.json("audit", "unseal", log, root.home / "clear2", "--private-key", private), {"unsealed": 0, "problems": []})
        self.assertEqual(root.json("audit", "verify", root.home / "clear")["problems"], [])

    def test_records_for_analysis(self):
        root, log, file = self.root, self.gateway.directory / "state" / "audit", self.root.home / "wanda.jsonl"
        self.wanda.run("exec", "postgres", "-c", "SELECT 'for analysis'")
        self.assertRegex(root.see("audit", "export", log, file, "--user", "wanda"), r"^\d+ records\s*\Z")
        records = [json.loads(line) for line in file.read_text().splitlines()]
        self.assertEqual({one["user.name"] for one in records}, {"wanda"})
        self.assertIn("SELECT 'for analysis'", [one.get("db.query.text") for one in records])
        table = list(csv.DictReader(io.StringIO(root.run("audit", "export", log, "-", "--format", "csv", "--user", "wanda", "--quiet"))))
        self.assertIn("SELECT 'for analysis'", [one["db_query_text"] for one in table])
        root.refused("audit", "export", log, file, status=2, cause="is there already", hint="--force")
        said = root.json("audit", "export", log, file, "--force")
        self.assertEqual(said, {"records": len(file.read_text().splitlines()), "unreadable": 0})
        self.assertGreater(len(file.read_text().splitlines()), len(records))
        root.refused("audit", "export", log, root.home / "wanda", status=2, cause="in which format", hint="--format")
        root.refused("audit", "export", root.home / "nowhere", "-", "--format", "csv", status=3, cause="cannot read", hint="state_dir")

    def test_receipts(self):
        wanda = self.wanda
        wanda.run("exec", "postgres", "-c", "SELECT 'in writing'")
        query = wanda.json("history", "list", "--text", "in writing")[0]["id"]
        lab.wait_until(lambda: self.ends_with(wanda, 0, "audit", "receipt", query), "the records are signed")
        file = wanda.home / "receipts"
        file.write_text(wanda.run("audit", "receipt", query))
        self.assertEqual(len(wanda.json("audit", "receipt", query)["items"]), 2)
        key = self.gateway.directory / "state" / "audit-signing-key.pub"
        self.assertRegex(wanda.see("audit", "check", file, "--key", key), r"statement.decided +wanda +postgres +qry_.*\n.*statement.done +wanda")
        self.assertEqual({one["query_id"] for one in wanda.json("audit", "check", file, "--key", key)}, {query})
        wanda.refused("audit", "check", file, status=2, cause="whose signature", hint="--key")
        wanda.refused("audit", "check", key, "--key", key, status=2, cause="is no receipt", hint="dbgate audit receipt")
        file.write_text(file.read_text().replace("in writing", "in WRITING"))
        wanda.refused("audit", "check", file, "--key", key, status=1, cause="was changed", hint="do not believe")
        self.oleg.refused("audit", "receipt", query, status=3, cause="no statement", hint="audit receipt")


if __name__ == "__main__":
    unittest.main()
