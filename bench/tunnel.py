#!/usr/bin/env python3
"""What `dbgate connect` adds to connecting to the gateway directly, and what the commands that people wait for cost.

Usage: bench/tunnel.py [--rounds N] [--seconds N] [--also BUILD]…      (BUILD: another build directory, before and after)

In each round everybody has one window, one right after the other, in an order that rotates; differences and ratios are
made within a round, and of these the median and the range are printed. Needs pgbench and psql, and a release build.
"""
import argparse
import contextlib
import os
import pathlib
import re
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "support"))
os.environ.setdefault("DBGATE_BUILD", str(ROOT / "build" / "release"))
import lab  # noqa: E402

ROWS = 200_000
STREAM = "COPY (SELECT * FROM wide) TO STDOUT"


class Way:
    """One way to the database: how it is called, and the environment that leads libpq there."""

    def __init__(self, name, secured, **variables):
        self.name, self.secured = name, secured
        self.environment = {**os.environ, "PGUSER": "postgres", "PGDATABASE": "postgres", "PGGSSENCMODE": "disable", **variables}

    def round_trip_us(self, script, seconds):
        done = subprocess.run(["pgbench", "-n", "-c", "1", "-T", str(seconds), "-f", str(script)], env=self.environment, check=True,
                              capture_output=True, text=True)
        count = int(re.search(r"actually processed: (\d+)", done.stdout)[1])
        # "excluding initial connection time"
        return 1e6 / float(re.search(r"tps = ([\d.]+)", done.stdout)[1]) if count else 0.0

    def megabytes_per_second(self, megabytes):
        began = time.monotonic()
        subprocess.run(["psql", "-X", "-q", "-o", "/dev/null", "-c", STREAM], env=self.environment, check=True, stdout=subprocess.DEVNULL)
        return megabytes / (time.monotonic() - began)


class Build:
    """A gateway of one build and tunnels of its command line."""

    def __init__(self, it, stack, path, secured):
        self.cli = path / "cli" / "dbgate"
        self.name = path.name
        listen = it.listen(tls=True) if secured else \
            "listen:\n  postgres: { address: 127.0.0.1, port: 0 }\n  api: { address: 127.0.0.1, port: 0 }\n"
        config = it.forward_everything().replace(it.listen(), listen)
        directory = it.directory / f"{path.name}-{secured}"
        self.gateway = lab.Gateway(directory, config, program=path / "gateway" / "app" / "dbgate-gateway")
        stack.callback(self.gateway.stop)
        home = directory / "home"
        home.mkdir()
        self.environment = {**os.environ, "HOME": str(home), "XDG_STATE_HOME": str(home), "XDG_RUNTIME_DIR": str(home),
                            "XDG_CONFIG_HOME": str(home), "XDG_CACHE_HOME": str(home), "DBGATE_CA_FILE": str(it.certificates.ca),
                            "DBGATE_URL": f"{'https' if secured else 'http'}://localhost:{self.gateway.ports['api']}"}
        subprocess.run([self.cli, "login", "--username", "postgres", "--password-stdin"], input=lab.PASSWORD + "\n", text=True,
                       env=self.environment, check=True, capture_output=True)
        process = stack.enter_context(subprocess.Popen([self.cli, "connect", "postgres", "--port", "0", "-o", "json"],
                                                       stdout=subprocess.PIPE, text=True, env=self.environment))
        stack.callback(process.terminate)
        event = next(event for event in map(lab.json.loads, process.stdout) if event["event"] == "ready")
        mode = "require" if secured else "disable"
        kind = "TLS" if secured else "plain"
        self.direct = Way(f"direct, {kind}", secured, PGHOST="127.0.0.1", PGPORT=str(self.gateway.port), PGPASSWORD=lab.PASSWORD,
                          PGSSLMODE=mode)
        self.tunnel = Way(f"tunnel, {kind}", secured, PGHOST="127.0.0.1", PGPORT=str(event["port"]), PGPASSFILE=event["passfile"],
                          PGSSLMODE="disable")

    def command_ms(self, *arguments):
        began = time.monotonic()
        subprocess.run([self.cli, *arguments], env=self.environment, check=True, capture_output=True)
        return (time.monotonic() - began) * 1e3


def summary(values, unit):
    return f"{statistics.median(values):7.1f} {unit} [{min(values):.1f}–{max(values):.1f}]"


def ratio(values):
    return f"{statistics.median(values):.2f} [{min(values):.2f}–{max(values):.2f}]"


def in_turn(things, round_number):
    at = round_number % len(things)
    return things[at:] + things[:at]


def measure(builds, rounds, measure_one):
    """{build: (direct, tunnel) values by round}, all windows of a round next to each other."""
    values = {build: ([], []) for build in builds}
    for number in range(rounds):
        for build in in_turn(builds, number):
            for side in in_turn([0, 1], number):
                values[build][side].append(measure_one((build.direct, build.tunnel)[side]))
    return values


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=int, default=1)
    parser.add_argument("--also", action="append", default=[], type=pathlib.Path)
    options = parser.parse_args()
    print(f"load at the start: {os.getloadavg()[0]:.1f}")
    with contextlib.ExitStack() as stack:
        it = stack.enter_context(lab.Lab())
        it.postgres.psql(f"CREATE UNLOGGED TABLE wide AS SELECT g AS id, repeat(md5(g::text), 3) AS a, g * 3 AS b, now() AS c "
                         f"FROM generate_series(1, {ROWS}) g; VACUUM ANALYZE wide")
        megabytes = len(it.postgres.psql("COPY wide TO STDOUT").stdout) / 1e6
        script = it.directory / "one.sql"
        script.write_text("SELECT 1;\n")
        paths = [lab.BUILD, *(path.resolve() for path in options.also)]
        builds = [Build(it, stack, path, secured) for secured in (False, True) for path in paths]
        trips = measure(builds, options.rounds, lambda way: way.round_trip_us(script, options.seconds))
        streams = measure(builds, options.rounds, lambda way: way.megabytes_per_second(megabytes))
        for build in builds:
            print(f"\n{build.name}, {'TLS' if build.direct.secured else 'plain'}")
            direct, tunnel = trips[build]
            print(f"  round trip, direct     {summary(direct, 'us')}")
            print(f"  the tunnel adds        {summary([b - a for a, b in zip(direct, tunnel)], 'us')}")
            direct, tunnel = streams[build]
            print(f"  result stream, direct  {summary(direct, 'MB/s')}")
            print(f"  through the tunnel     {summary(tunnel, 'MB/s')}, of direct {ratio([b / a for a, b in zip(direct, tunnel)])}")
            for what in (["list"], ["__complete", "target", ""], ["version"]) if build.name == lab.BUILD.name else ():
                print(f"  dbgate {what[0]:15} {summary([build.command_ms(*what) for _ in range(4 * options.rounds)], 'ms')}")
    print(f"\nload at the end: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
