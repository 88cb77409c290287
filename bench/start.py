#!/usr/bin/python3
"""How long a gateway takes from its start to its first client, and what it holds in memory while nobody is there.

    bench/start.py [--targets 100] [--times 20] [--gateway PROGRAM]

The time is that from starting the program to the answer 200 of /readyz, with that many targets and policies, an API, probes and an identity store.
Memory is read after seven seconds: five after the start the gateway lets go of what only starting needed.
"""
import argparse
import http.client
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
os.environ.setdefault("DBGATE_BUILD", str(ROOT / "build" / "release"))
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tests" / "support"))
import lab  # noqa: E402

IDLE_SECONDS = 7


def configuration(ports, targets, verifier):
    postgres, api, ops = ports
    names = [f"target{number}" for number in range(targets)]
    return "\n".join([
        "version: 1", "state_dir: state", "drain: { min_delay: 0s }", "listen:",
        f"  postgres: {{ address: 127.0.0.1, port: {postgres} }}", f"  api: {{ address: 127.0.0.1, port: {api} }}",
        f"  ops: {{ address: 127.0.0.1, port: {ops} }}",
        f"users: [ {{ name: ana, scram_verifier: \"{verifier}\" }} ]", "targets:",
        *(f"  {name}: {{ upstream: {{ hosts: [\"127.0.0.1:5432\"], database: {name}, user: dbgate, password: x, tls: disable }} }}" for name in names),
        "policies:",
        *(f"  - {{ name: read-{name}, who: {{ users: [ana] }}, on: [{name}], allow: [ {{ select: [\"public.*\"] }} ] }}" for name in names)]) + "\n"


def ready(port):
    try:
        asked = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        asked.request("GET", "/readyz")
        return asked.getresponse().status == 200
    except OSError:
        return False


def start(program, directory, targets, verifier):
    """The process, and milliseconds until it was ready."""
    ports = [lab.free_port() for _ in range(3)]
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    (directory / "gateway.yaml").write_text(configuration(ports, targets, verifier), encoding="utf-8")
    began = time.monotonic()
    with open(directory / "log", "wb") as log:
        process = subprocess.Popen([program, "--config", directory / "gateway.yaml"], stderr=log)
    while not ready(ports[2]):
        if process.poll() is not None:
            raise SystemExit((directory / "log").read_text(encoding="utf-8"))
        time.sleep(0.001)
    return process, (time.monotonic() - began) * 1000


def resident(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return {name: int(re.search(rf"{name}:\s+(\d+) kB", status)[1]) / 1000 for name in ("VmRSS", "RssAnon")}


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--targets", type=int, default=100)
    options.add_argument("--times", type=int, default=20)
    options.add_argument("--gateway", default=str(lab.GATEWAY))
    given = options.parse_args()
    verifier = lab.verifier()
    with tempfile.TemporaryDirectory(prefix="dbgate-start-") as place:
        taken = []
        for left in reversed(range(given.times)):
            process, took = start(given.gateway, pathlib.Path(place) / "gateway", given.targets, verifier)
            taken.append(took)
            if left == 0:
                time.sleep(IDLE_SECONDS)
                memory = resident(process.pid)
            process.terminate()
            process.wait(60)
    print(f"start to ready with {given.targets} targets: median {statistics.median(taken):.0f} ms, {min(taken):.0f} to {max(taken):.0f}, of {len(taken)} starts")
    print(f"idle: {memory['VmRSS']:.1f} MB resident, of which {memory['RssAnon']:.1f} MB its own")


if __name__ == "__main__":
    main()
