"""Pipelines whose messages wait for answers, while the audit log takes its time."""
import pathlib
import socket
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import wire  # noqa: E402


class Pipeline(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab()
        cls.addClassCleanup(cls.lab.close)
        cls.gateway = cls.lab.gateway(cls.lab.forward_everything(extra="audit: { durability: sync }\n"))

    def test_an_answer_that_comes_while_a_batch_is_recorded(self):
        # The second batch names what the first one defines again, so it waits for the first one's answer; that comes
        # sometimes before, sometimes while and sometimes after the record of the second batch is made durable.
        connection = wire.Connection(self.gateway.port)
        self.addCleanup(connection.socket.close)
        connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.login("postgres", "postgres", lab.PASSWORD)
        connection.send(wire.parse("s", "SELECT 1") + wire.SYNC)
        connection.types_until_ready()
        for i in range(100):
            slow = f"SELECT pg_sleep({i % 10 * 0.0004})"
            connection.send(wire.close(b"S", "s") + wire.parse("s", "SELECT 2") + wire.parse("", slow) + wire.bind() +
                            wire.execute() + wire.SYNC)
            apart = time.perf_counter() + i // 10 * 0.0004
            while time.perf_counter() < apart:
                pass
            connection.send(wire.parse("u", "SELECT 3") + wire.bind("", "u") + wire.execute() + wire.bind("", "s") +
                            wire.execute() + wire.close(b"S", "u") + wire.SYNC)
            self.assertEqual(connection.types_until_ready(), "3112DCZ")
            self.assertEqual(connection.types_until_ready(), "12DC2DC3Z")

    def test_terminate_without_sync_leaves_nothing_behind(self):
        """The server, which answers nothing before Sync, is told as well; what was not synchronised is taken back."""
        self.lab.postgres.psql("CREATE TABLE marks (a int)")
        pooled = self.lab.gateway(self.lab.forward_everything(pool="mode: transaction, max: 2"))
        insert = wire.parse("", "INSERT INTO marks VALUES (1)") + wire.bind() + wire.execute()
        for port in (self.lab.postgres.port, self.gateway.port, pooled.port):
            for before, kept in (("", 0), (insert + wire.SYNC, 1)):
                for _ in range(4):  # more than the pool has
                    with wire.Connection(port) as connection:
                        connection.login("postgres", "postgres", lab.PASSWORD)
                        connection.send((before or b"") + insert + wire.TERMINATE)
                        self.assertTrue(connection.at_end())
                active = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'INSERT INTO marks%' AND state <> 'idle'"
                lab.wait_until(lambda: self.lab.postgres.psql(active).stdout == "0\n", "the server to be done", 20)
                with self.subTest(port=port, kept=kept):
                    self.assertEqual(self.lab.postgres.psql("DELETE FROM marks RETURNING a").stdout.count("1\n"), 4 * kept)

    def test_what_names_rest_on_is_asked_for(self):
        """A server keeps its answers until a Sync; what stands before it may depend on them."""
        pooled = self.lab.gateway(self.lab.forward_everything(pool="mode: transaction, max: 2, wait: 5s"))
        forgets = ("DEALLOCATE ALL", "DEALLOCATE s", "DISCARD PLANS", "DISCARD ALL")
        for name, port in (("PostgreSQL", self.lab.postgres.port), ("session", self.gateway.port), ("transaction", pooled.port)):
            for sql in forgets:
                for _ in range(3):  # more than the pool has
                    with self.subTest(on=name, sql=sql), wire.Connection(port, 10) as connection:
                        connection.login("postgres", "postgres", lab.PASSWORD)
                        connection.send(wire.parse("s", "SELECT 1") + wire.SYNC)
                        self.assertEqual(connection.types_until_ready(), "1Z")
                        connection.send(wire.parse("", sql) + wire.bind() + wire.execute() + wire.parse("", "SELECT 2") + wire.bind() +
                                        wire.execute() + wire.bind("", "s") + wire.execute() + wire.SYNC)
                        expected = "E" if sql == "DISCARD ALL" else "12C12DCE" if sql.startswith("DEALLOCATE") else "12C12DC2DC"
                        answer = connection.types_until_ready()
                        if sql != "DISCARD ALL":  # which no server runs in such a pipeline
                            self.assertEqual(answer, expected + "Z")
                        connection.send(wire.query("SELECT 3"))
                        self.assertEqual(connection.types_until_ready(), "TDCZ")

    def test_a_sync_among_the_data_of_a_copy_that_fails(self):
        # The server gives up at the first line, so it reads the Sync outside of the copy and answers it; what follows is
        # answered in its place, as without dbgate.
        self.lab.postgres.psql("CREATE TABLE numbers (a int)")
        for port in (self.lab.postgres.port, self.gateway.port):
            for text, answer in (("SELECT 1", "TDCZ"), ("SELEC", "EZ")):
                with self.subTest(port=port, text=text), wire.Connection(port) as connection:
                    connection.login("postgres", "postgres", lab.PASSWORD)
                    connection.send(wire.query("COPY numbers FROM STDIN"))
                    self.assertEqual(connection.receive()[0], "G")
                    connection.send(wire.message(b"d", b"x\n") + wire.SYNC + wire.message(b"c") + wire.query(text))
                    replies = [connection.types_until_ready() for _ in range(3)]
                    self.assertEqual(replies, ["EZ", "Z", answer])
                    connection.send(wire.query("SELECT 2"))
                    self.assertEqual(connection.types_until_ready(), "TDCZ")


if __name__ == "__main__":
    unittest.main()
