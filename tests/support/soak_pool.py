#!/usr/bin/env python3
"""Many clients on few server connections under pgbench: no errors, never more connections than allowed, nothing lost.

Usage: soak_pool.py [--clients N] [--max N] [--seconds N] [--workers N]
"""
import argparse
import os
import pathlib
import re
import resource
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import lab  # noqa: E402
from pooled import Session  # noqa: E402

DATABASE = "soak"
CONNECTIONS = ("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() "
               "AND application_name <> 'dbgate catalog'")
# What clients do at once, and their share: reads in each form of query, changes, and a transaction with state of its own.
# pgbench waits for a prepared statement with the whole thread: such clients need one each, or the one that waits keeps
# the others from going on.
KINDS = (("select, simple", 0.25, ["-S", "-M", "simple"]), ("select, prepared", 0.25, ["-S", "-M", "prepared", "-j", "{clients}"]),
         ("select, extended", 0.2, ["-S", "-M", "extended"]), ("change, prepared", 0.2, ["-N", "-M", "prepared", "-j", "{clients}"]),
         ("state", 0.1, ["-f", "{script}"]))
# Each finds its own settings again, whichever server connection it gets; a division by zero says that it did not.
STATE = """\\set number random(1, 1000000)
SET app.number = :number;
SELECT 1 / (current_setting('app.number') = :number::text)::int;
BEGIN;
SET LOCAL work_mem = '5MB';
SELECT 1 / (current_setting('app.number') = :number::text)::int;
COMMIT;
SELECT 1 / (current_setting('app.number') = :number::text AND current_setting('work_mem') = '4MB')::int;
"""


class Watcher:
    """Counts the server's connections over and over."""

    def __init__(self, port):
        self.counts, self._stopped = [], threading.Event()
        self._thread = threading.Thread(target=self._watch, args=(port,))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stopped.set()
        self._thread.join()

    def _watch(self, port):
        with Session(port) as session:
            while not self._stopped.wait(0.05):
                self.counts.append(int(session.value(CONNECTIONS)))


def pgbench(port, clients, seconds, options):
    return subprocess.Popen(["pgbench", "-n", "-h", "127.0.0.1", "-p", str(port), "-U", "postgres", "-c", str(clients), "-T",
                             str(seconds), *options, DATABASE], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            env={**os.environ, "PGPASSWORD": lab.PASSWORD, "PGSSLMODE": "disable"})


def problems_of(name, output, status):
    """What pgbench complained of; errors of single clients end them without changing its status."""
    bad = [line for line in output.splitlines() if re.search(r"error|ERROR|FATAL|abort", line) and "number of" not in line]
    failed = re.search(r"number of failed transactions: (\d+)", output)
    if status != 0 or bad or not failed or failed[1] != "0":
        return [f"{name}: status {status}, {failed and failed[1]} failed", *bad[:5]]
    return []


def run(clients, most, seconds, workers):
    """Returns what went wrong, as lines."""
    with lab.Lab(settings=("synchronous_commit=off", "shared_buffers=128MB")) as it:
        it.postgres.psql(f"CREATE DATABASE {DATABASE}")
        subprocess.run(["pgbench", "-i", "-q", "-s", "10", "-h", "127.0.0.1", "-p", str(it.postgres.port), "-U", "postgres", DATABASE],
                       env={**os.environ, "PGPASSWORD": lab.PASSWORD}, check=True, capture_output=True)
        script = it.directory / "state.sql"
        script.write_text(STATE, encoding="utf-8")
        gateway = it.gateway(it.forward_everything(
            databases=(DATABASE,), extra=f"workers: {workers}\nlimits: {{ login_timeout: 120s, failed_logins_per_minute: 100000 }}\n",
            pool=f"mode: transaction, max: {most}, wait: 60s"))
        lines, transactions = [], 0
        with Watcher(it.postgres.port) as watcher:
            running = [(name, pgbench(gateway.port, round(clients * share), seconds,
                                      [option.format(script=script, clients=round(clients * share)) for option in options])) for name, share, options in KINDS]
            for name, process in running:
                output = process.communicate()[0]
                lines += problems_of(name, output, process.returncode)
                count = int((re.search(r"actually processed: (\d+)", output) or [0, 0])[1])
                transactions += count
                print(f"  {name:<18} {count:>9} transactions", flush=True)
        used = max(watcher.counts)
        print(f"{clients} clients, {transactions} transactions in {seconds} s; at most {used} of {most} server connections, "
              f"looked at {len(watcher.counts)} times; gateway {memory_mb(gateway.process.pid)} MB")
        if used > most:
            lines.append(f"{used} server connections, {most} are allowed")
        if transactions < seconds * 100:
            lines.append("next to nothing was done")
        changed = int(it.postgres.psql("SELECT count(*) FROM pgbench_history", database=DATABASE).stdout)
        sums = it.postgres.psql("SELECT (SELECT sum(abalance) FROM pgbench_accounts) = (SELECT coalesce(sum(delta), 0) FROM pgbench_history)",
                                database=DATABASE).stdout
        if changed == 0 or sums != "t\n":
            lines.append(f"the balances do not fit the history of {changed} changes")
        return lines


def memory_mb(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) // 1024
    return 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--max", type=int, default=20)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    began = time.monotonic()
    lines = run(options.clients, options.max, options.seconds, options.workers)
    print("\n".join([*lines, f"{'FAILED' if lines else 'ok'} after {time.monotonic() - began:.0f} s"]))
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
