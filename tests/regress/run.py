#!/usr/bin/env python3
"""Runs PostgreSQL's own regression suite twice, directly and through dbgate with a policy that allows everything, and
compares what the two runs print.

Usage: run.py SOURCE [--schedule FILE] [--keep DIR] [TEST…]
SOURCE is an unpacked PostgreSQL 15 source tree; with TESTs only these run (after test_setup).
Differences that docs/regress.md explains are listed in expected-differences.txt beside this file.
"""
import argparse
import difflib
import os
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
import lab  # noqa: E402

PGXS = pathlib.Path("/usr/lib/postgresql/15/lib/pgxs/src/test/regress/pg_regress")


def build_library(source, directory):
    """regress.so and the two contrib libraries that the tests load, in one directory."""
    directory.mkdir()
    subprocess.run(["clang-16", "-O1", "-fPIC", "-shared", "-w", "-I/usr/include/postgresql/15/server", "-o",
                    str(directory / "regress.so"), str(source / "src/test/regress/regress.c")], check=True)
    for name in ("autoinc.so", "refint.so"):
        shutil.copy(f"/usr/lib/postgresql/15/lib/{name}", directory)


def run(it, source, name, port, schedule, tests):
    output = it.directory / name
    output.mkdir()
    inputs = source / "src/test/regress"
    if os.getuid() == 0:
        os.chown(output, lab.server_user().pw_uid, lab.server_user().pw_gid)
    selection = tests if tests else [f"--schedule={schedule}"]
    command = [str(PGXS), f"--bindir={lab.PG_BIN}", f"--dlpath={it.directory / 'libs'}", f"--inputdir={inputs}",
               f"--outputdir={output}", "--host=127.0.0.1", f"--port={port}", "--user=postgres", "--max-connections=10",
               *selection]
    # The server writes and reads files of the suite, so the suite runs as the server's user.
    done = subprocess.run(lab.as_server_user(command), env={**os.environ, "PGPASSWORD": lab.PASSWORD}, cwd=output,
                          capture_output=True, text=True, check=False)
    print(f"--- {name}: {done.stdout.strip().splitlines()[-4:]}", flush=True)
    if not (output / "results").exists():
        raise SystemExit(f"pg_regress did not run:\n{done.stdout}{done.stderr}")
    (it.directory / f"{name}.out").write_text(done.stdout + done.stderr)
    return output / "results"


def normalised(path, port_names):
    """The output of one test, without what differs between any two runs."""
    text = path.read_text(encoding="utf-8", errors="surrogateescape")
    for name in port_names:
        text = text.replace(name, "OUTPUT")
    return re.sub(r"dbgate:postgres/ses_[0-9A-Z]+", "APPLICATION", text).splitlines()


def compare(direct, gated, names):
    differences = {}
    for path in sorted(direct.glob("*.out")):
        other = gated / path.name
        if not other.exists():
            differences[path.stem] = ["no output through dbgate"]
            continue
        lines = list(difflib.unified_diff(normalised(path, names), normalised(other, names), "direct", "dbgate", n=2,
                                          lineterm=""))
        if lines:
            differences[path.stem] = lines
    return differences


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("source", type=pathlib.Path)
    parser.add_argument("--schedule", type=pathlib.Path)
    parser.add_argument("--keep", type=pathlib.Path)
    parser.add_argument("tests", nargs="*")
    options = parser.parse_args()
    source = options.source.resolve()
    schedule = options.schedule or source / "src/test/regress/parallel_schedule"
    tests = ["test_setup", *options.tests] if options.tests else []
    results = {}
    for name in ("direct", "dbgate"):
        with lab.Lab(settings=["log_min_messages=fatal"]) as it:
            build_library(source, it.directory / "libs")
            port = it.postgres.port
            if name == "dbgate":
                config = it.forward_everything(databases=("postgres", "template1", "regression"))
                port = it.gateway(config).port
            produced = run(it, source, name, port, schedule, tests)
            keep = (options.keep or it.directory.parent / "dbgate-regress") / name
            shutil.rmtree(keep, ignore_errors=True)
            shutil.copytree(produced, keep)
            shutil.copy(it.directory / f"{name}.out", keep / "summary.txt")
            if it.current:
                (keep / "gateway.log").write_text("\n".join(it.current.log))
            results[name] = (keep, str(it.directory))
    differences = compare(results["direct"][0], results["dbgate"][0], [f"{place}/{name}" for name, (_, place) in
                                                                       results.items()] + [p for _, p in results.values()])
    explained = {line.split()[0] for line in (HERE / "expected-differences.txt").read_text().splitlines()
                 if line and not line.startswith("#")}
    for name, lines in differences.items():
        print(f"=== {name}{' (explained)' if name in explained else ''}")
        print("\n".join(lines[:400]))
    count = len(list(results["direct"][0].glob("*.out")))
    unexplained = sorted(set(differences) - explained)
    print(f"{count} tests compared, {len(differences)} differ, {len(unexplained)} unexplained: {' '.join(unexplained)}")
    return 1 if unexplained or count == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
