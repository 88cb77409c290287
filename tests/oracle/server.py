"""A session that runs statements on PostgreSQL and tells what they touched."""
import dataclasses
import pathlib
import re
import struct
import sys

import tree

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import wire  # noqa: E402

_TREE = b"Mparse tree:\0D"
_OPTIONS = "-c debug_print_parse=on -c debug_pretty_print=off -c client_min_messages=log"
_KINDS = {"i": "insert", "u": "update", "d": "delete", "s": "scan", "f": "call"}
_EXPLAIN = re.compile(r"\s*EXPLAIN\s*(?:\((?:\s*(?:ANALYZE|VERBOSE|COSTS|SETTINGS|BUFFERS|WAL|TIMING|SUMMARY|FORMAT)\b"
                      r"[^(),]*,?)+\)|(?:ANALYZE\b|VERBOSE\b|\s+)*)\s*", re.I)
_DEFINITION = re.compile(r"\s*CREATE\s+(?:OR\s+REPLACE\s+)?(?:GLOBAL\s+|LOCAL\s+)?(?:TEMP\s+|TEMPORARY\s+|UNLOGGED\s+)?"
                         r"(?:MATERIALIZED\s+VIEW|VIEW|TABLE)\s.*?\bAS\s+(?=SELECT\b|WITH\b|VALUES\b|TABLE\b|\()", re.I | re.S)
_TRAILER = re.compile(r"\sWITH\s+(?:(?:NO\s+)?DATA|(?:CASCADED\s+|LOCAL\s+)?CHECK\s+OPTION)\s*;?\s*$", re.I)


def query_inside(text):
    """The query of EXPLAIN, CREATE TABLE AS or CREATE VIEW, whose tree the server does not print; None for others."""
    head = re.sub(r"(?s)^(\s|--[^\n]*\n|/\*.*?\*/)*", "", text)
    if head[:7].upper() == "EXPLAIN":
        rest = head[_EXPLAIN.match(head).end():]
        return query_inside(rest) or rest
    match = _DEFINITION.match(head)
    return _TRAILER.sub("", head[match.end():]) if match else None


@dataclasses.dataclass
class Reply:
    rows: list = dataclasses.field(default_factory=list)
    trees: list = dataclasses.field(default_factory=list)
    error: dict = None


@dataclasses.dataclass
class Run:
    """What running a statement did. OIDs of tables, views and sequences; of user functions."""
    locks: dict = dataclasses.field(default_factory=dict)    # OID → modes
    changes: dict = dataclasses.field(default_factory=dict)  # OID → {insert, update, delete}
    calls: set = dataclasses.field(default_factory=set)


@dataclasses.dataclass
class Probe:
    tree: str = None   # as printed, of the query that the text names
    run: Run = None    # None: it failed, or left no trace that could be told from others
    error: dict = None


class Session:
    """One connection that prints parse trees."""

    def __init__(self, port, user, password, database):
        self._wire = wire.Connection(port, seconds=30)
        self._wire.login(user, database, password, options=_OPTIONS)
        self.status = "I"
        self.watched = ([], [])  # tables and functions whose counters are read

    def close(self):
        self._wire.send(wire.TERMINATE)
        self._wire.socket.close()

    def _replies(self, count):
        return [self._reply() for _ in range(count)]

    def _reply(self):
        reply = Reply()
        while True:
            kind, body = self._wire.receive()
            if kind == "Z":
                self.status = body.decode()
                return reply
            if kind == "D":
                reply.rows.append(body)
            elif kind == "N" and _TREE in body:
                start = body.index(_TREE) + len(_TREE)
                reply.trees.append(body[start:body.index(b"\0", start)].decode())
            elif kind == "E":
                reply.error = wire.error_fields(body)
            elif kind == "G":  # COPY FROM STDIN: no rows
                self._wire.send(wire.message(b"c"))

    def ask(self, *queries):
        """Rows of all queries in turn, as lists of text; raises if one fails."""
        self._wire.send(b"".join(wire.query(query) for query in queries))
        rows = []
        failed = None
        for reply in self._replies(len(queries)):
            failed = failed or reply.error
            rows += [_fields(body) for body in reply.rows]
        if failed:
            raise RuntimeError(f"{failed['C']}: {failed['M']}")
        return rows

    def simple(self, text):
        self._wire.send(wire.query(text))
        return self._reply()

    def parse(self, text):
        """Analyses a text without running it."""
        self._wire.send(wire.parse("", text) + wire.SYNC)
        return self._reply()

    def run(self, text):
        """Runs one statement; at most 50 rows of it, so that nothing takes long."""
        self._wire.send(_execution(text))
        return self._reply()

    def counters(self):
        tables, functions = ("'{" + ",".join(map(str, oids)) + "}'::oid[]" for oids in self.watched)
        return ("SELECT 'l', relation::text, mode FROM pg_lock_status() WHERE locktype = 'relation' AND pid = pg_backend_pid()"
                + "".join(f" UNION ALL SELECT '{key}', o::text, {function}(o)::text FROM unnest({oids}) o" for key, function, oids
                          in (("i", "pg_stat_get_xact_tuples_inserted", tables),
                              ("u", "pg_stat_get_xact_tuples_updated", tables),
                              ("d", "pg_stat_get_xact_tuples_deleted", tables),
                              ("f", "pg_stat_get_xact_function_calls", functions))))

    def probe(self, text, inner=None):
        """Analyses and runs a statement in a transaction that is rolled back."""
        probe = Probe()
        flight = [wire.parse("", inner), wire.SYNC] if inner else []
        # With counters before and after, as they go on from one transaction to the next.
        flight += [wire.query("BEGIN;" + self.counters()), _execution(text)]
        self._wire.send(b"".join(flight))
        of_inner = self._reply() if inner else None
        before, reply = self._replies(2)
        probe.tree = direct_tree(of_inner.trees if of_inner else reply.trees, text)
        probe.error = reply.error
        self._wire.send(wire.query(self.counters()) + wire.query("ROLLBACK"))
        after = self._reply()
        self._reply()
        if not after.error:
            probe.run = _difference(before.rows, after.rows)
        return probe


def _execution(text):
    """The messages that run a statement. A COPY that fails before its data would make it unclear which Sync is answered,
    so that goes as a simple query."""
    if re.match(r"\s*COPY\b.*\bFROM\s+STD(?:IN|OUT)\b", text, re.I | re.S):
        return wire.query(text)
    return wire.parse("", text) + wire.bind() + wire.execute(rows=50) + wire.SYNC


def direct_tree(trees, text):
    """The tree of what the text names: the first, or the one inside a COPY or PREPARE. Others are of functions."""
    if not trees or not tree.is_utility(trees[0]):
        return trees[0] if trees else None
    return trees[1] if len(trees) > 1 and re.match(r"\s*(COPY\s*\(|PREPARE\b)", text, re.I) else None


def _fields(body):
    """The columns of a DataRow in text."""
    count = struct.unpack("!H", body[:2])[0]
    at, fields = 2, []
    for _ in range(count):
        length = struct.unpack("!i", body[at:at + 4])[0]
        at += 4
        fields.append(None if length < 0 else body[at:at + length].decode())
        at += max(length, 0)
    return fields


def _difference(before, after):
    run = Run()
    start = {}
    for kind, oid, value in map(_fields, before):
        start[kind, oid] = value
    for kind, oid, value in map(_fields, after):
        if kind == "l":
            run.locks.setdefault(int(oid), set()).add(value)
        elif value not in (None, "0", start.get((kind, oid))):
            if kind == "f":
                run.calls.add(int(oid))
            else:
                run.changes.setdefault(int(oid), set()).add(_KINDS[kind])
    return run
