"""Sessions that sleep: nobody notices, neither their clients nor whoever looks for them, whatever happens meanwhile."""
import json
import pathlib
import re
import signal
import ssl
import struct
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import wire  # noqa: E402
from pooled import Session  # noqa: E402

DEBUG = "log: { level: debug }\n"
POOL = "mode: transaction, max: 4"


class TlsSession(Session):
    """The same inside of TLS."""

    def login(self, *arguments, **named):
        self.send(wire.packet(wire.SSL_REQUEST))
        if self.read_exactly(1) != b"S":
            raise AssertionError("no TLS")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self.socket = context.wrap_socket(self.socket)
        return super().login(*arguments, **named)


def sleeping(gateway):
    """The ids of sessions that are asleep, by what the gateway logs."""
    ids = set()
    for line in list(gateway.log):
        if '"component":"session"' not in line:
            continue
        record = json.loads(line)
        if record["msg"] == "falls asleep":
            ids.add(record["session"])
        elif record["msg"] == "wakes":
            ids.remove(record["session"])
    return ids


def wait_for_sleep(gateway, count):
    lab.wait_until(lambda: len(sleeping(gateway)) >= count, f"{count} sessions sleep", 20)
    return sleeping(gateway)


class IdleSessions(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab()
        cls.addClassCleanup(cls.lab.close)
        cls.lab.postgres.psql("CREATE TABLE t (a int); INSERT INTO t VALUES (7); CREATE TABLE other (a int)")

    def gateway(self, config=None, pool=POOL, workers=1, tls=False, extra=""):
        config = config or self.lab.forward_everything(extra=f"{DEBUG}workers: {workers}\n{extra}", pool=pool, tls=tls)
        gateway = self.lab.gateway(config)
        self.addCleanup(gateway.stop)
        return gateway

    def policies(self, users=("reader", "other"), on_policy="reader, other", allow="public.t"):
        return ("version: 1\nstate_dir: state\nworkers: 1\n" + DEBUG + self.lab.listen() + self.lab.users(*users) + "targets:\n" +
                self.lab.target(pool=POOL) + f"policies:\n  - {{ name: p, who: {{ users: [{on_policy}] }}, on: [postgres], "
                f"allow: [ {{ select: [{allow}] }} ] }}\n")

    def session(self, gateway, kind=Session, **parameters):
        session = kind(gateway.port, **parameters)
        self.addCleanup(session.socket.close)
        return session

    def ended(self, session):
        """What a session was told that somebody has ended."""
        fields = wire.error_fields(session.receive_until("E")[-1][1])
        self.assertTrue(session.at_end())
        return fields["C"], fields["M"]

    def ends(self, gateway, count):
        lab.wait_until(lambda: len(gateway.audit("session.end")) == count, f"{count} sessions end", 20)
        return gateway.audit("session.end")

    def others_sleep(self, gateway, before):
        """Returns who sleeps once sessions that came later than any other do: whoever may has fallen asleep by then."""
        for _ in range(2):
            self.session(gateway, user="postgres")
            before += 1
            wait_for_sleep(gateway, before)
        return sleeping(gateway)

    # Work after sleep.

    def test_many_sleep_and_go_on(self):
        gateway = self.gateway(workers=2, tls=True)
        sessions = [self.session(gateway, kind) for kind in (Session, TlsSession) * 30]
        for number, session in enumerate(sessions):
            self.assertEqual(session.value(f"SELECT {number}"), str(number))
        ids = wait_for_sleep(gateway, len(sessions))
        for session in sessions:
            session.send(wire.query("SELECT 'awake'"))
        self.assertEqual({session.answer().value() for session in sessions}, {"awake"})
        self.assertEqual(wait_for_sleep(gateway, len(sessions)), ids, "a second time")
        for session in sessions[:20]:
            session.leave()
        for session in sessions[20:]:
            self.assertEqual(session.value("SELECT 1"), "1")
            session.leave()
        ends = self.ends(gateway, len(sessions))
        self.assertEqual({end["reason"] for end in ends}, {"terminated"})
        self.assertEqual({end["session_id"] for end in ends}, ids)
        starts = {start["session_id"]: start for start in gateway.audit("session.start")}
        self.assertEqual(set(starts), ids, "each begins once")
        decided = gateway.audit("statement.decided")
        self.assertEqual(len(decided), 2 * len(sessions) + len(sessions[20:]))
        for record in (*ends, *decided):
            start = starts[record["session_id"]]
            for field in ("user.name", "client.address", "client.port", "db.namespace", "application", "server.address"):
                self.assertEqual(record.get(field), start.get(field), field)

    def test_bytes_are_counted_over_all_sleeps(self):
        gateway = self.gateway()
        sent, received = 0, 0
        session = self.session(gateway)
        for _ in range(3):
            query = wire.query("SELECT 'some text'")
            session.send(query)
            sent += len(query)
            received += sum(5 + len(body) for _, body in session.answer().messages)
            wait_for_sleep(gateway, 1)
        session.leave()
        end = self.ends(gateway, 1)[0]
        self.assertEqual((end["bytes_from_client"], end["bytes_to_client"]), (sent + len(wire.TERMINATE), received))

    def test_what_was_set_and_prepared_is_there(self):
        gateway = self.gateway(pool="mode: transaction, max: 1")
        session, other = self.session(gateway, DateStyle="SQL, DMY"), self.session(gateway)
        session.must("SET work_mem = '7MB'; SET TimeZone = 'UTC'")
        self.assertFalse(session.prepare("mine", "SELECT $1::int + 1").error)
        self.assertEqual(session.run_prepared("mine", [1]).value(), "2")
        self.assertFalse(session.prepare("", "SELECT $1::text || '!'").error)
        wait_for_sleep(gateway, 2)
        other.must("SET work_mem = '9MB'")
        self.assertFalse(other.prepare("mine", "SELECT 'of the other', $1::int").error)
        self.assertFalse(other.prepare("", "SELECT 'of the other', $1::int").error)
        self.assertEqual(session.run_prepared("", ["unnamed"]).value(), "unnamed!")
        self.assertEqual(session.run_prepared("mine", [2]).value(), "3")
        self.assertEqual(session.value("SHOW work_mem"), "7MB")
        self.assertEqual(session.value("SELECT '2026-02-01'::date"), "01/02/2026")
        duplicate = session.prepare("mine", "SELECT 1")
        self.assertEqual(duplicate.code, "42P05")
        wait_for_sleep(gateway, 2)
        self.assertEqual(session.run_prepared("mine", [4]).value(), "5")
        session.must("RESET work_mem")
        self.assertEqual(session.value("SELECT reset_val = setting FROM pg_settings WHERE name = 'work_mem'"), "t")
        self.assertEqual(other.value("SHOW work_mem"), "9MB")

    def test_what_binds_a_session_keeps_it_awake(self):
        gateway = self.gateway(pool="mode: transaction, max: 20")
        pinned, open_one, cursor, half = (self.session(gateway) for _ in range(4))
        pinned.must("CREATE TEMP TABLE mine AS SELECT 7 AS seven")
        open_one.must("BEGIN")
        cursor.must("DECLARE c CURSOR WITH HOLD FOR SELECT 7")
        query = wire.query("SELECT 7")
        half.send(query[:7])
        self.assertEqual(len(self.others_sleep(gateway, 0)), 2)
        half.send(query[7:])
        self.assertEqual(half.answer().value(), "7")
        self.assertEqual(pinned.value("SELECT seven FROM mine"), "7")
        self.assertEqual(cursor.value("FETCH c"), "7")
        self.assertEqual(open_one.must("COMMIT").status, "I")
        wait_for_sleep(gateway, 4)

    def test_server_connections_that_would_be_closed_are_kept(self):
        gateway = self.gateway(pool="mode: transaction, max: 2, idle: 0s")
        session = self.session(gateway)
        pid = session.server_pid()
        self.assertEqual(len(self.others_sleep(gateway, 0)), 2)
        self.assertEqual(session.server_pid(), pid)

    def test_a_session_of_its_own_server_does_not_sleep(self):
        config = self.lab.forward_everything(extra=DEBUG + "workers: 1\n", databases=("postgres", "template1"), pool="mode: session")
        gateway = self.gateway(config.replace("pool: { mode: session }", "pool: { " + POOL + " }", 1))
        session = self.session(gateway, database="template1")
        pid = session.server_pid()
        self.assertEqual(len(self.others_sleep(gateway, 0)), 2)
        self.assertEqual(session.server_pid(), pid)

    # Who looks for a session that sleeps.

    def test_cancels(self):
        gateway = self.gateway(workers=2)
        for version in (wire.PROTOCOL_3_0, wire.PROTOCOL_3_0 + 2):
            session = self.session(gateway, version=version)
            request_bytes = wire.packet(wire.CANCEL_REQUEST, struct.pack("!I", session.pid) + session.key)
            before = wait_for_sleep(gateway, 1)
            with wire.Connection(gateway.port) as request:
                request.send(request_bytes)
                self.assertTrue(request.at_end())
            self.assertEqual(sleeping(gateway), before, "nothing runs, so nothing is cancelled")
            session.send(wire.query("SELECT pg_sleep(60)"))
            lab.wait_until(lambda: self.lab.postgres.psql("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
                           .stdout.strip() == "1", "the statement runs", 20)
            with wire.Connection(gateway.port) as request:
                request.send(request_bytes)
                self.assertEqual(session.answer().code, "57014")
            session.leave()

    def test_clients_that_go(self):
        gateway = self.gateway(tls=True)
        for kind in (Session, TlsSession):
            polite, silent, rude = (self.session(gateway, kind) for _ in range(3))
            before = len(gateway.audit("session.end"))
            wait_for_sleep(gateway, 3)
            polite.leave()
            self.assertEqual(self.ends(gateway, before + 1)[-1]["reason"], "terminated")
            silent.leave(rudely=True)
            self.assertEqual(self.ends(gateway, before + 2)[-1]["reason"], "client gone")
            rude.socket.setsockopt(lab.socket.SOL_SOCKET, lab.socket.SO_LINGER, struct.pack("ii", 1, 0))
            rude.leave(rudely=True)
            self.assertEqual(self.ends(gateway, before + 3)[-1]["reason"], "client gone")
        self.assertEqual(sleeping(gateway), set())

    def test_revoked_users(self):
        gateway = self.gateway(self.policies())
        gone, stays = self.session(gateway, user="reader"), self.session(gateway, user="other")
        wait_for_sleep(gateway, 2)
        gateway.reload(self.policies(on_policy="other"))
        self.assertEqual(self.ended(gone), ("57P01", "terminating connection: access to this target was revoked"))
        self.assertEqual(self.ends(gateway, 1)[0]["reason"], "access revoked")
        self.assertEqual(len(sleeping(gateway)), 1)
        self.assertEqual(stays.value("SELECT a FROM t"), "7")

    def test_old_verdicts_are_not_used(self):
        gateway = self.gateway(self.policies())
        session = self.session(gateway, user="reader")
        self.assertFalse(session.prepare("mine", "SELECT a FROM t").error)
        self.assertEqual(session.run_prepared("mine").value(), "7")
        wait_for_sleep(gateway, 1)
        gateway.reload(self.policies(allow="public.other"))
        self.assertEqual(session.run_prepared("mine").code, "42501")
        self.assertEqual(session.run("SELECT a FROM t").code, "42501")
        self.assertEqual(session.run("SELECT a FROM other").code, "")

    def test_limits_count_who_sleeps(self):
        gateway = self.gateway(extra="limits: { connections_per_user: 2 }\n")
        sessions = [self.session(gateway) for _ in range(2)]
        wait_for_sleep(gateway, 2)
        with self.assertRaises(PermissionError) as refused:
            Session(gateway.port)
        self.assertEqual(refused.exception.args[0]["C"], "53300")
        sessions[0].leave()
        self.ends(gateway, 1)
        self.assertEqual(self.session(gateway).value("SELECT 1"), "1")
        self.assertEqual(sessions[1].value("SELECT 1"), "1")
        with self.assertRaises(PermissionError):
            Session(gateway.port)

    def test_the_process_ends(self):
        told = ("57P01", "terminating connection due to administrator command")
        for number, last_words in ((signal.SIGTERM, "stopped"), (signal.SIGINT, "stopped before all clients had gone")):
            gateway = self.gateway(workers=2, tls=True)
            sessions = [self.session(gateway, kind) for kind in (Session, TlsSession) * 5]
            wait_for_sleep(gateway, len(sessions))
            gateway.process.send_signal(number)
            self.assertEqual([self.ended(session) for session in sessions], [told] * len(sessions))
            self.assertEqual(gateway.process.wait(20), 0)
            self.assertEqual(json.loads(gateway.log[-1])["msg"], last_words)
            self.assertEqual([end["reason"] for end in gateway.audit("session.end")], ["ended by operator"] * len(sessions))

    def test_code_is_let_go_of_whenever_it_is_quiet(self):
        gateway = self.gateway()

        def of_files():
            status = pathlib.Path(f"/proc/{gateway.process.pid}/status").read_text(encoding="ascii")
            return int(re.search(r"RssFile:\s+(\d+) kB", status)[1])

        for _ in range(2):
            sessions = [Session(gateway.port) for _ in range(20)]
            for session in sessions:
                self.assertEqual(session.value("SELECT a FROM t"), "7")
                session.leave()
            peak = of_files()
            lab.wait_until(lambda: of_files() < peak / 2, f"half of {peak} kB is let go of", 30)
            with Session(gateway.port) as session:
                self.assertEqual(session.value("SELECT a FROM t"), "7")


if __name__ == "__main__":
    unittest.main()
