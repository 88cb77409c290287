#!/usr/bin/env python3
"""Runs one real client's program five times: directly against PostgreSQL, through dbgate, through dbgate in TLS, through
the tunnel of `dbgate connect`, and through a pool in transaction mode whose server connections others keep taking.

Usage: run.py CLIENT [MODE…]        MODE: direct, plain, tls, tunnel, pool; all by default
The program finds its connection in libpq's environment variables and ends with status 0 if all went well. A failure in
mode `direct` means that the program is wrong, a failure in the others that dbgate is.
"""
import argparse
import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
import audited  # noqa: E402
import lab  # noqa: E402
from pooled import Churner, Session  # noqa: E402

PROGRAMS = HERE / "clients"
GO_PATH = pathlib.Path("/usr/share/gocode")
JDBC_JAR = pathlib.Path("/usr/share/java/postgresql.jar")
NODE_MODULES = lab.ROOT / "build" / "e2e-node" / "node_modules"
MODES = ("direct", "plain", "tls", "tunnel", "pool")
PROGRAM_SECONDS = 90
# As few as the programs can do with: what they do in parallel needs one each.
POOL = "mode: transaction, max: 6, wait: 30s"
CHURNERS = 4
POOLED_SECONDS = 180  # they take their share of the machine as well


class Missing(Exception):
    """The client is not installed; the text says what is."""


def need(condition, what):
    if not condition:
        raise Missing(what)


def need_command(*names):
    for name in names:
        need(shutil.which(name), f"no command {name}")


