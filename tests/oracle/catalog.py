"""Names of the server's objects by OID, and the reading of names by search_path."""

_QUERIES = {
    "relations": "SELECT c.oid, n.nspname, c.relname, c.relkind FROM pg_class c JOIN pg_namespace n ON n.oid = "
                 "c.relnamespace WHERE c.relkind NOT IN ('i', 'I', 't')",
    "columns": "SELECT attrelid, attnum, attname FROM pg_attribute WHERE NOT attisdropped",
    "functions": "SELECT p.oid, n.nspname, p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE true",
    "operators": "SELECT o.oid, n.nspname, o.oprname, o.oprcode::oid FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace "
                 "WHERE true",
    "types": "SELECT t.oid, n.nspname, t.typname, t.typelem, t.typbasetype FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace "
             "WHERE true",
}
_OID = {"relations": "c.oid", "columns": "attrelid", "functions": "p.oid", "operators": "o.oid", "types": "t.oid"}


class Catalog:
    """What is known of a server's catalog. `ask` runs a query and returns its rows of text."""

    def __init__(self, ask):
        self.ask = ask
        self.relations = {}   # OID → (schema, name, kind)
        self.columns = {}     # OID → {number: name}
        self.functions = {}   # OID → (schema, name)
        self.operators = {}   # OID → (schema, name)
        self.behind = {}      # OID of a function → (schema, name) of an operator that calls it
        self.types = {}       # OID → (schema, name), of an array its element's
        self.domains = {}     # (schema, name) → (schema, name) of what it is made of
        self.path = []        # schemas in the order in which names are looked up
        self._by_name = {}
        self._as_server = {}
        for kind, query in _QUERIES.items():
            self._take(kind, ask(query))
        self.read_path()

    def read_path(self):
        rows = self.ask("SELECT unnest(current_schemas(true))")
        self.path = [row[0] for row in rows]

    def refresh(self, kind, oids):
        """Reads again what may have changed: objects of the user."""
        if oids:
            listed = ",".join(str(oid) for oid in oids)
            self._take(kind, self.ask(f"{_QUERIES[kind]} AND {_OID[kind]} IN ({listed})"))

    def _take(self, kind, rows):
        if kind == "columns":
            fresh = {}
            for oid, number, name in rows:
                fresh.setdefault(int(oid), {})[int(number)] = name
            self.columns.update(fresh)
        elif kind == "types":
            elements = {int(row[0]): int(row[3]) for row in rows}
            names = {int(row[0]): (row[1], row[2]) for row in rows}
            for oid, name in names.items():
                element = elements[oid]
                is_array = element and name[1].startswith("_")
                self.types[oid] = names.get(element, self.types.get(element, name)) if is_array else name
            for oid, _, _, _, base in rows:
                if base != "0":
                    self.domains[names[int(oid)]] = self.types.get(int(base))
        else:
            known = getattr(self, kind)
            for oid, *name in rows:
                known[int(oid)] = tuple(name[:2] if kind == "operators" else name)
                if kind == "operators":
                    self.behind[int(name[2])] = tuple(name[:2])
                if kind == "relations":
                    self._by_name[tuple(name[:2])] = int(oid)

    def resolve_as_server(self, names):
        """Lets the server resolve these names, for a session whose search_path and tables change."""
        quoted = [(name, ".".join('"' + part.replace('"', '""') + '"' for part in name if part)) for name in names]
        self._as_server = {}
        if quoted:
            calls = ", ".join("to_regclass('" + text.replace("'", "''") + "')::oid" for _, text in quoted)
            row = self.ask(f"SELECT {calls}")[0]
            self._as_server = {name: int(oid) if oid else None for (name, _), oid in zip(quoted, row)}
            found = [oid for oid in self._as_server.values() if oid]
            self.refresh("relations", found)
            self.refresh("columns", found)

    def resolve(self, schema, name):
        """The OID of a relation as written, or None."""
        if (schema, name) in self._as_server:
            return self._as_server[schema, name]
        if schema == "pg_temp":
            schema = next((s for s in self.path if s.startswith("pg_temp_")), schema)
        if schema:
            return self._by_name.get((schema, name))
        temporary = [s for s in self.path if s.startswith("pg_temp_")]
        implicit = [] if "pg_catalog" in self.path else ["pg_catalog"]
        for place in [*temporary, *implicit, *self.path]:
            if (place, name) in self._by_name:
                return self._by_name[place, name]
        return None

    def tell(self, tool):
        """Tells the facts tool the columns of everything that a name can find here."""
        for schema, name in self._by_name:
            self._tell_one(tool, schema, name)
            if self.resolve("", name) == self._by_name[schema, name]:
                self._tell_one(tool, "", name)

    def tell_resolved(self, tool):
        """The same for the names last resolved by the server."""
        for schema, name in self._as_server:
            self._tell_one(tool, schema, name)

    def _tell_one(self, tool, schema, name):
        columns = self.columns.get(self.resolve(schema, name), {})
        tool.tell(schema, name, [columns[number] for number in sorted(columns) if number > 0])

    def domains_on(self, base):
        """The domains made of a type, by whatever steps: a cast to one of them is a cast to it first."""
        found = [base]
        for one in found:
            found += [domain for domain, of in self.domains.items() if of == one and domain not in found]
        return found[1:]

    def covers(self, written, found):
        """Whether a name as written (schema may be empty) can stand for the object `found` = (schema, name)."""
        schema, name = written
        if name != found[1]:
            return False
        if schema == "pg_temp":
            return found[0].startswith("pg_temp_")
        return schema in ("", found[0])
