"""LISTEN where server connections are shared: one listens for all, and each session hears what PostgreSQL would tell it, when
it would."""
import pathlib
import struct
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import wire  # noqa: E402
from pooled import Churner, Session  # noqa: E402

LISTENERS = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'dbgate LISTEN'"
OTHERS = ("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() "
          "AND application_name NOT IN ('dbgate LISTEN', 'dbgate catalog')")
LARGE = 7900  # bytes of a payload; PostgreSQL takes 7999


def heard(messages):
    """[(channel, payload)] of the notifications among messages."""
    return [tuple(part.decode() for part in body[4:-1].split(b"\0")) for kind, body in messages if kind == "A"]


class Listening(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab()
        cls.addClassCleanup(cls.lab.close)

    def gateway(self, pool="mode: transaction, max: 4, wait: 10s", workers=1):
        gateway = self.lab.gateway(self.lab.forward_everything(extra=f"workers: {workers}\n", pool=pool))
        self.addCleanup(gateway.stop)
        return gateway

    def session(self, gateway, **parameters):
        session = Session(gateway.port, **parameters)
        self.addCleanup(session.socket.close)
        return session

    def direct(self):
        session = Session(self.lab.postgres.port)
        self.addCleanup(session.socket.close)
        return session

    def count(self, sql):
        return int(self.lab.postgres.psql(sql).stdout)

    def hears(self, session, *expected):
        """What comes by itself is exactly this, and in this order."""
        self.assertEqual([heard([session.receive()])[0] for _ in expected], list(expected))

    def hears_next(self, session, other, channel="news"):
        """Nothing has come before what is said now."""
        other.must(f"NOTIFY {channel}, 'next'")
        self.hears(session, (channel, "next"))

    def test_delivery(self):
        gateway = self.gateway(workers=2)
        sessions, other = [self.session(gateway) for _ in range(6)], self.direct()
        for number, session in enumerate(sessions):
            session.must("LISTEN news; LISTEN " + f"own{number}")
        other.must("BEGIN; NOTIFY news, 'one'; NOTIFY news, 'two'; NOTIFY news, 'one'; COMMIT; NOTIFY own4; NOTIFY nobody")
        for number, session in enumerate(sessions):
            kind, body = session.receive()
            self.assertEqual((kind, struct.unpack("!I", body[:4])[0]), ("A", other.pid))
            self.hears(session, ("news", "two"), *([("own4", "")] if number == 4 else []))
            self.hears_next(session, other, f"own{number}")
        self.assertEqual(self.count(LISTENERS), 2, "one of each worker")
        with Churner(lambda: Session(gateway.port), clients=2) as churner:
            for number in range(20):
                sessions[1].must(f"NOTIFY news, '{number}'")
                self.hears(sessions[0], ("news", str(number)))
        self.assertEqual(churner.problems, [])

    def test_names_are_identifiers(self):
        gateway = self.gateway()
        session, other = self.session(gateway), self.direct()
        long = "ä" * 31  # 62 bytes
        session.must(f'LISTEN News; LISTEN "News"; LISTEN "a""b c"; LISTEN "*"; LISTEN {long}bcd')
        session.must("LISTEN news; LISTEN NEWS")  # as before
        other.must("NOTIFY NEWS, '1'; NOTIFY \"News\", '2'; NOTIFY \"NEWS\", '3'; NOTIFY \"a\"\"b c\", '4'")
        other.must(f"NOTIFY {long}bcde, '5'")
        self.hears(session, ("news", "1"), ("News", "2"), ('a"b c', "4"), (long + "b", "5"))
        session.must('UNLISTEN "*"')
        self.hears_next(session, other)

    def test_what_a_transaction_listens_to(self):
        gateway = self.gateway()
        session, other = self.session(gateway), self.direct()
        witness = self.session(gateway)  # hears what the listening connection has heard
        witness.must("LISTEN news; LISTEN a; LISTEN b; LISTEN c")

        def say(*channels):
            for channel in channels:
                other.must(f"NOTIFY {channel}")
            self.hears(witness, *[(channel, "") for channel in channels])

        session.must("LISTEN news")
        session.must("BEGIN; LISTEN a; ROLLBACK")
        session.must("BEGIN")
        session.must("SAVEPOINT one; LISTEN a")
        session.must("SAVEPOINT two; LISTEN b; UNLISTEN news")
        session.must("ROLLBACK TO two")
        session.must("LISTEN c; SAVEPOINT three; UNLISTEN c; ROLLBACK TO three; RELEASE one")
        say("a", "b", "c")
        self.assertEqual(session.must("SELECT 1").types, "TDCZ", "nothing comes within a transaction")
        result = session.must("COMMIT")
        self.assertEqual(heard(result.messages), [], "what was said before it listened")
        say("a", "b", "c", "news")
        self.hears(session, ("a", ""), ("c", ""), ("news", ""))
        self.assertEqual(session.run("BEGIN; UNLISTEN *; SELECT 1/0").code, "22012")
        session.must("ROLLBACK")
        self.assertEqual(session.run("UNLISTEN a; SELECT 1/0").code, "22012")
        session.run("BEGIN; LISTEN b; SELECT 1/0")
        self.assertEqual(session.must("COMMIT").tags, ["ROLLBACK"])
        say("a", "b")
        self.hears(session, ("a", ""))
        session.must("UNLISTEN a")
        session.must("BEGIN; UNLISTEN *; LISTEN c; COMMIT")
        say("a", "b", "news", "c")
        self.hears(session, ("c", ""))

    def test_within_transactions_nothing_comes(self):
        gateway = self.gateway()
        session, other = self.session(gateway), self.direct()
        witness = self.session(gateway)
        for one in (session, witness):
            one.must("LISTEN news; LISTEN other")
        for end in ("COMMIT", "ROLLBACK"):
            session.must("BEGIN")
            other.must("NOTIFY news, 'meanwhile'; NOTIFY other")
            self.hears(witness, ("news", "meanwhile"), ("other", ""))
            self.assertEqual(session.must("SELECT 1").types, "TDCZ")
            self.assertEqual(session.run("SELECT 1/0").types, "EZ")
            result = session.run(end)
            self.assertEqual(result.types, "CAAZ", "before ReadyForQuery")
            self.assertEqual(heard(result.messages), [("news", "meanwhile"), ("other", "")])
        # An extended query that is not synced is a transaction as well.
        session.send(wire.parse("", "SELECT 1") + wire.bind() + wire.execute() + wire.FLUSH)
        session.receive_until("C")
        other.must("NOTIFY news, 'meanwhile'")
        self.hears(witness, ("news", "meanwhile"))
        session.send(wire.SYNC)
        self.assertEqual("".join(kind for kind, _ in session.receive_until("Z")), "AZ")
        # What is not told because the session has stopped listening meanwhile.
        session.must("BEGIN; UNLISTEN other")
        other.must("NOTIFY other; NOTIFY news, 'last'")
        self.hears(witness, ("other", ""), ("news", "last"))
        self.assertEqual(heard(session.must("COMMIT").messages), [("news", "last")])

    def test_by_extended_queries(self):
        gateway = self.gateway()
        session, other = self.session(gateway), self.direct()
        self.assertEqual(session.run_extended("LISTEN news").tags, ["LISTEN"])
        self.assertEqual(session.prepare("ears", "LISTEN more").code, "")
        self.assertEqual(self.count(LISTENERS), 1)
        other.must("NOTIFY more")
        self.hears_next(session, other)
        self.assertEqual(session.run_prepared("ears").tags, ["LISTEN"])
        self.hears_next(session, other, "more")
        session.send(wire.parse("", "UNLISTEN news") + wire.bind() + wire.execute() + wire.parse("", "SELECT 1/0") + wire.bind() +
                     wire.execute() + wire.SYNC)
        self.assertEqual(session.answer().code, "22012")
        self.hears_next(session, other)
        session.run_extended("UNLISTEN news")
        other.must("NOTIFY news")
        self.hears_next(session, other, "more")

    def test_ones_own(self):
        gateway = self.gateway("mode: transaction, max: 2, wait: 10s")
        session = self.session(gateway)
        session.must("LISTEN news")
        pid = session.server_pid()
        result = session.must("NOTIFY news, 'to myself'")
        messages = [message for message in result.messages if message[0] == "A"] or [session.receive()]
        self.assertEqual((heard(messages), struct.unpack("!I", messages[0][1][:4])[0]), ([("news", "to myself")], pid))
        self.assertNotIn("A", session.must("SELECT 1").types, "once")

    def test_nothing_is_missed_from_the_answer_on(self):
        gateway = self.gateway(workers=2)
        other = self.direct()
        for number in range(30):
            with self.subTest(number), Session(gateway.port) as session:
                channel = f"channel{number % 3}"
                if number % 2:
                    session.must(f"LISTEN {channel}")
                else:
                    session.must(f"BEGIN; LISTEN {channel}")
                    session.must("COMMIT")
                other.must(f"NOTIFY {channel}, '{number}'")
                self.hears(session, (channel, str(number)))
                session.leave()
        lab.wait_until(lambda: self.count(LISTENERS) == 0, "nobody listens any more", 10)

    def test_a_listening_session_costs_no_server_connection(self):
        gateway = self.gateway("mode: transaction, max: 2, wait: 300ms")
        sessions = [self.session(gateway) for _ in range(10)]
        for number, session in enumerate(sessions):
            session.must(f"LISTEN news; LISTEN own{number}")
        self.assertEqual((self.count(LISTENERS), self.count(OTHERS)), (1, 1))
        busy = self.session(gateway)
        busy.must("BEGIN")
        self.assertEqual(sessions[0].run("SELECT 1").code, "53300", "the limit is exact")
        self.direct().must("NOTIFY news")
        for session in sessions:
            self.hears(session, ("news", ""))
        busy.must("COMMIT")
        self.assertEqual(sessions[0].value("SELECT 1"), "1")
        for session in sessions[:5]:
            session.must("UNLISTEN *")
        for session in sessions[5:9]:
            session.leave()
        self.assertEqual(self.count(LISTENERS), 1)
        sessions[9].leave(rudely=True)
        lab.wait_until(lambda: self.count(LISTENERS) == 0, "nobody listens any more", 10)

    def test_one_connection_is_left_for_work(self):
        gateway = self.gateway("mode: transaction, max: 1, wait: 300ms")
        session = self.session(gateway)
        for run in (session.run, session.run_extended):
            result = run("LISTEN news")
            self.assertEqual((result.code, result.status), ("53300", "I"), result)
            self.assertIn("pool.max", result.error["H"])
        session.must("BEGIN")
        self.assertEqual(session.run("LISTEN news").status, "E")
        session.must("ROLLBACK")
        self.assertEqual(session.value("SELECT 1"), "1")

    def test_databases_share_the_limit(self):
        self.lab.postgres.psql("CREATE DATABASE elsewhere")
        pool = "mode: transaction, max: 2, wait: 10s"
        config = self.lab.forward_everything(extra="workers: 1\n", pool=pool).replace("databases: []", "databases: [elsewhere]")
        gateway = self.lab.gateway(config)
        self.addCleanup(gateway.stop)
        here, there = self.session(gateway), self.session(gateway, database="postgres/elsewhere")
        here.must("LISTEN news")
        self.assertEqual(there.run("LISTEN news").code, "53300")
        here.must("UNLISTEN news")
        there.must("LISTEN news")
        self.direct().must("NOTIFY news")  # of the other database
        self.hears_next(there, self.session(gateway, database="postgres/elsewhere"))

    def test_what_ends_listening(self):
        gateway = self.gateway()
        session, other = self.session(gateway), self.direct()
        for ends in ("UNLISTEN *", "DISCARD ALL", "UNLISTEN news"):
            with self.subTest(ends):
                session.must("LISTEN news")
                session.must(ends)
                other.must("NOTIFY news, 'unheard'")
                session.must("LISTEN marker")
                self.hears_next(session, other, "marker")
                session.must("UNLISTEN marker")
        self.assertEqual(session.must("SELECT 1").types, "TDCZ")
        lab.wait_until(lambda: self.count(LISTENERS) == 0, "nobody listens any more", 10)

    def test_what_was_committed_before_unlisten_arrives(self):
        """And before its answer, whether others listen as well or not: 30 times each, as it is a race."""
        gateway = self.gateway("mode: transaction, max: 6, wait: 10s")
        session, other = self.session(gateway), self.direct()
        for others in (0, 1):
            if others:
                self.session(gateway).must("LISTEN news")
            for ends in ("UNLISTEN news", "UNLISTEN *", "DISCARD ALL"):
                for run in (session.run, session.run_extended):
                    for number in range(30):
                        with self.subTest(ends, others=others, run=run.__name__, number=number):
                            session.must("LISTEN news")
                            other.must(f"NOTIFY news, '{number}'")
                            result = run(ends)
                            self.assertEqual((result.code, heard(result.messages)), ("", [("news", str(number))]))
                            kinds = [kind for kind, _ in result.messages]
                            self.assertLess(kinds.index("A"), kinds.index("C"))
                            self.assertEqual(session.must("SELECT 1").types, "TDCZ")
        for number in range(30):
            with self.subTest("in a transaction", number=number):
                session.must("LISTEN news")
                other.must(f"NOTIFY news, '{number}'")
                results = [session.must(sql) for sql in ("BEGIN", "UNLISTEN news", "COMMIT")]
                self.assertEqual([pair for result in results for pair in heard(result.messages)], [("news", str(number))])
                self.assertEqual(heard(results[1].messages), [])

    def test_own_notifications_before_unlisten(self):
        gateway = self.gateway()
        session = self.session(gateway)
        for number in range(20):
            session.must("LISTEN news")
            session.send(wire.query(f"NOTIFY news, '{number}'") + wire.query("UNLISTEN news"))
            results = [session.answer(), session.answer()]
            self.assertEqual([pair for result in results for pair in heard(result.messages)], [("news", str(number))])

    def test_the_next_session_hears_nothing(self):
        gateway = self.gateway("mode: transaction, max: 2, wait: 10s")
        first = self.session(gateway)
        first.must("LISTEN news")
        second, other = self.session(gateway), self.direct()
        self.assertEqual(second.must("SELECT pg_listening_channels()").rows, [])
        other.must("NOTIFY news")
        self.hears(first, ("news", ""))
        self.assertEqual(second.must("SELECT 1").types, "TDCZ")

    def test_the_listening_connection_is_lost(self):
        gateway = self.gateway()
        idle, working, quiet, other = (self.session(gateway) for _ in range(4))
        for session in (idle, working):
            session.must("LISTEN news")
        working.must("BEGIN")
        killed = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'dbgate LISTEN'"
        self.assertEqual(self.count(killed), 1)
        kind, body = idle.receive()
        fields = wire.error_fields(body)
        self.assertEqual((kind, fields["S"], fields["C"]), ("E", "FATAL", "57P01"))
        self.assertIn("listened", fields["M"])
        self.assertTrue(idle.at_end())
        # A transaction comes to its end.
        self.assertEqual(working.must("SELECT 1").status, "T")
        working.send(wire.query("COMMIT"))
        types = [kind for kind, _ in working.receive_until("E")]
        self.assertEqual(types, ["C", "Z", "E"])
        self.assertTrue(working.at_end())
        self.assertEqual(quiet.value("SELECT 1"), "1")
        quiet.must("LISTEN news")
        self.hears_next(quiet, other)
        ends = {event["reason"] for event in gateway.audit("session.end")}
        self.assertIn("listener lost", ends)

    def test_a_client_that_does_not_read(self):
        gateway = self.gateway()
        slow, open_transaction, reader, other = (self.session(gateway) for _ in range(4))
        for session in (slow, open_transaction, reader):
            session.must("LISTEN news")
        open_transaction.must("BEGIN")
        rounds, each, got = 30, 100, []
        thread = threading.Thread(target=lambda: got.extend(reader.receive()[0] for _ in range(rounds * each)), daemon=True)
        thread.start()
        for number in range(rounds):
            other.must(f"SELECT pg_notify('news', {number} || ' ' || i || repeat('x', {LARGE})) FROM generate_series(1, {each}) i")
        thread.join(60)
        self.assertEqual(set(got), {"A"}, "others are not held up")
        self.assertEqual(len(got), rounds * each)
        messages = slow.receive_until("E")
        self.assertEqual(wire.error_fields(messages[-1][1])["C"], "53400")
        self.assertTrue({kind for kind, _ in messages[:-1]} <= {"A"}, "whole messages up to there")
        self.assertTrue(slow.at_end())
        open_transaction.send(wire.query("COMMIT"))
        messages = open_transaction.receive_until("E")
        self.assertEqual(([kind for kind, _ in messages], wire.error_fields(messages[-1][1])["C"]), (["C", "Z", "E"], "53400"))
        self.hears_next(reader, other)

    def test_policies_say_who_listens(self):
        gateway = self.lab.gateway(
            "version: 1\nstate_dir: state\n" + self.lab.listen() + self.lab.users("alice", "bob") + "targets:\n" +
            self.lab.target(search_path=(), pool="mode: transaction, max: 3, wait: 10s") +
            "policies:\n  - name: some\n    who: { users: [alice] }\n    on: [postgres]\n"
            "    allow: [ { listen: [news] }, { select: [\"public.*\"] } ]\n"
            "  - name: others\n    who: { users: [bob] }\n    on: [postgres]\n"
            "    allow: [ { listen: [other] }, { notify: [news, other] } ]\n")
        self.addCleanup(gateway.stop)
        alice, bob = self.session(gateway, user="alice"), self.session(gateway, user="bob")
        for run in (alice.run, alice.run_extended):
            self.assertEqual(run("LISTEN other").code, "42501")
        self.assertEqual(self.count(LISTENERS), 0, "nothing listens for what is denied")
        alice.must("LISTEN news")
        bob.must("LISTEN other")
        self.assertEqual(alice.run("NOTIFY news").code, "42501")
        bob.must("NOTIFY news, '2'")
        self.direct().must("NOTIFY other, '1'")
        self.hears(bob, ("other", "1"))
        self.hears(alice, ("news", "2"))
        self.assertEqual(self.count(LISTENERS), len({1}), "one for both")
        listens = [(event["user.name"], event["decision.effect"]) for event in gateway.audit("statement.decided")
                   if event["db.query.text"].startswith("LISTEN")]
        self.assertEqual(sorted(listens), [("alice", "allow"), ("alice", "deny"), ("alice", "deny"), ("bob", "allow")])

    def test_who_may_listen_no_longer_hears_no_more(self):
        for pool in ("mode: transaction, max: 3, wait: 10s", "mode: session"):
            with self.subTest(pool):
                config = ("version: 1\nstate_dir: state\nworkers: 1\n" + self.lab.listen() + self.lab.users("alice") + "targets:\n" +
                          self.lab.target(pool=pool) + "policies:\n  - name: some\n    who: { users: [alice] }\n"
                          "    on: [postgres]\n    allow: [ { listen: [%s] }, { select: [\"public.*\"] } ]\n")
                gateway = self.lab.gateway(config % "news, other")
                self.addCleanup(gateway.stop)
                alice, late, other = self.session(gateway, user="alice"), self.session(gateway, user="alice"), self.direct()
                for session in (alice, late):
                    session.must("LISTEN news; LISTEN other")
                other.must("NOTIFY news, '1'")
                self.hears(alice, ("news", "1"))
                self.hears(late, ("news", "1"))
                late.must("BEGIN")
                other.must("NOTIFY news, '2'")
                self.hears(alice, ("news", "2"))  # so it has come for the other as well
                gateway.reload(config % "other")
                other.must("NOTIFY news, '3'")
                self.hears_next(alice, other, "other")
                late.send(wire.query("COMMIT"))
                # In session mode the server tells before it is ready, and after an answer that dbgate has seen.
                self.assertEqual(heard(late.receive_until("Z")) or heard([late.receive()]), [("other", "next")])
                self.assertEqual(alice.run("LISTEN news").code, "42501")
                gateway.reload(config % "news, other")
                alice.must("LISTEN news")
                self.hears_next(alice, other)

    def test_statement_mode(self):
        gateway = self.gateway("mode: statement, max: 2, wait: 10s")
        session, other = self.session(gateway), self.session(gateway)
        session.must("LISTEN news")
        self.hears_next(session, other)

    def test_how_many_channels(self):
        gateway = self.gateway()
        session, other = self.session(gateway), self.direct()
        session.must("BEGIN")
        session.must(";".join(f"LISTEN c{number}" for number in range(1000)))
        self.assertEqual(session.run("LISTEN more").code, "53400")
        session.must("ROLLBACK")
        session.must("LISTEN more")
        self.hears_next(session, other, "more")


if __name__ == "__main__":
    unittest.main()
