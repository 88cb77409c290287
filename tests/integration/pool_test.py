"""Pools: who gets a server connection and when, how many there are, and what binds a session to one."""
import concurrent.futures
import json
import pathlib
import select
import struct
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import wire  # noqa: E402
from pooled import Churner, Session  # noqa: E402

# What makes a session keep its server connection, and what it has there.
PINS = {
    "a temporary table": ("CREATE TEMP TABLE mine AS SELECT 7 AS seven", "SELECT seven FROM mine"),
    "SELECT INTO TEMP": ("SELECT 7 AS seven INTO TEMP mine", "SELECT seven FROM mine"),
    "a temporary view": ("CREATE TEMP VIEW mine AS SELECT 7 AS seven", "SELECT seven FROM mine"),
    "a table in pg_temp": ("CREATE TABLE pg_temp.mine AS SELECT 7 AS seven", "SELECT seven FROM mine"),
    "a function in pg_temp": ("CREATE FUNCTION pg_temp.mine() RETURNS int LANGUAGE sql AS 'SELECT 7'", "SELECT pg_temp.mine()"),
    "an advisory lock": ("SELECT pg_advisory_lock(1)", "SELECT 7 * count(*) FROM pg_locks WHERE locktype = 'advisory'"),
    "a shared advisory lock": ("SELECT pg_try_advisory_lock_shared(1, 2)",
                               "SELECT 7 * count(*) FROM pg_locks WHERE locktype = 'advisory'"),
    "a cursor WITH HOLD": ("DECLARE mine CURSOR WITH HOLD FOR SELECT 7", "FETCH mine"),
    "PREPARE": ("PREPARE mine AS SELECT 7", "EXECUTE mine"),
    "set_config": ("SELECT set_config('work_mem', '7MB', false)", "SELECT 7 WHERE current_setting('work_mem') = '7MB'"),
    "LOAD": ("LOAD 'auto_explain'", "SELECT 7 FROM pg_settings WHERE name = 'auto_explain.log_nested_statements'"),
    "SET ROLE": ("SET ROLE pinned_role", "SELECT 7 WHERE current_user = 'pinned_role'"),
    "SET SESSION AUTHORIZATION": ("SET SESSION AUTHORIZATION pinned_role", "SELECT 7 WHERE session_user = 'pinned_role'"),
}
# What does not.
LEAVES_FREE = ("SELECT 1", "SET work_mem = '5MB'", "SELECT set_config('work_mem', '5MB', true)", "SHOW work_mem", "UNLISTEN *",
               "BEGIN; DECLARE c CURSOR FOR SELECT 1; COMMIT",
               "SELECT pg_advisory_xact_lock(3)", "BEGIN; SET LOCAL work_mem = '5MB'; COMMIT", "BEGIN; ROLLBACK", "SELECT 1/0",
               "BEGIN; SELECT 1/0", "EXPLAIN SELECT 1", "DO $$ BEGIN NULL; END $$", "DISCARD ALL", "NOTIFY channel")
CONNECTIONS = ("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() "
               "AND application_name <> 'dbgate catalog'")


