#!/usr/bin/env python3
"""Failovers under load, one after the other: no acknowledged write may be lost, none may run twice, no read may miss one.

    tests/support/failovers.py --rounds 20
"""
import argparse
import statistics
import sys

import lab
import replicas


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--writers", type=int, default=4, help="of each target: one is pooled by transaction, one by session")
    arguments = parser.parse_args()
    with lab.Lab() as it:
        cluster = replicas.Cluster(it)
        try:
            return run(it, cluster, arguments)
        finally:
            cluster.close()


def run(it, cluster, arguments):
    it.postgres.psql("CREATE TABLE written (writer int, n int)")
    cluster.synchronize()
    gateway = it.gateway(
        "version: 1\nstate_dir: state\nworkers: 2\n" + it.listen() + it.users("postgres") + "targets:\n" +
        cluster.target("pooled", pool="mode: transaction, max: 3") + cluster.target("own") +
        "policies:\n  - { name: all, who: { users: [postgres] }, on: [pooled, own], allow: [ { everything: true } ] }\n")
    load = replicas.Load(gateway.port, ["pooled", "own"], arguments.writers)
    times = []
    for number in range(1, arguments.rounds + 1):
        after, all_of_it = replicas.fail_over_under_load(cluster, load)
        times.append(after)
        print(f"round {number}: first success {after * 1000:.0f} ms after the promotion, {all_of_it * 1000:.0f} ms after the primary ended",
              flush=True)
    load.stop()
    faults = load.faults(cluster.primary)
    print(f"{arguments.rounds} failovers: {load.figures()}, {faults}")
    print(f"first success after promotion: median {statistics.median(times) * 1000:.0f} ms, longest {max(times) * 1000:.0f} ms")
    return 1 if any(faults.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
