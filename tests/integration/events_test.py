"""What is told to those who watch: sessions, sign-ins, changes and denials at a real gateway, over both kinds of stream."""
import base64
import json
import os
import pathlib
import struct
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import wire  # noqa: E402
from raw_http import Raw  # noqa: E402


class Stream:
    """GET /events, event by event."""

    def __init__(self, port, token, query="", last=None):
        self.raw = Raw(port)
        headers = [("Authorization", "Bearer " + token)] + ([("Last-Event-ID", last)] if last else [])
        self.raw.send(f"GET /api/v1/events{query} HTTP/1.1\r\nHost: x\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers) + "\r\n")
        self.status, _ = self.raw.header()
        self.text, self.kept = "", []
        self.first = self.block()

    def block(self):
        while "\n\n" not in self.text:
            piece = self.raw.chunk()
            if not piece:
                return None
            self.text += piece.decode()
        block, _, self.text = self.text.partition("\n\n")
        return dict(line.split(": ", 1) for line in block.split("\n") if ": " in line)

    def event(self, kind, **members):
        """An event of the kind whose data has these members. What comes before it is kept: threads publish, and order among them is
        not promised."""
        deadline = time.monotonic() + 30
        waiting, self.kept = self.kept, []
        while True:
            found = waiting.pop(0) if waiting else self.block()
            if found is None or time.monotonic() > deadline:
                raise AssertionError(f"no {kind} {members} among {self.kept}")
            data = json.loads(found["data"]) if found.get("event") else {}
            if found.get("event") == kind and all(data.get(key) == value for key, value in members.items()):
                self.kept += waiting
                return found["id"], data
            self.kept.append(found)

    def close(self):
        self.raw.close()


class Events(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab())
        cls.lab.postgres.psql("CREATE TABLE t (a int); CREATE TABLE hidden_table (a int)")
        cls.gateway = cls.lab.gateway(
            "version: 1\nstate_dir: state\nlimits: { api_requests_per_minute: 1000000 }\n"
            "listen:\n  postgres: { address: 127.0.0.1, port: 0 }\n  api: { address: 127.0.0.1, port: 0 }\n" +
            cls.lab.users("root", "aud", "ana", "bob", "eva") + "roles: { admin: { users: [root] }, auditor: { users: [aud] } }\n"
            "targets:\n" + cls.lab.target() +
            "policies:\n  - { name: some, who: { users: [ana, bob] }, on: [postgres], allow: [ { select: [public.t], functions: [safe] } ] }\n"
            "  - { name: all, who: { users: [eva] }, on: [postgres], allow: [ { everything: true } ] }\n")
        cls.tokens = {name: cls.send("POST", "/login", body={"username": name, "password": lab.PASSWORD}).json()["access_token"]
                      for name in ("root", "aud", "ana", "bob", "eva")}

    @classmethod
    def send(cls, method, path, user=None, body=None):
        with Raw(cls.gateway.ports["api"], timeout=lab.START_SECONDS) as connection:
            return connection.request(method, "/api/v1" + path, cls.tokens[user] if user else None, body)

    def watch(self, user, query="", last=None):
        stream = Stream(self.gateway.ports["api"], self.tokens[user], query, last)
        self.addCleanup(stream.close)
        self.assertEqual(stream.status, 200)
        return stream

    def session(self, user):
        connection = self.enterContext(wire.Connection(self.gateway.port))
        connection.login(user, "postgres", lab.PASSWORD)
        return connection

    def test_a_session_from_its_start_to_its_end(self):
        own, auditor = self.watch("ana"), self.watch("aud")
        connection = self.session("ana")
        for stream in (own, auditor):
            _, signed_in = stream.event("auth.ok", user="ana")
            self.assertEqual(signed_in["auth_method"][:5], "scram")
            _, started = stream.event("session.start", user="ana")
            self.assertEqual((started["target"], started["database"], started["client_address"]), ("postgres", "postgres", "127.0.0.1"))
        connection.send(wire.query("SELECT a FROM hidden_table"))
        connection.receive_until("Z")
        for stream in (own, auditor):
            _, denied = stream.event("statement.denied", session_id=started["session_id"])
            self.assertNotIn("hidden_table", json.dumps(denied), "no statement, no name of what was asked for")
            recorded = [record for record in self.gateway.audit("statement.decided") if record["query_id"] == denied["query_id"]]
            self.assertEqual(len(recorded), 1)
        killed = self.send("POST", f"/sessions/{started['session_id']}/kill", "root", {"reason": "maintenance"})
        self.assertEqual(killed.status, 204, killed.body)
        for stream in (own, auditor):
            _, change = stream.event("admin.change", change="session.end")
            self.assertEqual((change["user"], change["object"], change["object_user"], change["reason"]),
                             ("root", started["session_id"], "ana", "maintenance"))
            _, ended = stream.event("session.end", session_id=started["session_id"])
            self.assertEqual(ended["reason"], "ended by administrator")

    def test_one_sees_what_is_ones_own(self):
        streams = {user: self.watch(user) for user in ("ana", "bob", "aud")}
        self.session("bob")
        self.send("POST", "/login", body={"username": "bob", "password": "wrong"})
        self.send("POST", "/service-accounts", "root", {"name": "robot"})
        made = self.send("POST", "/me/tokens", "ana", {"name": "t", "scopes": ["read"], "expires_in_seconds": 60}).json()
        streams["aud"].event("session.start", user="bob")
        streams["aud"].event("auth.fail", user="bob")
        streams["aud"].event("admin.change", change="user.create", object="robot")
        streams["bob"].event("auth.fail", user="bob")
        # The first that ana hears of is her own.
        block = streams["ana"].block()
        while block.get("event") is None:
            block = streams["ana"].block()
        data = json.loads(block["data"])
        self.assertEqual((block["event"], data["change"], data["object"]), ("admin.change", "personal_token.create", made["id"]))
        self.assertNotIn(made["secret"], json.dumps(data))

    def test_queries_from_their_start_to_their_end(self):
        streams = {name: self.watch(name, "?topics=queries") for name in ("ana", "aud", "eva", "bob")}
        done = self.send("POST", "/targets/postgres/queries", "ana", {"sql": "SELECT a FROM t"}).json()
        for name in ("ana", "aud"):
            _, start = streams[name].event("query.start", query_id=done["id"])
            self.assertEqual((start["user"], start["target"], start["state"], start["rows"]), ("ana", "postgres", "running", 0))
            _, end = streams[name].event("query.end", query_id=done["id"])
            self.assertEqual((end["state"], end["rows"], end["audit_id"]), ("succeeded", 0, done["audit_id"]))
        denied = self.send("POST", "/targets/postgres/queries", "ana", {"sql": "SELECT * FROM hidden_table"}).json()
        _, end = streams["ana"].event("query.end", query_id=denied["query_id"])
        self.assertEqual((end["state"], end["sqlstate"]), ("failed", "42501"))
        # Each row fills the server's buffer, so that it is sent when it is there.
        slow = {"sql": "SELECT g, repeat('x', 20000), pg_sleep(0.7) FROM generate_series(1, 4) g", "wait_ms": 0}
        slow = self.send("POST", "/targets/postgres/queries", "eva", slow).json()
        _, progress = streams["eva"].event("query.progress", query_id=slow["id"])
        self.assertEqual(progress["state"], "running")
        self.assertEqual(streams["eva"].event("query.end", query_id=slow["id"])[1]["rows"], 4)
        self.assertFalse([event for event in streams["eva"].kept if "ana" in event.get("data", "")])
        # Nobody else's: the first one that bob is told of is his own.
        own = self.send("POST", "/targets/postgres/queries", "bob", {"sql": "SELECT a FROM t"}).json()
        streams["bob"].event("query.end", query_id=own["id"])
        told = [json.loads(event["data"])["query_id"] for event in streams["bob"].kept if event.get("event")]
        self.assertEqual(set(told), {own["id"]})

    def test_topics_and_where_one_was(self):
        stream = self.watch("aud", "?topics=changes")
        names = [f"kept{number}" for number in range(3)]
        for name in names:
            self.send("POST", "/login", body={"username": "bob", "password": "wrong"})
            self.assertEqual(self.send("POST", "/service-accounts", "root", {"name": name}).status, 201)
        place, first = stream.event("admin.change", change="user.create", object=names[0])
        self.assertEqual(first["user"], "root")
        stream.close()
        again = self.watch("aud", "?topics=changes", last=place)
        got = [json.loads(again.block()["data"])["object"] for _ in range(2)]
        self.assertEqual(got, names[1:])
        self.assertEqual(self.watch("aud", last="06E1Q4Y2N8Q3T7ZB-17").first.get("event"), "missed", "another process' number")
        self.assertEqual(self.send("GET", "/events?topics=weather", "aud").status, 400)

    def test_over_a_websocket(self):
        with Raw(self.gateway.ports["api"]) as socket:
            key = base64.b64encode(os.urandom(16)).decode()
            answer = socket.request("GET", "/api/v1/events/ws?topics=sign_ins", self.tokens["aud"], headers=[
                ("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"), ("Sec-WebSocket-Key", key),
                ("Sec-WebSocket-Protocol", "dbgate.events.v1")])
            self.assertEqual(answer.status, 101)
            self.send("POST", "/login", body={"username": "nobody-here", "password": "wrong"})
            while True:
                head = socket.take(2)
                size = head[1] & 127
                size = struct.unpack("!H", socket.take(2))[0] if size == 126 else size
                message = json.loads(socket.take(size))
                if message.get("data", {}).get("user") == "nobody-here":
                    break
            self.assertEqual((message["topic"], message["type"]), ("sign_ins", "auth.fail"))
            self.assertRegex(message["id"], r"^[0-9A-Z]{16}-\d+$")

    def test_a_stream_ends_with_its_credential(self):
        login = self.send("POST", "/login", body={"username": "bob", "password": lab.PASSWORD}).json()["access_token"]
        stream = Stream(self.gateway.ports["api"], login)
        self.addCleanup(stream.close)
        with Raw(self.gateway.ports["api"]) as connection:
            self.assertEqual(connection.request("POST", "/api/v1/logout", login).status, 204)

        def over():
            self.session("bob")  # something to tell
            return True
        over()
        while stream.block() is not None:
            pass


if __name__ == "__main__":
    unittest.main(verbosity=2)