class Pool(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab()
        cls.addClassCleanup(cls.lab.close)
        cls.lab.postgres.psql("CREATE ROLE pinned_role SUPERUSER; CREATE SEQUENCE arrivals; CREATE TABLE t (a int)")

    def gateway(self, pool, workers=2):
        gateway = self.lab.gateway(self.lab.forward_everything(extra=f"workers: {workers}\n", pool=pool))
        self.addCleanup(gateway.stop)
        return gateway

    def session(self, gateway, **parameters):
        session = Session(gateway.port, **parameters)
        self.addCleanup(session.socket.close)
        return session

    def refused(self, session, sql="SELECT 1"):
        result = session.run(sql)
        self.assertEqual((result.code, result.status), ("53300", "I"), result)
        return result

    def test_a_server_connection_is_free_between_transactions_only(self):
        gateway = self.gateway("mode: transaction, max: 1, wait: 300ms", workers=1)
        one, other = self.session(gateway), self.session(gateway)
        pid = one.server_pid()
        self.assertEqual(other.server_pid(), pid)
        for statements in (["BEGIN"], ["BEGIN", "SELECT 1"], ["BEGIN", "SELECT 1/0"]):
            for sql in statements:
                one.run(sql)
            self.refused(other)
            one.must("ROLLBACK")
            self.assertEqual(other.value("SELECT 1"), "1")
        # An extended query that is not synced is a transaction as well.
        one.send(wire.parse("", "SELECT 1") + wire.bind() + wire.execute() + wire.FLUSH)
        one.receive_until("C")
        self.refused(other)
        one.send(wire.SYNC)
        one.receive_until("Z")
        self.assertEqual(other.value("SELECT 1"), "1")
        one.send(wire.query("COPY t FROM STDIN"))
        one.receive_until("G")
        self.refused(other)
        one.send(wire.message(b"c"))
        one.receive_until("Z")
        self.assertEqual(other.value("SELECT 1"), "1")

    def test_a_server_connection_that_discards_until_sync_is_nobody_elses(self):
        gateway = self.gateway("mode: transaction, max: 1, wait: 300ms", workers=1)
        one, other = self.session(gateway), self.session(gateway)
        failing = {"Describe": wire.describe(b"P", "none"), "Bind": wire.parse("", "SELECT $1::int") + wire.bind("", "", [b"x"]),
                   "Execute": wire.parse("", "SELECT 1/0") + wire.bind() + wire.execute()}
        for what, messages in failing.items():
            with self.subTest(what):
                # The server has discarded the Query by the time that its error is read.
                one.send(messages + wire.query("SELECT 2"))
                one.receive_until("E")
                self.refused(other)
                one.send(wire.SYNC)
                self.assertEqual([kind for kind, _ in one.receive_until("Z")], ["Z"])
                self.assertEqual(other.value("SELECT 1"), "1")
                self.assertEqual(one.value("SELECT 3"), "3")
        leaving = self.session(gateway)
        leaving.send(failing["Describe"] + wire.query("SELECT 2"))
        leaving.receive_until("E")
        leaving.socket.close()
        lab.wait_until(lambda: other.run("SELECT 1").code == "", "the connection of who has gone is free", 3)

    def test_who_waits_too_long_is_told_and_lives_on(self):
        gateway = self.gateway("mode: transaction, max: 1, wait: 300ms")
        holder, waiting = self.session(gateway), self.session(gateway)
        holder.must("BEGIN")
        result = self.refused(waiting)
        self.assertRegex(result.error["M"], "no server connection .*became free within 300 ms")
        self.refused(waiting, "BEGIN")
        extended = waiting.run_extended("SELECT $1::int", [1])
        self.assertEqual((extended.code, extended.status, extended.types), ("53300", "I", "EZ"))
        self.assertEqual(waiting.prepare("mine", "SELECT 7").status, "I")
        holder.must("COMMIT")
        self.assertEqual(waiting.value("SELECT 1"), "1")
        self.assertEqual(waiting.run_extended("SELECT $1::int", [3]).rows, [("3",)])
        holder.must("BEGIN")
        started = time.monotonic()
        self.refused(waiting)
        self.assertLess(time.monotonic() - started, 5)

    def test_signing_in_takes_nothing_from_anybody(self):
        gateway = self.gateway("mode: transaction, max: 1, wait: 300ms")
        first = self.session(gateway)
        others = [self.session(gateway) for _ in range(3)]  # the first has said nothing, and gives way
        first.must("BEGIN")
        others += [self.session(gateway) for _ in range(3)]  # on either worker
        self.assertEqual(first.must("COMMIT").status, "I")
        self.assertEqual([other.value("SELECT 1") for other in others], ["1"] * 6)

    def test_first_come_first_served(self):
        # Over several threads order is kept to 50 ms.
        for workers, apart_seconds in ((1, 0.02), (2, 0.12)):
            gateway = self.gateway("mode: transaction, max: 1, wait: 20s", workers)
            waiting = [self.session(gateway) for _ in range(8)]
            holder = self.session(gateway)
            for _ in range(2):
                holder.must("BEGIN")
                for session in waiting:
                    session.send(wire.query("SELECT nextval('arrivals')"))
                    time.sleep(apart_seconds)  # nothing shows that it waits; the order in which they come is what is tested
                holder.must("COMMIT")
                places = [int(session.answer().value()) for session in waiting]
                self.assertEqual(places, sorted(places), f"{workers} workers")

    def test_nobody_is_passed_over(self):
        gateway = self.gateway("mode: transaction, max: 2, wait: 20s")
        sessions = [self.session(gateway) for _ in range(16)]
        counts, end = [0] * len(sessions), time.monotonic() + 2

        def work(number):
            while time.monotonic() < end:
                sessions[number].must("SELECT pg_sleep(0.002)")
                counts[number] += 1

        with concurrent.futures.ThreadPoolExecutor(len(sessions)) as threads:
            list(threads.map(work, range(len(sessions))))
        self.assertGreater(min(counts), 0.5 * sum(counts) / len(counts), counts)

    def test_a_session_that_leaves_while_it_waits_takes_nothing(self):
        gateway = self.gateway("mode: transaction, max: 1, wait: 10s")
        holder = self.session(gateway)
        for rudely in (False, True):
            leaving, last = [self.session(gateway) for _ in range(5)], self.session(gateway)
            holder.must("BEGIN")
            for session in leaving:
                session.send(wire.query("INSERT INTO t VALUES (1)"))
                session.leave(rudely)
            last.send(wire.query("SELECT 1"))
            holder.must("COMMIT")
            self.assertEqual(last.answer().value(), "1")

    def test_the_limit_is_exact(self):
        gateway = self.gateway("mode: transaction, max: 3, wait: 20s")
        seen, stopped = [], threading.Event()

        def watch():
            with Session(self.lab.postgres.port) as direct:
                while not stopped.is_set():
                    seen.append(int(direct.value(CONNECTIONS)))

        def work(number):
            with Session(gateway.port) as session:
                for _ in range(60):
                    session.must(f"BEGIN; SELECT pg_sleep(0.00{number % 5}); COMMIT")
                session.leave()

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            with concurrent.futures.ThreadPoolExecutor(12) as threads:
                list(threads.map(work, range(24)))
        finally:
            stopped.set()
            watcher.join()
        self.assertEqual(max(seen), 3)
        self.assertGreater(len(seen), 50)

    def test_connections_go_from_worker_to_worker(self):
        gateway = self.gateway("mode: transaction, max: 1, wait: 10s", workers=2)
        sessions = [self.session(gateway) for _ in range(6)]
        started = time.monotonic()
        for _ in range(20):
            for session in sessions:
                self.assertEqual(session.value("SELECT 1"), "1")
        self.assertLess(time.monotonic() - started, 10)  # none of them waits for an idle one to time out

    def test_a_session_keeps_what_only_one_connection_has(self):
        gateway = self.gateway("mode: transaction, max: 2, wait: 300ms")
        with Churner(lambda: Session(gateway.port), clients=1) as churner:
            for what, (make, use) in PINS.items():
                with self.subTest(what):
                    session = self.session(gateway)
                    session.must(make)
                    rounds = churner.rounds
                    lab.wait_until(lambda before=rounds: churner.rounds > before + 5 or churner.problems, "the churner", 10)
                    self.assertEqual([row[0] for row in session.must(use).rows], ["7"])
                    session.leave()
        self.assertEqual(churner.problems, [])

    def test_who_is_bound_has_the_connection_alone(self):
        gateway = self.gateway("mode: transaction, max: 1, wait: 300ms")
        for what, (make, use) in PINS.items():
            with self.subTest(what):
                session, other = self.session(gateway), self.session(gateway)
                session.must(make)
                self.refused(other)
                self.assertEqual([row[0] for row in session.must(use).rows], ["7"])
                session.leave()
                self.assertEqual(lab.wait_until(lambda: not other.run("SELECT 1").code, "it is free", 10), True)

    def test_the_log_says_what_binds_a_session(self):
        gateway = self.gateway("mode: transaction, max: 2, wait: 10s")
        session, other = self.session(gateway), self.session(gateway)
        other.must("SELECT 'temporary'; SELECT pg_advisory_xact_lock(1)")
        for _ in range(3):
            session.must("SELECT pg_advisory_lock(1)")
            session.must("DISCARD ALL")
        session.must("BEGIN; CREATE TEMP TABLE secret_name (a int); PREPARE p AS SELECT 'secret'")
        session.must("COMMIT")

        def lines():
            return [json.loads(line) for line in gateway.log if "bound to its server connection" in line]

        lab.wait_until(lambda: len(lines()) > 1, "both reasons stand in the log", 10)
        self.assertEqual([(line["user"], line["target"], line["reason"]) for line in lines()],
                         [("postgres", "postgres", "advisory lock"), ("postgres", "postgres", "temporary object, PREPARE")])
        self.assertEqual(len({line["session"] for line in lines()}), 1)
        self.assertNotIn("secret_name", "".join(gateway.log))

    def test_what_binds_nobody(self):
        gateway = self.gateway("mode: transaction, max: 1, wait: 300ms")
        session, other = self.session(gateway), self.session(gateway)
        for sql in LEAVES_FREE:
            with self.subTest(sql):
                session.run(sql)
                session.run("ROLLBACK")
                self.assertEqual(other.run("SELECT 1").rows, [("1",)])

    def test_settings_come_along_and_go_with_their_transaction(self):
        gateway = self.gateway("mode: transaction, max: 1, wait: 10s")
        session, other = self.session(gateway), self.session(gateway)

        def now():
            other.must("SET work_mem = '99MB'; SET app.x = 'others'")
            return session.must("SELECT current_setting('work_mem'), coalesce(current_setting('app.x', true), '')").rows[0]

        for sql, expected in (
                ("SET work_mem = '5MB'; SET app.x = 'a'", ("5MB", "a")),
                ("BEGIN; SET work_mem = '6MB'; SET app.x = 'b'; ROLLBACK", ("5MB", "a")),
                ("BEGIN; SET work_mem = '6MB'; COMMIT", ("6MB", "a")),
                ("BEGIN; SAVEPOINT s; SET work_mem = '7MB'; ROLLBACK TO s; SET app.x = 'c'; COMMIT", ("6MB", "c")),
                ("BEGIN; SET work_mem = '7MB'; SAVEPOINT s; SET work_mem = '8MB'; ROLLBACK TO s; COMMIT", ("7MB", "c")),
                ("BEGIN; SAVEPOINT s; SET work_mem = '9MB'; RELEASE s; COMMIT", ("9MB", "c")),
                ("BEGIN; SET LOCAL work_mem = '3MB'; COMMIT", ("9MB", "c")),
                ("BEGIN; SET work_mem = '4MB'; SET LOCAL work_mem = '3MB'; COMMIT", ("4MB", "c")),
                ("BEGIN; SET work_mem = '3MB'; SELECT 1/0", ("4MB", "c")),
                ("SET work_mem = '3MB'; SELECT 1/0", ("4MB", "c")),  # one transaction, undone as a whole
                ("SET SESSION work_mem TO '2MB'; SET app.x TO e", ("2MB", "e")),
                ("SELECT set_config('work_mem', '3MB', true)", ("2MB", "e")),
                ("BEGIN; RESET work_mem; ROLLBACK", ("2MB", "e")),
                ("RESET work_mem", ("4MB", "e")), ("RESET ALL", ("4MB", "")), ("SET app.x = 'f'; SET work_mem = '5MB'", ("5MB", "f")),
                ("DISCARD ALL", ("4MB", ""))):
            if session.run(sql).status != "I":
                session.must("COMMIT")
            self.assertEqual(now(), expected, sql)
        session.run_extended("SET work_mem = '5MB'")
        session.run_extended("SET app.x = 'extended'")
        self.assertEqual(now(), ("5MB", "extended"))
        session.must("BEGIN")
        session.run_extended("SET work_mem = '6MB'")
        session.must("ROLLBACK")
        self.assertEqual(now(), ("5MB", "extended"))

    def test_reported_parameters_are_each_sessions_own(self):
        gateway = self.gateway("mode: transaction, max: 1, wait: 10s")
        session, other = self.session(gateway, TimeZone="Asia/Tokyo"), self.session(gateway, application_name="others own")

        def reported(result):
            return {part[0].decode(): part[1].decode() for kind, body in result.messages if kind == "S"
                    for part in [body.split(b"\0")]}

        self.assertEqual(session.parameters["TimeZone"], "Asia/Tokyo")
        self.assertEqual(reported(session.run("SET TimeZone = 'UTC'")).get("TimeZone"), "UTC")
        self.assertNotIn("TimeZone", reported(other.run("SET DateStyle = 'German'")))
        self.assertEqual(reported(other.run("SELECT 1")), {})
        self.assertEqual(reported(session.run("SELECT 1")), {})
        self.assertEqual(session.value("SHOW TimeZone"), "UTC")
        self.assertEqual(reported(session.run("BEGIN; SET TimeZone = 'Asia/Kolkata'; ROLLBACK")).get("TimeZone", "UTC"), "UTC")

    def test_the_pid_is_stable_and_takes_cancels(self):
        gateway = self.gateway("mode: transaction, max: 2, wait: 10s")
        sessions = [self.session(gateway) for _ in range(8)]
        self.assertEqual(len({session.pid for session in sessions}), 8)
        with Churner(lambda: Session(gateway.port), clients=2) as churner:
            for session in sessions:
                session.send(wire.query("SELECT pg_sleep(60)"))
                running = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
                lab.wait_until(lambda: self.lab.postgres.psql(running).stdout == "1\n", "the statement runs", 10)
                with wire.Connection(gateway.port) as request:
                    request.send(wire.packet(wire.CANCEL_REQUEST, struct.pack("!I", session.pid) + session.key))
                self.assertEqual(session.answer().code, "57014")
        self.assertEqual(churner.problems, [])

    def test_a_cancel_ends_waiting(self):
        gateway = self.gateway("mode: transaction, max: 1, wait: 20s")
        holder, waiting = self.session(gateway), self.session(gateway)
        holder.must("BEGIN")
        waiting.send(wire.query("SELECT 1"))
        while not select.select([waiting.socket], [], [], 0)[0]:  # one that overtakes the statement does nothing
            with wire.Connection(gateway.port) as request:
                request.send(wire.packet(wire.CANCEL_REQUEST, struct.pack("!I", waiting.pid) + waiting.key))
                request.at_end()
            self.assertEqual(holder.value("SELECT 'undisturbed'"), "undisturbed")
        result = waiting.answer()
        self.assertEqual((result.code, result.status), ("57014", "I"))
        holder.must("COMMIT")
        self.assertEqual(waiting.value("SELECT 2"), "2")

    def test_statement_mode(self):
        gateway = self.gateway("mode: statement, max: 1, wait: 300ms")
        session, other = self.session(gateway), self.session(gateway)
        for sql in ("BEGIN", "START TRANSACTION", "BEGIN; SELECT 1; COMMIT", "SELECT 1; BEGIN", "begin isolation level serializable"):
            for run in (session.run, session.run_extended) if ";" not in sql else (session.run,):
                with self.subTest(sql, run=run.__name__):
                    result = run(sql)
                    self.assertEqual((result.code, result.status), ("0A000", "I"))
                    self.assertEqual(other.value("SELECT 1"), "1")
        self.assertEqual(session.must("SELECT 1; SELECT 2").rows, [("1",), ("2",)])
        self.assertEqual(session.run_extended("SELECT $1::int", [1]).rows, [("1",)])

    def test_session_mode_keeps_connections_for_the_next(self):
        gateway = self.gateway("mode: session, idle: 1m", workers=1)
        first = self.session(gateway)
        pids, name = [first.server_pid()], first.value("SHOW application_name")
        first.must("SET work_mem = '7MB'; CREATE TEMP TABLE mine (a int); PREPARE mine AS SELECT 1; LISTEN mine")
        first.leave()

        def next_has_it():
            with Session(gateway.port) as other:
                # Before the first one is clean again, another is opened.
                pids.append(other.server_pid())
                if pids[-1] not in pids[:-1]:
                    return False
                self.assertEqual(other.must("SELECT current_setting('work_mem'), to_regclass('mine') IS NULL, "
                                            "(SELECT count(*) FROM pg_prepared_statements), "
                                            "(SELECT count(*) FROM pg_listening_channels())").rows, [("4MB", "t", "0", "0")])
                self.assertNotEqual(other.value("SHOW application_name"), name)
                self.assertEqual(other.pid, pids[-1])
                return True
        lab.wait_until(next_has_it, "the next session has the connection", 10)

    def test_what_nobody_uses_is_closed(self):
        gateway = self.gateway("mode: transaction, idle: 300ms", workers=1)
        session = self.session(gateway)
        self.assertEqual(session.value("SELECT 1"), "1")
        lab.wait_until(lambda: self.lab.postgres.psql(CONNECTIONS).stdout.strip() == "0", "the connection is closed", 10)
        self.assertEqual(session.value("SELECT 2"), "2")

    def test_many_sessions_of_one_do_not_keep_others_waiting(self):
        gateway = self.lab.gateway(
            "version: 1\nstate_dir: state\nworkers: 2\n" + self.lab.listen() + self.lab.users("crowd", "single") + "targets:\n" +
            self.lab.target(search_path=(), pool="mode: transaction, max: 4") + "policies:\n"
            "  - { name: p, who: { users: [crowd, single] }, on: [postgres], allow: [ { everything: true } ] }\n")
        self.addCleanup(gateway.stop)
        waits, stopped = {"crowd": [], "single": []}, threading.Event()

        def work(user, sql):
            with Session(gateway.port, user) as session:
                while not stopped.is_set():
                    begun = time.monotonic()
                    session.must(sql)
                    waits[user].append(time.monotonic() - begun)
                session.leave()

        # With 40 sessions on 4 connections, each of the crowd waits for ten turns.
        with concurrent.futures.ThreadPoolExecutor(41) as threads:
            running = [threads.submit(work, "crowd", "SELECT pg_sleep(0.03)") for _ in range(40)]
            running.append(threads.submit(work, "single", "SELECT 1"))
            try:
                lab.wait_until(lambda: len(waits["crowd"]) >= 400 and len(waits["single"]) >= 50, "enough statements", 60)
            finally:
                stopped.set()
            for one in running:
                one.result()
        median = {user: sorted(each)[len(each) // 2] for user, each in waits.items()}
        self.assertLess(median["single"] * 3, median["crowd"], median)

    def test_what_is_too_old_is_replaced_between_transactions(self):
        gateway = self.gateway("mode: transaction, max: 1, wait: 0s, lifetime: 300ms", workers=1)
        session = self.session(gateway)
        first = session.server_pid()
        # One that has something to do all the time, and never room for a second connection.
        lab.wait_until(lambda: session.server_pid() != first, "another connection", 20)
        session.must("BEGIN")
        kept = session.server_pid()
        end = time.monotonic() + 2
        while time.monotonic() < end:
            self.assertEqual(session.server_pid(), kept)
        session.must("COMMIT")
        lab.wait_until(lambda: session.server_pid() != kept, "another one after the transaction", 20)
        session.must("CREATE TEMP TABLE mine AS SELECT 7 AS seven")
        bound = session.server_pid()
        end = time.monotonic() + 2
        while time.monotonic() < end:
            self.assertEqual((session.server_pid(), session.value("SELECT seven FROM mine")), (bound, "7"))

    def test_what_is_too_old_is_closed_though_nobody_works(self):
        gateway = self.gateway("mode: transaction, lifetime: 300ms", workers=1)
        session = self.session(gateway)
        self.assertEqual(session.value("SELECT 1"), "1")
        lab.wait_until(lambda: self.lab.postgres.psql(CONNECTIONS).stdout.strip() == "0", "the connection is closed", 10)
        self.assertEqual(session.value("SELECT 2"), "2")

    def test_session_mode_has_a_limit_too(self):
        gateway = self.gateway("mode: session, max: 1, wait: 300ms")
        session = self.session(gateway)
        self.assertEqual(session.value("SELECT 1"), "1")
        try:
            with Session(gateway.port) as other:
                self.assertEqual(other.run("SELECT 1").code, "53300")
        except PermissionError as refusal:
            self.assertEqual(refusal.args[0]["C"], "53300")
        session.leave()

        def works():
            try:
                with Session(gateway.port) as other:
                    return other.run("SELECT 1").rows == [("1",)]
            except PermissionError:
                return False
        lab.wait_until(works, "the connection is free", 10)


if __name__ == "__main__":
    unittest.main()
