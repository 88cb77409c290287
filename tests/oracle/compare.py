"""Statement facts against what the server touched."""
import dataclasses

from tree import DELETE, INSERT, SELECT, UPDATE

FIRST_USER_OID = 16384

# What the facts must say of a relation for each privilege that the server needs. SELECT … FOR UPDATE needs UPDATE.
_RIGHTS = {SELECT: {"read", "merge"}, INSERT: {"insert"}, UPDATE: {"update", "lock"}, DELETE: {"delete"}}
_CHANGES = {"insert", "update", "delete", "merge", "copy_in", "truncate", "ddl", "lock", "maintenance", "dcl"}
_HEAVY = {"truncate", "ddl", "lock", "maintenance", "dcl"}
# What the facts must say for a lock (manual ch. 13.3.1); AccessShareLock: that the relation is named at all.
LOCKS = {"RowShareLock": _CHANGES, "RowExclusiveLock": _CHANGES, "ShareUpdateExclusiveLock": _HEAVY, "ShareLock": _HEAVY,
         "ShareRowExclusiveLock": _HEAVY, "ExclusiveLock": _HEAVY, "AccessExclusiveLock": _HEAVY}


@dataclasses.dataclass
class Finding:
    kind: str    # relation, effect, column, value, function, operator, type, lock, change, call
    what: str
    item: tuple  # what the facts would have to cover, for blinding them

    def __str__(self):
        return f"{self.kind}: {self.what}"


class Facts:
    """The facts of one statement, with its relation names resolved."""

    def __init__(self, statement, catalog, columns_known=True):
        self.columns_known = columns_known
        self.tag = statement["tag"]
        self.effects = set(statement["effects"].split(","))
        self.unknown = statement["unknown"]
        self.relations = {}  # OID → [use]
        self.unresolved = []
        for use in statement["relations"]:
            _, schema, name = use["name"]
            oid = catalog.resolve(schema, name)
            entry = {"effects": set(use["effects"].split(",")), "reads": set(use["reads"]["names"]),
                     "reads_whole": use["reads"]["whole"], "values": set(use["values"]["names"]),
                     "values_whole": use["values"]["whole"] or statement["unsure"], "writes": set(use["writes"]["names"]),
                     "writes_whole": use["writes"]["whole"]}
            if oid is None:
                self.unresolved.append(name)
            else:
                self.relations.setdefault(oid, []).append(entry)
        named = [(use["form"], tuple(use["name"][1:])) for use in statement["functions"]]
        self.functions = {name for form, name in named if form != "operator"}
        self.fields = {name for form, name in named if form == "field"}
        self.operators = {name for form, name in named if form == "operator"}
        self.types = {tuple(name[1:]) for name in statement["types"]}
        self.columns_of = {name[1] for name in statement["objects"]}  # of t in t.a%TYPE

    def of(self, oid):
        uses = self.relations.get(oid, ())
        merged = {"effects": set(), "reads": set(), "reads_whole": False, "values": set(), "values_whole": False,
                  "writes": set(), "writes_whole": False}
        for use in uses:
            for key, value in use.items():
                merged[key] = merged[key] | value
        return merged

    def blind(self, item, catalog):
        """Takes out whatever covers `item`: the comparison must notice."""
        kind, key, *rest = item
        if kind == "relation":
            self.relations.pop(key, None)
        elif kind in ("reads", "values", "writes"):
            self.columns_known = True
            for use in self.relations.get(key, ()):
                use[kind].discard(rest[0])
                use[f"{kind}_whole"] = False
        elif kind == "effect":
            for use in self.relations.get(key, ()):
                use["effects"] -= rest[0]
        elif kind == "function":
            self.columns_known = True
            self.functions = {name for name in self.functions if not catalog.covers(name, key)}
        elif kind == "operator":
            self.operators = {name for name in self.operators if not catalog.covers(name, key)}
        elif kind == "type":
            self.types = set()


def demands(truth, catalog):
    """Everything that the facts must cover, as (item, kind of finding, words)."""
    for oid, access in truth.relations.items():
        schema, name, _ = catalog.relations[oid]
        label = f"{schema}.{name}"
        yield ("relation", oid), "relation", label
        for right, effects in _RIGHTS.items():
            if access.rights & right:
                yield ("effect", oid, frozenset(effects)), "effect", f"{label}: {' or '.join(sorted(effects))}"
        columns = catalog.columns[oid]
        for use, numbers in (("reads", access.selected), ("writes", access.inserted | access.updated)):
            for number in numbers:
                yield (use, oid, columns[number] if number else "*"), "column", \
                    f"{use} {label}.{columns[number] if number else '*'}"
    for oid, number in truth.values:
        column = catalog.columns[oid][number] if number else "*"
        yield ("values", oid, column), "value", f"{'.'.join(catalog.relations[oid][:2])}.{column}"
    for oid in truth.functions:
        yield ("function", catalog.functions[oid]), "function", ".".join(catalog.functions[oid])
    for oid in truth.operators:
        yield ("operator", catalog.operators[oid]), "operator", ".".join(catalog.operators[oid])
    for oid in truth.casts:
        yield ("type", catalog.types[oid]), "type", ".".join(catalog.types[oid])


