#!/usr/bin/env python3
"""What asking models costs: statements that rules rate low, repeated, with and without a model that has answered already;
and single statements while the provider says nothing.

Usage: DBGATE_BUILD=build/release bench/models.py [SECONDS]
"""
import os
import pathlib
import re
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "support"))
import lab  # noqa: E402
import model_provider as fake  # noqa: E402
import wire  # noqa: E402

ROUNDS = 3
DEADLINE_MS = 400


def config(it, server):
    return (f"version: 1\nstate_dir: state\n{it.listen()}{it.users('asks', 'plain')}"
            f"models:\n  deadline: {{ person: {DEADLINE_MS}ms }}\n"
            f"  providers: [ {{ name: main, dialect: ollama, model: MODEL, key: {fake.KEY}, url: '{server.url}/steered/ollama' }} ]\n"
            f"targets:\n{it.target()}policies:\n" +
            "".join(f"  - {{ name: {name}, who: {{ users: [{name}] }}, on: [postgres], allow: [ {{ everything: true }} ], "
                    f"risk: {{ deny_at: critical, llm: {use} }} }}\n" for name, use in (("asks", "on"), ("plain", "off"))))


def pgbench(gateway, user, protocol, seconds, script):
    done = subprocess.run([str(lab.PG_BIN / "pgbench"), "-n", "-h", "127.0.0.1", "-p", str(gateway.port), "-U", user, "-M", protocol, "-c", "4",
                           "-T", str(seconds), "-f", str(script), "postgres"], env={**os.environ, "PGPASSWORD": lab.PASSWORD},
                          capture_output=True, text=True, check=True)
    return int(re.search(r"transactions actually processed: (\d+)", done.stdout)[1])


def cpu_seconds(gateway):
    fields = pathlib.Path(f"/proc/{gateway.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main():
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    print(f"load {os.getloadavg()[0]:.1f} of {os.cpu_count()} cores, {lab.BUILD}")
    with lab.Lab() as it, fake.Provider() as server:
        it.postgres.psql("CREATE TABLE b (id int, v text); INSERT INTO b VALUES (1, 'b');" +
                         "".join(f"CREATE TABLE m{n} (id int);" for n in range(40)))
        gateway = it.gateway(config(it, server))
        server.change = {"level": "low", "needs_approval": False}
        script = it.directory / "script.sql"
        script.write_text("SELECT v FROM b;\n")
        for protocol in ("simple", "extended", "prepared"):
            cost = {"plain": [], "asks": []}
            for _ in range(ROUNDS):
                for user, costs in cost.items():
                    before = cpu_seconds(gateway)
                    count = pgbench(gateway, user, protocol, seconds, script)
                    costs.append((cpu_seconds(gateway) - before) / count * 1e6)
            print(f"{protocol:9} µs of the gateway's CPU for a statement: " +
                  ", ".join(f"{what} {min(cost[user]):.1f}" for user, what in (("plain", "without a model"), ("asks", "with one that has answered"))))
        print(f"questions asked meanwhile: {len(server.asked('steered', 'ollama'))}")
        server.steered = "silent"
        took = []
        with wire.Connection(gateway.port, 60) as client:
            client.login("asks", "postgres", lab.PASSWORD)
            for number in range(40):
                began = time.monotonic()
                client.send(wire.query(f"INSERT INTO m{number} VALUES (1)"))
                client.receive_until("Z")
                took.append((time.monotonic() - began) * 1000)
        print(f"black hole, deadline {DEADLINE_MS} ms: " + " ".join(f"{ms:.0f}" for ms in took[:6]) +
              f" …, the other {len(took) - 6}: median {statistics.median(took[6:]):.1f}, at most {max(took[6:]):.1f} ms")
        said = [record["risk.model"]["ms"] for record in gateway.audit("statement.decided") if record.get("risk.model", {}).get("outcome") == "timeout"]
        print(f"waits that gateways have recorded: {said} ms")


if __name__ == "__main__":
    main()
