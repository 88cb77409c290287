#!/usr/bin/python3
"""Many attempts to sign in to one account, while others and its owner sign in as always.

    tests/support/sign_in_flood.py [--minutes 1] [--rate 10000]

starts a gateway of its own and attacks an account of it: the long form of tests/integration/sign_in_load_test.py.
"""
import argparse
import collections
import contextlib
import dataclasses
import itertools
import queue
import sys
import threading
import time

sys.dont_write_bytecode = True
import lab  # noqa: E402
import stored_users  # noqa: E402
from raw_http import Raw  # noqa: E402

SENDERS = 16
ADDRESSES = 50  # of the attacker
PEOPLE = ("ben", "cleo", "dora")


@dataclasses.dataclass
class Report:
    flood: collections.Counter = dataclasses.field(default_factory=collections.Counter)  # answers by status
    others: list = dataclasses.field(default_factory=list)  # (status, seconds)
    owner: list = dataclasses.field(default_factory=list)
    seconds: float = 0


def login(connection, user, password):
    answer = connection.request("POST", "/api/v1/login", body={"username": user, "password": password})
    return answer


class Attacker:
    """Sends wrong passwords as quickly as they are due, from many addresses."""

    def __init__(self, port, name, report):
        self.port, self.name, self.report = port, name, report
        self.due = queue.Queue()
        self.threads = [threading.Thread(target=self._send, args=(number,), daemon=True) for number in range(SENDERS)]

    def _send(self, number):
        addresses = itertools.cycle(range(number, ADDRESSES, SENDERS))
        while self.due.get() is not None:
            # A connection for a few attempts, then from somewhere else.
            with contextlib.closing(Raw(self.port, f"127.0.1.{next(addresses) + 1}", timeout=60)) as connection:
                for _ in range(10):
                    answer = login(connection, self.name, "wrong")
                    self.report.flood[answer.status if answer else 0] += 1
                    if answer is None or self.due.get() is None:
                        return

    def run(self, attempts, seconds):
        for thread in self.threads:
            thread.start()
        began = time.monotonic()
        for number in range(attempts - len(self.threads)):
            time.sleep(max(0, began + number * seconds / attempts - time.monotonic()))
            self.due.put(number)
        for _ in self.threads:
            self.due.put(None)
        for thread in self.threads:
            thread.join()


def sign_in_now_and_then(port, users, source, stop, seen):
    for user in itertools.cycle(users):
        if stop.wait(0.25):
            return
        began = time.monotonic()
        with Raw(port, source, timeout=60) as connection:
            seen.append((login(connection, user, lab.PASSWORD).status, time.monotonic() - began))


def run(port, name, attempts, seconds, others, owner=None):
    """@param owner  (user, address) who signs in too; a Report."""
    report, stop = Report(), threading.Event()
    parties = [(others, "127.0.0.1", report.others)] + ([([owner[0]], owner[1], report.owner)] if owner else [])
    threads = [threading.Thread(target=sign_in_now_and_then, args=(port, users, source, stop, seen)) for users, source, seen in parties]
    for thread in threads:
        thread.start()
    began = time.monotonic()
    Attacker(port, name, report).run(attempts, seconds)
    report.seconds = time.monotonic() - began
    stop.set()
    for thread in threads:
        thread.join()
    return report


def line(what, seen):
    times = sorted(seconds * 1000 for _, seconds in seen)
    statuses = dict(collections.Counter(status for status, _ in seen))
    return f"{what}: {statuses}, p50 {times[len(times) // 2]:.0f} ms, p99 {times[int(len(times) * 0.99)]:.0f} ms, at most {times[-1]:.0f} ms"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--rate", type=int, default=10_000, help="attempts a minute")
    options = parser.parse_args()
    with lab.Lab() as it:
        config = ("version: 1\nstate_dir: state\nlimits: { api_requests_per_minute: 0 }\nlisten:\n  postgres: { address: 127.0.0.1, port: 0 }\n"
                  "  api: { address: 127.0.0.1, port: 0 }\n" + it.users("filed") + "targets:\n" + it.target())
        place = it.directory / "gateway1"
        stored_users.make_store(place, config)
        for name in ("ana", *PEOPLE):
            stored_users.add_person(place, name, lab.PASSWORD)
        port = it.gateway(config).ports["api"]
        home = "127.0.0.77"
        with Raw(port, home) as connection:
            assert login(connection, "ana", lab.PASSWORD).status == 200
        report = run(port, "ana", int(options.minutes * options.rate), options.minutes * 60, PEOPLE, ("ana", home))
    print(f"attack: {dict(report.flood)} in {report.seconds:.0f} s")
    print(line("others", report.others))
    print(line("owner", report.owner))


if __name__ == "__main__":
    main()
