"""Cancels that come late: the statement of another session on the same server connection is never hit.

DBGATE_RACE_ROUNDS sets the number of rounds; the long form has 100 000.
"""
import os
import pathlib
import random
import struct
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import wire  # noqa: E402
from pooled import Session  # noqa: E402

ROUNDS = int(os.environ.get("DBGATE_RACE_ROUNDS", "2000"))
# Of the statement that is to be cancelled, and up to when the request comes: before, within and after it.
STATEMENTS = ("SELECT 1", "SELECT pg_sleep(0.0005)", "SELECT pg_sleep(0.002)")
LATEST_SECONDS = 0.003


class Victims:
    """Sessions that run statements all the time, and must never see an error."""

    def __init__(self, port, count):
        self.problems, self.statements, self.stopped = [], 0, threading.Event()
        self.threads = [threading.Thread(target=self.work, args=(port, number), daemon=True) for number in range(count)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        for thread in self.threads:
            thread.join(60)

    def work(self, port, number):
        try:
            with Session(port) as session:
                while not self.stopped.is_set():
                    result = session.run(f"SELECT {number}, pg_sleep(0.0007)")
                    if result.error or result.rows != [(str(number), "")]:
                        self.problems.append(f"after {self.statements} statements: {result}")
                        return
                    self.statements += 1
                session.leave()
        except Exception as fault:  # the test has to hear of it
            self.problems.append(repr(fault))


class Race(unittest.TestCase):
    def race(self, port, rounds):
        """Returns how many cancels came in time and how many did not."""
        hit = missed = 0
        under_way = []
        chance = random.Random(4711)
        with Victims(port, 3) as victims, Session(port) as session:
            request_bytes = wire.packet(wire.CANCEL_REQUEST, struct.pack("!I", session.pid) + session.key)
            for number in range(rounds):
                request = wire.Connection(port)  # connected before, so that it can be sent to the point
                session.send(wire.query(STATEMENTS[number % len(STATEMENTS)]))
                until = time.perf_counter() + chance.uniform(0, LATEST_SECONDS)
                while time.perf_counter() < until:
                    time.sleep(0)
                request.send(request_bytes)
                result = session.answer()
                self.assertIn(result.code, ("", "57014"))
                hit, missed = hit + (result.code != ""), missed + (result.code == "")
                under_way.append(request)
                if number % 2:
                    for request in under_way:  # so that both were acted upon
                        request.at_end()
                        request.socket.close()
                    under_way.clear()
                    self.assertEqual(session.run("SELECT 1").code, "", f"round {number}: the statement after the cancelled one")
                if victims.problems:
                    break
            session.leave()
        self.assertEqual(victims.problems, [], f"round {number} of {rounds}")
        print(f"{rounds} cancels: {hit} in time, {missed} too late; {victims.statements} statements of others", file=sys.stderr)
        return hit, missed

    def test_late_cancels_hit_nobody(self):
        with lab.Lab() as it:
            for pool, share in (("mode: transaction, max: 1, wait: 30s", 2), ("mode: transaction, max: 2, wait: 30s", 4),
                                ("mode: statement, max: 1, wait: 30s", 4)):
                gateway = it.gateway(it.forward_everything(extra="workers: 2\naudit: { segment_bytes: 64MiB }\n", pool=pool))
                hit, missed = self.race(gateway.port, ROUNDS // share)
                self.assertGreater(hit, 0, "no cancel came in time: nothing was tested")
                self.assertGreater(missed, 0, "no cancel came late: nothing was tested")
                gateway.stop()


if __name__ == "__main__":
    unittest.main()
