"""What a hostile or broken client or server does: a clear error to that one client, and the next login works."""
import pathlib
import re
import socket
import struct
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import wire  # noqa: E402


class Withstand(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab()
        cls.addClassCleanup(cls.lab.close)
        cls.gateway = cls.lab.gateway(cls.lab.forward_everything())

    def connect(self, **options):
        connection = wire.Connection(self.gateway.port, **options)
        self.addCleanup(connection.socket.close)
        return connection

    def login(self, **parameters):
        connection = self.connect()
        connection.login("postgres", "postgres", lab.PASSWORD, **parameters)
        return connection

    def tearDown(self):
        self.lab.current = self.gateway
        self.assertEqual(self.lab.psql("SELECT 1").stdout, "1\n", "the next login works")

    def fails_with(self, connection, code):
        fields = wire.error_fields(connection.receive_until("E")[-1][1])
        self.assertEqual(fields["C"], code, fields)
        return fields

    # Bytes that are no startup packet.

    def test_noise_instead_of_a_startup_packet(self):
        for noise in (b"GET / HTTP/1.1\r\n\r\n", b"\0" * 64, b"\xff" * 64, struct.pack("!I", 7), struct.pack("!II", 8, 0),
                      struct.pack("!II", 0x7fffffff, wire.PROTOCOL_3_0), struct.pack("!II", 12, 2 << 16) + b"abcd"):
            connection = self.connect()
            connection.send(noise)
            self.assertTrue(connection.at_end(), noise)

    def test_startup_packets_that_are_malformed(self):
        good = wire.startup("postgres", "postgres")
        for bad in (good[:-1] + b"x", wire.packet(wire.PROTOCOL_3_0, b"user\0postgres\0"),
                    wire.packet(wire.PROTOCOL_3_0, b"user\0a\0user\0b\0\0"), wire.packet(wire.PROTOCOL_3_0, b"\0"),
                    wire.packet(wire.PROTOCOL_3_0, b"user\0a\0\0trailing")):
            connection = self.connect()
            connection.send(bad)
            self.fails_with(connection, "28000" if bad == wire.packet(wire.PROTOCOL_3_0, b"\0") else "08P01")
            self.assertTrue(connection.at_end())

    def test_bytes_behind_the_request_for_tls_are_not_taken_for_tls(self):
        connection = self.connect()
        connection.send(wire.packet(wire.SSL_REQUEST) + wire.packet(wire.SSL_REQUEST) + wire.packet(wire.SSL_REQUEST))
        self.assertTrue(connection.at_end())

    def test_statements_before_the_login(self):
        connection = self.connect()
        connection.send(wire.startup("postgres", "postgres") + wire.query("SELECT 1"))
        self.assertEqual(connection.receive()[0], "R")
        self.fails_with(connection, "08P01")
        self.assertTrue(connection.at_end())

    def test_unknown_settings_in_the_startup_packet(self):
        for settings in ({"session_preload_libraries": "x"}, {"options": "-c role=postgres"},
                         {"options": "-c standard_conforming_strings=off"}, {"client_encoding": "SJIS"}):
            connection = self.connect()
            connection.send(wire.startup("postgres", "postgres", **settings))
            self.assertRegex(self.fails_with(connection, "42501" if "SJIS" not in str(settings) else "22023")["M"], ".")

    def test_newer_protocols_are_negotiated(self):
        connection = self.connect()
        connection.login("postgres", "postgres", lab.PASSWORD, version=(3 << 16) | 9, **{"_pq_.future": "1"})
        self.assertEqual(connection.negotiated, struct.pack("!II", wire.PROTOCOL_3_2, 1) + b"_pq_.future\0")
        self.assertEqual(len(connection.key), 32)
        connection.send(wire.query("SELECT 1"))
        self.assertEqual(connection.types_until_ready(), "TDCZ")

    # Sizes.

    def test_a_message_of_1_gib_is_refused_at_its_header(self):
        connection = self.login()
        connection.send(b"Q" + struct.pack("!I", 1 << 30))
        fields = self.fails_with(connection, "54000")
        self.assertIn("exceeds the limit", fields["M"])

    def test_lengths_that_cannot_be(self):
        for length in (0, 3, 0xffffffff, 0x80000000):
            connection = self.login()
            connection.send(b"Q" + struct.pack("!I", length))
            self.assertIn(self.fails_with(connection, "08P01")["S"], ("FATAL",))

    def test_deep_nesting(self):
        connection = self.login()
        started = time.monotonic()
        connection.send(wire.query("SELECT " + "(" * 300_000 + "1" + ")" * 300_000))
        self.fails_with(connection, "54001")
        self.assertLess(time.monotonic() - started, 1)
        connection.receive_until("Z")
        connection.send(wire.query("SELECT 1"))
        self.assertEqual(connection.types_until_ready(), "TDCZ")

    def test_slow_to_lex_and_deep_to_parse(self):
        connection = self.login()
        for sql in ("SELECT 1 " + "/**/" * 16_384, "SELECT 1 " + "/*" * 50_000, "SELECT 1 " + "+-*/<>=~!@#%^&|`?" * 5_000 + " 1",
                    "SELECT " + "NOT " * 100_000 + "true", "SELECT 1" + "::text" * 50_000, "SELECT 1" + "-1" * 100_000,
                    "SELECT " + "[" * 100_000, "SELECT " + "CASE WHEN true THEN " * 20_000 + "1" + " END" * 20_000,
                    "SELECT a" + ".a" * 200_000, "SELECT 'a" + "''" * 200_000 + "'", "SELECT $$" + "$" * 400_000,
                    "SELECT " + "-" * 200_000, "SELECT " + "U&'" * 50_000, ";" * 400_000):
            started = time.monotonic()
            connection.send(wire.query(sql))
            kinds = connection.types_until_ready()
            self.assertLess(time.monotonic() - started, 5, sql[:40])
            self.assertRegex(kinds, "^(E|T?D?C|I)*Z$", sql[:40])

    def test_text_that_is_no_utf8(self):
        connection = self.login()
        for raw in (b"SELECT '\xff'", b"SELECT '\xc0\xaf'", b"SELECT '\xed\xa0\x80'", b"SELECT '\xf4\x90\x80\x80'", b"SELECT '\xe2\x82"):
            connection.send(wire.message(b"Q", raw + b"\0"))
            self.fails_with(connection, "22021")
            connection.receive_until("Z")

    def test_malformed_messages_end_the_session_with_an_error(self):
        for bad in (wire.message(b"Q", b"SELECT 1"), wire.message(b"Q", b"SELECT 1\0x\0"), wire.message(b"Q"),
                    wire.message(b"P", b"x"), wire.message(b"P", b"x\0SELECT 1\0\0\1"), wire.message(b"E", b"\0\0"),
                    wire.message(b"D", b"X\0"), wire.message(b"C", b"S"), wire.message(b"B", b"\0"), b"y\0\0\0\4", b"\0\0\0\0\4",
                    wire.startup("postgres", "postgres"), wire.packet(wire.SSL_REQUEST), wire.message(b"p", b"x\0")):
            connection = self.login()
            connection.send(bad)
            self.assertEqual(self.fails_with(connection, "08P01")["S"], "FATAL", bad)
            self.assertTrue(connection.at_end(), bad)

    def test_any_segmentation(self):
        connection = self.connect()
        connection.login("postgres", "postgres", lab.PASSWORD)
        stream = (wire.query("SELECT 1") + wire.parse("s", "SELECT $1::int8 + 1") + wire.bind("", "s", [b"41"]) +
                  wire.describe(b"P") + wire.execute() + wire.SYNC)
        for at in range(len(stream)):
            connection.send(stream[at:at + 1])
        self.assertEqual(connection.types_until_ready(), "TDCZ")
        self.assertEqual(connection.types_until_ready(), "12TDCZ")

    # Clients that vanish, servers that are away or mad.

    def test_work_of_a_client_that_vanishes_is_cancelled(self):
        connection = self.login(application_name="vanishes")
        connection.send(wire.query("SELECT pg_sleep(600)"))
        pid = connection.pid
        running = f"SELECT count(*) FROM pg_stat_activity WHERE pid = {pid} AND state = 'active'"
        lab.wait_until(lambda: self.lab.postgres.psql(running).stdout == "1\n", "the statement runs", 10)
        connection.socket.close()
        gone = f"SELECT count(*) FROM pg_stat_activity WHERE pid = {pid}"
        lab.wait_until(lambda: self.lab.postgres.psql(gone).stdout == "0\n", "the server's work has ended", 10)

    def test_wrong_passwords_and_unknown_users_get_the_same_answer(self):
        answers = []
        for user in ("postgres", "nobody"):
            with self.assertRaises(PermissionError) as refused:
                self.connect().login(user, "postgres", "wrong")
            answers.append({key: value.replace(user, "USER") for key, value in refused.exception.args[0].items()})
        self.assertEqual(answers[0], answers[1])
        self.assertEqual(answers[0]["C"], "28P01")

    def test_salts_of_unknown_users_do_not_change(self):
        salts = set()
        for _ in range(2):
            connection = self.connect()
            connection.send(wire.startup("nobody", "postgres"))
            connection.receive()
            initial = b"n,,n=,r=abcdefghijklmnop"
            connection.send(wire.message(b"p", b"SCRAM-SHA-256\0" + struct.pack("!I", len(initial)) + initial))
            salts.add(re.search(rb"s=([^,]+)", connection.receive()[1])[1])
        self.assertEqual(len(salts), 1)

    def test_a_login_that_never_ends_is_ended(self):
        config = self.lab.forward_everything(extra="limits: { login_timeout: 300ms }\n")
        gateway = self.lab.gateway(config)
        for bytes_sent in (b"", b"\0", wire.startup("postgres", "postgres")):
            connection = wire.Connection(gateway.port, seconds=5)
            self.addCleanup(connection.socket.close)
            connection.send(bytes_sent)
            self.assertTrue(connection.at_end(), bytes_sent)

    def test_an_upstream_that_is_down(self):
        config = self.lab.forward_everything().replace(f"127.0.0.1:{self.lab.postgres.port}", f"127.0.0.1:{lab.free_port()}")
        gateway = self.lab.gateway(config)
        with self.assertRaises(PermissionError) as refused:
            wire.Connection(gateway.port).login("postgres", "postgres", lab.PASSWORD)
        self.assertEqual(refused.exception.args[0]["C"], "08006")
        warning = lab.wait_until(lambda: [line for line in gateway.log if "cannot connect to a target" in line],
                                 "the operator is told", 10)[0]
        self.assertIn('"level":"warn"', warning)
        self.assertIn('"target":"postgres"', warning)
        self.assertNotIn(lab.PASSWORD, warning)

    def server(self, behave):
        """A gateway in front of a server that does what `behave` says with each connection."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)

        def serve():
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                with client:
                    try:
                        behave(client)
                    except OSError:
                        pass

        threading.Thread(target=serve, daemon=True).start()
        config = self.lab.forward_everything().replace(f"127.0.0.1:{self.lab.postgres.port}",
                                                       f"127.0.0.1:{listener.getsockname()[1]}")
        return self.lab.gateway(config.replace("upstream: {", "upstream: { connect_timeout: 500ms, allow_no_password: true,"))

    def test_an_upstream_that_is_silent(self):
        gateway = self.server(lambda client: client.recv(65536) and client.recv(1))
        started = time.monotonic()
        with self.assertRaises(PermissionError) as refused:
            wire.Connection(gateway.port).login("postgres", "postgres", lab.PASSWORD)
        self.assertEqual(refused.exception.args[0]["C"], "08006")
        self.assertLess(time.monotonic() - started, 5)

    def test_an_upstream_that_sends_garbage_in_the_login(self):
        for garbage in (b"HTTP/1.1 400 Bad Request\r\n\r\n", b"R\0\0\0\4", b"R\xff\xff\xff\xff" + b"x" * 100, b"\0" * 100,
                        wire.message(b"R", struct.pack("!I", 3)), wire.message(b"E", b"SFATAL\0Mtext before login\0\0"),
                        wire.message(b"R", struct.pack("!I", 0)) + wire.message(b"D", b"\0\0")):
            gateway = self.server(lambda client, data=garbage: client.recv(65536) and client.sendall(data))
            with self.assertRaises(PermissionError, msg=garbage) as refused:
                wire.Connection(gateway.port).login("postgres", "postgres", lab.PASSWORD)
            self.assertEqual(refused.exception.args[0]["C"], "08006", garbage)
            self.assertNotIn("text before login", str(refused.exception.args[0]))
            gateway.stop()

    def test_an_upstream_that_sends_garbage_after_the_login(self):
        welcome = (wire.message(b"R", struct.pack("!I", 0)) + wire.message(b"S", b"client_encoding\0UTF8\0") +
                   wire.message(b"S", b"standard_conforming_strings\0on\0") + wire.message(b"K", struct.pack("!II", 7, 7)) +
                   wire.message(b"Z", b"I"))
        for garbage in (b"D\0\0\0\0", b"T\xff\xff\xff\xff", wire.message(b"1"), wire.message(b"R", struct.pack("!I", 0)),
                        wire.message(b"K", struct.pack("!II", 1, 2)), wire.message(b"Z", b""), wire.message(b"Z", b"II"),
                        wire.message(b"S", b"client_encoding\0LATIN1\0"), wire.message(b"S", b"x"), b"\0" * 50,
                        wire.message(b"C", b"SELECT")):
            def behave(client, data=garbage):
                client.recv(65536)
                client.sendall(welcome)
                client.recv(65536)
                client.sendall(data)
                client.recv(1)

            gateway = self.server(behave)
            connection = wire.Connection(gateway.port, seconds=5)
            self.addCleanup(connection.socket.close)
            connection.login("postgres", "postgres", lab.PASSWORD)
            connection.send(wire.query("SELECT 1"))
            fields = wire.error_fields(connection.receive_until("E")[-1][1])
            self.assertEqual(fields["S"], "FATAL", garbage)
            self.assertIn(fields["C"], ("08006", "08P01"), garbage)
            self.assertTrue(connection.at_end(), garbage)
            gateway.stop()

    def test_a_client_that_reads_nothing_costs_no_memory(self):
        connection = self.login()
        connection.send(wire.query("SELECT repeat('x', 1000) FROM generate_series(1, 1000000)"))
        # What loading the catalog takes at the start is not the relay's.
        lab.wait_until(lambda: any('"msg":"loaded"' in line for line in self.gateway.log), "the catalog is loaded")
        connection.receive()
        before = self.gateway.memory()
        time.sleep(1)  # the time in which a relay without backpressure would have taken the gigabyte in
        self.assertLess(self.gateway.memory() - before, 20_000_000)
        connection.receive_until("Z")
        self.assertLess(self.gateway.memory() - before, 20_000_000)


if __name__ == "__main__":
    unittest.main()
