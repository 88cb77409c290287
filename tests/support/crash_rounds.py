#!/usr/bin/env python3
"""Gateways that are killed under load, again and again: every statement that reached PostgreSQL, by PostgreSQL's own log, is in
the audit log, and the log verifies.

Usage: crash_rounds.py [--rounds N] [--seed N] [--power-loss] [--keep-going]
"""
import argparse
import collections
import json
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import lab  # noqa: E402
import power_loss  # noqa: E402
from pooled import Session  # noqa: E402

DATABASE = "crash"
# What dbgate says by itself on a server connection, and no client of this test: it is in no audit log.
OWN = {"DISCARD ALL"}
KEPT = "SELECT tag FROM kept"
FRESH_LOG_AFTER = 20  # rounds on one directory: what verification costs grows with it
SIMPLE = """\\set tag random(1, 9000000000000000000)
SELECT :tag;
BEGIN /* :tag */;
INSERT INTO kept VALUES (:tag);
COMMIT /* :tag */;
SELECT 1; SELECT count(*) FROM kept WHERE tag = :tag;
"""
PREPARED = """\\set tag random(1, 9000000000000000000)
\\set account random(1, 100000)
SELECT abalance FROM pgbench_accounts WHERE aid = :account AND :tag::bigint > 0;
BEGIN;
UPDATE pgbench_accounts SET abalance = abalance + 1 WHERE aid = :account AND :tag::bigint > 0;
INSERT INTO kept VALUES (:tag);
COMMIT;
"""
# Target, script, pgbench's form of query, clients.
LOADS = (("pooled", "simple", "simple", 4), ("pooled", "prepared", "prepared", 4), ("alone", "prepared", "prepared", 2),
         ("alone", "prepared", "extended", 2))
CLIENT = {**os.environ, "PGPASSWORD": lab.PASSWORD, "PGSSLMODE": "disable"}
SERVER_LOG = ("logging_collector=on", "log_destination=jsonlog", "log_filename=statements", "log_rotation_age=0", "log_rotation_size=0",
              "log_statement=all", "log_parameter_max_length=-1", "synchronous_commit=off", "log_min_messages=log",
              "log_min_error_statement=panic")


class ServerLog:
    """What PostgreSQL says it was asked, statement by statement."""

    def __init__(self, postgres, session):
        self.session, self.path, self.offset, self.marks = session, postgres.data / "log" / "statements.json", 0, 0
        self.forms = collections.Counter()

    def since_last_time(self):
        """(text, values) of each statement since, when nobody is connected any more. Backends write into one pipe, so what
        stands in front of the mark is all there is."""
        self.marks += 1
        mark = f"SELECT 'mark {self.marks}'"
        self.session.must(mark)
        lines = []
        with self.path.open("rb") as log:
            log.seek(self.offset)

            def marked():
                lines.extend(log)
                while lines and not lines[-1].endswith(b"\n"):
                    log.seek(-len(lines.pop()), os.SEEK_CUR)
                return any(mark.encode() in line for line in lines[-200:])
            lab.wait_until(marked, "PostgreSQL's log is written")
            self.offset = log.tell()
        return [entry for entry in map(self._statement, lines) if entry]

    def _statement(self, line):
        record = json.loads(line)
        kind, found, text = record["message"].partition(": ")
        if record.get("dbname") != DATABASE or not found or not (kind == "statement" or kind.startswith("execute ")):
            return None
        if record.get("application_name") == "dbgate catalog":
            return None
        self.forms[kind.split()[0]] += 1
        return text, tuple(re.findall(r"\$\d+ = '([^']*)'", record.get("detail", "")))


