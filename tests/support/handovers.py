#!/usr/bin/env python3
"""Hands over and reloads again and again under pgbench over TLS, with prepared statements and open transactions, beside
clients that come for one transaction each. Says how many errors there were, and how long transactions took meanwhile.

Usage: handovers.py [--rounds 50] [--pooled]
"""
import argparse
import os
import pathlib
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import lab  # noqa: E402
from generations import SECONDS, Generations  # noqa: E402

NEAR = 1.0  # seconds behind a signal that count as its doing
TRANSFER = """\\set a random(1, 1000)
BEGIN;
UPDATE balance SET amount = amount + 1 WHERE id = :a;
SELECT amount FROM balance WHERE id = :a;
END;
"""
BAD = ("error", "FATAL", "aborted", "refused", "closed")


def start_load(it, port, script, prefix, *more):
    environment = {**os.environ, "PGPASSWORD": lab.PASSWORD, "PGSSLMODE": "verify-full", "PGSSLROOTCERT": str(it.certificates.ca)}
    command = ["pgbench", "-n", "-f", str(script), "-T", "7200", "-l", f"--log-prefix={prefix}", *more, "-h", "localhost", "-p", str(port),
               "-U", "postgres", "postgres"]
    return subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def latencies(directory, prefix):
    """Of each transaction, when it ended (seconds since 1970) and how long it took (milliseconds)."""
    for path in directory.glob(f"{prefix}.*"):
        with path.open(encoding="ascii") as lines:
            for line in lines:
                fields = line.split()
                if len(fields) >= 6 and fields[2].isdigit():
                    yield int(fields[4]) + int(fields[5]) / 1e6, int(fields[2]) / 1e3


def quantile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else 0.0


def describe(name, values):
    print(f"{name}: {len(values)} transactions, p50 {quantile(values, 0.5):.2f}, p99 {quantile(values, 0.99):.2f}, "
          f"longest {max(values, default=0):.1f} ms")


def run(it, rounds, pooled):
    it.postgres.psql("CREATE TABLE balance (id int PRIMARY KEY, amount int); INSERT INTO balance SELECT i, 0 FROM generate_series(1, 1000) i")
    generations = Generations(it, it.forward_everything(tls=True, pool="mode: transaction, max: 16" if pooled else None))
    script = it.directory / "transfer.sql"
    script.write_text(TRANSFER, encoding="ascii")
    port = generations.gateway.port
    loads = [start_load(it, port, script, it.directory / "stay", "-M", "prepared", "-c", "8"),
             start_load(it, port, script, it.directory / "come", "-C", "-c", "2")]
    times, reloads = [], 0
    try:
        for count in range(rounds):
            time.sleep(2 * NEAR)  # what is between two of them
            times.append(time.time())
            generations.hand_over()
            times.append(time.time())
            os.kill(generations.pids[-1], signal.SIGHUP)
            reloads += 1
            if any(load.poll() is not None for load in loads):
                print(f"pgbench has ended in round {count}")
                break
        time.sleep(NEAR)
    finally:
        said = []
        for load in loads:
            load.send_signal(signal.SIGINT)
            said.append(load.communicate(timeout=SECONDS)[0])
    for place in range(len(generations.pids) - 1):
        generations.wait_for_end(place)
    generations.stop()
    errors = [line for text in said for line in text.splitlines() if any(bad in line for bad in BAD)]
    print(f"{len(generations.pids) - 1} handovers, {reloads} reloads, {len(errors)} errors")
    print("".join(f"  {line}\n" for line in errors[:20]), end="")
    starts = [end - begin for begin, end in zip(times[::2], times[1::2])]
    print(f"from the signal until the new process serves: p50 {quantile(starts, 0.5):.2f}, longest {max(starts, default=0):.2f} s")
    for name in ("stay", "come"):
        near, far = [], []
        for at, took in latencies(it.directory, name):
            (near if any(begin <= at <= begin + NEAR for begin in times) else far).append(took)
        describe(f"clients that {name}, within {NEAR:g} s behind a signal", near)
        describe(f"clients that {name}, otherwise", far)
    status, text = generations.verify()
    print("audit log:", text.strip().splitlines()[-1] if text.strip() else "nothing was said")
    return not errors and status == 0 and len(generations.pids) == rounds + 1


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=50)
    options.add_argument("--pooled", action="store_true", help="transaction pooling; without: session mode")
    given = options.parse_args()
    it = lab.Lab()
    try:
        sys.exit(0 if run(it, given.rounds, given.pooled) else 1)
    finally:
        it.close()


if __name__ == "__main__":
    main()
