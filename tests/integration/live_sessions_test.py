"""Sessions that are listed and ended from outside: by an administrator, and because who they are has changed."""
import pathlib
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import steered  # noqa: E402
import wire  # noqa: E402
from pooled import Session  # noqa: E402

POOL = "mode: transaction, max: 6"
ADMINISTRATOR = "57P01"
SLEEPING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"


class LiveSessions(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab()
        cls.addClassCleanup(cls.lab.close)

    def config(self, users=("postgres", "other"), allowed=("postgres", "other"), pool=POOL, tls=False, workers=2):
        return ("version: 1\nstate_dir: state\n" + f"workers: {workers}\nlog: {{ level: debug }}\n" + self.listen(tls) +
                self.lab.users(*users) + "targets:\n" + self.lab.target(pool=pool) +
                f"policies:\n  - {{ name: all, who: {{ users: [{', '.join(allowed)}] }}, on: [postgres], "
                "allow: [ { everything: true } ] }\n")

    def listen(self, tls):
        if tls:
            return self.lab.listen(tls=True)
        return "listen:\n  postgres: { address: 127.0.0.1, port: 0 }\n  api: { address: 127.0.0.1, port: 0 }\n"

    def gateway(self, **options):
        gateway = steered.Gateway(self.lab, self.config(**options))
        self.addCleanup(gateway.close)
        return gateway

    def session(self, gateway, user="postgres", **options):
        session = Session(gateway.port, user=user, **options)
        self.addCleanup(session.socket.close)
        return session

    def told(self, session, within=1.0):
        """What a session is told at its end, and that it comes in time."""
        session.socket.settimeout(within)
        fields = wire.error_fields(session.receive_until("E")[-1][1])
        self.assertTrue(session.at_end())
        return fields["C"], fields["M"]

    def sleeps_on_server(self, count):
        lab.wait_until(lambda: self.lab.postgres.psql(SLEEPING).stdout.strip() == str(count), f"{count} statements run", 20)

    def of_each_kind(self, gateway, user="postgres"):
        """Sessions that sleep, run a statement, are idle in a transaction, and have just done something."""
        sleeping = self.session(gateway, user)
        own = [record for record in gateway.sessions() if record["client_port"] == sleeping.socket.getsockname()[1]]
        lab.wait_until(lambda: any("falls asleep" in line and own[0]["id"] in line for line in gateway.log), "it sleeps", 20)
        running, open_one, idle = (self.session(gateway, user) for _ in range(3))
        running.send(wire.query("SELECT pg_sleep(60)"))
        open_one.must("BEGIN")
        idle.must("SELECT 1")
        self.sleeps_on_server(1)
        return {"sleeping": sleeping, "running": running, "open": open_one, "idle": idle}

    def listed(self, gateway, session):
        port = session.socket.getsockname()[1]
        found = [record for record in gateway.sessions() if record["client_port"] == port]
        self.assertEqual(len(found), 1, found)
        return found[0]

    def end_reasons(self, gateway, count):
        lab.wait_until(lambda: len(gateway.audit("session.end")) == count, f"{count} sessions end", 20)
        return {record["reason"] for record in gateway.audit("session.end")}

    # The list.

    def test_the_list(self):
        gateway = self.gateway()
        before = time.time()
        kinds = self.of_each_kind(gateway)
        records = {kind: self.listed(gateway, session) for kind, session in kinds.items()}
        self.assertEqual(len(gateway.sessions()), len(kinds))
        self.assertEqual({kind: record["state"] for kind, record in records.items()},
                         {"sleeping": "idle", "running": "active", "open": "idle in transaction", "idle": "idle"})
        self.assertEqual({kind: record["statements"] for kind, record in records.items()},
                         {"sleeping": 0, "running": 1, "open": 1, "idle": 1})
        starts = {record["session_id"]: record for record in gateway.audit("session.start")}
        for kind, record in records.items():
            self.assertIn(record["id"], starts, kind)
            for field, value in (("user", "postgres"), ("target", "postgres"), ("database", "postgres"), ("credential", ""),
                                 ("client_address", "127.0.0.1"), ("auth_method", "scram-sha-256"), ("application", "")):
                self.assertEqual(record[field], value, kind)
            self.assertTrue(before - 1 < record["started_us"] / 1e6 < time.time() + 1, kind)
            running = record["statement_started_us"]
            self.assertEqual(running != 0, kind == "running")
            self.assertTrue(not running or before < running / 1e6 < time.time() + 0.1)
        query = len(wire.query("SELECT 1"))
        self.assertEqual(records["idle"]["bytes_from_client"], query)
        self.assertGreater(records["idle"]["bytes_to_client"], query)

    def test_statements_are_counted_over_sleeps(self):
        gateway = self.gateway()
        session = self.session(gateway, application_name="count me")
        for round_number in (1, 2):
            session.must("SELECT 1")
            lab.wait_until(lambda: sum("falls asleep" in line for line in gateway.log) == round_number, "it sleeps", 20)
            record = self.listed(gateway, session)
            self.assertEqual((record["statements"], record["application"]), (round_number, "count me"))
        session.must("SELECT 1")
        self.assertEqual(self.listed(gateway, session)["statements"], 3)

    def test_who_waits_for_a_server_connection(self):
        gateway = self.gateway(pool="mode: transaction, max: 1")
        holder, waiting = self.session(gateway), self.session(gateway)
        holder.must("BEGIN")
        waiting.send(wire.query("SELECT 1"))
        lab.wait_until(lambda: self.listed(gateway, waiting)["state"] == "waiting", "it waits", 20)
        gateway.command("end", self.listed(gateway, waiting)["id"], "root", "enough")
        self.assertEqual(self.told(waiting)[0], ADMINISTRATOR)
        self.assertEqual(holder.must("COMMIT").status, "I")

    def test_the_list_is_whole_while_sessions_come_and_go(self):
        gateway = self.gateway(workers=4)
        stay = {self.listed(gateway, self.session(gateway))["id"] for _ in range(8)}
        stop = threading.Event()
        faults = []

        def churn():
            try:
                while not stop.is_set():
                    session = Session(gateway.port)
                    session.must("SELECT 1")
                    session.leave()
            except Exception as fault:  # told below
                faults.append(fault)

        threads = [threading.Thread(target=churn) for _ in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(100):
            self.assertLessEqual(stay, {record["id"] for record in gateway.sessions()})
        stop.set()
        for thread in threads:
            thread.join()
        self.assertEqual(faults, [])

    # Ended by an administrator.

    def test_each_kind_is_ended(self):
        gateway = self.gateway()
        kinds = self.of_each_kind(gateway)
        ids = {kind: self.listed(gateway, session)["id"] for kind, session in kinds.items()}
        for kind, session in kinds.items():
            gateway.command("end", ids[kind], "root", f"because it is {kind}")
            self.assertEqual(self.told(session), (ADMINISTRATOR, f"terminating connection: ended by root: because it is {kind}"))
        self.sleeps_on_server(0)
        self.assertEqual(self.end_reasons(gateway, 4), {"ended by administrator"})
        self.assertEqual([(record["user.name"], record["change"], record["object"], record["object.user"], record["reason"])
                          for record in gateway.audit("admin.change")],
                         [("root", "session.end", id_, "postgres", f"because it is {kind}") for kind, id_ in ids.items()])
        self.assertEqual(gateway.sessions(), [])

    def test_nobody_there(self):
        gateway = self.gateway()
        session = self.session(gateway)
        gone = self.listed(gateway, session)["id"]
        session.leave()
        self.end_reasons(gateway, 1)
        for id_ in (gone, "ses_0", gone[:-1], "ses_01JD3K7V9QAAAAAAAAAAAAAAAA"):
            self.assertEqual(gateway.fails("end", id_, "root", "x"), "42704", id_)
        self.assertEqual(gateway.audit("admin.change"), [])

    def test_reasons_are_one_line(self):
        gateway = self.gateway()
        session = self.session(gateway)
        gateway.command("end", self.listed(gateway, session)["id"], "root", "a\tb\x1b[2J\x7f" + "ü" * 200)
        self.assertEqual(self.told(session)[1], "terminating connection: ended by root: a b [2J " + "ü" * 96)

    # Ended because somebody may not be there any more.

    def test_a_removed_user(self):
        for number, tls in ((1, False), (2, True)):
            gateway = self.gateway(tls=tls)
            kinds, stays = self.of_each_kind(gateway), self.session(gateway, "other")
            before = time.monotonic()
            gateway.reload(self.config(users=("other",), allowed=("other",), tls=tls))
            for kind, session in kinds.items():
                self.assertEqual(self.told(session), (ADMINISTRATOR, "terminating connection: the user was disabled or removed"),
                                 kind)
            self.assertLess(time.monotonic() - before, 1)
            self.sleeps_on_server(0)
            self.assertEqual(self.end_reasons(gateway, 4), {"user disabled"})
            self.assertEqual(stays.value("SELECT 1"), "1")
            with self.assertRaises(PermissionError):
                Session(gateway.port)
            gateway.stop()

    def test_access_that_is_removed(self):
        gateway = self.gateway()
        kinds = self.of_each_kind(gateway, "other")
        gateway.reload(self.config(allowed=("postgres",)))
        for kind, session in kinds.items():
            self.assertEqual(self.told(session), (ADMINISTRATOR, "terminating connection: access to this target was revoked"), kind)
        self.assertEqual(self.end_reasons(gateway, 4), {"access revoked"})

    def test_a_revoked_password(self):
        gateway = self.gateway()
        for name in ("one", "two"):
            gateway.command("password", "postgres", f"dpw_{name}", f"password-{name}", "-", 0)
        gateway.command("apply")
        by_file = self.session(gateway)
        password, lab.PASSWORD = lab.PASSWORD, "password-two"
        try:
            stays = self.session(gateway)
            lab.PASSWORD = "password-one"
            kinds = self.of_each_kind(gateway)
            record = self.listed(gateway, kinds["idle"])
        finally:
            lab.PASSWORD = password
        self.assertEqual(record["credential"], "dpw_one")
        gateway.command("revoke", "dpw_one")
        gateway.command("apply")
        for kind, session in kinds.items():
            self.assertEqual(self.told(session), (ADMINISTRATOR, "terminating connection: what it had signed in with was revoked"),
                             kind)
        self.assertEqual(self.end_reasons(gateway, 4), {"credential ended"})
        self.assertEqual((stays.value("SELECT 1"), by_file.value("SELECT 1")), ("1", "1"))

    def test_a_tunnel_whose_login_ends(self):
        gateway = self.gateway(tls=True)
        self.lab.current = gateway
        with self.lab.tunnel() as tunnel:
            session = wire.Connection(tunnel["port"])
            self.addCleanup(session.socket.close)
            session.login("postgres", "postgres", tunnel["password"])
            record = gateway.sessions()[0]
            self.assertEqual(record["auth_method"], "tunnel")
            self.assertRegex(record["credential"], "^[a-z]+_[0-9A-Z]{26}$")
            gateway.command("revoke", record["credential"])
            gateway.command("apply")
            fields = wire.error_fields(session.receive_until("E")[-1][1])
            self.assertEqual(fields["M"], "terminating connection: what it had signed in with was revoked")
            # The token is in force still, as far as tokens go.
            again = wire.Connection(tunnel["port"])
            self.addCleanup(again.socket.close)
            with self.assertRaises(PermissionError) as refused:
                again.login("postgres", "postgres", tunnel["password"])
            self.assertEqual(refused.exception.args[0]["M"], fields["M"])
            self.assertEqual(gateway.sessions(), [])

    def test_who_signs_in_while_it_happens(self):
        """Logins that cross a revocation: none of them stays."""
        gateway = self.gateway(workers=2)
        without = self.config(users=("other",), allowed=("other",))
        survivors, stop = [], threading.Event()

        def come():
            while not stop.is_set():
                try:
                    survivors.append(Session(gateway.port, seconds=10))
                except (PermissionError, EOFError, OSError):
                    pass

        threads = [threading.Thread(target=come) for _ in range(6)]
        for thread in threads:
            thread.start()
        lab.wait_until(lambda: len(survivors) > 10, "sessions come", 20)
        gateway.reload(without)
        stop.set()
        for thread in threads:
            thread.join()
        lab.wait_until(lambda: not gateway.sessions(), "all are ended", 5)
        for session in survivors:
            session.socket.close()


if __name__ == "__main__":
    unittest.main()
