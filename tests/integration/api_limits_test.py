"""Clients of the API that mean harm: slow, endless, oversize, ambiguous. Others are served all the while."""
import contextlib
import pathlib
import socket
import ssl
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
from raw_http import Raw  # noqa: E402

ATTACKER = "127.0.0.2"
PER_ADDRESS = 64


class Bystander:
    """Somebody who works with the API meanwhile, on a new connection each time and on one that stays."""

    def __init__(self, port, token):
        self.port, self.token = port, token
        self.slowest, self.served, self.failure = 0.0, 0, None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    def _run(self):
        try:
            with Raw(self.port) as kept:
                while not self._stop.wait(0.02):
                    begun = time.monotonic()
                    with Raw(self.port) as other:
                        statuses = {connection.request("GET", "/api/v1/me", self.token).status for connection in (kept, other)}
                    self.slowest = max(self.slowest, time.monotonic() - begun)
                    assert statuses == {200}, statuses
                    self.served += 1
                    if self.served % 400 == 0:  # a connection has its number of requests
                        kept.close()
                        kept.__init__(self.port)
        except BaseException as failure:  # noqa: BLE001
            self.failure = failure


class ApiLimits(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab()
        cls.addClassCleanup(cls.lab.close)
        pair = cls.lab.certificates
        cls.port = cls.lab.gateway(cls.config("")).ports["api"]
        cls.tls_port = cls.lab.gateway(cls.config(f", tls: {{ cert_file: {pair.cert}, key_file: {pair.key} }}")).ports["api"]
        with Raw(cls.port) as connection:
            answer = connection.request("POST", "/api/v1/login", body={"username": "ana", "password": lab.PASSWORD})
        cls.token = answer.json()["access_token"]

    @classmethod
    def config(cls, tls):
        return (f"version: 1\nstate_dir: state\nlimits: {{ api_connections_per_address: {PER_ADDRESS}, api_requests_per_minute: 1000000 }}\n"
                f"listen:\n  postgres: {{ address: 127.0.0.1, port: 0 }}\n  api: {{ address: 127.0.0.1, port: 0{tls} }}\n" +
                cls.lab.users("ana") + "targets:\n" + cls.lab.target() +
                "policies:\n  - { name: all, who: { users: [ana] }, on: [postgres], allow: [ { everything: true } ] }\n")

    def served_meanwhile(self, bystander, least=10, seconds=1.0):
        self.assertIsNone(bystander.failure)
        self.assertGreaterEqual(bystander.served, least)
        self.assertLess(bystander.slowest, seconds)

    def refused(self, data, status, code=None):
        """`data` gets this answer, and the connection ends; the next one is served."""
        with Raw(self.port, ATTACKER) as connection:
            connection.send(data)
            answer = connection.answer()
            self.assertIsNotNone(answer, data[:80])
            self.assertEqual(answer.status, status, (data[:80], answer.body))
            if code:
                self.assertEqual(answer.code, code)
            self.assertEqual(answer.headers["connection"], "close", data[:80])
            self.assertTrue(connection.ended())

    # Slow ones. They wait for their limits all at once: 10 s for a header, 30 s for a body and for a reader.

    @staticmethod
    def drip(connection, first, piece, longest):
        """Sends a piece each second until the gateway has had enough. Returns what it said, and when."""
        begun = time.monotonic()
        connection.socket.settimeout(1)
        connection.send(first)
        said = b""
        while time.monotonic() - begun < longest:
            try:
                data = connection.socket.recv(65536)
                if not data:
                    return said, time.monotonic() - begun
                said += data
            except socket.timeout:
                connection.send(piece)
            except ConnectionError:
                return said, time.monotonic() - begun
        raise AssertionError(f"still there after {longest} s")

    def slow_header(self):
        with Raw(self.port, ATTACKER) as connection:
            said, after = self.drip(connection, "GET /api/v1/me HTTP/1.1\r\n", "X-Slow: 1\r\n", 20)
        self.assertIn(b" 408 ", said)
        self.assertTrue(9 < after < 15, after)

    def silent(self):
        with Raw(self.port, ATTACKER) as connection:
            _, after = self.drip(connection, "", "", 20)
        self.assertTrue(9 < after < 15, after)

    def silent_tls(self):
        with Raw(self.tls_port, ATTACKER) as connection:
            _, after = self.drip(connection, "", "", 20)
        self.assertTrue(9 < after < 15, after)

    def slow_tls(self):
        with Raw(self.tls_port, ATTACKER) as connection:
            _, after = self.drip(connection, b"\x16\x03\x01\x02\x00", b"\x01", 20)
        self.assertTrue(after < 15, after)

    def slow_body(self):
        with Raw(self.port, ATTACKER) as connection:
            said, after = self.drip(connection, "POST /api/v1/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                                    "Content-Length: 60000\r\n\r\n{", " ", 45)
        self.assertIn(b" 408 ", said)
        self.assertTrue(29 < after < 38, after)

    def slow_chunks(self):
        with Raw(self.port, ATTACKER) as connection:
            said, after = self.drip(connection, "POST /api/v1/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                                    "Transfer-Encoding: chunked\r\n\r\n", "1\r\n \r\n", 45)
        self.assertIn(b" 408 ", said)
        self.assertTrue(29 < after < 38, after)

    def heartbeat(self):
        """No attacker, but it takes as long: a quiet stream of events has a comment every 15 s."""
        with Raw(self.port) as connection:
            connection.send(f"GET /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.token}\r\n\r\n")
            connection.header()
            connection.chunk()
            begun = time.monotonic()
            self.assertEqual(connection.chunk(), b": alive\n\n")
        self.assertTrue(14 < time.monotonic() - begun < 18)

    def never_reads(self):
        with Raw(self.port, ATTACKER, timeout=60) as connection:
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.send(b"GET /api/v1/docs HTTP/1.1\r\nHost: x\r\n\r\n" * 900)
            begun = time.monotonic()
            # The gateway resets the connection; nothing is read until then.
            connection.socket.settimeout(1)
            with self.assertRaises(ConnectionError):
                while time.monotonic() - begun < 50:
                    connection.send(b"GET /api/v1/docs HTTP/1.1\r\nHost: x\r\n\r\n")
                    threading.Event().wait(1)

    def test_slow_clients_are_ended_and_keep_nobody_waiting(self):
        attacks = [self.slow_header, self.silent, self.silent_tls, self.slow_tls, self.slow_body, self.slow_chunks, self.never_reads, self.heartbeat]
        failures = []

        def run(attack):
            try:
                attack()
            except BaseException as failure:  # noqa: BLE001
                failures.append((attack.__name__, failure))

        with Bystander(self.port, self.token) as bystander:
            threads = [threading.Thread(target=run, args=(attack,)) for attack in attacks]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        self.assertEqual(failures, [])
        self.served_meanwhile(bystander, 100)

    # Large ones.

    def test_headers_have_a_size(self):
        self.refused("GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + "a" * 20_000 + "\r\n\r\n", 431, "headers_too_large")
        self.refused("GET / HTTP/1.1\r\nHost: x\r\n" + "X-Many: 1\r\n" * 101 + "\r\n", 431, "headers_too_large")
        self.refused("GET /" + "a" * 9_000 + " HTTP/1.1\r\nHost: x\r\n\r\n", 414, "uri_too_long")
        self.refused("GET / HTTP/1.1\r\nHost: x\r\n" + "X-Many: 1\r\n" * 100_000, 431, "headers_too_large")
        with Raw(self.port, ATTACKER) as connection:
            self.assertEqual(connection.request("GET", "/" + "a" * 5_000).status, 404)

    def test_bodies_have_a_size(self):
        head = "POST /api/v1/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        for length in (65_537, 1 << 40, (1 << 63) - 1):
            self.refused(head + f"Content-Length: {length}\r\n\r\n", 413, "too_large")
        self.refused(head + "Content-Length: 70000\r\n\r\n" + "x" * 70_000, 413, "too_large")
        self.refused(head + "Content-Length: 70000\r\nExpect: 100-continue\r\n\r\n", 413, "too_large")
        self.refused(head + "Transfer-Encoding: chunked\r\n\r\n" + ("4000\r\n" + "x" * 0x4000 + "\r\n") * 5, 413, "too_large")
        self.refused(head + "Transfer-Encoding: chunked\r\n\r\nfffffffffffff\r\n", 413, "too_large")
        chunked = head + "Transfer-Encoding: chunked\r\n\r\n"
        self.refused(chunked + "1;" + "x" * 50_000, 400, "bad_request")
        self.refused(chunked + "0\r\n" + "X-Trailer: 1\r\n" * 5_000, 400, "bad_request")
        for length in ("-1", "1x", "99999999999999999999999", "0x10", ""):
            self.refused(head + f"Content-Length: {length}\r\n\r\n", 400, "bad_request")

    def test_nobody_sends_much_before_he_is_known(self):
        head = "POST /api/v1/decisions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 10000000\r\n"
        self.refused(head + "\r\n", 401, "not_authenticated")
        self.refused(head + "Expect: 100-continue\r\n\r\n", 401, "not_authenticated")
        body = b'{"target":"postgres","sql":"SELECT 1' + b" " * 8_000_000 + b'"}'
        with Raw(self.port) as connection:
            connection.send(f"POST /api/v1/decisions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.token}\r\n"
                            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n")
            self.assertEqual(connection.header()[0], 100)
            connection.send(body)
            self.assertEqual(connection.answer().status, 200)

    # Ambiguous ones.

    def test_requests_that_two_readers_would_read_differently(self):
        post = "POST /api/v1/login HTTP/1.1\r\nHost: x\r\n"
        for data, status in (
                (post + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
                (post + "Content-Length: 4\r\nContent-Length: 5\r\n\r\nxxxxx", 400),
                (post + "Content-Length: 4, 4\r\n\r\nxxxx", 400),
                (post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
                (post + "Transfer-Encoding: identity\r\n\r\n", 501),
                (post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
                (post + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
                (post + "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n", 400),
                (post + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400),
                ("POST /api/v1/login HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
                ("GET / HTTP/1.1\r\nHost: x\r\nX-Folded: a\r\n b\r\n\r\n", 400),
                ("GET / HTTP/1.1\r\n\r\n", 400),
                ("GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
                ("GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n", 400),
                ("GET http://x/api/v1/me HTTP/1.1\r\nHost: x\r\n\r\n", 400),
                ("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 400),
                ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
                ("GET / HTTP/9.9\r\nHost: x\r\n\r\n", 400),
                ("GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
                ("GET / HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n", 400),
                ("GET / HTTP/1.1\nHost: x\n\n", 400),
                (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500), 400),
                (b"\xff" * 2000 + b"\r\n\r\n", 400)):
            self.refused(data, status)

    def test_paths_lead_nowhere_else(self):
        with Raw(self.port, ATTACKER) as connection:
            for path, status in (("/api/v1/../../etc/passwd", 404), ("/api/v1/%2e%2e/%2e%2e/etc/passwd", 404), ("/api/v1/..%2f..%2fetc/passwd", 404),
                                 ("/api/v1//me", 404), ("/api/v1/me/", 404), ("/api/v1/me%00", 400), ("/api/v1/%6de", 401),
                                 ("/api/v1/targets/%2e%2e/tunnel", 404), ("/problems/..%5c..%5cetc", 404), ("/api/v1/%c0%ae%c0%ae/me", 400),
                                 ("/api/v1/me%", 400), ("/problems/%2e%2e%2fnot_found", 404)):
                self.assertEqual(connection.request("GET", path).status, status, path)

    # Many.

    def test_pipelines_are_served_in_turn_and_end(self):
        with Bystander(self.port, self.token) as bystander:
            for _ in range(50):  # one is over before others have asked much
                self.pipeline()
                if bystander.served >= 3:
                    break
        self.served_meanwhile(bystander, 3)

    def pipeline(self):
        with Raw(self.port, ATTACKER) as connection:
            sender = threading.Thread(target=lambda: self.flood(connection, b"GET /api/v1/me HTTP/1.1\r\nHost: x\r\n\r\n" * 3000))
            sender.start()
            answers = []
            while (answer := connection.answer()) is not None:
                answers.append(answer)
            connection.close()
            sender.join()
        self.assertEqual(len(answers), 1000)
        self.assertEqual({answer.status for answer in answers}, {401})
        self.assertEqual(answers[-1].headers["connection"], "close")

    @staticmethod
    def flood(connection, data):
        try:
            connection.send(data)
        except OSError:
            pass

    def test_one_address_does_not_take_all_connections(self):
        with Bystander(self.port, self.token) as bystander:
            many = [Raw(self.port, ATTACKER) for _ in range(PER_ADDRESS)]
            for connection in many:
                self.assertEqual(connection.request("GET", "/api/v1/me").status, 401)
            for _ in range(20):
                with Raw(self.port, ATTACKER) as one_too_many:
                    self.assertTrue(one_too_many.ended())
            served = bystander.served
            lab.wait_until(lambda: bystander.served > served + 5 or bystander.failure, "others are served", 10)
            for connection in many:
                connection.close()
            lab.wait_until(lambda: self.is_served(ATTACKER), "places are free again", 10)
        self.served_meanwhile(bystander, 5)

    def is_served(self, source):
        try:
            with Raw(self.port, source) as connection:
                return connection.request("GET", "/api/v1/me").status == 401
        except (OSError, AttributeError):
            return False

    def test_streams_that_nobody_reads_any_more_are_given_up(self):
        for _ in range(3):
            streams = [lab.wait_until(self.watch, "the gateway sees that the others went", 5) for _ in range(PER_ADDRESS)]
            for stream in streams:
                stream.close()

    def watch(self):
        """A stream of events; None if the address has no more connections."""
        stream = Raw(self.port, "127.0.0.3")
        with contextlib.suppress(OSError):
            stream.send(f"GET /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.token}\r\n\r\n")
            got = stream.header()
            if got is not None:
                self.assertEqual(got[0], 200)
                self.assertTrue(stream.chunk().startswith(b"retry: 2000\nid: "))
                return stream
        stream.close()
        return None

    # Browsers.

    def test_pages_of_others_open_nothing(self):
        upgrade = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"), ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")]
        for path in ("/api/v1/events/ws", "/api/v1/targets/postgres/tunnel"):
            for origin, status in (("https://evil.example", 403), ("null", 403), ("http://localhost", 101), (None, 101)):
                with Raw(self.port) as connection:
                    fields = upgrade + ([("Origin", origin)] if origin else [])
                    self.assertEqual(connection.request("GET", path, self.token, headers=fields).status, status, (path, origin))
            with Raw(self.port) as connection:
                self.assertEqual(connection.request("GET", path, headers=upgrade).status, 401)
        with Raw(self.port) as connection:
            answer = connection.request("POST", "/api/v1/login", body={"username": "ana", "password": lab.PASSWORD},
                                        headers=[("Origin", "https://evil.example")])
            self.assertEqual(answer.code, "origin_refused")
            preflight = connection.request("OPTIONS", "/api/v1/login", headers=[("Origin", "https://evil.example"),
                                                                                ("Access-Control-Request-Method", "POST")])
            self.assertFalse([name for name in preflight.headers if name.startswith("access-control")])

    def test_tls_is_as_strict(self):
        trusting = ssl.create_default_context(cafile=str(self.lab.certificates.ca))
        with Raw(self.tls_port, tls=trusting) as connection:
            self.assertEqual(connection.request("GET", "/api/v1/me").status, 401)
            connection.send("GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + "a" * 20_000 + "\r\n\r\n")
            self.assertEqual(connection.answer().status, 431)
        with Raw(self.tls_port) as connection:
            connection.send("GET /api/v1/me HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertTrue(connection.ended())


if __name__ == "__main__":
    unittest.main()
