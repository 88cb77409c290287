"""SIGUSR2: another process takes the listeners, the one before keeps its clients until they go (docs/operations.md)."""
import json
import os
import pathlib
import signal
import socket
import struct
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import wire  # noqa: E402
from generations import SECONDS, Generations  # noqa: E402
from pooled import Session  # noqa: E402

class Handover(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab()
        cls.addClassCleanup(cls.lab.close)
        cls.lab.postgres.psql("CREATE TABLE t (a int)")

    def begin(self, extra="", tls=False, pool=None, config=None):
        generations = Generations(self.lab, config or self.lab.forward_everything(tls=tls, extra=extra, pool=pool))
        self.addCleanup(generations.stop)
        return generations

    def session(self, generations):
        connection = Session(generations.gateway.port, seconds=SECONDS)
        self.addCleanup(connection.socket.close)
        return connection

    def test_transactions_and_prepared_statements_go_on(self):
        for pool in (None, "mode: transaction, max: 4"):
            with self.subTest(pool):
                generations = self.begin(pool=pool)
                old = self.session(generations)
                old.must("BEGIN")
                old.must("INSERT INTO t VALUES (1)")
                old.prepare("s", "SELECT count(*) FROM t")
                generations.hand_over()
                new = self.session(generations)
                self.assertEqual(new.must("SELECT 7").rows, [("7",)])
                self.assertEqual(old.run_prepared("s").code, "")
                old.must("ROLLBACK")
                for _ in range(3):
                    self.assertEqual(old.run_prepared("s").rows, [("0",)])
                self.assertTrue(generations.is_there(0))
                old.socket.close()
                generations.wait_for_end(0)
                self.assertEqual(generations.gateway.process.returncode, 0)
                self.assertEqual(new.must("SELECT 8").rows, [("8",)])
                new.socket.close()
                generations.stop()
                self.assertEqual(generations.verify()[0], 0, generations.verify()[1])
                sent = [record.get("db.query.text") for record in generations.gateway.audit("statement.decided")]
                for text in ("BEGIN", "SELECT 7", "SELECT 8", "ROLLBACK"):
                    self.assertIn(text, sent)

    def test_several_in_a_row(self):
        generations = self.begin(pool="mode: transaction, max: 6")
        sessions = []
        for i in range(4):
            sessions.append(self.session(generations))
            self.assertEqual(sessions[-1].must(f"SELECT {i}").rows, [(str(i),)])
            generations.hand_over()
        for i, session in enumerate(sessions):
            self.assertEqual(session.must(f"SELECT {i}").rows, [(str(i),)])
        sessions[1].socket.close()
        sessions[0].socket.close()
        generations.wait_for_end(0)
        generations.wait_for_end(1)
        self.assertEqual(sessions[2].must("SELECT 5").rows, [("5",)])
        for session in sessions[2:]:
            session.socket.close()
        for place in range(len(generations.pids) - 1):
            generations.wait_for_end(place)
        lab.wait_until(lambda: len(generations.said("the process before this one has ended")) == 4, "the last one is alone", SECONDS)
        last = self.session(generations)
        generations.hand_over()
        self.assertEqual(last.must("SELECT 6").rows, [("6",)])
        self.assertEqual(self.session(generations).must("SELECT 7").rows, [("7",)])
        generations.stop()
        self.assertEqual(generations.verify()[0], 0, generations.verify()[1])
        chains = {record["db.query.text"]: record["chain"].partition(".")[2] for record in generations.gateway.audit("statement.decided")}
        self.assertEqual(chains, {"SELECT 0": "", "SELECT 1": "1", "SELECT 2": "2", "SELECT 3": "3", "SELECT 5": "2", "SELECT 6": "4", "SELECT 7": ""})

    def test_a_cancel_reaches_the_process_that_has_the_session(self):
        for count in (1, 2):
            with self.subTest(count):
                generations = self.begin()
                old = self.session(generations)
                for _ in range(count):
                    generations.hand_over()
                old.send(wire.query("SELECT pg_sleep(600)"))
                lab.wait_until(lambda: "pg_sleep(600)" in self.lab.postgres.psql(
                    "SELECT query FROM pg_stat_activity WHERE wait_event = 'PgSleep'").stdout, "it sleeps", SECONDS)
                with wire.Connection(generations.gateway.port) as other:
                    other.send(wire.packet(wire.CANCEL_REQUEST, struct.pack("!I", old.pid) + old.key))
                    self.assertTrue(other.at_end())
                self.assertEqual(old.answer().code, "57014")
                old.socket.close()
                generations.stop()

    def test_what_is_wrong_with_the_next_one_leaves_everything_as_it_is(self):
        generations = self.begin()
        old = self.session(generations)
        config = generations.gateway.config.read_text(encoding="utf-8")
        generations.gateway.write_config("version: [")
        os.kill(generations.pids[0], signal.SIGUSR2)
        lab.wait_until(lambda: generations.said("the other process does not serve; this one goes on"), "it is given up", SECONDS)
        self.assertIn("status 1", generations.said("the other process does not serve; this one goes on")[0]["err"])
        self.assertEqual(self.session(generations).must("SELECT 1").rows, [("1",)])
        self.assertEqual(old.must("SELECT 2").rows, [("2",)])
        generations.gateway.write_config(config)
        generations.hand_over()
        self.assertEqual(old.must("SELECT 3").rows, [("3",)])

    def test_the_next_one_is_told_for_both(self):
        generations = self.begin()
        old = self.session(generations)
        generations.hand_over()
        config = generations.gateway.config.read_text(encoding="utf-8")
        generations.gateway.write_config(config.replace("everything: true", "select: [public.t]"))
        os.kill(generations.pids[1], signal.SIGHUP)
        lab.wait_until(lambda: len(generations.said("configuration reloaded")) == 2, "both have reloaded", SECONDS)
        self.assertEqual(old.run("DELETE FROM t").code, "42501")
        os.kill(generations.pids[1], signal.SIGTERM)
        self.assertEqual(wire.error_fields(old.receive_until("E")[-1][1])["C"], "57P01")
        generations.wait_for_end(0)
        generations.wait_for_end(1)
        self.assertEqual(generations.gateway.process.returncode, 0)

    def test_no_connection_is_refused_and_no_transaction_fails(self):
        """pgbench over TLS: clients that stay, with prepared statements, and clients that come for each transaction."""
        self.lab.postgres.psql("CREATE TABLE balance (id int PRIMARY KEY, amount int); INSERT INTO balance SELECT i, 0 FROM generate_series(1, 100) i")
        generations = self.begin(tls=True, pool="mode: transaction, max: 8")
        script = self.lab.directory / "transfer.sql"
        script.write_text("\\set a random(1, 100)\nBEGIN;\nUPDATE balance SET amount = amount + 1 WHERE id = :a;\n"
                          "SELECT amount FROM balance WHERE id = :a;\nEND;\n")
        environment = {**os.environ, "PGPASSWORD": lab.PASSWORD, "PGSSLMODE": "verify-full", "PGSSLROOTCERT": str(self.lab.certificates.ca)}
        base = ["pgbench", "-n", "-f", str(script), "-T", "600", "-h", "localhost", "-p", str(generations.gateway.port), "-U", "postgres", "postgres"]
        loads = [subprocess.Popen(base[:1] + more + base[1:], env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
                 for more in (["-M", "prepared", "-c", "4"], ["-C", "-c", "2"])]
        for load in loads:
            self.addCleanup(load.kill)

        def moved():
            before = int(self.lab.postgres.psql("SELECT sum(amount) FROM balance").stdout)
            lab.wait_until(lambda: int(self.lab.postgres.psql("SELECT sum(amount) FROM balance").stdout) > before + 20,
                           "transactions come", SECONDS)
        for _ in range(3):
            moved()
            generations.hand_over()
            os.kill(generations.pids[-1], signal.SIGHUP)
        moved()
        for load in loads:
            self.assertIsNone(load.poll(), "pgbench has ended")
            load.send_signal(signal.SIGINT)
        for load in loads:
            said = load.communicate(timeout=SECONDS)[0]
            for bad in ("error", "FATAL", "aborted", "refused", "closed"):
                self.assertNotIn(bad, said)
        for place in range(3):
            generations.wait_for_end(place)
        generations.stop()
        self.assertEqual(generations.verify()[0], 0, generations.verify()[1])

    def test_copies_of_the_audit_log_miss_nothing(self):
        path = self.lab.directory / "copy.jsonl"
        generations = self.begin(extra=f"audit: {{ sinks: [ {{ name: copy, type: file, path: {path} }} ] }}\n")
        sessions = [self.session(generations)]
        for _ in range(3):
            for session in sessions:
                session.must("SELECT 1")
            generations.hand_over()
            sessions.append(self.session(generations))
        for session in sessions:
            session.must("SELECT 2")
        expected = {record["id"] for record in generations.gateway.audit()}

        def copied():
            return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.endswith("}")]
        lab.wait_until(lambda: expected <= {record["id"] for record in copied()}, "everything is there", SECONDS)
        for session in sessions:
            session.socket.close()
        for place in range(3):
            generations.wait_for_end(place)  # what they write last is the last one's to deliver
        generations.stop()
        lines = copied()
        self.assertLessEqual({record["id"] for record in generations.gateway.audit()}, {record["id"] for record in lines})
        for chain in {record["chain"] for record in lines}:
            sequence = list(dict.fromkeys(record["seq"] for record in lines if record["chain"] == chain))
            self.assertEqual(sequence, sorted(sequence), chain)

    def test_one_of_them_keeps_the_audit_log(self):
        """What is compressed and removed meanwhile is recorded by whoever signs, and the log of both verifies."""
        generations = self.begin(extra="audit: { checkpoint_interval: 100ms, segment_bytes: 64KiB, compress: zstd, retention: { max_bytes: 64KiB } }\n")
        log = generations.gateway.directory / "state" / "audit"

        def load_until_removed(chain, *sessions):
            for session in sessions:
                for _ in range(500):
                    session.must("SELECT 'some text that takes room, so that segments are full soon'")
            lab.wait_until(lambda: chain in {record["chain"] for record in generations.gateway.audit("audit.retention")},
                           f"segments have gone, says {chain}", SECONDS)
        sessions = [self.session(generations)]
        load_until_removed("retention", *sessions)
        for generation in (1, 2):
            generations.hand_over()
            sessions.append(self.session(generations))
            load_until_removed(f"retention.{generation}", *sessions)
            self.assertEqual(generations.verify()[0], 0, generations.verify()[1])
        for session in sessions:
            session.socket.close()
        for place in range(2):
            generations.wait_for_end(place)
        generations.stop()
        self.assertTrue(list(log.glob("audit-w*.removed")))
        self.assertEqual(generations.verify()[0], 0, generations.verify()[1])

    def test_the_api_knows_sessions_of_both(self):
        generations = self.begin(tls=True)
        old = self.session(generations)
        generations.hand_over()
        environment = {**os.environ, "XDG_STATE_HOME": str(self.lab.directory / "home"), "DBGATE_CA_FILE": str(self.lab.certificates.ca),
                       "DBGATE_URL": f"https://localhost:{generations.gateway.ports['api']}"}
        subprocess.run([str(lab.CLI), "login", "--username", "postgres", "--password-stdin"], input=lab.PASSWORD + "\n", text=True,
                       env=environment, check=True, capture_output=True)
        listed = json.loads(subprocess.run([str(lab.CLI), "sessions", "list", "-o", "json"], env=environment, text=True, check=True,
                                           capture_output=True).stdout)
        self.assertEqual(len(listed), 1, listed)
        self.assertEqual(old.must("SELECT 1").rows, [("1",)])


class OfSystemd(unittest.TestCase):
    def test_sockets_that_systemd_has_bound(self):
        it = lab.Lab()
        self.addCleanup(it.close)
        bound = socket.socket()
        self.addCleanup(bound.close)
        bound.bind(("127.0.0.1", 0))
        bound.listen()
        starter = it.directory / "start.sh"
        starter.write_text(f'#!/bin/sh\nexec 3<&{bound.fileno()}\nLISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=pg exec {lab.GATEWAY} "$@"\n')
        starter.chmod(0o755)
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(manager.close)
        manager.bind(str(it.directory / "notify"))
        manager.settimeout(SECONDS)
        gateway = it.gateway(it.forward_everything(), program=starter, pass_fds=(bound.fileno(),),
                             env={**os.environ, "NOTIFY_SOCKET": str(it.directory / "notify")})
        self.assertEqual(gateway.port, bound.getsockname()[1])
        self.assertEqual(manager.recv(100), b"READY=1\nSTATUS=serving")
        self.assertEqual(it.psql("SELECT 1").stdout.strip(), "1")


if __name__ == "__main__":
    unittest.main(verbosity=2)
