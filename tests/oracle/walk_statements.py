"""A random walk through PostgreSQL's statements: changes of data, and all that holds a query or names a table."""
from walk_expressions import Item, Scope
from walk_queries import Queries


class Walk(Queries):
    """statement() returns one text and, where the server does not print the tree of the query inside, that query."""

    def statement(self):
        # Small statements too: with everything in them, nothing shows that one thing alone is missed.
        depth = self.pick(0, 1, 1, 2, 2, 3)
        choice = self.random.random()
        if choice < 0.45:
            return self.top_select(depth), None
        if choice < 0.75:
            return self.change(depth, Scope()), None
        if choice < 0.88:
            return self.wrapped(depth)
        return self.utility(), None

    def top_select(self, depth):
        choice = self.random.random()
        if choice < 0.1:
            return self.starred(depth)
        if choice < 0.15:
            table = self.random.choice(self.tables)
            return f"TABLE {self.written(table)}"
        kinds = [self.pick("int", "text") for _ in range(self.random.randint(1, 3))]
        return self.select(Scope(), depth, kinds)[0]

    def starred(self, depth):
        """SELECT * and alias.* over any FROM."""
        scope = Scope()
        text, items = self.from_item(scope, depth, scope)
        scope.items = items
        item = self.random.choice(items)
        where = f" WHERE {self.b(scope, depth)}" if self.chance(0.4) else ""
        distinct = self.pick("", "", f"DISTINCT ON ({self.column(scope, 'int') or '1'}) ")
        return f"SELECT {distinct}{self.pick('*', f'{item.alias}.*', f'*, {item.alias}')} FROM {text}{where}"

    def cte_query(self, scope, depth, kinds):
        if self.chance(0.3):
            return self.returning(scope, depth, kinds)
        return super().cte_query(scope, depth, kinds)

    # --- changes

    def change(self, depth, scope, returning=True):
        outer = Scope(scope)
        head = self.with_clause(outer, depth)
        text, inside = self.pick(self.insert, self.update, self.delete, self.merge)(outer, depth)
        if returning and inside is not None and self.chance(0.4):
            item = inside.items[0]
            what = self.pick("*", f"{item.alias}.*", self.t(inside, 1), self.i(inside, 1), f"{item.alias}", "ctid, tableoid")
            text += f" RETURNING {what}"
        return head + text

    def returning(self, scope, depth, kinds):
        """A change whose RETURNING list has these types."""
        text, inside = self.pick(self.insert, self.update, self.delete)(Scope(scope), depth)
        columns = {self.name("o"): kind for kind in kinds}
        targets = [f"{self.expression(inside, kind, 1)} AS {name}" for name, kind in columns.items()]
        return f"{text} RETURNING {', '.join(targets)}", columns

    def target(self):
        """The table of a change: as written, and how its columns are reached."""
        table = self.random.choice([table for table in self.tables if not table.twin])
        if self.chance(0.5):
            alias = self.name("x")
            return table, f"{self.written(table)} AS {alias}", Item(alias, dict(table.columns), table)
        return table, self.written(table), Item(table.name, dict(table.columns), table, qualified=True)

    def insert(self, outer, depth):
        table, text, item = self.target()
        names = self.random.sample(list(table.columns), self.random.randint(1, len(table.columns)))
        if table.key not in names:
            names.insert(0, table.key)
        inside = Scope(outer, [item])
        if self.chance(0.1):
            source = "DEFAULT VALUES"
        else:
            kinds = [table.columns[name] for name in names]
            listed = [f"{name}.first" if kind == "shop.pair" and self.chance(0.3) else name for name, kind in zip(names, kinds)]
            if self.chance(0.5):
                values = [self.pick("DEFAULT", self.i(outer, depth)) if kind == "int" and at.endswith(".first") or "." in at
                          else self.expression(outer, kind, depth) for at, kind in zip(listed, kinds)]
                values = ["1" if "." in at else value for at, value in zip(listed, values)]
                source = f"({', '.join(listed)}) VALUES ({', '.join(values)})"
            else:
                query, _ = self.select(outer, depth, kinds)
                source = (f"({', '.join(names)}) " if self.chance(0.8) or len(names) < len(table.columns) else "") + query
            if self.chance(0.1):
                source = source.replace(") ", ") OVERRIDING USER VALUE ", 1)
        text = f"INSERT INTO {text} {source}"
        if self.chance(0.4):
            text += " " + self.on_conflict(table, item, outer, depth)
        return text, inside

    def on_conflict(self, table, item, outer, depth):
        if self.chance(0.3):
            return f"ON CONFLICT {self.pick('', f'({table.key}) ', f'ON CONSTRAINT {table.name}_pkey ')}DO NOTHING"
        inside = Scope(outer, [item, Item("excluded", dict(table.columns))])
        for one in inside.items:
            one.hidden = True
        where = f" WHERE {self.b(inside, depth)}" if self.chance(0.5) else ""
        return f"ON CONFLICT ({table.key}) DO UPDATE SET {self.assignments(table, inside, depth)}{where}"

    def assignments(self, table, scope, depth):
        choice = self.random.random()
        by_kind = {kind: name for name, kind in table.columns.items() if name != table.key}
        if choice < 0.2:
            query, _ = self.select(scope, depth, ["int", "text"], plain=True)
            return f"({by_kind['int']}, {by_kind['text']}) = ({query} LIMIT 1)"
        if choice < 0.3:
            return f"({by_kind['int']}, {by_kind['text']}) = ROW({self.i(scope, depth)}, {self.t(scope, depth)})"
        if choice < 0.4:
            return f"{by_kind['int[]']}[{self.i(scope, depth)}] = {self.i(scope, depth)}"
        if choice < 0.5:
            return f"{by_kind['shop.pair']}.second = {self.t(scope, depth)}"
        names = self.random.sample(list(by_kind.items()), self.random.randint(1, 3))
        return ", ".join(f"{name} = {self.pick('DEFAULT', self.expression(scope, kind, depth))}" for kind, name in names)

    def update(self, outer, depth):
        table, text, item = self.target()
        inside = Scope(outer, [item])
        added = ""
        if self.chance(0.4):
            added_text, items = self.from_item(Scope(outer, ctes=outer.ctes), depth, Scope(outer))
            inside.items += [one for one in items if one.alias != item.alias]
            added = f" FROM {added_text}"
        text = f"UPDATE {self.pick('', 'ONLY ')}{text} SET {self.assignments(table, inside, depth)}{added}"
        return text + (f" WHERE {self.b(inside, depth)}" if self.chance(0.7) else ""), inside

    def delete(self, outer, depth):
        _, text, item = self.target()
        inside = Scope(outer, [item])
        added = ""
        if self.chance(0.4):
            added_text, items = self.from_item(Scope(outer, ctes=outer.ctes), depth, Scope(outer))
            inside.items += [one for one in items if one.alias != item.alias]
            added = f" USING {added_text}"
        return (f"DELETE FROM {self.pick('', 'ONLY ')}{text}{added}" +
                (f" WHERE {self.b(inside, depth)}" if self.chance(0.7) else "")), inside

    def merge(self, outer, depth):
        table, text, item = self.target()
        alias = self.name("y")
        query, columns = self.select(Scope(), depth, ["int", "text"])
        source = Item(alias, columns)
        if self.chance(0.4):
            other = self.random.choice([table for table in self.tables if not table.twin])
            query, source = self.written(other), Item(alias, dict(other.columns), other)
        query = f"({query})" if source.table is None else query
        both = Scope(outer, [item, source])
        actions = []
        for _ in range(self.random.randint(1, 2)):
            matched = self.chance(0.6)
            condition = f" AND {self.b(both if matched else Scope(items=[source]), depth - 1)}" if self.chance(0.4) else ""
            if matched:
                action = self.pick("DELETE", "DO NOTHING", f"UPDATE SET {self.assignments(table, both, depth - 1)}")
            else:
                value = self.i(Scope(items=[source]), depth - 1)
                action = self.pick("DO NOTHING", f"INSERT ({table.key}) VALUES ({value})", "INSERT DEFAULT VALUES")
            actions.append(f"WHEN {'' if matched else 'NOT '}MATCHED{condition} THEN {action}")
        return f"MERGE INTO {text} USING {query} {alias} ON {self.b(both, depth)} {' '.join(actions)}", None

    # --- statements around a query

    def wrapped(self, depth):
        query = self.top_select(depth)
        choice = self.random.randrange(9)
        if choice < 3:
            inner = self.pick(query, self.change(depth, Scope()))
            options = self.pick("", "ANALYZE ", "VERBOSE ", "(ANALYZE, COSTS OFF) ", "(VERBOSE, FORMAT json) ")
            if choice == 2:
                return f"EXPLAIN {options}CREATE TABLE {self.name('e')} AS {query}", query
            return f"EXPLAIN {options}{inner}", inner
        inner = query
        if choice == 3:
            inner = self.pick(query, self.change(depth, Scope()))
            return f"COPY ({inner}) TO STDOUT{self.pick('', ' CSV HEADER', ' (FORMAT binary)')}", inner
        if choice == 4:
            kind = self.pick("TABLE", "TEMP TABLE", "UNLOGGED TABLE", "TABLE IF NOT EXISTS", "MATERIALIZED VIEW")
            return f"CREATE {kind} {self.name('n')} AS {query}{self.pick('', ' WITH NO DATA')}", query
        if choice == 5:
            return f"CREATE {self.pick('', 'OR REPLACE ', 'TEMP ')}VIEW {self.name('n')} AS {query}", query
        if choice == 6:
            table = self.random.choice(self.tables)
            alias, item = "x", Item("x", dict(table.columns), table)
            targets = f"{self.i(Scope(items=[item]), depth)} AS o1"
            rest = f" FROM {self.written(table)} {alias} WHERE {self.b(Scope(items=[item]), depth)}"
            into = self.pick("", "TEMP ", "TABLE ", "UNLOGGED ") + self.name("n")
            return f"SELECT {targets} INTO {into}{rest}", f"SELECT {targets}{rest}"
        if choice == 7:
            return f"DECLARE {self.name('d')} {self.pick('', 'BINARY ', 'SCROLL ')}CURSOR FOR {query}", None
        inner = self.pick(query, self.change(depth, Scope()))
        return f"PREPARE {self.name('p')} AS {inner}", inner

    # --- statements that name tables

    def utility(self):
        table, other = self.random.sample([table for table in self.tables if not table.twin], 2)
        t, o = self.written(table), self.written(other)
        key, columns = table.key, table.columns
        i, s = columns_of(columns, "int"), columns_of(columns, "text")
        inside = Scope(items=[Item(table.name, dict(columns), table)])
        new = self.name("n")
        return self.pick(
            f"TRUNCATE {t}, {o}", f"TRUNCATE TABLE ONLY {t} RESTART IDENTITY", f"LOCK TABLE {t}, {o} IN SHARE MODE",
            f"LOCK {t}", f"LOCK TABLE ONLY {t} IN ACCESS SHARE MODE NOWAIT",
            f"COPY {t} TO STDOUT", f"COPY {t} ({i}, {s}) TO STDOUT (FORMAT csv)", f"COPY {t} FROM STDIN",
            f"COPY {t} ({key}, {i}) FROM STDIN WHERE {i} > 1",
            f"ANALYZE {t}", f"ANALYZE {t} ({i}), {o}", f"CLUSTER {t} USING {table.name}_pkey", f"REINDEX TABLE {t}",
            f"CREATE TABLE {new} (LIKE {t} INCLUDING ALL)", f"CREATE TABLE {new} () INHERITS ({t})",
            f"CREATE TABLE {new} (z int REFERENCES {t})", f"CREATE TABLE {new} (z int, FOREIGN KEY (z) REFERENCES {t} ({key}))",
            f"CREATE TABLE {new} PARTITION OF {t} DEFAULT", f"CREATE INDEX ON {t} ({i}, upper({s})) WHERE {i} > 1",
            f"CREATE UNIQUE INDEX {new} ON {t} ({key})", f"ALTER TABLE {t} ADD z int DEFAULT plus_one(1)",
            f"ALTER TABLE {t} ADD FOREIGN KEY ({i}) REFERENCES {o} NOT VALID", f"ALTER TABLE {t} DROP {s}",
            f"ALTER TABLE {t} ADD CHECK (plus_one({i}) > 0)", f"ALTER TABLE {t} ALTER {i} TYPE bigint USING length({s})",
            f"ALTER TABLE {t} INHERIT {o}", f"ALTER TABLE {t} RENAME {s} TO z", f"ALTER TABLE {t} RENAME TO {new}",
            f"ALTER TABLE {t} SET SCHEMA pg_temp", f"ALTER TABLE {t} ENABLE ROW LEVEL SECURITY", f"ALTER TABLE {t} DISABLE TRIGGER ALL",
            f"ALTER TABLE {t} SET (fillfactor = 50)", f"ALTER TABLE {t} ATTACH PARTITION {o} DEFAULT",
            f"DROP TABLE {t}, {o}", f"DROP TABLE IF EXISTS {t} CASCADE", f"COMMENT ON TABLE {t} IS 'x'",
            f"COMMENT ON COLUMN {t}.{i} IS 'x'", f"GRANT SELECT ({i}), UPDATE ON {t} TO PUBLIC", f"REVOKE ALL ON {t}, {o} FROM PUBLIC",
            f"CREATE STATISTICS {new} ON {i}, {s} FROM {t}", f"CREATE POLICY {new} ON {t} USING ({self.b(inside, 1)})",
            f"CREATE RULE {new} AS ON UPDATE TO {t} DO ALSO DELETE FROM {o}",
            f"CREATE TRIGGER {new} BEFORE UPDATE ON {t} FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
            f"CREATE VIEW {new} AS TABLE {t}", f"CREATE SEQUENCE {new} OWNED BY {t}.{i}",
            f"CREATE FUNCTION {new}() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT {i} FROM {t}; END",
            f"CREATE FUNCTION {new}(x {t}) RETURNS {t} LANGUAGE sql AS 'SELECT $1'",
            f"CREATE TYPE {new} AS (z {t})", f"CREATE TABLE {new} (z {t})", f"CREATE TABLE {new} OF {t}",
            f"CREATE FUNCTION {new}(x {t}.{i}%TYPE) RETURNS int LANGUAGE sql AS 'SELECT 1'", f"CALL shop.nothing({self.i(Scope(), 1)})",
            f"CREATE SCHEMA {new} CREATE VIEW v AS SELECT {i} FROM {t}", f"ALTER TABLE {t} OWNER TO CURRENT_USER",
            f"CREATE DOMAIN {new} AS int CHECK (plus_one(VALUE) > 0)", f"EXECUTE {new}", "SHOW ALL", "SET work_mem = '1MB'")


def columns_of(columns, kind):
    """The last column of that type: never the key."""
    return [name for name, its in columns.items() if its == kind][-1]
