"""Cancel requests: only the own session, only what runs, never the statement after it."""
import os
import pathlib
import select
import signal
import struct
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import wire  # noqa: E402
from pooled import Session  # noqa: E402


class Cancel(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab()
        cls.addClassCleanup(cls.lab.close)
        cls.gateway = cls.lab.gateway(cls.lab.forward_everything(extra="workers: 2\n"))

    def login(self, version=wire.PROTOCOL_3_0):
        connection = wire.Connection(self.gateway.port)
        self.addCleanup(connection.socket.close)
        connection.login("postgres", "postgres", lab.PASSWORD, version=version)
        return connection

    def cancel(self, pid, key):
        """Sends a cancel request and waits until it was acted upon: the connection is closed then, without an answer."""
        with wire.Connection(self.gateway.port) as request:
            request.send(wire.packet(wire.CANCEL_REQUEST, struct.pack("!I", pid) + key))
            self.assertEqual(request.socket.recv(1), b"")

    def sleeping(self, connection):
        connection.send(wire.query("SELECT pg_sleep(60)"))
        running = f"SELECT count(*) FROM pg_stat_activity WHERE pid = {connection.pid} AND wait_event = 'PgSleep'"
        lab.wait_until(lambda: self.lab.postgres.psql(running).stdout == "1\n", "the statement runs", 10)

    @staticmethod
    def outcome(connection):
        messages = connection.receive_until("Z")
        return [wire.error_fields(body)["C"] for kind, body in messages if kind == "E"] or ["ok"]

    def test_a_running_statement_is_cancelled(self):
        for version, key_bytes in ((wire.PROTOCOL_3_0, 4), (wire.PROTOCOL_3_2, 32)):
            connection = self.login(version)
            self.assertEqual(len(connection.key), key_bytes)
            self.sleeping(connection)
            started = time.monotonic()
            self.cancel(connection.pid, connection.key)
            self.assertEqual(self.outcome(connection), ["57014"])
            self.assertLess(time.monotonic() - started, 5)
            connection.send(wire.query("SELECT 1"))
            self.assertEqual(self.outcome(connection), ["ok"])

    def test_the_pid_is_the_servers_and_the_key_is_not(self):
        connection = self.login()
        connection.send(wire.query("SELECT pg_backend_pid()"))
        row = next(body for kind, body in connection.receive_until("Z") if kind == "D")
        self.assertEqual(int(row[6:]), connection.pid)
        # The server knows nothing of the key that the client has.
        with wire.Connection(self.lab.postgres.port) as request:
            request.send(wire.packet(wire.CANCEL_REQUEST, struct.pack("!I", connection.pid) + connection.key))
            request.at_end()
        self.sleeping(connection)
        self.cancel(connection.pid, connection.key)
        self.assertEqual(self.outcome(connection), ["57014"])

    def test_wrong_keys_do_nothing_and_get_no_answer(self):
        connection = self.login()
        self.sleeping(connection)
        wrong = bytes([connection.key[0] ^ 1]) + connection.key[1:]
        for pid, key in ((connection.pid, wrong), (connection.pid + 1, connection.key), (connection.pid, connection.key + b"\0"),
                         (connection.pid, connection.key[:3]), (0, b"")):
            self.cancel(pid, key)
        self.cancel(connection.pid, connection.key)
        self.assertEqual(self.outcome(connection), ["57014"])

    def test_a_cancel_between_statements_hits_nothing(self):
        connection = self.login()
        for _ in range(50):
            self.cancel(connection.pid, connection.key)
            connection.send(wire.query("SELECT 1"))
            self.assertEqual(self.outcome(connection), ["ok"])

    def test_a_cancel_that_races_with_the_next_statement_never_hits_it(self):
        connection = self.login()
        for round_number in range(60):
            request = wire.Connection(self.gateway.port)
            connection.send(wire.query("SELECT pg_sleep(0.002)"))
            time.sleep(0.0005 * (round_number % 8))  # so that it comes before, at and after the statement's end
            request.send(wire.packet(wire.CANCEL_REQUEST, struct.pack("!I", connection.pid) + connection.key))
            first = self.outcome(connection)
            self.assertIn(first, (["ok"], ["57014"]))
            # The answer has come: whatever becomes of the request now, it was meant for that statement.
            connection.send(wire.query("SELECT 1 FROM pg_sleep(0.005)"))
            self.assertEqual(request.socket.recv(1), b"")
            request.socket.close()
            second = self.outcome(connection)
            if first == ["57014"]:
                self.assertEqual(second, ["ok"])

    def test_a_statement_that_is_still_being_read_does_not_escape(self):
        connection = self.login()
        with Session(self.lab.postgres.port) as direct:
            runs = f"SELECT 1 FROM pg_stat_activity WHERE pid = {connection.pid} AND state = 'active'"
            numbers = ", ".join(map(str, range(80_000)))
            connection.send(wire.query(f"SELECT pg_sleep(60) WHERE 1 IN ({numbers})"))
            while not direct.run(runs).rows and not select.select([connection.socket], [], [], 0)[0]:
                self.cancel(connection.pid, connection.key)
        self.assertEqual(self.outcome(connection), ["57014"])
        connection.send(wire.query("SELECT 1"))
        self.assertEqual(self.outcome(connection), ["ok"])

    def test_a_statement_that_waits_behind_an_earlier_cancel_does_not_escape(self):
        connection = self.login()
        postmaster = int((self.lab.postgres.data / "postmaster.pid").read_text().split()[0])
        connection.send(wire.query("SELECT pg_sleep(0.5)"))
        os.kill(postmaster, signal.SIGSTOP)  # it takes no cancel meanwhile
        try:
            with wire.Connection(self.gateway.port) as late:
                late.send(wire.packet(wire.CANCEL_REQUEST, struct.pack("!I", connection.pid) + connection.key))
                self.assertEqual(self.outcome(connection), ["ok"])
                connection.send(wire.query("SELECT pg_sleep(60)"))
                for _ in range(50):  # the first ones may overtake the statement
                    self.cancel(connection.pid, connection.key)
                os.kill(postmaster, signal.SIGCONT)
                self.assertEqual(self.outcome(connection), ["57014"])
        finally:
            os.kill(postmaster, signal.SIGCONT)
        connection.send(wire.query("SELECT 1"))
        self.assertEqual(self.outcome(connection), ["ok"])

    def test_other_sessions_go_on(self):
        victim, other = self.login(), self.login()
        self.sleeping(victim)
        other.send(wire.query("SELECT pg_sleep(0.5), 'mine'"))
        self.cancel(victim.pid, victim.key)
        self.assertEqual(self.outcome(victim), ["57014"])
        self.assertEqual(self.outcome(other), ["ok"])


if __name__ == "__main__":
    unittest.main()
