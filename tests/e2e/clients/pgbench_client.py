"""pgbench: all query modes, its pipelines, a login per transaction, and what its transactions leave behind adds up."""
import os
import subprocess

from checks import equal, section

TRANSACTIONS = 100
CLIENTS = 4

PIPELINE = """\\set a random(1, 100000)
\\set b random(1, 100000)
\\startpipeline
BEGIN;
SELECT abalance FROM pgbench_accounts WHERE aid = :a;
UPDATE pgbench_accounts SET abalance = abalance + 1 WHERE aid = :b;
UPDATE pgbench_accounts SET abalance = abalance - 1 WHERE aid = :b;
INSERT INTO e2e.done VALUES (:a, :b);
END;
\\endpipeline
\\startpipeline
SELECT :a + 1;
SELECT generate_series(1, 100);
\\endpipeline
"""

RESULTS = """\\set a random(1, 1000)
SELECT :a + 1 AS sum, NULL AS nothing, ARRAY[1, 2]::text AS list \\gset got_
SELECT 1 / (:got_sum = :a + 1)::int;
SELECT 1 AS first \\; SELECT 2 AS last \\aset
INSERT INTO e2e.done VALUES (:a, :last);
"""

# Fails to serialize now and then, which pgbench rolls back and tries again.
RETRIES = """\\set x random(1, 5)
\\set y :x + 1
BEGIN;
UPDATE e2e.counters SET value = value + 1 WHERE id = :x;
UPDATE e2e.counters SET value = value + 1 WHERE id = :y;
END;
"""

# Every error in a transaction counts as failed, and the client goes on with its next transaction.
FAILING = """BEGIN;
SELECT 1;
SELECT 1 / (random() * 0)::int;
END;
"""


def run(*command, status=0, options=""):
    done = subprocess.run(command, env={**os.environ, "PGOPTIONS": options}, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=80, check=False)
    equal(done.returncode, status, done.stdout)
    return done.stdout


def psql(sql):
    return run("psql", "-X", "-A", "-t", "-q", "-c", sql).strip()


def pgbench(*arguments, transactions=TRANSACTIONS, **how):
    return run("pgbench", "-n", "-c", str(CLIENTS), "-j", "2", "-t", str(transactions), *arguments, **how)


def script(name, text):
    path = f"{name}.sql"
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def sums_agree(transactions):
    equal(psql("SELECT (SELECT sum(abalance) FROM pgbench_accounts) = (SELECT sum(delta) FROM pgbench_history),"
               " (SELECT sum(tbalance) FROM pgbench_tellers) = (SELECT sum(bbalance) FROM pgbench_branches),"
               " (SELECT count(*) FROM pgbench_history)"), f"t|t|{transactions}")


def main():
    with section("initialise"):
        run("pgbench", "-i", "-s", "1", "-I", "dtgvpf", "-q")
        equal(psql("SELECT count(*) FROM pgbench_accounts"), "100000")
        # Rows made on the server, in place of COPY.
        run("pgbench", "-i", "-s", "1", "-I", "dtGvp", "-q")
        psql("CREATE TABLE e2e.done (a int, b int)")
        psql("CREATE TABLE e2e.counters AS SELECT g AS id, 0 AS value FROM generate_series(1, 6) g")
    expected = 0
    for mode in ("simple", "extended", "prepared"):
        with section(mode):
            pgbench("-M", mode)
            expected += TRANSACTIONS * CLIENTS
            pgbench("-M", mode, "-b", "select-only", transactions=200)
            pgbench("-M", mode, "-C", transactions=10)
            expected += 10 * CLIENTS
            sums_agree(expected)
    for mode in ("extended", "prepared"):
        with section(f"pipeline, {mode}"):
            psql("TRUNCATE e2e.done")
            pgbench("-M", mode, "-f", script("pipeline", PIPELINE))
            equal(psql("SELECT count(*) FROM e2e.done"), str(TRANSACTIONS * CLIENTS))
    for mode in ("simple", "extended", "prepared"):
        with section(f"results and errors, {mode}"):
            psql("TRUNCATE e2e.done; UPDATE e2e.counters SET value = 0")
            # Only a simple query holds two statements.
            text = RESULTS if mode == "simple" else RESULTS.replace("SELECT 1 AS first \\;", "")
            pgbench("-M", mode, "-f", script("results", text))
            equal(psql("SELECT count(*), min(b), max(b) FROM e2e.done"), f"{TRANSACTIONS * CLIENTS}|2|2")
            pgbench("-M", mode, "--max-tries=1000", "-f", script("retries", RETRIES), transactions=30,
                    options="-c default_transaction_isolation=repeatable\\ read")
            equal(psql("SELECT sum(value) FROM e2e.counters"), str(30 * CLIENTS * 2))
            # An error that no retry can mend ends the client; the session is the server's to clean up.
            equal("division by zero" in pgbench("-M", mode, "-f", script("failing", FAILING), status=2), True)
            equal(psql("SELECT 1"), "1")


if __name__ == "__main__":
    main()
