#!/usr/bin/python3
"""What signing in costs those who work: latencies of pgbench through the gateway, with and without logins, in turn.

    bench/sign_ins.py [--pairs 10] [--seconds 6] [--logins 50] [--rate 1000] [--clients 4] [--gateway PROGRAM]

Every pair is a window without logins and one with them, in changing order; of the ratios of the pairs the median counts. Logins are of people with
Argon2id hashes in the store, over HTTP, at a steady rate that does not wait for answers. `--rate 0` lets pgbench do as much as it can: then no core is
left for logins. All parts share the machine.
"""
import argparse
import collections
import os
import pathlib
import queue
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
os.environ.setdefault("DBGATE_BUILD", str(ROOT / "build" / "release"))
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tests" / "support"))
import lab  # noqa: E402
import stored_users  # noqa: E402
from raw_http import Raw  # noqa: E402

PEOPLE = 40
SENDERS = 24


class Logins:
    """`rate` logins a second while it runs; their statuses and latencies."""

    def __init__(self, port, rate):
        self.port, self.rate = port, rate
        self.outcomes = []
        self._due = queue.Queue()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._send, daemon=True) for _ in range(SENDERS)]
        self._threads.append(threading.Thread(target=self._pace, daemon=True))

    def __enter__(self):
        self._began = time.monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for _ in range(SENDERS):
            self._due.put(None)
        for thread in self._threads:
            thread.join()
        self.seconds = time.monotonic() - self._began

    def _pace(self):
        for number in range(10_000_000):
            wait = self._began + number / self.rate - time.monotonic()
            if self._stop.wait(max(0, wait)):
                return
            self._due.put((number, time.monotonic()))

    def _send(self):
        connection = None
        while (due := self._due.get()) is not None:
            number, since = due
            if self._stop.is_set():
                continue
            connection = connection or Raw(self.port, timeout=60)
            answer = connection.request("POST", "/api/v1/login", body={"username": f"p{number % PEOPLE}", "password": lab.PASSWORD})
            if answer is None or answer.headers.get("connection") == "close":
                connection.close()
                connection = None
            self.outcomes.append((answer.status if answer else 0, time.monotonic() - since))


def pgbench(port, directory, options):
    """Latencies of one window in milliseconds, sorted."""
    logs = directory / "log"
    shutil.rmtree(logs, ignore_errors=True)
    logs.mkdir()
    command = ["pgbench", "-h", "127.0.0.1", "-p", str(port), "-U", "ana", "-n", "-S", "-M", "prepared", "-c", str(options.clients), "-T",
               str(options.seconds), "-l", "--log-prefix", str(logs / "t"), "postgres"]
    if options.rate:
        command[1:1] = ["--rate", str(options.rate)]
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "PGPASSWORD": lab.PASSWORD, "PGSSLMODE": "disable"})
    return sorted(int(line.split()[2]) / 1000 for file in logs.iterdir() for line in file.read_text().splitlines())


def at(values, part):
    return values[min(len(values) - 1, int(len(values) * part))]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--seconds", type=int, default=6)
    parser.add_argument("--logins", type=float, default=50)
    parser.add_argument("--rate", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--passwords", default="", help="the section `passwords` of the configuration, such as 'memory: 8MiB'")
    parser.add_argument("--gateway", default=str(lab.GATEWAY))
    options = parser.parse_args()
    ratios = collections.defaultdict(list)
    outcomes, seconds = [], 0
    with lab.Lab() as it, tempfile.TemporaryDirectory(prefix="dbgate-bench-") as scratch:
        subprocess.run(["pgbench", "-h", "127.0.0.1", "-p", str(it.postgres.port), "-U", "postgres", "-i", "-q", "postgres"], check=True,
                       capture_output=True, env={**os.environ, "PGPASSWORD": lab.PASSWORD})
        config = (f"version: 1\nstate_dir: state\npasswords: {{ {options.passwords} }}\nlimits: {{ api_requests_per_minute: 0 }}\n"
                  "listen:\n  postgres: { address: 127.0.0.1, port: 0 }\n  api: { address: 127.0.0.1, port: 0 }\n" + it.users("ana") +
                  "targets:\n" + it.target() + "policies:\n  - { name: all, who: { users: [ana] }, on: [postgres], allow: "
                  "[ { everything: true } ] }\n")
        place = it.directory / "gateway1"
        stored_users.make_store(place, config)
        for number in range(PEOPLE):
            stored_users.add_person(place, f"p{number}", lab.PASSWORD)
        gateway = it.gateway(config, program=options.gateway)
        directory = pathlib.Path(scratch)
        pgbench(gateway.port, directory, options)  # warms up
        print("pair  p50 ms without/with   p99 ms without/with   load")
        for pair in range(options.pairs):
            found = {}
            for busy in ((False, True), (True, False))[pair % 2]:
                if busy:
                    with Logins(gateway.ports["api"], options.logins) as logins:
                        found[busy] = pgbench(gateway.port, directory, options)
                    outcomes += logins.outcomes
                    seconds += logins.seconds
                else:
                    found[busy] = pgbench(gateway.port, directory, options)
            figures = {part: [at(found[busy], part) for busy in (False, True)] for part in (0.5, 0.99)}
            for part, (without, with_logins) in figures.items():
                ratios[part].append(with_logins / without)
            print(f"{pair + 1:4}  {figures[0.5][0]:10.3f} {figures[0.5][1]:10.3f}  {figures[0.99][0]:10.3f} {figures[0.99][1]:10.3f}   "
                  f"{os.getloadavg()[0]:.1f}  ({len(found[False])}/{len(found[True])} transactions)", flush=True)
    for part, name in ((0.5, "p50"), (0.99, "p99")):
        print(f"{name}: with logins / without, median {statistics.median(ratios[part]):.3f}, from {min(ratios[part]):.3f} to {max(ratios[part]):.3f}")
    statuses = collections.Counter(status for status, _ in outcomes)
    for status, count in sorted(statuses.items()):
        times = sorted(took * 1000 for seen, took in outcomes if seen == status)
        print(f"logins {status}: {count / seconds:.1f}/s, answered after p50 {at(times, 0.5):.0f} ms, p99 {at(times, 0.99):.0f} ms")


if __name__ == "__main__":
    main()
