"""`dbgate replay`: a recorded session shown, from the log and from the gateway, and run again on another server."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import wire  # noqa: E402

SETUP = ("CREATE TABLE fruits (id int PRIMARY KEY, name text); INSERT INTO fruits SELECT g, 'fruit ' || g FROM generate_series(1, 5) g;"
         "CREATE TABLE noted (text text); CREATE FUNCTION lower(name) RETURNS text LANGUAGE sql AS "
         "$$ INSERT INTO public.noted VALUES ('changed') RETURNING text $$")


class Replay(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab())
        cls.other = lab.Postgres(cls.lab.directory / "other")
        cls.addClassCleanup(cls.other.stop)
        for server in (cls.lab.postgres, cls.other):
            server.psql(SETUP)

    def setUp(self):
        self.other.psql("TRUNCATE noted; DELETE FROM fruits WHERE id > 5; UPDATE fruits SET name = 'fruit ' || id")
        self.start()

    def start(self, audit=""):
        self.gateway = self.lab.gateway("version: 1\nstate_dir: state\n" + audit + self.lab.listen(tls=True) + self.lab.users("ana", "bob", "mia", "aud") +
                                        "roles: { auditor: { users: [aud] } }\ntargets:\n" + self.lab.target() + "policies:\n"
                                        "  - { name: all, who: { users: [ana] }, on: [postgres], allow: [ { everything: true } ] }\n"
                                        "  - { name: some, who: { users: [bob] }, on: [postgres], allow: [ { select: [public.fruits], functions: [safe] } ] }\n"
                                        "  - name: masked\n    who: { users: [mia] }\n    on: [postgres]\n    allow: [ { select: [public.fruits] } ]\n"
                                        "    mask: { public.fruits.name: partial }\n")
        self.addCleanup(self.gateway.stop)
        self.home = pathlib.Path(lab.tempfile.mkdtemp(prefix="home-", dir=self.lab.directory))
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("DBGATE_", "PG", "XDG_"))}
        self.environment = {**kept, "HOME": str(self.home), "XDG_STATE_HOME": str(self.home), "XDG_RUNTIME_DIR": str(self.home),
                            "PGPASSWORD": lab.PASSWORD, "DBGATE_CA_FILE": str(self.lab.certificates.ca),
                            "DBGATE_URL": f"https://localhost:{self.gateway.ports['api']}"}

    @property
    def log(self):
        return self.gateway.directory / "state" / "audit"

    @property
    def there(self):
        return f"host=127.0.0.1 port={self.other.port} user=postgres dbname=postgres sslmode=disable"

    def psql(self, sql, user="ana"):
        """Runs SQL in a session of its own; its id."""
        lab.run_psql(sql, host="127.0.0.1", port=self.gateway.port, user=user, database="postgres", check=False)
        return self.ended()

    def ended(self):
        """The id of the session that began last, when its end is on record."""
        session = self.gateway.audit("session.start")[-1]["session_id"]
        lab.wait_until(lambda: any(end["session_id"] == session for end in self.gateway.audit("session.end")), "the session is over")
        return session

    def connect(self):
        client = wire.Connection(self.gateway.port)
        client.login("ana", "postgres", lab.PASSWORD)
        return client

    def cli(self, *arguments, status=0, text="", **environment):
        done = subprocess.run([str(lab.CLI), *map(str, arguments)], capture_output=True, text=True, check=False, timeout=120, input=text,
                              env={**self.environment, **environment})
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        self.said = done.stderr
        return done.stdout

    def replay(self, session, *more, status=0):
        return json.loads(self.cli("replay", session, self.log, *more, "-o", "json", status=status))

    def again(self, session, *more, status=0):
        """What became of each statement on the other server, and the whole answer."""
        whole = self.replay(session, "--against", self.there, *more, status=status)
        return [item["again"] for item in whole["statements"]], whole

    # Showing

    def test_a_session_is_shown_from_the_log_and_from_the_gateway(self):
        session = self.psql("SELECT count(*) FROM fruits;\nSELECT 1/0;\nUPDATE fruits SET name = name\nWHERE id < 3;\n")
        whole = self.replay(session)
        self.assertEqual({name: whole["session"][name] for name in ("id", "user", "target", "reason", "statements")},
                         {"id": session, "user": "ana", "target": "postgres", "reason": "terminated", "statements": 3})
        count, division, update = whole["statements"]
        self.assertEqual((count["operation"], count["state"], count["rows"], count["sqlstate"]), ("SELECT", "succeeded", 1, None))
        self.assertEqual((division["state"], division["sqlstate"]), ("failed", "22012"))
        self.assertEqual((update["rows_affected"], update["sql"]), (2, "UPDATE fruits SET name = name\nWHERE id < 3;"))
        self.assertLess(0, count["at_ms"])
        self.assertLess(count["at_ms"], division["at_ms"])
        self.cli("login", "--username", "aud", "--password-stdin", text=lab.PASSWORD + "\n")
        online = json.loads(self.cli("replay", session, "-o", "json"))
        self.assertEqual(online, whole)
        table = self.cli("replay", session, "-o", "table")
        self.assertRegex(table, r"UPDATE +succeeded +NULL +0 +2 +UPDATE fruits SET name = name WHERE id < 3;")
        self.assertIn(f"{session}: ana on postgres, from ", self.said)
        lines = self.cli("replay", session, "-o", "jsonl").splitlines()
        self.assertEqual([json.loads(line) for line in lines], whole["statements"])
        self.cli("login", "--username", "ana", "--password-stdin", text=lab.PASSWORD + "\n")
        self.cli("replay", session, status=5)

    def test_long_texts_are_read_from_where_they_are_kept(self):
        text = "SELECT '" + "x" * 40_000 + "'"
        session = self.psql(text + ";\n")
        self.assertEqual([item["sql"] for item in self.replay(session)["statements"]], [text + ";"])
        self.cli("login", "--username", "aud", "--password-stdin", text=lab.PASSWORD + "\n")
        online = json.loads(self.cli("replay", session, "-o", "json"))
        self.assertEqual([item["sql"] for item in online["statements"]], [text + ";"])
        ran, _ = self.again(session)
        self.assertEqual((ran[0]["skipped"], ran[0]["different"]), (None, []))
        copy = self.lab.directory / "copy"
        shutil.copytree(self.log, copy)
        blob, = (copy / "blobs").iterdir()
        for content in (b"SELECT 1", None):
            blob.unlink()
            if content is not None:
                blob.write_bytes(content)
            lost = json.loads(self.cli("replay", session, copy, "-o", "json"))["statements"][0]
            self.assertEqual(lost["sql"], None)
            self.assertIn("not the one that was recorded", lost["missing"])
            said = json.loads(self.cli("replay", session, copy, "--against", self.there, "-o", "json", status=1))
            self.assertEqual(said["statements"][0]["again"], {"skipped": lost["missing"]})

    # Running again

    def test_the_same_answers_are_no_difference(self):
        session = self.psql("SET search_path = public;\nBEGIN;\nSELECT * FROM fruits ORDER BY 1;\nSELECT 1/0;\nSELECT 1;\nROLLBACK;\n"
                            "PREPARE p AS SELECT name FROM fruits WHERE id = $1;\nEXECUTE p(3);\nBEGIN;\nDECLARE c CURSOR FOR SELECT id FROM fruits;\n"
                            "FETCH 2 FROM c;\nCOMMIT;\nCOPY fruits TO STDOUT;\nSELECT 1 AS a\\; SELECT 2;\nSELECT;\nSHOW search_path;\n")
        ran, whole = self.again(session)
        self.assertEqual([item for item in ran if item["skipped"] is not None or item["different"]], [])
        self.assertEqual((whole["ran"], whole["skipped"], whole["different"]), (16, 0, 0))
        self.assertEqual([item["rows"] for item in ran[:5]], [0, 0, 5, 0, 0])
        self.assertEqual([item["sqlstate"] for item in ran[2:6]], [None, "22012", "25P02", None])
        self.assertEqual(ran[7]["rows"], 1)
        self.assertEqual(ran[12]["rows_affected"], 5)

    def test_differences_are_named(self):
        session = self.psql("SELECT * FROM fruits WHERE id = 2;\nSELECT count(*) FROM fruits;\nSELECT * FROM fruits;\nSELECT id FROM noted2;\n"
                            "SELECT 1/(id - 6) FROM fruits;\n")
        self.other.psql("INSERT INTO fruits VALUES (6, 'six'); UPDATE fruits SET name = 'longer than it was' WHERE id = 2; CREATE TABLE noted2 (id int)")
        self.addCleanup(self.other.psql, "DROP TABLE noted2")
        ran, whole = self.again(session, status=1)
        self.assertRegex(ran[0]["different"][0], r"^bytes of rows \d+, recorded \d+$")
        self.assertEqual([item["different"] for item in ran[1:]],
                         [[], ["rows 6, recorded 5"], ["SQLSTATE 00000, recorded 42P01"], ["SQLSTATE 22012, recorded 00000"]])
        self.assertEqual(ran[4]["message"], "division by zero")
        self.assertEqual(whole["different"], 4)
        self.cli("replay", session, self.log, "--against", self.there, "-o", "table", status=1)
        self.assertIn("5 statements run again, 0 not; 4 ended otherwise", self.said)

    def test_nothing_is_changed_without_being_asked_for(self):
        session = self.psql("INSERT INTO noted VALUES ('x');\nSELECT pg_notify('a', 'b');\nSELECT id FROM fruits WHERE id = 1 FOR UPDATE;\n"
                            "DO $$ BEGIN INSERT INTO noted VALUES ('y'); END $$;\nBEGIN READ WRITE\\; SELECT 1\\; COMMIT;\n"
                            "PREPARE i AS INSERT INTO noted VALUES ('z');\nEXECUTE i;\nCOPY noted FROM STDIN;\na\nb\n\\.\nSELECT 1;\n"
                            "WITH w AS (DELETE FROM noted RETURNING 1) SELECT count(*) FROM w;\nEXPLAIN ANALYZE DELETE FROM noted;\n")
        ran, whole = self.again(session)
        self.assertEqual([item["skipped"] for item in ran],
                         ["INSERT may change something (--writes)", "it calls pg_notify(), which may change something (--writes)",
                          "SELECT may change something (--writes)", "DO may change something (--writes)",
                          "BEGIN stands in one message with other statements (--writes)", "PREPARE may change something (--writes)",
                          "what makes i was not run", "the rows that it read from its client are not recorded", None,
                          "SELECT may change something (--writes)", "EXPLAIN may change something (--writes)"])
        self.assertEqual((whole["ran"], whole["skipped"]), (1, 10))
        self.assertEqual(self.other.psql("SELECT count(*) FROM noted").stdout, "0\n")
        ran, _ = self.again(session, "--writes")
        self.assertEqual([item["skipped"] for item in ran if item["skipped"]], ["the rows that it read from its client are not recorded"])
        self.assertEqual(self.other.psql("SELECT count(*) FROM noted").stdout, "0\n")

    def test_the_server_itself_is_held_to_reading(self):
        """By its name the function only computes, and the session asks for transactions that write."""
        session = self.psql("SET search_path = public, pg_catalog;\nSELECT lower('x'::name);\nBEGIN READ WRITE;\nSELECT lower('x'::name);\nCOMMIT;\n"
                            "SET default_transaction_read_only = off;\nSELECT lower('x'::name);\n"
                            "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE;\nSELECT lower('x'::name);\n"
                            "BEGIN;\nSET TRANSACTION READ WRITE;\nSELECT lower('x'::name);\nCOMMIT;\n")
        ran, _ = self.again(session, status=1)
        asked = [item["again"]["sqlstate"] for item in self.replay(session, "--against", self.there, status=1)["statements"]
                 if item["sql"].startswith("SELECT lower")]
        self.assertEqual(asked, ["25006"] * 5)
        self.assertEqual([item["skipped"] for item in ran if item["skipped"]], [])
        self.assertEqual(self.other.psql("SELECT count(*) FROM noted").stdout, "0\n")
        self.again(session, "--writes")
        self.assertEqual(self.other.psql("SELECT count(*) FROM noted").stdout, "5\n")

    def test_of_masked_rows_only_their_number_is_compared(self):
        session = self.psql("SELECT name FROM fruits;\n", user="mia")
        ran, whole = self.again(session)
        self.assertEqual((whole["statements"][0]["decision"]["effect"], ran[0]["rows"], ran[0]["different"]), ("mask", 5, []))

    def test_what_was_refused_is_not_run(self):
        session = self.psql("SELECT id FROM fruits WHERE id = 1;\nSELECT * FROM noted;\nSELEC;\nDELETE FROM fruits;\n", user="bob")
        ran, whole = self.again(session, "--writes")
        self.assertEqual([item["skipped"] for item in ran], [None] + ["it was refused"] * 3)
        self.assertEqual([item["state"] for item in whole["statements"]], ["succeeded", "denied", "denied", "denied"])
        session = self.psql("SELECT * FROM noted;\n", user="bob")
        self.again(session, status=1)
        self.assertIn("no statement of the session could be run again", self.said)

    def bound(self, *values, formats=(), sql="SELECT name FROM fruits WHERE id = $1", oids=()):
        """The session of one statement with parameters."""
        with self.connect() as client:
            client.send(wire.parse("", sql, oids) + wire.bind(values=values, value_formats=formats) + wire.describe(b"P") + wire.execute() + wire.SYNC)
            self.assertNotIn("E", client.types_until_ready())
            client.send(wire.TERMINATE)
        return self.ended()

    def test_parameters_are_those_that_were_recorded(self):
        ran, whole = self.again(self.bound(b"3"))
        self.assertEqual((whole["statements"][0]["parameters"], ran[0]["rows"], ran[0]["different"]), (["3"], 1, []))
        ran, _ = self.again(self.bound(None))
        self.assertEqual((ran[0]["rows"], ran[0]["different"]), (0, []))
        binary = self.bound((3).to_bytes(4, "big"), formats=(1,), oids=(23,))
        ran, _ = self.again(binary, status=1)
        self.assertIn("the value of $1 is in binary format, and its type is not recorded", ran[0]["skipped"])
        ran, _ = self.again(binary, "--infer-types")
        self.assertEqual((ran[0]["rows"], ran[0]["different"]), (1, []))
        ran, _ = self.again(self.bound(b"x" * 5000, sql="SELECT id FROM fruits WHERE name = $1"), status=1)
        self.assertEqual(ran[0]["skipped"], "the value of $1 is recorded as a hash only")

    def test_parameters_that_are_not_recorded_are_missed(self):
        for how, said in (("hashes", "the value of $1 is recorded as a hash only"), ("none", "the values of its parameters are not recorded")):
            with self.subTest(parameters=how):
                self.start(f"audit: {{ parameters: {how} }}\n")
                ran, _ = self.again(self.bound(b"3"), status=1)
                self.assertEqual(ran[0], {"skipped": said})

    def test_portals_that_were_read_in_pieces_are_left_out(self):
        with self.connect() as client:
            client.send(wire.parse("", "SELECT id FROM fruits") + wire.bind() + wire.execute(rows=2) + wire.execute(rows=2) + wire.execute(rows=2) + wire.SYNC)
            self.assertNotIn("E", client.types_until_ready())
            client.send(wire.parse("", "SELECT id FROM fruits") + wire.bind() + wire.execute() + wire.SYNC)
            client.receive_until("Z")
            client.send(wire.TERMINATE)
        ran, _ = self.again(self.ended())
        self.assertEqual([item["skipped"] for item in ran], ["its rows were read in pieces, and how is not recorded"] * 3 + [None])
        self.assertEqual(ran[3]["different"], [])

    def test_pauses_are_kept_if_asked_for(self):
        session = self.psql("SELECT 1;\nSELECT pg_sleep(0.6);\nSELECT 2;\n")
        begin = time.monotonic()
        ran, _ = self.again(session, "--speed", "0.5")
        self.assertGreater(time.monotonic() - begin, 1.2)
        self.assertEqual([item["skipped"] is None for item in ran], [True, False, True])

    def test_a_statement_that_takes_too_long_is_cancelled(self):
        session = self.psql("SELECT 1;\nSELECT pg_sleep(1.5);\nSELECT 2;\n")
        ran, _ = self.again(session, "--writes", "--timeout", "1s", status=1)
        self.assertEqual([item["different"] for item in ran], [[], ["SQLSTATE 57014, recorded 00000"], []])

    def test_a_session_that_is_not_over(self):
        with self.connect() as client:
            client.send(wire.query("SELECT 1"))
            client.receive_until("Z")
            session = self.gateway.audit("session.start")[-1]["session_id"]
            ran, whole = self.again(session)
            self.assertEqual((whole["session"]["ended_at"], ran[0]["different"]), (None, []))

    # Words

    def test_what_is_wrong_is_said(self):
        session = self.psql("SELECT 1;\n")
        self.cli("replay", "ses_nobody", self.log, status=3)
        self.assertIn("there is no record of session ses_nobody", self.said)
        self.cli("replay", session, "/nowhere", status=3)
        for flag in (("--writes",), ("--infer-types",), ("--speed", "1"), ("--timeout", "1s")):
            self.cli("replay", session, self.log, *flag, status=2)
            self.assertIn("--against", self.said)
        for speed in ("0", "-1", "fast", "1x", "nan", "inf"):
            self.cli("replay", session, self.log, "--against", self.there, f"--speed={speed}", status=2)
        self.cli("replay", session, self.log, "--against", "not one", status=2)
        for secret in (self.there + " password=hidden", f"postgresql://postgres:hidden@127.0.0.1:{self.other.port}/postgres"):
            self.cli("replay", session, self.log, "--against", secret, status=2)
            self.assertIn("has a password", self.said)
            self.assertNotIn("hidden", self.said)
        self.cli("replay", session, self.log, "--against", f"host=127.0.0.1 port={lab.free_port()} user=postgres", status=7)
        self.assertIn("cannot connect to the other server", self.said)
        self.cli("replay", session, self.log, "--against", self.there, "--no-input", status=2, PGPASSWORD="")
        self.assertIn("password file", self.said)
        self.cli("replay", session, self.log, "--against", self.there, status=7, PGPASSWORD="wrong")


if __name__ == "__main__":
    unittest.main()
