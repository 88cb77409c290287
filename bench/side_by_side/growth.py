"""What a statement costs when there is more of everything: policies, relations, clients.

Each growth is a gateway beside one without it, in turn under the statements of pgbench -S and -N. The server is the stub:
PostgreSQL's own growth is not asked for. Batches are there because they hide less of a growth behind the kernel's work.
"""
import contextlib
import resource
import statistics

from contestants import DATABASE, POLICY, Arena, Stub, lab
from idle import log_in
from workloads import Load, create

GOAL = 0.05
POLICIES, RELATIONS, IDLE, BUSY = 1_000, 100_000, 10_000, 64
RUNS = (Load(f"-S, {BUSY} clients", BUSY, 1, "simple"), Load(f"-N, {BUSY} clients", BUSY, 1, "transfer"),
        Load("batches, 8 clients", 8, 64, "simple"))
MANY = "many_relations"
# No column has storage of its own in a TOAST table: these are as many relations as tables.
MANY_TABLES = """CREATE SCHEMA many;
DO $$ BEGIN
  FOR i IN 1..{count} LOOP
    EXECUTE format('CREATE TABLE many.relation_%s (id int, owner int, quantity bigint)', i);
    IF i % 1000 = 0 THEN COMMIT; END IF;
  END LOOP;
END $$;
"""


def many_policies(count):
    """Policies of the same user on the same target, each with tables of its own, beside the one that counts."""
    return POLICY + "".join(f"""  - name: team-{i}
    who: {{ users: [postgres] }}
    on: [{DATABASE}]
    allow:
      - select: [public.team_{i}_orders, "public.team_{i}_items(id, name)"]
        update: ["public.team_{i}_orders(status)"]
        require: {{ where: true }}
""" for i in range(count))


def compare(small, large, repetitions, seconds):
    """CPU per statement of `large` to `small`, in windows next to each other."""
    rows = {}
    for run in RUNS:
        pairs = []
        for gateway in (small, large):
            run.run(gateway, seconds)
        for repetition in range(repetitions):
            turn = (small, large) if repetition % 2 == 0 else (large, small)
            cost = {gateway: run.run(gateway, seconds).proxy_us for gateway in turn}
            pairs.append((cost[small], cost[large]))
        ratios = [after / before for before, after in pairs]
        rows[run.name] = {"ratio": round(statistics.median(ratios), 3), "low": round(min(ratios), 3), "high": round(max(ratios), 3),
                          "cpu_us": [round(statistics.median(side), 2) for side in zip(*pairs)]}
    return rows


def show(name, rows):
    print(f"\n{name}: CPU per statement to the same without", flush=True)
    for run, row in rows.items():
        verdict = "flat" if row["ratio"] <= 1 + GOAL else "GROWS"
        print(f"  {run:<22} {row['ratio']:.3f}  [{row['low']:.2f}–{row['high']:.2f}]  {row['cpu_us'][0]:.2f} → {row['cpu_us'][1]:.2f} µs"
              f"  {verdict}", flush=True)


def idle_clients():
    """As many as file descriptors allow."""
    return min(IDLE, resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 1000)


def measure(laboratory, stack, repetitions, seconds, only=""):
    server = laboratory.postgres
    small_stub = Stub(stack, server.port)
    small = Arena(laboratory, stack, small_stub.port).dbgate("small")
    report = {}

    def judge(name, prepare):
        if only not in name:
            return
        with contextlib.ExitStack() as own:
            large = prepare(own)
            report[name] = compare(small, large, repetitions, seconds)
            show(name, report[name])

    def policies(_own):
        return Arena(laboratory, stack, small_stub.port).dbgate("policies", many_policies(POLICIES))

    def clients(own):
        gateway = Arena(laboratory, stack, Stub(stack, server.port).port).dbgate("clients")
        for _ in range(idle_clients()):
            own.callback(log_in(gateway.port, False, None).socket.close)
        return gateway

    def relations(_own):
        create(server, MANY, 1)
        server.psql(MANY_TABLES.format(count=RELATIONS), database=MANY)
        return Arena(laboratory, stack, small_stub.port).dbgate("relations", database=MANY)

    judge(f"{POLICIES} policies", policies)
    judge(f"{idle_clients()} idle clients", clients)
    judge(f"{RELATIONS} relations", relations)
    return report
