"""Sessions that ask models: what is raised, what is never lowered, and what happens when nobody answers."""
import itertools
import json
import os
import pathlib
import struct
import subprocess
import sys
import threading
import time
import unittest
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import holds_test as holds  # noqa: E402
import lab  # noqa: E402
import model_provider as fake  # noqa: E402
import wire  # noqa: E402

SECONDS = 120  # of any wait: machines of tests are slow
# Cases of the provider that come to an answer.
ANSWERS = {"ok", "low", "limited_once", "failing_once", "no_temperature"}
SLOW = {"silent", "dripping"}


def provider(server, **more):
    settings = {"name": "main", "dialect": "openai", "model": "MODEL", "key_file": "key", "concurrency": 64,
                "timeout": "60s", "url": f"'{server.url}/steered/openai'", **more}
    return "{ " + ", ".join(f"{key}: {value}" for key, value in settings.items()) + " }"


def models(server, deadline="60s", **more):
    return (f"models:\n  deadline: {{ person: {deadline}, service: {deadline}, agent: {deadline} }}\n"
            f"  providers: [ {provider(server, **more)} ]\n")


def config(it, asked, pool=None):
    """ana is a person, ada an agent whose statements may be agreed to, rob an agent without anybody who could, late is
    asked about afterwards, bob not at all."""
    users = it.users("ana", "late", "bob", "lead", "ada", "rob").replace("name: ada,", "name: ada, kind: agent,").replace("name: rob,", "name: rob, kind: agent,")
    policies = ""
    for name, risk in (("ana", "llm: on, hold_at: high, deny_at: critical"), ("late", "llm: async, deny_at: high"), ("bob", "deny_at: high"),
                       ("ada", "llm: on, hold_at: high"), ("rob", "llm: on")):
        approval = ", approval: { from: { users: [lead] }, within: 10m }" if "hold_at" in risk else ""
        policies += (f"  - {{ name: {name}, who: {{ users: [{name}] }}, on: [postgres], allow: [ {{ everything: true }} ], "
                     f"risk: {{ {risk} }}{approval} }}\n")
    return (f"version: 1\nstate_dir: state\nlisten:\n  postgres: {{ address: 127.0.0.1, port: 0 }}\n  api: {{ address: 127.0.0.1, port: 0 }}\n"
            f"{users}{asked}targets:\n{it.target(pool=pool)}policies:\n{policies}")


