#!/usr/bin/env python3
"""Compares dbgate with PgBouncer, HAProxy and a bare forwarder; bench/run.sh explains and calls this."""
import argparse
import contextlib
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
os.environ.setdefault("DBGATE_BUILD", str(ROOT / "build" / "release"))
from contestants import DATABASE, Arena, lab  # noqa: E402
import growth  # noqa: E402
import idle  # noqa: E402
import workers  # noqa: E402
import workloads  # noqa: E402

REFERENCE = "pgbouncer-transaction"
# PgBouncer's session mode, which stands in where its transaction mode cannot, in units of the reference
# (bench/README.md).
SESSION_MODE = 0.76


def summary(values):
    return {"median": round(statistics.median(values), 3), "low": round(min(values), 3), "high": round(max(values), 3)}


def measure(workload, contestants, repetitions, seconds, quick):
    """Every contestant once in every repetition, each time in another order."""
    runs = {contestant.name: [] for contestant in contestants if workload.fits(contestant)
            and not (quick and contestant.aside and not workload.broad)}
    taking_part = [contestant for contestant in contestants if contestant.name in runs]
    for repetition in range(repetitions):
        turn = repetition % len(taking_part)
        for contestant in taking_part[turn:] + taking_part[:turn]:
            runs[contestant.name].append(workload.run(contestant, seconds))
    return runs


def compare(runs):
    """Ratios to the reference of the same repetition."""
    reference, factor = (REFERENCE, 1.0) if REFERENCE in runs else ("pgbouncer-session", SESSION_MODE)
    rows = {}
    for name, own in runs.items():
        others = runs[reference]
        rows[name] = {"cpu_ratio": summary([run.cost / other.cost * factor for run, other in zip(own, others)]),
                      "cpu_us": round(statistics.median(run.proxy_us for run in own), 2),
                      "per_second": round(statistics.median(run.per_second for run in own), 1),
                      "latency_ms": round(statistics.median(run.latency_ms for run in own), 3)}
        if own[0].per_second:
            rows[name]["throughput_ratio"] = summary([run.per_second / other.per_second for run, other in zip(own, others)])
    return rows


def show(name, rows):
    print(f"\n{name}", flush=True)
    for contestant, row in rows.items():
        ratio, throughput = row["cpu_ratio"], row.get("throughput_ratio")
        line = f"  {contestant:<22} {ratio['median']:>6.2f}  [{ratio['low']:.2f}–{ratio['high']:.2f}]  {row['cpu_us']:>10.1f} µs"
        if throughput:
            line += f"   {throughput['median']:>5.2f} x {row['latency_ms']:>9.3f} ms"
        print(line, flush=True)


def beside_others(laboratory, stack, options, report):
    print(f"CPU per transaction to {REFERENCE}: median [range] · CPU · throughput to the same · latency")
    data, script = workloads.prepare(laboratory.postgres, laboratory.directory)
    arena = Arena(laboratory, stack, laboratory.postgres.port)
    contestants = [arena.pgbouncer("transaction"), arena.pgbouncer("session"), arena.haproxy(), arena.forwarder(),
                   arena.dbgate(), arena.dbgate("dbgate-session", pool=None)]
    if options.also:
        contestants.append(arena.dbgate("dbgate-other", program=options.also))
    for workload in workloads.all_of(laboratory.postgres, data, script, options.quick):
        if options.only not in workload.name:
            continue
        rows = compare(measure(workload, contestants, report["repetitions"], report["seconds"], options.quick))
        report["workloads"][workload.name] = rows
        show(workload.name, rows)
    if options.only in "idle":
        measure_idle(laboratory, options.quick, report)


def measure_idle(laboratory, quick, report):
    most = min(10_000, resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 500)
    for clients in (500,) if quick else (2_000, most):
        for tls in (False, True):
            rows = idle.measure(laboratory, clients, tls)
            report["idle"][f"{clients} clients" + (", TLS" if tls else "")] = rows
            print(f"\nidle, {clients} clients{', TLS' if tls else ''}: RSS of the proxy, kB each (base MB)")
            for name, row in rows.items():
                print(f"  {name:<22} {row['kb_each']:>6.1f}  ({row['base_mb']:.1f})", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--workers", action="store_true", help="two workers to one, and nothing else")
    parser.add_argument("--growth", action="store_true", help="many policies, relations and idle clients, and nothing else")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--only", metavar="WORD", default="", help="workloads with WORD in their name")
    parser.add_argument("--also", metavar="GATEWAY", help="another dbgate-gateway, as contestant dbgate-other")
    parser.add_argument("--repetitions", type=int)
    parser.add_argument("--seconds", type=int)
    parser.add_argument("--scale", type=int, default=5)
    options = parser.parse_args()
    repetitions = options.repetitions or (3 if options.quick else 5)
    seconds = options.seconds or (1 if options.quick else 3)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    commit = subprocess.run(["git", "-C", str(ROOT), "describe", "--always", "--dirty"], capture_output=True, text=True,
                            check=False).stdout.strip()
    report = {"commit": commit, "date": time.strftime("%Y-%m-%d"), "load_at_start": os.getloadavg()[0],
              "repetitions": repetitions, "seconds": seconds, "workloads": {}, "idle": {}}
    print(f"commit {commit}, {report['date']}, load {report['load_at_start']:.1f}: {repetitions} repetitions of {seconds} s")
    with lab.Lab(settings=("max_connections=300", "shared_buffers=256MB", "synchronous_commit=off")) as laboratory, \
            contextlib.ExitStack() as stack:
        workloads.create(laboratory.postgres, DATABASE, options.scale)
        if options.workers:
            report["workers"] = workers.measure(laboratory, stack, repetitions, seconds)
        if options.growth:
            report["growth"] = growth.measure(laboratory, stack, repetitions, seconds, options.only)
        if not options.workers and not options.growth:
            beside_others(laboratory, stack, options, report)
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
