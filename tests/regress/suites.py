"""The suites of PostgreSQL 15's source tree that pg_regress and pg_isolation_regress run, and how they are run here."""
import dataclasses
import os
import pathlib
import re
import shutil
import subprocess

import lab

PGXS = pathlib.Path("/usr/lib/postgresql/15/lib/pgxs/src/test")
LIBRARIES = pathlib.Path("/usr/lib/postgresql/15/lib")
KINDS = ("parallel", "isolation", "contrib", "pl")
# Of extensions whose tests need a server of a kind that the others cannot share, or that Debian's server package lacks.
LEFT_OUT = {"basic_archive", "sepgsql", "hstore_plpython", "jsonb_plpython", "ltree_plpython"}
# It counts what all sessions of the server did, and dbgate's own reads definitions from time to time.
LEFT_OUT_TESTS = {"pg_stat_statements"}
# What the suites' own configurations ask for, together (contrib/*/*.conf).
SETTINGS = ("max_replication_slots=8", "max_prepared_transactions=10", "logical_decoding_work_mem=64kB",
            "shared_preload_libraries='pg_stat_statements'", "compute_query_id=regress", "log_min_messages=fatal")
# postgres_fdw and dblink connect to the server that they run in, without a password.
HBA = ("local all all trust", "host all all 127.0.0.1/32 scram-sha-256")


@dataclasses.dataclass
class Suite:
    """`prefix` goes before the names of its results; its tests lie in `inputs`."""
    prefix: str
    inputs: pathlib.Path
    selection: list
    database: str
    isolation: bool = False
    options: tuple = ()


def makefile(path):
    """Its assignments; what stands in a condition is added."""
    values = {}
    for name, operator, value in re.findall(r"^\s*(\w+)\s*(\+?=)\s*(.*)$", path.read_text().replace("\\\n", " "), re.MULTILINE):
        words = [word for word in value.split() if "$(" not in word]
        values[name] = values.get(name, []) + words if operator == "+=" else words
    return values


def of_makefile(path, prefix, database):
    """The suites of one directory: the regression tests, the isolation tests, or both."""
    values = makefile(path)
    loaded = [word for name in ("REGRESS_OPTS", "ISOLATION_OPTS") for word in values.get(name, []) if word.startswith("--load-ext")]
    return [Suite(f"{prefix}.{'isolation.' if isolation else ''}", path.parent, [test for test in values[name] if test not in LEFT_OUT_TESTS],
                  database, isolation, tuple(loaded)) for name, isolation in (("REGRESS", False), ("ISOLATION", True)) if values.get(name)]


def contrib(source):
    found = []
    for path in sorted((source / "contrib").glob("*/Makefile")):
        if path.parent.name not in LEFT_OUT:
            found += of_makefile(path, path.parent.name, "contrib_regression")
    return found


def suites(source, kind, schedule=None, tests=()):
    if kind == "parallel":
        selection = ["test_setup", *tests] if tests else [f"--schedule={schedule or source / 'src/test/regress/parallel_schedule'}"]
        return [Suite("", source / "src/test/regress", selection, "regression")]
    if kind == "isolation":
        inputs = source / "src/test/isolation"
        selection = list(tests) or [f"--schedule={inputs / 'isolation_schedule'}", "prepared-transactions", "prepared-transactions-cic"]
        return [Suite("isolation.", inputs, selection, "isolation_regression", True)]
    if kind == "contrib":
        found = contrib(source)
        return [suite for suite in found if not tests or suite.prefix.split(".")[0] in tests]
    return [suite for path in ("plpgsql/src/Makefile", "plperl/GNUmakefile")
            for suite in of_makefile(source / "src/pl" / path, path.split("/")[0], "pl_regression")]


def databases(chosen):
    return sorted({suite.database for suite in chosen})


def build_library(source, directory):
    """regress.so and the two contrib libraries that the tests load, in one directory."""
    directory.mkdir()
    subprocess.run(["clang-16", "-O1", "-fPIC", "-shared", "-w", "-I/usr/include/postgresql/15/server", "-o",
                    str(directory / "regress.so"), str(source / "src/test/regress/regress.c")], check=True)
    for name in ("autoinc.so", "refint.so"):
        shutil.copy(LIBRARIES / name, directory)


def run(it, suite, output, port):
    """Runs one suite; its results lie in `output`/results. The server writes and reads files of the suite, so it runs as
    the server's user."""
    output.mkdir(parents=True)
    for path in (output, output.parent):
        if os.getuid() == 0:
            os.chown(path, lab.server_user().pw_uid, lab.server_user().pw_gid)
    program = PGXS / ("isolation/pg_isolation_regress" if suite.isolation else "regress/pg_regress")
    command = [str(program), f"--bindir={lab.PG_BIN}", f"--dlpath={it.directory / 'libs'}", f"--inputdir={suite.inputs}",
               f"--outputdir={output}", "--host=127.0.0.1", f"--port={port}", "--user=postgres", "--max-connections=10",
               f"--dbname={suite.database}", *suite.options, *suite.selection]
    done = subprocess.run(lab.as_server_user(command), env={**os.environ, "PGPASSWORD": lab.PASSWORD}, cwd=suite.inputs,
                          capture_output=True, text=True, check=False)
    if not (output / "results").exists():
        raise SystemExit(f"{program.name} did not run:\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr
