#!/usr/bin/env python3
"""Runs PostgreSQL's own suites twice, directly and through dbgate with a policy that allows everything, and compares
what the two runs print. The same with libpq_pipeline, and the messages it traces.

Usage: run.py SOURCE [--suites KIND,…] [--schedule FILE] [--keep DIR] [--write-explained] [TEST…]
SOURCE is an unpacked PostgreSQL 15 source tree. KIND: parallel (the default: the regression suite, with libpq_pipeline),
isolation, contrib, pl. With TESTs only these run (after test_setup); of contrib they are extensions.
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
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
import audited  # noqa: E402
import lab  # noqa: E402
import suites  # noqa: E402


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


def run_all(name, source, chosen, kinds, keep):
    """One run of everything with a server of its own; what it printed lies in `keep`. Returns the directory it ran in."""
    with lab.Lab(settings=suites.SETTINGS, hba=suites.HBA) as it:
        # Where postgres_fdw and dblink look for the server that they run in.
        os.environ["PGHOST"] = str(it.postgres.directory)
        it.postgres.restart("fast")
        suites.build_library(source, it.directory / "libs")
        port = it.postgres.port
        if name == "dbgate":
            # Isolation tests look for their own sessions by the names that these have given themselves.
            config = it.forward_everything(databases=("postgres", "template1", *suites.databases(chosen)),
                                           application_name="principal" if "parallel" in kinds else "client")
            port = it.gateway(config).port
        shutil.rmtree(keep, ignore_errors=True)
        keep.mkdir(parents=True)
        for suite in chosen:
            output = it.directory / name / (suite.prefix or "parallel")
            said = suites.run(it, suite, output, port)
            print(f"--- {name} {suite.prefix}: {said.strip().splitlines()[-4:]}", flush=True)
            for path in (output / "results").glob("*.out"):
                shutil.copy(path, keep / f"{suite.prefix}{path.name}")
            (keep / f"{suite.prefix}summary.txt").write_text(said)
        if "parallel" in kinds:
            run_pipeline(build_pipeline(source, it.directory), port, keep)
        if it.current:
            (keep / "gateway.log").write_text("\n".join(it.current.log))
            wrong = audited.outcomes(it.current)
            if wrong:
                raise SystemExit("\n".join(["wrong in the audit log:", *wrong[:20]]))
        return str(it.directory)


def report(differences, write_explained):
    """Prints what is not explained, and returns its names."""
    unexplained = []
    for name, lines in differences.items():
        known = HERE / "explained" / f"{name}.diff"
        text = "\n".join(lines) + "\n"
        if write_explained:
            known.parent.mkdir(exist_ok=True)
            known.write_text(text)
        if known.exists() and known.read_text() == text:
            continue
        unexplained.append(name)
        print(f"=== {name}\n" + "\n".join(lines[:400]))
    return unexplained


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("source", type=pathlib.Path)
    parser.add_argument("--suites", default="parallel", help=f"some of {','.join(suites.KINDS)}")
    parser.add_argument("--schedule", type=pathlib.Path)
    parser.add_argument("--keep", type=pathlib.Path)
    parser.add_argument("--write-explained", action="store_true", help="keep what differs now as explained")
    parser.add_argument("tests", nargs="*")
    options = parser.parse_intermixed_args()
    source = options.source.resolve()
    if not (source / "src/test/regress/parallel_schedule").exists():
        print(f"SKIPPED: no PostgreSQL source in {source}; scripts/regress.sh --fetch-only brings it")
        return 77
    kinds = options.suites.split(",")
    if not set(kinds) <= set(suites.KINDS):
        parser.error(f"--suites: some of {','.join(suites.KINDS)}")
    chosen = [suite for kind in kinds for suite in suites.suites(source, kind, options.schedule, options.tests)]
    keep = options.keep or pathlib.Path(tempfile.gettempdir()) / "dbgate-regress"
    places = {name: run_all(name, source, chosen, kinds, keep / name) for name in ("direct", "dbgate")}
    names = [f"{place}/{name}" for name, place in places.items()] + list(places.values())
    differences = compare(keep / "direct", keep / "dbgate", names)
    unexplained = report(differences, options.write_explained)
    count = len(list((keep / "direct").glob("*.out")))
    print(f"{count} tests compared, {len(differences)} differ, {len(unexplained)} unexplained: {' '.join(unexplained)}")
    return 1 if unexplained or count == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
