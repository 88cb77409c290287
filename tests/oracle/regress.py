"""The statements of PostgreSQL's regression suite, each in its place, so that the objects it names exist."""
import pathlib
import re

import lab
import sources
import suites
from catalog import Catalog
from compare import FIRST_USER_OID
from server import Probe, Run, Session, query_inside, direct_tree

_CONTROL = re.compile(r"\s*(BEGIN|START|COMMIT|END|ROLLBACK|ABORT|SAVEPOINT|RELEASE|DECLARE|LOCK|SET|RESET|DISCARD|VACUUM|"
                      r"PREPARE\s+TRANSACTION|CREATE\s+DATABASE|DROP\s+DATABASE|DEALLOCATE)\b", re.I)
# Would take the trees away, or ends other sessions.
_LEFT_OUT = re.compile(r"client_min_messages|debug_print|pg_terminate_backend|pg_sleep|RESET ALL|DISCARD ALL", re.I)
_LOCKS = ("SELECT relation::text, mode FROM pg_lock_status() WHERE locktype = 'relation' AND pid = pg_backend_pid()")


def run(it, source, count, judge):
    """Runs whole files until about `count` statements are done."""
    libraries = it.directory / "libs"
    suites.build_library(source, libraries)
    it.postgres.psql("CREATE DATABASE regression TEMPLATE template0")
    variables = {"abs_srcdir": str(source / "src/test/regress"), "libdir": str(libraries), "dlsuffix": ".so",
                 "abs_builddir": str(it.directory), "DBNAME": "regression"}
    session = _session(it)
    for text in sources.psql_script(sources.regress_setup(source), variables):
        session.simple(text)
    known = Catalog(session.ask)
    session.close()
    for path in sources.regress_files(source, short=count < 10_000):
        session = _session(it)
        known.ask = session.ask
        for text in sources.psql_script(path, dict(variables)):
            if not _LEFT_OUT.search(text):
                judge.judge(text, *_replay(session, text, known, judge), known, strict=False)
            if judge.statements >= count:
                break
        session.close()
        if judge.statements >= count:
            break


def _session(it):
    session = Session(it.postgres.port, "postgres", lab.PASSWORD, "regression")
    session.simple("SET statement_timeout = '3s'")
    return session


def _replay(session, text, known, judge):
    """(facts, probe) of a statement that is run and stays."""
    facts = judge.facts_of(text)
    idle = session.status == "I"
    if session.status == "E" or (idle and _CONTROL.match(text)):
        return facts, Probe(error=session.simple(text).error)
    inner = query_inside(text)
    trees = session.parse(inner).trees if inner and idle else None
    if idle:
        session.simple("BEGIN")
    analysed = session.parse(text)
    if analysed.error:
        if idle:
            session.simple("ROLLBACK")
        return facts, Probe(error=analysed.error)
    _learn(session, known, facts, (trees or []) + analysed.trees)
    if facts:
        known.tell_resolved(judge.tool)
        facts = judge.facts_of(text, again=True)
    done = session.run(text)
    probe = Probe(error=done.error, tree=direct_tree(done.trees if trees is None else trees, text))
    if idle and not done.error:
        probe.run = Run()
        for oid, mode in session.ask(_LOCKS):
            # Locks on catalogs are those of _learn().
            if known.relations.get(int(oid), ("pg_catalog",))[0] != "pg_catalog":
                probe.run.locks.setdefault(int(oid), set()).add(mode)
    if idle:
        session.simple("ROLLBACK" if done.error else "COMMIT")
        if done.error and done.error["C"] == "25001":
            probe.error = session.simple(text).error
    if probe.tree:
        _learn(session, known, None, [probe.tree])
    return facts, probe


def _learn(session, known, facts, trees):
    """Names of the objects in these trees as they are now, and what the names in the facts stand for."""
    if session.status == "E":
        return
    oids = {int(oid) for text in trees for oid in re.findall(r":(?:relid|funcid|aggfnoid|winfnoid|tsmhandler|opno|"
                                                             r"resulttype|funcresulttype)\s(\d+)", text)}
    fresh = sorted(oid for oid in oids if oid >= FIRST_USER_OID)
    for kind in ("relations", "columns", "functions", "operators", "types"):
        known.refresh(kind, fresh)
    known.read_path()
    if facts:
        known.resolve_as_server({tuple(use["name"][1:]) for use in facts["open"]["relations"]})
