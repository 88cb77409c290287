"""Gateways on one PostgreSQL store: what one knows the others act on, and none of them needs the others."""
import concurrent.futures
import pathlib
import secrets
import select
import signal
import struct
import subprocess
import sys
import threading
import time
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import wire  # noqa: E402
from raw_http import Raw  # noqa: E402

API = "/api/v1"
AT_ONCE_SECONDS = 1
PATCH = ("Content-Type", "application/merge-patch+json")
CLOCKS_APART_SECONDS = 5
PACE = 100  # statements a second; nobody who waits between two of them comes to that


class Replicas(unittest.TestCase):
    """Two gateways whose wall clocks differ, started at the same time on an empty store of its own server."""

    users = ("ana", "ada", "root", "few", "rated", "paced", "crowd")
    limits = "connections_per_user: 6, failed_logins_per_minute: 20, api_requests_per_minute: 3000"
    pool = None

    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab())
        cls.store = lab.Postgres(cls.lab.directory / "store")
        cls.addClassCleanup(cls.store.stop)
        cls.store.psql("CREATE DATABASE store")
        key, password = cls.lab.directory / "key", cls.lab.directory / "store-password"
        for path, text in ((key, secrets.token_hex(32)), (password, lab.PASSWORD)):
            path.write_text(text + "\n")
            path.chmod(0o600)
        cls.config = (f"version: 1\nstate_dir: state\nworkers: 2\nlimits: {{ {cls.limits} }}\n"
                      f"store: {{ url: 'postgresql://postgres@127.0.0.1:{cls.store.port}/store?sslmode=disable', "
                      f"password_file: {password}, timeout: 2s }}\nencryption: {{ keys: [ {{ id: one, key_file: {key} }} ] }}\n"
                      "listen:\n  postgres: { address: 127.0.0.1, port: 0 }\n  api: { address: 127.0.0.1, port: 0 }\n" +
                      cls.lab.users(*cls.users) + "roles:\n  admin: { users: [root] }\n"
                      "targets:\n" + cls.lab.target(pool=cls.pool) +
                      "policies:\n  - { name: all, who: { users: [" + ", ".join(cls.users) + "] }, on: [postgres], "
                      "allow: [ { everything: true } ] }\n"
                      f"  - {{ name: pace, who: {{ users: [paced] }}, on: [postgres], allow: [], limits: {{ rate: {PACE}/s }} }}\n"
                      "  - { name: few, who: { users: [crowd] }, on: [postgres], allow: [], limits: { concurrent: 2 } }\n")
        clock = cls.lab.directory / "clock.so"
        subprocess.run(["clang-16", "-shared", "-fPIC", "-O1", str(lab.ROOT / "tests/support/other_clock.c"), "-o", str(clock)], check=True)
        clocks = [{}, {"env": {**lab.os.environ, "LD_PRELOAD": str(clock), "DBGATE_TEST_CLOCK_OFFSET": str(CLOCKS_APART_SECONDS)}}]
        with concurrent.futures.ThreadPoolExecutor() as pool:
            cls.gateways = list(pool.map(lambda more: cls.lab.gateway(cls.config, **more), clocks))
        cls.here, cls.there = cls.gateways
        cls.met(*cls.gateways)

    @classmethod
    def met(cls, *gateways):
        """All of them know of each other."""
        lab.wait_until(lambda: all(sum("another gateway is there" in line for line in one.log) >= len(gateways) - 1 for one in gateways),
                       "the gateways have met", 10)

    def login(self, gateway=None, user="ana", version=wire.PROTOCOL_3_0):
        connection = wire.Connection((gateway or self.here).port)
        self.addCleanup(connection.socket.close)
        connection.login(user, "postgres", lab.PASSWORD, version=version)
        return connection

    def cancel(self, gateway, pid, key):
        """Returns when the gateway has closed the connection: the request was acted on then. Also how long that took."""
        began = time.monotonic()
        with wire.Connection(gateway.port) as request:
            request.send(wire.packet(wire.CANCEL_REQUEST, struct.pack("!I", pid) + key))
            self.assertEqual(request.socket.recv(1), b"")
        return time.monotonic() - began

    def sleeping(self, connection):
        pid = connection.pid
        connection.send(wire.query(f"SELECT pg_sleep(60) /* {secrets.token_hex(8)} */"))
        lab.wait_until(lambda: self.lab.postgres.psql(f"SELECT count(*) FROM pg_stat_activity WHERE pid = {pid} AND "
                                                      "wait_event = 'PgSleep'").stdout == "1\n", "the statement runs", 10)

    def admitted(self, gateway, user):
        """Whether one more connection of the user is let in; it goes again."""
        connection = wire.Connection(gateway.port)
        with connection:
            try:
                connection.login(user, "postgres", lab.PASSWORD)
            except PermissionError as refused:
                self.assertEqual(refused.args[0]["C"], "53300")
                return False
            connection.send(wire.TERMINATE)
            return connection.at_end()

    @staticmethod
    def outcome(connection):
        messages = connection.receive_until("Z")
        return [wire.error_fields(body)["C"] for kind, body in messages if kind == "E"] or ["ok"]

    def ask(self, gateway, method, path, token=None, body=None, headers=(), source="127.0.0.1"):
        with Raw(gateway.ports["api"], source) as connection:
            return connection.request(method, API + path, token, body, [*headers, ("Connection", "close")])

    def token(self, gateway=None, user="root"):
        answer = self.ask(gateway or self.here, "POST", "/login", body={"username": user, "password": lab.PASSWORD})
        self.assertEqual(answer.status, 200, answer.body)
        return answer.json()["access_token"]

    def soon(self, true, what, seconds=AT_ONCE_SECONDS):
        """`true` holds within a second of its cause."""
        began = time.monotonic()
        lab.wait_until(true, what, 20)
        self.assertLess(time.monotonic() - began, seconds, what)


