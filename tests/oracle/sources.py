"""Where statements come from. Each yields (text, query inside or None)."""
import re
import shutil
import subprocess

import psql_text
from server import query_inside
from walk_statements import Walk

# Of the suite: not what needs a file system of its own, minutes, or a session of its own kind.
SKIPPED = {"test_setup", "tablespace", "infinite_recurse", "stats", "psql", "psql_crosstab", "compression", "largeobject",
           "sysviews", "oidjoins", "type_sanity", "opr_sanity", "sanity_check", "guc", "xml", "prepared_xacts", "vacuum_parallel"}
# For a short run: what is about queries.
SHORT = ["select", "select_distinct", "select_having", "subselect", "union", "case", "join", "aggregates", "with", "merge",
         "insert_conflict", "returning", "rangefuncs", "groupingsets", "window", "update", "delete", "join_hash", "portals",
         "copyselect", "select_into", "rowtypes", "arrays", "tablesample", "limit", "explain", "prepare", "lock", "truncate"]


def walk(count, seed):
    made = Walk(seed)
    for _ in range(count):
        yield made.statement()


def sqlsmith(count, seed, connection, catalog):
    """What sqlsmith makes up for the tables that it finds there; None if it is not installed."""
    if not shutil.which("sqlsmith"):
        return None
    # Half of its texts are no statements: the server would refuse them. Half a million bytes are read at a time.
    command = ["sqlsmith", f"--target={connection}", f"--seed={seed}", "--dry-run", f"--max-queries={count}"]
    return _sqlsmith_output(command + ([] if catalog else ["--exclude-catalog"]))


def _sqlsmith_output(command):
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line.endswith(";\n"):
                text = "".join(lines).strip().rstrip(";")
                lines = []
                yield text, query_inside(text)


def regress_files(source, short):
    """The files of PostgreSQL's regression suite, in the order of its schedule."""
    schedule = (source / "src/test/regress/parallel_schedule").read_text()
    names = [name for line in re.findall(r"^test:(.*)$", schedule, re.M) for name in line.split()]
    wanted = SHORT if short else [name for name in names if name not in SKIPPED]
    return [source / "src/test/regress/sql" / f"{name}.sql" for name in wanted]


def regress_setup(source):
    return source / "src/test/regress/sql/test_setup.sql"


def psql_script(path, variables):
    """The statements of one file."""
    yield from psql_text.statements(path.read_text(encoding="utf-8", errors="replace"), variables)
