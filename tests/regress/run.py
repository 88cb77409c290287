#!/usr/bin/env python3
"""Runs PostgreSQL's own regression suite twice, directly and through dbgate with a policy that allows everything, and
compares what the two runs print. The same with libpq_pipeline, and the messages it traces.

Usage: run.py SOURCE [--schedule FILE] [--keep DIR] [--write-explained] [TEST…]
SOURCE is an unpacked PostgreSQL 15 source tree; with TESTs only these run (after test_setup).
Differences that docs/regress.md explains lie in explained/TEST.diff, to the line.
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


def build_pipeline(source, directory):
    """libpq_pipeline, PostgreSQL's own test of libpq's pipeline mode."""
    program = directory / "libpq_pipeline"
    subprocess.run(["clang-16", "-w", "-I/usr/include/postgresql/15/server", "-I/usr/include/postgresql", "-o", str(program),
                    str(source / "src/test/modules/libpq_pipeline/libpq_pipeline.c"), "-L/usr/lib/postgresql/15/lib",
                    "-lpgcommon", "-lpgport", "-lpq", "-lm"], check=True)
    return program


def run_pipeline(program, port, results):
    """Keeps status and message trace of each of its tests. Two of them send until the socket is full, so that the length
    of their traces depends on timing: of these the status alone."""
    tests = subprocess.run([str(program), "tests"], capture_output=True, text=True, check=True).stdout.split()
    for test in tests:
        trace = results / f"{test}.trace"
        done = subprocess.run([str(program), "-t", str(trace), test, f"host=127.0.0.1 port={port} user=postgres "
                               "dbname=postgres"], env={**os.environ, "PGPASSWORD": lab.PASSWORD}, capture_output=True,
                              text=True, timeout=120, check=False)
        kept = "" if test in ("pipelined_insert", "uniqviol") else trace.read_text()
        trace.unlink(missing_ok=True)
        (results / f"libpq_pipeline.{test}.out").write_text(f"exit status {done.returncode}\n{kept}")


def normalised(path, port_names):
    """The output of one test, without what differs between any two runs."""
    text = path.read_text(encoding="utf-8", errors="surrogateescape")
    for name in port_names:
        text = text.replace(name, "OUTPUT")
    text = re.sub(r"(dbgate:postgres/ses|Request id: qry)_[0-9A-Z]+", r"\1_…", text)
    return text.splitlines()


def compare(direct, gated, names):
    differences = {}
    for path in sorted(direct.glob("*.out")):
        other = gated / path.name
        if not other.exists():
            differences[path.stem] = ["no output through dbgate"]
            continue
        lines = list(difflib.unified_diff(normalised(path, names), normalised(other, names), "direct", "dbgate", n=0,
                                          lineterm=""))
        if lines:
            differences[path.stem] = lines
    return differences


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("source", type=pathlib.Path)
    parser.add_argument("--schedule", type=pathlib.Path)
    parser.add_argument("--keep", type=pathlib.Path)
    parser.add_argument("--write-explained", action="store_true", help="keep what differs now as explained")
    parser.add_argument("tests", nargs="*")
    options = parser.parse_args()
    source = options.source.resolve()
    if not (source / "src/test/regress/parallel_schedule").exists():
        print(f"SKIPPED: no PostgreSQL source in {source}; scripts/regress.sh --fetch-only brings it")
        return 77
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
            run_pipeline(build_pipeline(source, it.directory), port, produced)
            keep = (options.keep or it.directory.parent / "dbgate-regress") / name
            shutil.rmtree(keep, ignore_errors=True)
            shutil.copytree(produced, keep)
            shutil.copy(it.directory / f"{name}.out", keep / "summary.txt")
            if it.current:
                (keep / "gateway.log").write_text("\n".join(it.current.log))
            results[name] = (keep, str(it.directory))
    differences = compare(results["direct"][0], results["dbgate"][0], [f"{place}/{name}" for name, (_, place) in
                                                                       results.items()] + [p for _, p in results.values()])
    unexplained = []
    for name, lines in differences.items():
        known = HERE / "explained" / f"{name}.diff"
        text = "\n".join(lines) + "\n"
        if options.write_explained:
            known.parent.mkdir(exist_ok=True)
            known.write_text(text)
        if known.exists() and known.read_text() == text:
            continue
        unexplained.append(name)
        print(f"=== {name}\n" + "\n".join(lines[:400]))
    count = len(list(results["direct"][0].glob("*.out")))
    print(f"{count} tests compared, {len(differences)} differ, {len(unexplained)} unexplained: {' '.join(unexplained)}")
    return 1 if unexplained or count == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
