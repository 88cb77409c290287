"""Two workers against one: what a second core is worth when the server does not bound the throughput.

A client that sends batches, a server that answers at once and the gateway share the machine. The two cores are what
limits it, so what the client and the server take is missing in the second worker: the table says how much that is. What
other processes take is missing too: windows in which they took a noticeable part are measured again.
"""
import os
import pathlib
import shutil
import statistics
import subprocess
import time

from contestants import Arena, Stub, cpu_seconds, lab
from workloads import Load

GOAL = 1.7
CLIENTS, BATCH = 16, 64
COUNTED = "futex"
QUIET_CORES = 0.1
MOST_TRIES = 4  # for each repetition


class Window:
    """One run of the load against a gateway, and who used how much of the machine."""

    def __init__(self, load, contestant, stub, seconds):
        before, switches, busy, began = cpu_seconds(stub.pid), waits(contestant.pid), busy_seconds(), time.monotonic()
        self.run = load.run(contestant, seconds)
        busy, elapsed = busy_seconds() - busy, time.monotonic() - began
        self.gateway_us, self.client_us = self.run.proxy_us, self.run.client_us
        self.stub_us = (cpu_seconds(stub.pid) - before) / self.run.transactions * 1e6
        own = (self.gateway_us + self.client_us + self.stub_us) * self.run.transactions / 1e6
        self.others_cores = max(0.0, busy - own) / elapsed
        self.waits = (waits(contestant.pid) - switches) / self.run.transactions * 1000

    @property
    def per_second(self):
        return self.run.per_second


def busy_seconds():
    """What all processes together have used, and what the machine's host took away."""
    fields = pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, fields[:8])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def waits(pid):
    """How often threads of the process gave up the processor to wait for something."""
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        for line in (task / "status").read_text().splitlines():
            if line.startswith("voluntary_ctxt_switches"):
                total += int(line.split()[1])
    return total


def futex_calls(load, contestant, seconds):
    """Lock waits and wake-ups for each 1000 statements, or nothing without strace. Counting slows the gateway down."""
    if not shutil.which("strace"):
        return None
    with subprocess.Popen(["strace", "-c", "-f", "-qq", "-e", f"trace={COUNTED}", "-p", str(contestant.pid)], text=True,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as strace:
        attached = f"/proc/{contestant.pid}/status"
        lab.wait_until(lambda: "TracerPid:\t0\n" not in pathlib.Path(attached).read_text(), "strace", 10)
        run = load.run(contestant, seconds)
        strace.terminate()
        table = strace.communicate()[1]
    calls = [int(line.split()[3]) for line in table.splitlines() if line.split()[-1:] == [COUNTED]]
    return sum(calls) / run.transactions * 1000


def middle(values):
    return round(statistics.median(values), 3)


def measure(laboratory, stack, repetitions, seconds):
    """Rows by kind of load; says what it finds as it goes."""
    stub = Stub(stack, laboratory.postgres.port)
    arena = Arena(laboratory, stack, stub.port)
    one, two = arena.dbgate("one worker"), arena.dbgate("two workers", workers=2)
    rows = {}
    for work in ("simple", "extended"):
        load = Load(work, CLIENTS, BATCH, work)
        for gateway in (one, two):
            load.run(gateway, 1)
        pairs = []
        for attempt in range(repetitions * MOST_TRIES):
            turn = (one, two) if attempt % 2 == 0 else (two, one)
            window = {gateway: Window(load, gateway, stub, seconds) for gateway in turn}
            pairs.append((window[one], window[two]))
            for gateway in turn:
                gateway.drop_full_segments()
            if len(quiet(pairs)) == repetitions:
                break
        enough = len(quiet(pairs)) == repetitions
        rows[work] = row = compare(*zip(*(quiet(pairs) if enough else pairs)))
        row["quiet"] = enough
        row["futex_calls"] = [futex_calls(load, gateway, 1) for gateway in (one, two)]
        show(work, row)
    return rows


def quiet(pairs):
    return [pair for pair in pairs if all(window.others_cores < QUIET_CORES for window in pair)]


def compare(one, two):
    ratios = [second.per_second / first.per_second for first, second in zip(one, two)]
    share = middle((w.client_us + w.stub_us) / (w.client_us + w.stub_us + w.gateway_us) for w in two)
    return {"throughput_ratio": middle(ratios), "low": round(min(ratios), 3), "high": round(max(ratios), 3),
            "per_second": [middle(w.per_second for w in windows) for windows in (one, two)],
            "gateway_us": [middle(w.gateway_us for w in windows) for windows in (one, two)],
            # What each costs with two workers to one: above 1, the workers are in each other's way.
            "cost_ratio": middle(second.gateway_us / first.gateway_us for first, second in zip(one, two)),
            "gateway_cores": [middle(w.gateway_us * w.per_second / 1e6 for w in windows) for windows in (one, two)],
            "share_of_client_and_server": share, "other_processes_cores": middle(w.others_cores for w in (*one, *two)), "waits": [middle(w.waits for w in windows) for windows in (one, two)]}


def pair(values, digits=2):
    return " → ".join("–" if value is None else f"{value:.{digits}f}" for value in values)


def show(work, row):
    verdict = "reached" if row["throughput_ratio"] >= GOAL else "missed"
    if not row["quiet"]:
        verdict = f"cannot be said, other processes took {row['other_processes_cores']:.1f} cores"
    print(f"\ntwo workers to one, {work}, {CLIENTS} clients with batches of {BATCH} statements\n"
          f"  throughput             {row['throughput_ratio']:.2f} x  [{row['low']:.2f}–{row['high']:.2f}]  "
          f"({pair(row['per_second'], 0)} statements/s); goal {GOAL}: {verdict}\n"
          f"  CPU of each statement  {row['cost_ratio']:.2f} x  ({pair(row['gateway_us'])} µs)\n"
          f"  cores of the gateway   {pair(row['gateway_cores'])}; client and server have {row['share_of_client_and_server']:.0%} of the CPU used\n"
          f"  waits, {COUNTED} calls    {pair(row['waits'])}, {pair(row['futex_calls'])} for each 1000 statements", flush=True)