def build(command, **variables):
    done = subprocess.run([str(part) for part in command], env={**os.environ, **variables}, capture_output=True,
                          text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{command[0]} failed:\n{done.stdout}{done.stderr}")


def python(program, *modules, commands=()):
    def prepare(_directory):
        need_command(*commands)
        for module in modules:
            need(importlib.util.find_spec(module), f"no Python module {module}")
        return [sys.executable, PROGRAMS / program]
    return prepare


def c_program(source):
    def prepare(directory):
        need_command("clang-16")
        need(pathlib.Path("/usr/include/postgresql/libpq-fe.h").exists(), "no libpq-dev")
        program = directory / pathlib.Path(source).stem
        build(["clang-16", "-g", "-O1", "-Wall", "-Wextra", "-Werror", "-I/usr/include/postgresql", "-o", program,
               PROGRAMS / source, "-lpq"])
        return [program]
    return prepare


def go_program(source, package):
    def prepare(directory):
        need_command("go")
        need((GO_PATH / "src" / package).is_dir(), f"no Go package {package}")
        program = directory / pathlib.Path(source).stem
        build(["go", "build", "-o", program, PROGRAMS / source], GO111MODULE="off", GOPATH=str(GO_PATH), GOFLAGS="",
              GOCACHE=str(lab.BUILD / "e2e-go-cache"))
        return [program]
    return prepare


def odbc_program(directory):
    drivers = pathlib.Path("/etc/odbcinst.ini")
    need(drivers.exists() and "[PostgreSQL Unicode]" in drivers.read_text(encoding="utf-8"), "no ODBC driver (odbc-postgresql)")
    return python("odbc_client.py", "pyodbc")(directory)


def java_program(source):
    def prepare(directory):
        need_command("java", "javac")
        need(JDBC_JAR.exists(), f"no {JDBC_JAR}")
        build(["javac", "-Xlint:all", "-Werror", "-cp", JDBC_JAR, "-d", directory, PROGRAMS / source])
        return ["java", "-Xmx256m", "-cp", f"{directory}:{JDBC_JAR}", pathlib.Path(source).stem]
    return prepare


def node_program(source, *packages):
    def prepare(_directory):
        need_command("node")
        for package in packages:
            need((NODE_MODULES / package).is_dir(), f"no npm package {package}; scripts/setup.sh test installs it")
        return ["node", "--unhandled-rejections=strict", PROGRAMS / source]
    return prepare


CLIENTS = {
    "psql": python("psql_client.py", commands=("psql",)),
    "pgbench": python("pgbench_client.py", commands=("psql", "pgbench")),
    "pg_dump": python("pg_dump_client.py", commands=("psql", "pg_dump", "pg_restore")),
    "libpq": c_program("libpq_client.c"),
    "psycopg2": python("psycopg2_client.py", "psycopg2"),
    "psycopg3": python("psycopg3_client.py", "psycopg"),
    "asyncpg": python("asyncpg_client.py", "asyncpg"),
    "sqlalchemy": python("sqlalchemy_client.py", "sqlalchemy", "psycopg2", "asyncpg"),
    "odbc": odbc_program,
    "jdbc": java_program("JdbcClient.java"),
    "pgx": go_program("pgx_client.go", "github.com/jackc/pgx/v4"),
    "lib_pq": go_program("lib_pq_client.go", "github.com/lib/pq"),
    "node_pg": node_program("node_pg_client.js", "pg", "pg-cursor", "pg-copy-streams"),
    "postgres_js": node_program("postgres_js_client.js", "postgres"),
}


# One tunnel leads to one database, and these programs use two.
NO_TUNNEL = {"pg_dump", "psql"}


def variables(it, mode, port, password):
    """What libpq reads; clients with a protocol of their own translate it in their program."""
    secured = mode == "tls"
    return {**os.environ, "PGHOST": "localhost" if secured else "127.0.0.1", "PGPORT": str(port), "PGUSER": "postgres",
            "PGPASSWORD": password, "PGDATABASE": "postgres", "PGSSLMODE": "verify-full" if secured else "disable",
            "PGSSLROOTCERT": str(it.certificates.ca), "PGCONNECT_TIMEOUT": "20", "PGTZ": "UTC",
            "DBGATE_POOLED": "1" if mode == "pool" else "0", "DBGATE_DIRECT": "1" if mode == "direct" else "0",
            "NODE_PATH": str(NODE_MODULES), "NODE_NO_WARNINGS": "1", "TMPDIR": str(it.directory), "PYTHONDONTWRITEBYTECODE": "1"}


def run_program(it, command, mode, port, password=lab.PASSWORD):
    """Runs the program in an empty schema; returns what went wrong, or an empty text."""
    it.postgres.psql("SET client_min_messages = warning; DROP SCHEMA IF EXISTS e2e CASCADE; CREATE SCHEMA e2e")
    work = it.directory / f"work-{mode}"
    work.mkdir()
    try:
        done = subprocess.run([str(part) for part in command], env=variables(it, mode, port, password), cwd=work,
                              timeout=POOLED_SECONDS if mode == "pool" else PROGRAM_SECONDS, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False)
    except subprocess.TimeoutExpired as expired:
        output = (expired.stdout or b"").decode(errors="replace")
        return f"{output}\nit did not end within {expired.timeout:.0f} s"
    output = done.stdout.decode(errors="replace")
    if done.returncode != 0:
        return f"{output}\nexit status {done.returncode}"
    print("".join(f"    {line}\n" for line in output.splitlines()), end="", flush=True)
    return ""


def check_audit(gateway):
    """Every session ended, everything that was decided has exactly one outcome, and nothing but wrong syntax was denied."""
    wrong = audited.outcomes(gateway)
    decided = gateway.audit("statement.decided")
    if not decided:
        return "nothing was audited"
    wrong += [f"denied by {record['decision.rule_id']}: {record.get('db.query.text')!r}" for record in decided
              if record["decision.effect"] == "deny" and record.get("decision.rule_id") != "builtin/syntax"]
    print(f"    {len(decided)} decisions in {len(gateway.audit('session.start'))} sessions")
    return "\n".join(["wrong in the audit log:", *wrong[:20]]) if wrong else ""


def state_of(it):
    """What both sides were doing when a program failed."""
    activity = it.postgres.psql("SELECT pid, state, wait_event, left(query, 100) FROM pg_stat_activity "
                                "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()").stdout
    log = "\n".join(it.current.log[-30:]) if it.current else ""
    return f"--- server sessions\n{activity}--- gateway log\n{log}"


def attempt(it, command, mode):
    """Runs the program once; returns what went wrong, or an empty text."""
    it.postgres.psql("CREATE DATABASE restored")
    if mode == "direct":
        problem = run_program(it, command, mode, it.postgres.port)
        return f"{problem}\n{state_of(it)}\nthe program is wrong: dbgate took no part" if problem else ""
    gateway = it.gateway(it.forward_everything(databases=("postgres", "restored"), tls=True,
                                               pool=POOL if mode == "pool" else None))
    if mode == "pool":
        with Churner(lambda: Session(gateway.port), CHURNERS) as churner:
            problem = run_program(it, command, mode, gateway.port)
        problem = "\n".join([problem, *churner.problems]).strip()
        print(f"    {churner.rounds} transactions of others", flush=True)
    elif mode == "tunnel":
        with it.tunnel() as tunnel:
            problem = run_program(it, command, mode, tunnel["port"], tunnel["password"])
    else:
        problem = run_program(it, command, mode, gateway.port)
    problem = problem or check_audit(gateway)
    if problem:
        return f"{problem}\n{state_of(it)}"
    status = gateway.stop()
    return f"the gateway ended with status {status}" if status != 0 else ""


def run_mode(command, mode):
    """One run with a server and a gateway of its own; returns whether it went well."""
    print(f"--- {mode}", flush=True)
    try:
        with lab.Lab() as it:
            problem = attempt(it, command, mode)
    except AssertionError as fault:  # the lab's own checks: the gateway's log speaks of a fault, or it hung
        problem = str(fault)
    if problem:
        print(f"{problem}\nFAILED in mode {mode}", flush=True)
    return not problem


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("client", choices=CLIENTS)
    parser.add_argument("mode", nargs="*", choices=[*MODES, []])
    options = parser.parse_args()
    directory = lab.BUILD / "e2e" / options.client
    directory.mkdir(parents=True, exist_ok=True)
    try:
        command = CLIENTS[options.client](directory)
    except Missing as missing:
        print(f"SKIPPED: {missing}")
        return 77
    failed = []
    for mode in options.mode or [mode for mode in MODES if mode != "tunnel" or options.client not in NO_TUNNEL]:
        if not run_mode(command, mode):
            failed.append(mode)
            if mode == "direct":
                break
    print(f"failed: {' '.join(failed)}" if failed else "ok")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
