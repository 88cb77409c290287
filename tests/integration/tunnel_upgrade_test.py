#!/usr/bin/python3
"""Tunnels change the protocol of an HTTP connection; where something on the way knows WebSockets only, they are one."""
import contextlib
import json
import os
import pathlib
import re
import socket
import ssl
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import raw_http  # noqa: E402
import wire  # noqa: E402

PATH = "/api/v1/targets/postgres/tunnel"
UPGRADE = [("Connection", "Upgrade"), ("Upgrade", "dbgate-tunnel")]
LARGE = 3_000_000


class Between:
    """Something between the command line and the gateway, which passes on what `change` makes of the head of a request;
    what that returns as bytes is its own answer. Remembers what was asked for."""

    def __init__(self, port, change):
        self.change, self.port, self.heads = change, port, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.here = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self._serve, args=(self.listener.accept()[0],), daemon=True).start()

    @staticmethod
    def _copy(source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def _serve(self, client):
        with client, socket.create_connection(("127.0.0.1", self.port)) as gateway:
            data = b""
            while b"\r\n\r\n" not in data:
                piece = client.recv(65536)
                if not piece:
                    return
                data += piece
            head, _, rest = data.partition(b"\r\n\r\n")
            if b"/tunnel" in head:
                self.heads.append(head.decode())
                head = self.change(head.decode())
            if isinstance(head, str):
                head = head.encode()
            elif b"/tunnel" in data:
                with contextlib.suppress(OSError):
                    client.sendall(head[0])
                return
            gateway.sendall(head + b"\r\n\r\n" + rest)
            up = threading.Thread(target=self._copy, args=(client, gateway), daemon=True)
            up.start()
            self._copy(gateway, client)
            up.join()

    def close(self):
        self.listener.close()


def only_websockets(head):
    """As proxies do that know of no other upgrade: the words are for the next hop, and are left out."""
    return re.sub(r"\r\n(Connection|Upgrade):[^\r]*", "", head) if "Upgrade: dbgate-tunnel" in head else head


class Upgrades(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab())
        plain = "listen:\n  postgres: { address: 127.0.0.1, port: 0 }\n  api: { address: 127.0.0.1, port: 0 }\n"
        forward = cls.lab.forward_everything()
        cls.plain = cls.lab.gateway(forward.replace(cls.lab.listen(), plain))
        cls.secured = cls.lab.gateway(cls.lab.forward_everything(tls=True))
        cls.trust = ssl.create_default_context(cafile=cls.lab.certificates.ca)

    def setUp(self):
        self.home = pathlib.Path(self.enterContext(lab.tempfile.TemporaryDirectory(prefix="dbgate-upgrade-")))

    def cli_environment(self, port, scheme):
        dropped = ("DBGATE_", "PG", "XDG_")
        environment = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
        environment.update({name: str(self.home) for name in ("HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")})
        return {**environment, "DBGATE_CA_FILE": str(self.lab.certificates.ca), "DBGATE_URL": f"{scheme}://localhost:{port}"}

    def login(self, port, scheme):
        environment = self.cli_environment(port, scheme)
        subprocess.run([str(lab.CLI), "login", "--username", "postgres", "--password-stdin"], input=lab.PASSWORD + "\n", text=True,
                       env=environment, check=True, capture_output=True, timeout=60)
        return environment

    def token(self, gateway, scheme):
        environment = self.login(gateway.ports["api"], scheme)
        return subprocess.run([str(lab.CLI), "token"], env=environment, check=True, capture_output=True, text=True, timeout=60).stdout.strip()

    def both(self):
        return [(gateway, tls, self.token(gateway, scheme))
                for gateway, scheme, tls in ((self.plain, "http", None), (self.secured, "https", self.trust))]

    @staticmethod
    def over(connection):
        """What comes after the upgrade, as a connection of PostgreSQL's protocol that is signed in already."""
        there = wire.Connection.__new__(wire.Connection)
        there.socket, there._received = connection.socket, connection.buffer
        there.send(wire.startup("whoever", "postgres"))
        there.receive_until("Z")
        return there

    def test_bytes_follow_the_answer(self):
        for gateway, tls, token in self.both():
            with raw_http.Raw(gateway.ports["api"], tls=tls) as connection:
                answer = connection.request("GET", PATH, token, headers=UPGRADE)
                self.assertEqual((answer.status, answer.headers["upgrade"], answer.headers["connection"].lower()),
                                 (101, "dbgate-tunnel", "upgrade"))
                self.assertNotIn("content-length", answer.headers)
                self.assertRegex(answer.headers["x-request-id"], "^req_")
                there = self.over(connection)
                there.send(wire.query(f"SELECT repeat('x', {LARGE})"))
                row = next(body for kind, body in iter(there.receive, None) if kind == "D")
                self.assertEqual(len(row), LARGE + 6)
                there.receive_until("Z")
                there.send(wire.query(f"SELECT length('{'y' * LARGE}'), current_user"))
                row = next(body for kind, body in iter(there.receive, None) if kind == "D")
                self.assertIn(str(LARGE).encode(), row)
            self.assertIn("tunnel", {record["auth.method"] for record in gateway.audit("session.start")})

    def test_the_worst_case_ends_the_connection_only(self):
        """Bytes that come before the answer could be meant for either protocol; they are nobody's."""
        for gateway, tls, token in self.both():
            request = f"GET {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nConnection: Upgrade\r\nUpgrade: dbgate-tunnel\r\n\r\n"
            with raw_http.Raw(gateway.ports["api"], tls=tls) as connection:
                connection.send(request.encode() + wire.startup("postgres", "postgres"))
                self.assertIsNone(connection.line())
            # Many records in one packet: some are in hands that cannot give them back.
            with raw_http.Raw(gateway.ports["api"], tls=tls) as connection:
                with contextlib.suppress(OSError):
                    connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
                    connection.send(request)
                    for _ in range(200):
                        connection.send(wire.startup("postgres", "postgres") * 20)
                    connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)
                    while connection.socket.recv(65536):
                        pass
            with raw_http.Raw(gateway.ports["api"], tls=tls) as connection:
                self.assertEqual(connection.request("GET", "/api/v1/me", token).status, 200)

    def test_who_asks_wrongly_gets_no_tunnel(self):
        for gateway, tls, token in self.both():
            with raw_http.Raw(gateway.ports["api"], tls=tls) as connection:
                def ask(headers, path=PATH, credential=token):
                    answer = connection.request("GET", path, credential, headers=headers)
                    return answer.status, answer.headers.get("upgrade")
                offered = "dbgate-tunnel, websocket"
                self.assertEqual(ask([]), (426, offered))
                self.assertEqual(ask([("Upgrade", "dbgate-tunnel")]), (426, offered))
                self.assertEqual(ask([("Connection", "Upgrade"), ("Upgrade", "dbgate-tunnels")]), (426, offered))
                self.assertEqual(ask(UPGRADE, "/api/v1/events/ws"), (426, "websocket"))
                self.assertEqual(ask(UPGRADE, credential="nothing"), (401, None))
                self.assertEqual(ask(UPGRADE, PATH.replace("postgres", "other")), (404, None))
                self.assertEqual(ask([*UPGRADE, ("Origin", "https://elsewhere.example")])[0], 403)
            with raw_http.Raw(gateway.ports["api"], tls=tls) as connection:
                connection.send(f"GET {PATH} HTTP/1.0\r\nHost: x\r\nAuthorization: Bearer {token}\r\nConnection: Upgrade\r\nUpgrade: dbgate-tunnel\r\n\r\n")
                self.assertEqual(connection.answer().status, 426)

    def test_the_end_of_a_session_reaches_the_client(self):
        for gateway, tls, token in self.both():
            with raw_http.Raw(gateway.ports["api"], tls=tls) as connection, raw_http.Raw(gateway.ports["api"], tls=tls) as other:
                self.assertEqual(connection.request("GET", PATH, token, headers=UPGRADE).status, 101)
                there = self.over(connection)
                began = time.monotonic()
                self.assertIn(other.request("POST", "/api/v1/logout", token).status, (200, 204))
                fields = wire.error_fields(there.receive_until("E")[-1][1])
                self.assertEqual(fields["C"], "57P01")
                self.assertLess(time.monotonic() - began, 1)
                self.assertTrue(there.at_end())

    @contextlib.contextmanager
    def tunnel(self, environment):
        with subprocess.Popen([str(lab.CLI), "connect", "postgres", "--port", "0", "-o", "json"], stdout=subprocess.PIPE, text=True,
                              env=environment) as process:
            try:
                yield next(event for event in map(json.loads, process.stdout) if event["event"] == "ready")
            finally:
                process.terminate()
                process.communicate(timeout=20)

    def psql(self, event, sql, check=True):
        return subprocess.run(["psql", "-X", "-A", "-t", "-q", "-h", "127.0.0.1", "-p", str(event["port"]), "-U", "x", "-c", sql, "postgres"],
                              env={**os.environ, "PGPASSFILE": event["passfile"], "PGSSLMODE": "disable"}, check=check, capture_output=True,
                              text=True, timeout=60)

    def test_a_websocket_where_nothing_else_passes(self):
        refuses = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        ways = {"words are dropped": only_websockets,
                "the request is refused": lambda head: (refuses,) if "dbgate-tunnel" in head else head,
                "the connection is dropped": lambda head: (b"",) if "dbgate-tunnel" in head else head,
                "something else answers": lambda head: (b"220 mail.example ESMTP\r\n\r\n",) if "dbgate-tunnel" in head else head}
        for name, change in ways.items():
            with self.subTest(name), contextlib.closing(Between(self.plain.ports["api"], change)) as between:
                environment = self.login(between.here, "http")
                with self.tunnel(environment) as event:
                    self.assertEqual(self.psql(event, f"SELECT length(repeat('x', {LARGE}))").stdout.strip(), str(LARGE))
                    self.assertEqual(len(self.psql(event, f"SELECT repeat('x', {LARGE})").stdout.strip()), LARGE)
                    self.assertEqual(self.psql(event, f"SELECT length('{'y' * 100_000}')").stdout.strip(), "100000")
                asked = ["dbgate-tunnel" in head for head in between.heads]
                # Once it is known, nobody asks again for what does not pass.
                self.assertEqual(asked, [True, False, False, False])
                self.assertTrue(all("websocket" in head for head in between.heads[1:]))

    def test_refusals_are_final(self):
        """Whoever is refused is not asked again in another way, and the client hears why."""
        answers = {401: "does not accept the access token", 403: "not good for tunnels", 404: "no such target", 429: "too many requests",
                   503: "gateway draining"}
        for status, text in answers.items():
            refuses = f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n".encode()
            with self.subTest(status), contextlib.closing(Between(self.plain.ports["api"], lambda head, it=refuses: (it,))) as between:
                environment = self.login(between.here, "http")
                with self.tunnel(environment) as event:
                    self.assertIn(text, self.psql(event, "SELECT 1", check=False).stderr)
                self.assertFalse(any("websocket" in head for head in between.heads))

    def test_certificates_are_verified(self):
        environment = self.login(self.secured.ports["api"], "https")
        with self.tunnel(environment) as event:
            self.assertEqual(self.psql(event, "SELECT 1").stdout.strip(), "1")
        # Who is told to trust another authority does not sign in.
        other = lab.Certificates(self.home / "other")
        environment["DBGATE_CA_FILE"] = str(other.ca)
        done = subprocess.run([str(lab.CLI), "connect", "postgres", "--port", "0"], env=environment, capture_output=True, text=True,
                              timeout=60, check=False)
        self.assertEqual(done.returncode, 7, done.stderr)


if __name__ == "__main__":
    unittest.main()