class Together(Replicas):
    def test_a_cancel_through_the_wrong_gateway_stops_what_runs_and_nothing_else(self):
        for version in (wire.PROTOCOL_3_0, wire.PROTOCOL_3_2):
            for home, other in ((self.here, self.there), (self.there, self.here)):
                with self.subTest(version=version):
                    victim, bystander = self.login(home, version=version), self.login(home, user="ada", version=version)
                    elsewhere = self.login(other, version=version)
                    for connection in (victim, bystander, elsewhere):
                        self.sleeping(connection)
                    took = self.cancel(other, victim.pid, victim.key)
                    self.assertEqual(self.outcome(victim), ["57014"])
                    self.assertLess(took, AT_ONCE_SECONDS)
                    for connection in (bystander, elsewhere):
                        self.cancel(home if connection is bystander else other, connection.pid, connection.key)
                        self.assertEqual(self.outcome(connection), ["57014"])
                    for connection in (victim, bystander, elsewhere):
                        connection.send(wire.query("SELECT 1"))
                        self.assertEqual(self.outcome(connection), ["ok"])
                        connection.send(wire.TERMINATE)
                        connection.socket.close()

    def test_a_wrong_key_does_nothing_anywhere_and_gets_no_answer(self):
        victim = self.login(version=wire.PROTOCOL_3_2)
        self.sleeping(victim)
        changed = victim.key[:-1] + bytes([victim.key[-1] ^ 1])
        for pid, key in ((victim.pid, changed), (victim.pid + 1, victim.key), (victim.pid, victim.key[:4]), (victim.pid, secrets.token_bytes(4)),
                         (victim.pid, secrets.token_bytes(32)), (0, b"")):
            self.cancel(self.there, pid, key)
        victim.socket.settimeout(0.2)
        with self.assertRaises(TimeoutError):
            victim.receive()
        victim.socket.settimeout(20)
        self.cancel(self.there, victim.pid, victim.key)
        self.assertEqual(self.outcome(victim), ["57014"])

    def test_a_cancel_between_statements_hits_nothing(self):
        connection = self.login()
        for _ in range(10):
            self.cancel(self.there, connection.pid, connection.key)
            connection.send(wire.query("SELECT 1 FROM pg_sleep(0.005)"))
            self.assertEqual(self.outcome(connection), ["ok"])

    def test_sessions_of_all_are_listed_and_ended_from_anywhere(self):
        token = self.token()
        sessions = [self.login(self.here, "ada"), self.login(self.there, "ada")]
        for asked in self.gateways:
            wanted = {one.socket.getsockname()[1] for one in sessions}
            lab.wait_until(lambda one=asked: wanted <= set(self.listed(one, token)), "both are listed", 5)
        victim = sessions[1]
        found = self.listed(self.here, token)[victim.socket.getsockname()[1]]
        self.sleeping(victim)
        lab.wait_until(lambda: self.ask(self.here, "GET", f"/sessions/{found['id']}", token).json()["state"] == "active", "it is shown", 5)
        ended = self.ask(self.here, "POST", f"/sessions/{found['id']}/kill", token, {"reason": "test"})
        self.assertEqual(ended.status, 204, ended.body)
        kind, body = victim.receive()
        self.assertEqual(kind, "E")
        self.assertIn("ended by root: test", wire.error_fields(body)["M"])
        lab.wait_until(lambda: self.ask(self.here, "POST", f"/sessions/{found['id']}/kill", token, {"reason": "test"}).status == 404,
                       "it is there no longer", 5)
        records = [one for one in self.there.audit("admin.change") if one.get("object") == found["id"]]
        self.assertEqual([one["user.name"] for one in records], ["root"], "recorded where it happened")
        sessions[0].send(wire.query("SELECT 1"))
        self.assertEqual(self.outcome(sessions[0]), ["ok"])

    def listed(self, gateway, token):
        """Sessions of ada by their clients' ports."""
        items = self.ask(gateway, "GET", "/sessions?user=ada", token).json()["items"]
        return {int(one["client"].rpartition(":")[2]): one for one in items}

    def test_logging_out_at_one_ends_sessions_at_the_other(self):
        token = self.token(user="ada")
        made = self.ask(self.here, "POST", "/me/database-passwords", token, {"name": "away", "expires_in_seconds": 600}).json()
        lab.wait_until(lambda: lab.run_psql("SELECT 1", host="127.0.0.1", port=self.there.port, user="ada", database="postgres",
                                            password=made["password"], check=False).returncode == 0, "the password is known there", 10)
        session = wire.Connection(self.there.port)
        self.addCleanup(session.socket.close)
        session.login("ada", "postgres", made["password"])
        revoked = self.ask(self.here, "DELETE", f"/me/database-passwords/{made['id']}", token)
        self.assertEqual(revoked.status, 204, revoked.body)
        session.socket.settimeout(AT_ONCE_SECONDS)
        self.assertEqual(session.receive()[0], "E")

    def test_what_administrators_change_at_one_holds_at_the_other_within_a_second(self):
        token = self.token()
        made = self.ask(self.here, "POST", "/groups", token, {"name": "readers"})
        self.assertEqual(made.status, 201, made.body)
        upstream = {"hosts": [f"127.0.0.1:{self.lab.postgres.port}"], "database": "postgres", "user": "postgres", "tls": "disable",
                    "password": lab.PASSWORD}
        made = self.ask(self.here, "POST", "/targets", token, {"name": "second", "settings": {"upstream": upstream}})
        self.assertEqual(made.status, 201, made.body)
        policies = ("policies:\n  - name: theirs\n    who: { groups: [readers] }\n    on: [second]\n    allow: [ { everything: true } ]\n")
        version = self.ask(self.here, "POST", "/policies/versions", token, {"text": policies, "comment": "test"})
        self.assertEqual(version.status, 201, version.body)
        number = version.json()["number"]
        active = self.ask(self.here, "POST", f"/policies/versions/{number}/activate", token, {"seen": self.ask(self.here, "GET", "/policies", token).json()["number"]})
        self.assertLess(active.status, 300, active.body)
        ada = self.token(self.there, "ada")
        names = lambda: [one["name"] for one in self.ask(self.there, "GET", "/targets", ada).json()["items"]]  # noqa: E731
        self.assertNotIn("second", names())
        joined = self.ask(self.here, "PUT", "/groups/readers/members/ada", token)
        self.assertLess(joined.status, 300, joined.body)
        self.soon(lambda: "second" in names(), "the group's target is there")
        session = wire.Connection(self.there.port)
        self.addCleanup(session.socket.close)
        session.login("ada", "second", lab.PASSWORD)
        left = self.ask(self.here, "DELETE", "/groups/readers/members/ada", token)
        self.assertLess(left.status, 300, left.body)
        session.socket.settimeout(AT_ONCE_SECONDS)
        self.assertEqual(session.receive()[0], "E")

    def test_of_two_changes_of_one_object_one_is_told_so(self):
        token = self.token()
        self.assertEqual(self.ask(self.here, "POST", "/groups", token, {"name": "both"}).status, 201)
        for _ in range(5):
            tags = {self.ask(one, "GET", "/groups/both", token).headers["etag"] for one in self.gateways}
            self.assertEqual(len(tags), 1)
            barrier = threading.Barrier(2)

            def change(gateway, text):
                barrier.wait(10)
                return self.ask(gateway, "PATCH", "/groups/both", token, {"description": text}, [PATCH, ("If-Match", tags.copy().pop())]).status

            with concurrent.futures.ThreadPoolExecutor() as pool:
                statuses = sorted(pool.map(change, self.gateways, ("one", secrets.token_hex(4))))
            self.assertEqual(statuses, [200, 412])

    def test_connections_of_a_user_are_counted_together(self):
        kept = [self.login(gateway, "few") for gateway in (self.here, self.there, self.here, self.here, self.here, self.here)]
        for gateway in self.gateways:
            lab.wait_until(lambda one=gateway: not self.admitted(one, "few"), "the limit holds", 10)
        kept[0].send(wire.TERMINATE)
        kept[0].socket.close()
        lab.wait_until(lambda: self.admitted(self.there, "few"), "the place is free for the other", 10)

    def test_failed_logins_of_an_address_are_counted_together(self):
        def fails(gateway):
            with lab.socket.create_connection(("127.0.0.1", gateway.port), 20, source_address=("127.0.0.7", 0)) as raw:
                connection = wire.Connection.__new__(wire.Connection)
                connection.__dict__.update(socket=raw, _received=b"", parameters={}, pid=None, key=None)
                with self.assertRaises(PermissionError) as refused:
                    connection.login("ana", "postgres", "wrong")
                return refused.exception.args[0]["C"]

        for _ in range(20):
            self.assertEqual(fails(self.here), "28P01")
        self.assertEqual(fails(self.here), "28000")
        lab.wait_until(lambda: fails(self.there) == "28000", "the other has heard of it", 3)

    def test_failed_sign_ins_are_counted_together(self):
        wrong = {"username": "ada", "password": "wrong"}
        answers = [self.ask(self.gateways[i % 2], "POST", "/login", body=wrong, source="127.0.0.8").status for i in range(14)]
        self.assertIn(429, answers)
        for gateway in self.gateways:
            self.assertEqual(self.ask(gateway, "POST", "/login", body={"username": "ada", "password": lab.PASSWORD},
                                      source="127.0.0.8").status, 429)

    def test_requests_of_a_caller_are_counted_together(self):
        token = self.token(user="rated")

        def left(gateway):
            return int(self.ask(gateway, "GET", "/me", token).headers["ratelimit"].split("r=")[1].split(";")[0])

        self.assertGreater(left(self.there), 2_900)
        for _ in range(500):
            if left(self.here) < 2_600:
                break
        self.soon(lambda: left(self.there) < 2_750, "the other knows what was used up", 2)

    def test_rates_of_policies_are_counted_together(self):
        here, there = self.login(self.here, "paced"), self.login(self.there, "paced")

        def tried(connection, statements=1):
            connection.send(wire.query("SELECT 1;" * statements))
            return self.outcome(connection)
        self.assertEqual(tried(there), ["ok"])
        # More than fits, which needs all of it and leaves a debt of seven seconds.
        lab.wait_until(lambda: tried(here, 8 * PACE) == ["ok"], "nothing is missing", 20)
        lab.wait_until(lambda: tried(there) == ["53400"], "the other knows what was used up", 20)

    def test_statements_at_once_are_counted_together(self):
        here, there = [self.login(self.here, "crowd") for _ in range(2)], self.login(self.there, "crowd")

        def tried(connection):
            connection.send(wire.query("SELECT 1"))
            return self.outcome(connection)
        self.assertEqual(tried(there), ["ok"])
        for connection in here:
            self.sleeping(connection)
        lab.wait_until(lambda: tried(there) == ["53300"], "the other knows what runs", 20)
        self.cancel(self.there, here[0].pid, here[0].key)
        self.assertEqual(self.outcome(here[0]), ["57014"])
        lab.wait_until(lambda: tried(there) == ["ok"], "the other knows that a place is free", 20)
        self.sleeping(there)
        lab.wait_until(lambda: tried(here[0]) == ["53300"], "the place is taken", 20)
        self.cancel(self.here, here[1].pid, here[1].key)
        self.cancel(self.here, there.pid, there.key)

    def test_queries_are_answered_wherever_they_run(self):
        token = self.token(user="ana")
        path = "/targets/postgres/queries"
        began = self.ask(self.here, "POST", path, token, {"sql": "SELECT pg_sleep(60)", "wait_ms": 0})
        self.assertEqual(began.status, 202, began.body)
        query = "/queries/" + began.json()["id"]
        self.assertEqual(self.ask(self.there, "GET", query, token).json()["state"], "running")
        self.assertEqual(self.ask(self.there, "GET", query, self.token(user="ada")).status, 404)
        self.assertEqual(self.ask(self.there, "POST", query + "/cancel", token).status, 202)
        lab.wait_until(lambda: self.ask(self.there, "GET", query, token).json()["state"] == "cancelled", "it has ended", 20)
        self.assertEqual(self.ask(self.here, "GET", query, token).json()["state"], "cancelled")

        kept = self.ask(self.here, "POST", path, token, {"sql": "SELECT g, repeat('x', 5000) FROM generate_series(1, 700) g WHERE g > $1",
                                                         "parameters": [1]})
        query, rows, cursor = "/queries/" + kept.json()["id"], [], ""
        for turn in range(100):
            page = self.ask(self.gateways[1 - turn % 2], "GET", f"{query}/rows?limit=300{cursor}", token)
            self.assertEqual(page.status, 200, page.body)
            rows += page.json()["items"]
            if not page.json()["next_cursor"]:
                break
            cursor = "&cursor=" + page.json()["next_cursor"]
        self.assertEqual([row[0] for row in rows], list(range(2, 701)))
        file = self.ask(self.there, "POST", query + "/export?format=csv&header=absent", token)
        self.assertEqual((file.status, len(file.body.decode().splitlines())), (200, 699))
        for gateway in self.gateways:
            self.assertEqual(self.ask(gateway, "GET", "/queries/qry_01JD3K7V9QXW8N5T2R4M6P0ABC", token).status, 404)

    def test_unknown_names_look_the_same_at_all(self):
        salts = set()
        for gateway in self.gateways:
            connection = wire.Connection(gateway.port)
            self.addCleanup(connection.socket.close)
            connection.send(wire.startup("nobody", "postgres"))
            connection.receive()
            initial = b"n,,n=,r=abc"
            connection.send(wire.message(b"p", wire.cstring("SCRAM-SHA-256") + struct.pack("!I", len(initial)) + initial))
            _, body = connection.receive()
            salts.add(dict(part.split("=", 1) for part in body[4:].decode().split(","))["s"])
        self.assertEqual(len(salts), 1, "a name that has another salt elsewhere does not exist")