def _covered(item, facts, catalog):
    kind, key, *rest = item
    if kind == "relation":
        return key in facts.relations
    # Lineage needs the columns of tables: without them, masks have nothing to rest on.
    if kind == "values" and not facts.columns_known:
        return True
    if kind in ("reads", "values", "writes"):
        use = facts.of(key)
        if use[f"{kind}_whole"] or rest[0] in use[kind]:
            return True
        # t.f is f(t) where t has no column f: without columns to know, it is charged as the column f.
        return kind == "reads" and rest[0] == "*" and not facts.columns_known and bool(use["reads"] - set(catalog.columns[key].values()))
    if kind == "effect":
        return bool(facts.of(key)["effects"] & rest[0])
    if kind == "function":
        by_row = not facts.columns_known and any(key[1] in facts.of(oid)["reads"] for oid in facts.relations)
        return by_row or any(catalog.covers(name, key) for name in facts.functions)
    if kind == "operator":
        return any(catalog.covers(name, key) for name in facts.operators)
    # A cast is named by its type, or by a domain on it, or called like a function of that name.
    meant = [key, *catalog.domains_on(key)]
    return any(catalog.covers(name, one) for name in facts.types | facts.functions for one in meant)


def under_reports(truth, facts, catalog):
    """What the server's analysis of the text names and the facts do not."""
    return [Finding(kind, what, item) for item, kind, what in demands(truth, catalog) if not _covered(item, facts, catalog)]


def under_reported_run(run, facts, catalog):
    """The same for what running it did: locks held, rows counted, functions called."""
    findings = []
    for oid, modes in run.locks.items():
        label = ".".join(catalog.relations[oid][:2])
        if oid not in facts.relations:
            # A table is a type as well, and its columns have one: CREATE TABLE x (y t), FUNCTION f(t.a%TYPE).
            named = catalog.relations[oid][:2]
            as_type = _covered(("type", named), facts, catalog) or named[1] in facts.columns_of
            if modes == {"AccessShareLock"} and as_type:
                continue
            findings.append(Finding("lock", f"{label}: {', '.join(sorted(modes))}", ("relation", oid)))
            continue
        for mode in modes & LOCKS.keys():
            if not facts.of(oid)["effects"] & LOCKS[mode]:
                findings.append(Finding("lock", f"{label}: {mode}", ("effect", oid, frozenset(LOCKS[mode]))))
    for oid, changes in run.changes.items():
        for change in changes:
            wanted = frozenset({change, "merge", "ddl", "truncate"} | ({"copy_in"} if change == "insert" else set()))
            if not facts.of(oid)["effects"] & wanted:
                label = ".".join(catalog.relations[oid][:2])
                findings.append(Finding("change", f"{label}: {change}", ("effect", oid, wanted)))
    for oid in run.calls:
        by_operator = oid in catalog.behind and _covered(("operator", catalog.behind[oid]), facts, catalog)
        if not by_operator and not _covered(("function", catalog.functions[oid]), facts, catalog):
            findings.append(Finding("call", ".".join(catalog.functions[oid]), ("function", catalog.functions[oid])))
    return findings


def implied_calls(truth, catalog):
    """User functions behind casts that nobody wrote."""
    oids = sorted(truth.implicit) if truth else []
    return ["implied call: " + ".".join(catalog.functions[oid]) for oid in oids if oid >= FIRST_USER_OID]


def over_reports(truth, facts, catalog):
    """Kinds of things that the facts name and the server does not touch: what can make a false denial."""
    kinds = set()
    for oid in facts.relations:
        access = truth.relations.get(oid)
        if access is None:
            kinds.add("relation")
            continue
        use, columns = facts.of(oid), catalog.columns[oid]
        selected = {columns[number] for number in access.selected if number}
        if use["reads"] - selected and 0 not in access.selected:
            kinds.add("column")
        if use["reads_whole"] and 0 not in access.selected and selected < {n for i, n in columns.items() if i > 0}:
            kinds.add("whole row")
        granted = set().union(*(effects for right, effects in _RIGHTS.items() if access.rights & right))
        if use["effects"] & {"insert", "update", "delete"} - granted:
            kinds.add("effect")
    if facts.unresolved:
        kinds.add("no such relation")
    known = {catalog.functions[oid] for oid in truth.functions} | {catalog.types[oid] for oid in truth.casts}
    for name in facts.functions:
        if not any(catalog.covers(name, function) for function in known):
            kinds.add("field" if name in facts.fields else "function")
    return kinds
