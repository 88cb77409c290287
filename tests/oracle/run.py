#!/usr/bin/env python3
"""The oracle: what PostgreSQL really touches against what dbgate's statement facts say (docs/oracle.md).

Usage: run.py [--count N] [--seed N] [--source walk|sqlsmith|regress|reach]… [--out DIR]
Ends with status 1 if the server touched something that the facts do not name, or if facts that were blinded on purpose
went unnoticed. What was found lies in DIR/under-reports.jsonl.
"""
import argparse
import contextlib
import json
import pathlib
import random
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
sys.path.append(str(HERE.parent / "regress"))
import lab  # noqa: E402
import reach  # noqa: E402
import regress  # noqa: E402
import sources  # noqa: E402
import walk_expressions  # noqa: E402
from catalog import Catalog  # noqa: E402
from compare import FIRST_USER_OID  # noqa: E402
from facts_client import FactsTool  # noqa: E402
from judge import Judge  # noqa: E402
from server import Session  # noqa: E402

SOURCES = ("walk", "sqlsmith", "regress", "reach")
SETTINGS = ["track_functions=all", "log_min_messages=fatal", "max_locks_per_transaction=256"]


def open_database(it, name, tool):
    """A database with the tables of the walk and an ordinary user who owns them."""
    it.postgres.psql(f"CREATE DATABASE {name} OWNER walker")
    schema = reach.SCHEMA if name == "oracle_reach" else walk_expressions.schema_sql()
    it.postgres.psql(schema, database=name, user="walker")
    session = Session(it.postgres.port, "walker", lab.PASSWORD, name)
    session.simple("SET statement_timeout = '300ms'")
    known = Catalog(session.ask)
    known.tell(tool)
    session.watched = ([oid for oid, (_, _, kind) in known.relations.items() if oid >= FIRST_USER_OID and kind in "rp"],
                       [oid for oid in known.functions if oid >= FIRST_USER_OID])
    return session, known


def run_probes(statements, session, known, judge, strict):
    for text, inner in statements:
        facts = judge.facts_of(text)
        probe = session.probe(text, inner)
        judge.judge(text, facts, probe, known, strict)
        if text.startswith("PREPARE") and not probe.error:
            session.simple("DEALLOCATE ALL")


def run_sqlsmith(it, count, options, session, known, judge):
    connection = f"host=127.0.0.1 port={it.postgres.port} user=walker password={lab.PASSWORD!r} dbname=oracle_sqlsmith"
    for share, catalog in ((count // 2, True), (count - count // 2, False)):
        made = sources.sqlsmith(share, options.seed, connection, catalog)
        if made is None:
            print("SKIPPED: sqlsmith is not installed")
            return
        run_probes(made, session, known, judge, strict=not catalog)


def run_source(name, count, it, options, judge):
    if name == "regress":
        source = lab.ROOT / "build" / "postgresql-source"
        if not (source / "src/test/regress").exists():
            print("SKIPPED: no PostgreSQL source; scripts/regress.sh --fetch-only brings it")
            return
        regress.run(it, source, count, judge)
        return
    session, known = open_database(it, f"oracle_{name}", judge.tool)
    if name == "walk":
        run_probes(sources.walk(count, options.seed), session, known, judge, strict=True)
    elif name == "reach":
        run_probes(((text, None) for text in reach.STATEMENTS), session, known, judge, strict=False)
    else:
        run_sqlsmith(it, count, options, session, known, judge)
    session.close()


def shares(count, names):
    """How many statements each source is asked for; the regression suite gives what it has in its files."""
    parts = {"walk": 0.5, "sqlsmith": 0.25, "regress": 0.25}
    whole = sum(parts[name] for name in names if name in parts) or 1
    return {name: int(count * parts.get(name, 0) / whole) for name in names}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--source", action="append", choices=SOURCES)
    parser.add_argument("--out", type=pathlib.Path, default=lab.ROOT / "build" / "oracle")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    names = options.source or SOURCES
    tool = FactsTool(lab.BUILD / "tests" / "oracle" / "oracle_facts")
    judges = []
    started = time.monotonic()
    with contextlib.closing(tool), lab.Lab(settings=SETTINGS) as it:
        it.postgres.psql(f"CREATE ROLE walker LOGIN PASSWORD '{lab.PASSWORD}'")
        for name, count in shares(options.count, names).items():
            judge = Judge(name, tool, random.Random(options.seed))
            judges.append(judge)
            run_source(name, count, it, options, judge)
            print(judge.summary(), flush=True)
    with open(options.out / "under-reports.jsonl", "w", encoding="utf-8") as found:
        for judge in judges:
            for record in judge.under:
                found.write(json.dumps(record) + "\n")
    (options.out / "indirect.json").write_text(json.dumps([r for judge in judges for r in judge.indirect], indent=1))
    return conclude(judges, options, time.monotonic() - started)


def conclude(judges, options, seconds):
    statements, compared, under, missed = (sum(getattr(judge, name) for judge in judges) for name in
                                           ("statements", "compared", "under_reports", "missed_blindings"))
    print(f"oracle: {statements} statements, {compared} compared, {under} under-reports, {missed} blindings unnoticed, "
          f"seed {options.seed}, {seconds:.0f} s")
    for record in sorted((r for judge in judges for r in judge.under), key=lambda r: len(r["statement"]))[:12]:
        print(f"  {record['source']}: {'; '.join(record['findings'][:4])}\n    {record['statement'][:600]}")
    if compared == 0:
        print("oracle: nothing was compared")
    return 1 if under or missed or compared == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