class AuditLog:
    """Reads a log that grows, as its files are: whole lines of segments, then what tails have beyond them."""

    def __init__(self, directory):
        self.directory, self.offsets, self.hashes = directory, collections.Counter(), {}

    def new_statements(self):
        """(text, values) of each decision that was not there last time. Raises if what was read before is another record now."""
        found = []
        tails = {path.stem: lab.read_tail(path) for path in sorted(self.directory.glob("audit-*.tail"))}
        for path in lab.segments(self.directory):
            lines = [line for line in lab.read_segment(path)[self.offsets[path.name]:].splitlines(keepends=True) if line.endswith(b"\n")]
            self.offsets[path.name] += sum(map(len, lines))
            found += self._take(lines)
        for lines in tails.values():
            found += self._take(lines)
        return found

    def _take(self, lines):
        for record in map(json.loads, lines):
            place = record["chain"], record["seq"]
            if place not in self.hashes and record["event"] == "statement.decided":
                yield record.get("db.query.text", ""), tuple(record.get("db.query.parameters", ()))
            if self.hashes.setdefault(place, record["hash"]) != record["hash"]:
                raise AssertionError(f"record {place} is another one than before the crash")


class Crashes:
    """One server, and gateways on it that end by SIGKILL."""

    def __init__(self, it, seed, sync):
        self.lab, self.random, self.sync = it, random.Random(seed), sync
        self.statements = self.unsent = self.kills = self.early_kills = self.directories = 0
        self.own = collections.Counter()  # statements of dbgate itself, by their text
        it.postgres.psql(f"CREATE DATABASE {DATABASE}")
        subprocess.run([str(lab.PG_BIN / "pgbench"), "-i", "-q", "-h", "127.0.0.1", "-p", str(it.postgres.port), "-U", "postgres", DATABASE],
                       env=CLIENT, check=True, capture_output=True)
        it.postgres.psql("CREATE TABLE kept (tag bigint)", database=DATABASE)
        for name, text in (("simple", SIMPLE), ("prepared", PREPARED)):
            (it.directory / f"{name}.sql").write_text(text, encoding="utf-8")
        # Of the test itself: in another database than what is compared, so never part of it, but for the table of tags.
        self.watch, self.inside = Session(it.postgres.port), Session(it.postgres.port, database=DATABASE)
        self.server_log = ServerLog(it.postgres, self.watch)
        self.users = it.users("postgres")
        self.begin_log()

    def environment(self):
        return self.power.environment() if self.power else None

    def close(self):
        self.watch.socket.close()
        self.inside.socket.close()

    def begin_log(self):
        self.directories += 1
        self.directory = self.lab.directory / f"crashing{self.directories}"
        log = self.directory / "state" / "audit"
        self.audit = AuditLog(log)
        self.power = power_loss.PowerLoss(self.directory.parent, log, self.random) if self.sync else None
        self.server_log.since_last_time()
        self.inside.must("TRUNCATE kept")

    def config(self):
        """Rotation, signing and compression happen all the time, so that kills meet them."""
        return ("version: 1\nstate_dir: state\nworkers: 2\nlimits: { failed_logins_per_minute: 1000000 }\n"
                f"audit: {{ durability: {'sync' if self.sync else 'process'}, checkpoint_interval: 1s, "
                f"compress: {self.random.choice(('none', 'zstd', 'zstd'))}, segment_bytes: {self.random.choice(('64KiB', '1MiB', '256MiB'))} }}\n" + self.lab.listen() + self.users + "targets:\n" +
                self.lab.target("pooled", pool="mode: transaction, max: 4, wait: 20s", database=DATABASE) +
                self.lab.target("alone", database=DATABASE) +
                "policies:\n  - { name: all, who: { users: [postgres] }, on: [pooled, alone], allow: [ { everything: true } ] }\n")

    def start(self):
        return lab.Gateway(self.directory, self.config(), env=self.environment())

    def round(self):
        """Returns what is wrong, as lines."""
        if self.random.random() < 0.1:
            self.kill_early()
        gateway = self.start()
        loads = [self.load(gateway.port, *load) for load in LOADS]
        if self.random.random() < 0.8:  # else the kill may meet them signing in
            lab.wait_until(lambda: self.connections() > 0, "the load has reached PostgreSQL")
        # Now and then checkpoints are signed meanwhile.
        time.sleep(self.random.choice((self.random.uniform(0.02, 0.2), *[self.random.uniform(0.2, 0.8)] * 8, self.random.uniform(1, 2))) *
                   (2 if self.sync else 1))
        self.kill(gateway.process)
        gateway.stop()
        for load in loads:
            load.wait(60)
        return self.compare()

    def kill_early(self):
        """One that never comes to serve."""
        configuration = self.directory / "gateway.yaml"
        if not configuration.exists():
            return
        starting = subprocess.Popen([str(lab.GATEWAY), "--config", str(configuration)], stderr=subprocess.DEVNULL, env=self.environment())
        time.sleep(self.random.uniform(0, 0.3))
        self.kill(starting)
        self.early_kills += 1

    def kill(self, process):
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.kills += 1

    def load(self, port, target, script, form, clients):
        return subprocess.Popen([str(lab.PG_BIN / "pgbench"), "-n", "-h", "127.0.0.1", "-p", str(port), "-U", "postgres", "-c", str(clients), "-j",
                                 str(clients if form == "prepared" else 1), "-T", "60", "-M", form, "-f",
                                 str(self.lab.directory / f"{script}.sql"), "--random-seed", str(self.random.getrandbits(31)), target],
                                env=CLIENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def connections(self):
        return int(self.watch.value(f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{DATABASE}'")) - 1

    def compare(self):
        lab.wait_until(lambda: self.connections() == 0, "PostgreSQL has done what it was given")
        kept = [row[0] for row in self.inside.must(KEPT).rows]
        self.inside.must("TRUNCATE kept")
        reached = [entry for entry in self.server_log.since_last_time() if entry[0] not in (KEPT, "TRUNCATE kept")]
        if self.power:
            self.power.strike()
        problems = [] if self.sync else self.verify()
        if self.sync:  # the torn end of a segment is the next start's to mend
            self.start().stop()
            problems += self.verify()
        recorded = collections.Counter(self.audit.new_statements())
        missing = collections.Counter(reached) - recorded
        for entry in [entry for entry in missing if entry[0] in OWN]:
            self.own[entry[0]] += missing.pop(entry)
        self.statements += len(reached)
        self.unsent += (recorded - collections.Counter(reached)).total()
        problems += [f"{count} times not in the audit log: {entry}" for entry, count in missing.items()]
        known = {value for text, values in recorded for value in (*values, *re.findall(r"\d{6,}", text))}
        problems += [f"committed, and not in the audit log: {tag}" for tag in kept if len(tag) >= 6 and tag not in known]
        return problems

    def verify(self):
        done = subprocess.run([str(lab.CLI), "audit", "verify", str(self.directory / "state" / "audit"), "--key",
                               str(self.directory / "state" / "audit-signing-key.pub")], capture_output=True, text=True, check=False)
        return [] if done.returncode == 0 else [f"verify: {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"]


def run(rounds, seed, sync=False, keep_going=False):
    """Returns what went wrong, as lines."""
    began, lines = time.monotonic(), []
    with lab.Lab(settings=SERVER_LOG) as it:
        crashes = Crashes(it, seed, sync)
        for number in range(1, rounds + 1):
            problems = crashes.round()
            lines += [f"round {number}: {problem}" for problem in problems]
            if problems and not keep_going:
                break
            if number % FRESH_LOG_AFTER == 0 and number < rounds:
                crashes.begin_log()
            if number % 50 == 0 or number == rounds:
                print(f"  {number} rounds, {crashes.kills} kills, {crashes.early_kills} of them before it served; {crashes.statements} statements "
                      f"reached PostgreSQL ({crashes.own.total()} dbgate's own), {crashes.unsent} recorded ones did not; {len(lines)} problems, "
                      f"{time.monotonic() - began:.0f} s", flush=True)
        forms = crashes.server_log.forms
        crashes.close()
        if min(forms["statement"], forms["execute"]) < rounds:
            lines.append(f"next to nothing was done: {dict(forms)}")
    return lines


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=random.getrandbits(31))
    parser.add_argument("--power-loss", action="store_true", help="durability sync; what was written since the last fsync is lost")
    parser.add_argument("--keep-going", action="store_true")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    lines = run(options.rounds, options.seed, options.power_loss, options.keep_going)
    print("\n".join([*lines, "FAILED" if lines else "ok"]))
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