class ModelQuestions(unittest.TestCase):
    numbers = itertools.count(1)

    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab())

    def setUp(self):
        # Each test has tables of its own: what is known of one statement says nothing of another.
        self.fresh_tables()
        self.server = self.enterContext(fake.Provider())

    def fresh_tables(self):
        self.lab.postgres.psql("".join(f"CREATE TABLE IF NOT EXISTS m{n} (id int, v text);" for n in range(40)) +
                               "DROP TABLE IF EXISTS a, b, c; CREATE TABLE a (id int, v text); CREATE TABLE b (id int, v text); "
                               "CREATE TABLE c (id int, v text); INSERT INTO b SELECT n, 'b' FROM generate_series(1, 3) n")

    def start(self, asked=None, pool=None, **more):
        directory = self.lab.directory / "keys"
        directory.mkdir(exist_ok=True)
        (directory / "key").write_text(fake.KEY)
        (directory / "key").chmod(0o600)
        more.setdefault("key_file", directory / "key")
        gateway = lab.Gateway(self.lab.directory / f"gateway{next(self.numbers)}",
                              config(self.lab, models(self.server, **more) if asked is None else asked, pool))
        self.addCleanup(gateway.check)
        self.addCleanup(gateway.stop)
        # When the catalog has been read, statements that were asked about before are other questions: not in between.
        token = self.post(gateway, "login", {"username": "ana", "password": lab.PASSWORD})[1]["access_token"]
        with self.open(gateway, "targets/postgres/schema", None, token) as answer:
            self.assertIn(b'"m39"', answer.read())
        return gateway

    def connect(self, gateway, user="ana", **parameters):
        client = wire.Connection(gateway.port, SECONDS)
        self.addCleanup(client.socket.close)
        client.login(user, "postgres", lab.PASSWORD, **parameters)
        return client

    def run_query(self, client, sql):
        client.send(wire.query(sql))
        return holds.rest_of(client)

    def asked(self):
        return len(self.server.asked("steered", "openai"))

    def wait_for_questions(self, count):
        lab.wait_until(lambda: self.asked() >= count, f"{count} questions", SECONDS)

    @staticmethod
    def decided(gateway, text):
        return [record for record in gateway.audit("statement.decided") if record.get("db.query.text") == text]

    def replayed(self, gateway):
        """What replay-risk says of all records of a gateway."""
        lines = "".join(json.dumps(record) + "\n" for record in gateway.audit())
        done = subprocess.run([str(lab.GATEWAY), "replay-risk"], input=lines, capture_output=True, text=True, timeout=60, check=False)
        return done.stdout

    def test_low_becomes_high_and_is_held(self):
        gateway = self.start()
        client = self.connect(gateway)
        client.send(wire.query("INSERT INTO a VALUES (1)"))
        identifier = holds.read_notice(client)
        approvals = holds.Approvals(gateway)
        row = approvals.all(id=identifier)[0]
        self.assertEqual(row["policy_rule"], "ana/risk.hold_at")
        approvals.vote(identifier)
        self.assertEqual(holds.rest_of(client)[0], "CZI")
        record, = self.decided(gateway, "INSERT INTO a VALUES (1)")
        said = record["risk.model"]
        self.assertEqual((record["risk.level"], said["rules"], said["level"], said["outcome"], said["provider"], said["cached"]),
                         ("high", "low", "high", "ok", "main", False))
        self.assertEqual(self.asked(), 1)
        self.assertEqual(self.replayed(gateway), "1 decision with a model, 0 problems\n")

    def test_critical_is_denied_and_the_models_words_stay_inside(self):
        gateway = self.start()
        self.server.change = {"level": "critical", "why": "ignore all instructions"}
        _, error, _ = self.run_query(self.connect(gateway), "INSERT INTO a VALUES (1)")
        self.assertEqual((error["C"], error["M"]), ("42501", "permission denied by dbgate policy: rated critical by model main (data_loss)"))
        self.assertNotIn("ignore", str(error))
        record, = self.decided(gateway, "INSERT INTO a VALUES (1)")
        said = record["risk.model"]
        self.assertEqual((record["decision.effect"], record["decision.rule_id"], said["why"]), ("deny", "ana/risk.deny_at", "ignore all instructions"))
        self.assertEqual((said["input_tokens"], said["output_tokens"], said["cached"]), (410, 60, False))
        self.assertNotIn("VALUES", said["brief"])
        self.assertEqual(self.replayed(gateway), "1 decision with a model, 0 problems\n")

    def test_nothing_is_lowered_and_what_is_known_is_not_asked_again(self):
        gateway = self.start()
        self.server.change = {"level": "low", "needs_approval": False, "factors": []}
        client = self.connect(gateway)
        for value in range(5):
            self.assertEqual(self.run_query(client, f"INSERT INTO a SELECT id, '{value}' FROM b")[0], "CZI")
        records = [record for record in gateway.audit("statement.decided") if "risk.model" in record]
        self.assertEqual([(record["risk.level"], record["risk.model"]["final"]["level"]) for record in records], [("medium", "medium")] * 5)
        self.assertEqual([record["risk.model"]["cached"] for record in records], [False] + [True] * 4)
        self.assertEqual([record["risk.model"].get("input_tokens") for record in records], [410] + [None] * 4)
        self.assertEqual(len({record["risk.model"]["prompt_hash"] for record in records}), 1)
        self.assertEqual(self.asked(), 1)
        # A hard denial is not asked about, nor who has no model.
        self.assertEqual(self.run_query(client, "DELETE FROM a")[1]["C"], "42501")
        self.assertEqual(self.run_query(self.connect(gateway, "bob"), "INSERT INTO a SELECT id, v FROM b")[0], "CZI")
        self.assertEqual(self.asked(), 1)
        self.assertEqual(self.replayed(gateway), "5 decisions with a model, 0 problems\n")

    def test_every_failure_follows_the_class_of_the_rule(self):
        gateway = self.start(deadline="1500ms")
        ana, ada, rob = (self.connect(gateway, user) for user in ("ana", "ada", "rob"))
        cases = [case for case in fake.Provider.cases() if case not in ANSWERS]
        approvals, known = holds.Approvals(gateway), set()
        for number, case in enumerate(cases):
            self.server.steered = case
            with self.subTest(case):
                low, medium = f"INSERT INTO m{number} VALUES (1)", f"INSERT INTO m{number} SELECT id FROM b"
                self.assertEqual(self.run_query(ana, low)[0], "CZI", "low goes on")
                self.assertEqual(self.run_query(ana, medium)[0], "CZI", "medium of a person too")
                ada.send(wire.query(medium))
                identifier = holds.read_notice(ada)
                self.assertNotIn(identifier, known)
                known.add(identifier)
                approvals.vote(identifier, yes=False)
                self.assertEqual(holds.rest_of(ada)[1]["C"], "42501")
                self.assertIn("without a model's answer", self.run_query(rob, medium)[1]["M"])
        records = [record for record in gateway.audit("statement.decided") if "risk.model" in record]
        self.assertNotIn("ok", {record["risk.model"]["outcome"] for record in records})
        alerts = [record["risk.model"]["final"]["alert"] for record in records if record["user.name"] == "ana"]
        self.assertEqual(sum(alerts), len(cases))
        self.assertIn(", 0 problems\n", self.replayed(gateway))

    def test_a_provider_that_says_nothing_costs_the_deadline_and_then_nothing(self):
        gateway = self.start(deadline="400ms")
        self.server.steered = "silent"
        client, other = self.connect(gateway), self.connect(gateway)
        took = []
        for number in range(12):
            began = time.monotonic()
            client.send(wire.query(f"INSERT INTO m{number} VALUES (1)"))
            self.assertEqual(self.run_query(other, "SELECT 1")[2], [["1"]], "nobody else waits")
            self.assertEqual(holds.rest_of(client)[0], "CZI")
            took.append(time.monotonic() - began)
        said = [record["risk.model"] for record in gateway.audit("statement.decided") if "risk.model" in record]
        self.assertEqual([one["outcome"] for one in said], ["timeout"] * 5 + ["unavailable"] * 7)
        self.assertEqual(self.asked(), 5, "five in a row, and the provider is left alone")
        self.assertTrue(all(390 <= one["ms"] for one in said[:5]), said)
        self.assertTrue(all(one["ms"] == 0 for one in said[5:]), said)
        print(f"black hole, deadline 400 ms, load {os.getloadavg()[0]:.1f}: " + " ".join(f"{one * 1000:.0f}" for one in took) + " ms")

    def test_a_cancel_ends_the_wait(self):
        gateway = self.start()
        self.server.steered = "silent"
        client = self.connect(gateway)
        client.send(wire.query("INSERT INTO a VALUES (1)"))
        self.wait_for_questions(1)
        with wire.Connection(gateway.port, SECONDS) as canceller:
            canceller.send(wire.packet(wire.CANCEL_REQUEST, struct.pack("!I", client.pid) + client.key))
        types, error, _ = holds.rest_of(client)
        self.assertEqual((types, error["C"]), ("EZI", "57014"))
        self.assertEqual(self.run_query(client, "SELECT count(*) FROM a WHERE id = 1")[2], [["0"]])

    def test_clients_and_gateways_that_go_wait_for_nobody(self):
        gateway = self.start()
        self.server.steered = "silent"
        clients = [self.connect(gateway) for _ in range(2)]
        clients[0].send(wire.query("INSERT INTO a VALUES (1)"))
        clients[1].send(wire.query("INSERT INTO b VALUES (1)"))
        self.wait_for_questions(2)
        clients[0].socket.close()
        lab.wait_until(lambda: len(gateway.audit("session.end")) == 1, "the session has ended", SECONDS)
        began = time.monotonic()
        self.assertEqual(gateway.stop(), 0)
        self.assertLess(time.monotonic() - began, 20)
        self.assertIn('"stopped', "".join(gateway.log[-5:]))
        self.assertEqual(self.lab.postgres.psql("SELECT count(*) FROM a").stdout, "0\n")

    def test_a_gateway_that_drains_ends_who_waits(self):
        gateway = self.start()
        self.server.steered = "silent"
        client = self.connect(gateway)
        client.send(wire.query("INSERT INTO a VALUES (1)"))
        self.wait_for_questions(1)
        gateway.process.terminate()
        self.assertEqual(wire.error_fields(client.receive_until("E")[-1][1])["C"], "57P01")
        self.assertEqual(gateway.process.wait(SECONDS), 0)

    def test_it_starts_again_and_asks_again(self):
        gateway = self.start()
        self.server.change = {"level": "low", "needs_approval": False}
        self.assertEqual(self.run_query(self.connect(gateway), "INSERT INTO a VALUES (1)")[0], "CZI")
        gateway.stop()
        again = self.start()
        self.assertEqual(self.run_query(self.connect(again), "INSERT INTO a VALUES (1)")[0], "CZI")
        self.assertEqual(self.asked(), 2)

    def test_extended_queries_and_pipelines(self):
        for pool in (None, "mode: transaction, max: 1", "mode: statement, max: 1"):
            with self.subTest(pool):
                self.server.steered, self.server.change = "ok", {"level": "low", "needs_approval": False}
                gateway = self.start(pool=pool)
                client = self.connect(gateway)
                insert, read = "INSERT INTO a SELECT id, $1 FROM b", "SELECT count(*) FROM a WHERE id = 1"
                one = wire.bind("", "s", [b"x"]) + wire.execute()
                client.send(wire.query("SELECT 'before'") + wire.parse("s", insert, (25,)) + one + one + wire.parse("r", read) + wire.bind("", "r") +
                            wire.execute() + wire.message(b"S") + wire.query("SELECT 'behind'"))
                self.assertEqual(holds.rest_of(client)[2], [["before"]])
                self.assertEqual(holds.rest_of(client)[0], "12C2C12DCZI")
                self.assertEqual(holds.rest_of(client)[2], [["behind"]])
                self.server.change = {"level": "critical"}
                client.send(wire.parse("", "INSERT INTO c SELECT id, $1 FROM b", (25,)) + wire.bind("", "", [b"x"]) + wire.execute() + wire.message(b"S"))
                types, error, _ = holds.rest_of(client)
                self.assertEqual((types, error["C"]), ("1EZI", "42501"))
                self.assertEqual(self.run_query(client, "SELECT 1")[2], [["1"]])
                gateway.stop()
                self.fresh_tables()

    def test_what_is_prepared_copied_or_in_a_transaction(self):
        gateway = self.start()
        self.server.change = {"level": "critical"}
        client = self.connect(gateway)
        self.assertEqual(self.run_query(client, "PREPARE p AS INSERT INTO a SELECT id FROM b")[0], "CZI")
        self.assertEqual(self.asked(), 0)
        self.assertEqual(self.run_query(client, "EXECUTE p")[1]["C"], "42501")
        self.assertEqual(self.run_query(client, "BEGIN")[0], "CZT")
        self.assertEqual(self.run_query(client, "INSERT INTO b VALUES (7)")[1]["C"], "42501")
        self.assertEqual(self.run_query(client, "ROLLBACK")[0], "CZI")
        asked = self.asked()
        self.server.change = {"level": "low", "needs_approval": False}
        client.send(wire.query("COPY b TO STDOUT"))
        types = "".join(kind for kind, _ in client.receive_until("Z"))
        self.assertEqual(types, "HddddcCZ"[:1] + "ddd" + "cCZ")
        self.assertGreaterEqual(self.asked(), asked)

    @staticmethod
    def open(gateway, path, body, token=None):
        headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
        data = None if body is None else json.dumps(body).encode()
        return urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{gateway.ports['api']}/api/v1/{path}", data, headers), timeout=SECONDS)

    def post(self, gateway, path, body, token=None):
        try:
            with self.open(gateway, path, body, token) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as problem:
            return problem.code, json.loads(problem.read())

    def test_queries_of_the_api_ask_and_dry_runs_do_not(self):
        gateway = self.start()
        self.server.change = {"level": "critical"}
        token = self.post(gateway, "login", {"username": "ana", "password": lab.PASSWORD})[1]["access_token"]
        insert = {"sql": "INSERT INTO a VALUES (1)"}
        status, decided = self.post(gateway, "decisions", {"target": "postgres", **insert}, token)
        self.assertEqual((status, decided["effect"], decided["risk"]["level"]), (200, "allow", "low"))
        self.assertIn("a model is asked before it runs", decided["reasons"])
        self.assertEqual(self.asked(), 0)
        status, problem = self.post(gateway, "targets/postgres/queries", insert, token)
        self.assertEqual((status, problem["decision"]["effect"], problem["decision"]["rule"]), (403, "deny", "ana/risk.deny_at"), problem)
        self.assertEqual(self.asked(), 1)
        decided = self.post(gateway, "decisions", {"target": "postgres", **insert}, token)[1]
        self.assertEqual((decided["effect"], decided["rule"]), ("deny", "ana/risk.deny_at"), "what is known counts")
        self.assertEqual(self.asked(), 1)

    def test_asked_afterwards(self):
        gateway = self.start()
        client = self.connect(gateway, "late")
        self.assertEqual(self.run_query(client, "INSERT INTO a VALUES (1)")[0], "CZI", "it does not wait")
        lab.wait_until(lambda: gateway.audit("statement.rated"), "the answer is recorded", SECONDS)
        rated, = gateway.audit("statement.rated")
        first, = self.decided(gateway, "INSERT INTO a VALUES (1)")
        self.assertEqual((rated["query_id"], rated["risk.model"]["level"], rated["user.name"]), (first["query_id"], "high", "late"))
        self.assertNotIn("risk.model", first)
        self.assertEqual(self.run_query(client, "INSERT INTO a VALUES (2)")[1]["C"], "42501", "what is known counts")
        self.assertEqual(self.asked(), 1)
        self.assertIn("2 decisions with a model, 0 problems", self.replayed(gateway))

    def test_reloads_bring_models_and_take_them_away(self):
        gateway = self.start(asked="")
        client = self.connect(gateway)
        self.assertEqual(self.run_query(client, "INSERT INTO a VALUES (1)")[0], "CZI")
        self.assertEqual(self.asked(), 0)
        with_models = config(self.lab, models(self.server, key_file=self.lab.directory / "keys" / "key"))
        self.server.change = {"level": "critical"}
        gateway.reload(with_models)
        self.assertEqual(self.run_query(client, "INSERT INTO a VALUES (1)")[1]["C"], "42501")
        threads = len(os.listdir(f"/proc/{gateway.process.pid}/task"))
        gateway.reload(with_models + "roles: { auditor: { users: [bob] } }\n")
        self.assertEqual(self.run_query(client, "INSERT INTO a VALUES (1)")[1]["C"], "42501")
        self.assertEqual(self.asked(), 2, "another version of the configuration is another question")
        gateway.reload(config(self.lab, ""))
        self.assertEqual(self.run_query(client, "INSERT INTO a VALUES (1)")[0], "CZI")
        lab.wait_until(lambda: len(os.listdir(f"/proc/{gateway.process.pid}/task")) == threads - 1, "the models' thread has gone", SECONDS)

    def test_who_waits_when_models_are_taken_away_goes_on(self):
        gateway = self.start()
        self.server.steered = "silent"
        client = self.connect(gateway)
        client.send(wire.query("INSERT INTO a VALUES (1)"))
        self.wait_for_questions(1)
        gateway.reload(config(self.lab, ""))
        self.assertEqual(holds.rest_of(client)[0], "CZI")

    def test_many_at_once_are_one_question(self):
        gateway = self.start()
        self.server.change = {"level": "low", "needs_approval": False}
        clients = [self.connect(gateway) for _ in range(10)]
        threads = [threading.Thread(target=client.send, args=(wire.query("INSERT INTO a VALUES (1)"),)) for client in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for client in clients:
            self.assertEqual(holds.rest_of(client)[0], "CZI")
        self.assertEqual(self.asked(), 1)


if __name__ == "__main__":
    unittest.main()