class Pooled(Replicas):
    pool = "mode: transaction, max: 4, wait: 10s, idle: 20s"
    limits = "connections_per_user: 100"

    def connections(self):
        return int(self.lab.postgres.psql("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'dbgate%' "
                                          "AND backend_type = 'client backend' AND datname = 'postgres' AND query LIKE '%pg_sleep%'").stdout)

    def test_server_connections_are_divided(self):
        sessions = [self.login(gateway) for gateway in self.gateways for _ in range(4)]
        for session in sessions:
            session.send(wire.query("SELECT pg_sleep(0.4)"))
        most = 0
        waiting = set(sessions)
        while waiting:
            most = max(most, self.connections())
            for session in list(waiting):
                session.socket.settimeout(0.02)
                try:
                    if session.receive()[0] == "Z":
                        waiting.discard(session)
                except TimeoutError:
                    continue
        self.assertEqual(most, 4)


class Apart(Replicas):
    """Gateways and stores that die."""

    def test_a_killed_gateway_is_forgotten(self):
        third = self.lab.gateway(self.config)
        self.addCleanup(third.process.wait)
        self.met(self.here, self.there)
        lab.wait_until(lambda: sum("another gateway is there" in line for line in self.here.log) >= 2, "the third is known", 10)
        held = [self.login(third, "few") for _ in range(6)]
        lab.wait_until(lambda: not self.admitted(self.here, "few"), "its connections count", 10)
        victim = self.login(self.here)
        self.sleeping(victim)
        third.process.send_signal(signal.SIGKILL)
        third.process.wait()
        # What asks everybody waits for the dead one no longer than it may.
        token = self.token()
        self.assertLess(self.timed(lambda: self.ask(self.here, "GET", "/sessions", token)), 3)
        self.assertLess(self.cancel(self.there, victim.pid, victim.key), 4)
        self.assertEqual(self.outcome(victim), ["57014"])
        lab.wait_until(lambda: self.admitted(self.here, "few"), "its connections count no longer", 20)
        lab.wait_until(lambda: self.store.psql("SELECT count(*) FROM dbgate.replicas", "store").stdout == "2\n", "its row is gone", 20)
        self.assertEqual(self.store.psql("SELECT count(*) FROM dbgate.replica_messages", "store").stdout, "0\n")
        self.assertEqual(len(held), 6)

    @staticmethod
    def timed(call):
        began = time.monotonic()
        call()
        return time.monotonic() - began

    def test_without_the_store_everybody_goes_on_alone(self):
        kept = self.login(self.here, "few")
        lab.wait_until(lambda: '"few":1' in self.store.psql("SELECT string_agg(state, ' ') FROM dbgate.replicas", "store").stdout,
                       "it is told", 10)
        victim, near = self.login(self.here), self.login(self.there)
        self.sleeping(victim)
        self.sleeping(near)
        self.store.stop()
        try:
            self.assertLess(self.cancel(self.there, victim.pid, victim.key), 6, "it comes to nothing, and soon")
            self.assertLess(self.cancel(self.there, near.pid, near.key), AT_ONCE_SECONDS)
            self.assertEqual(self.outcome(near), ["57014"])
            kept.send(wire.query("SELECT 1"))
            self.assertEqual(self.outcome(kept), ["ok"])
            more = [self.login(self.there, "few") for _ in range(5)]
            self.assertFalse(self.admitted(self.there, "few"), "what was known last counts on")
            self.assertEqual(len(more), 5)
            victim.socket.settimeout(0.3)
            with self.assertRaises(TimeoutError):
                victim.receive()
        finally:
            self.store.start()
        victim.socket.settimeout(20)
        lab.wait_until(lambda: self.cancel(self.there, victim.pid, victim.key) and self.ready(victim), "cancels work again", 20)
        self.assertEqual(self.outcome(victim), ["57014"])

    @staticmethod
    def ready(connection):
        return bool(select.select([connection.socket], [], [], 0.2)[0])


if __name__ == "__main__":
    unittest.main()
