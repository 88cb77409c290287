"""A random walk through PostgreSQL's queries: FROM items, joins, WITH, set operations, grouping."""
from walk_expressions import Expressions, Item, Scope


class Queries(Expressions):
    """Queries over the tables of the walk; walk_statements.py makes statements of them."""

    def table_item(self, scope, twin=False):
        table = self.random.choice([table for table in self.tables if table.twin == twin])
        text = self.pick("", "", "", "ONLY ") + self.written(table)
        columns = dict(table.columns)
        taken = {item.alias for item in scope.items}
        if self.chance(0.3) and table.name not in taken:
            item = Item(table.name, columns, table, qualified=True)
        else:
            # Sometimes an alias that looks like another table.
            alias = self.random.choice(self.tables).name if self.chance(0.15) else self.name("x")
            alias = self.name("x") if alias in taken else alias
            text += f" {self.pick('AS ', '')}{alias}"
            if self.chance(0.1):
                renamed = [self.name("c") for _ in range(self.random.randint(1, len(columns)))]
                text += f"({', '.join(renamed)})"
                columns = dict(zip([*renamed, *list(columns)[len(renamed):]], columns.values()))
                table = None
            item = Item(alias, columns, table)
        if self.chance(0.08):
            text += f" TABLESAMPLE {self.pick('bernoulli', 'system', 'pg_catalog.bernoulli')} ({self.pick('50', '40 + 2')})"
        return text, item

    def from_item(self, scope, depth, seen):
        """One item and what it adds to the scope. `seen`: the scope that LATERAL items and functions may use."""
        choice = self.random.random()
        ctes = scope.all_ctes()
        if ctes and choice < 0.3:
            name = self.random.choice(list(ctes))
            alias = self.name("x")
            return f"{name} {alias}", [Item(alias, ctes[name])]
        if depth <= 0 or choice < 0.5:
            text, item = self.table_item(scope)
            return text, [item]
        alias = self.name("x")
        if choice < 0.62:
            lateral = self.chance(0.5)
            inside = seen if lateral else Scope(scope.outer, ctes=scope.ctes)
            kinds = [self.pick("int", "text") for _ in range(self.random.randint(1, 3))]
            text, columns = self.select(inside, depth - 1, kinds, named=self.chance(0.6))
            if self.chance(0.4) or not columns:
                columns = {self.name("c"): kind for kind in kinds}
                alias_columns = f"({', '.join(columns)})"
            else:
                alias_columns = ""
            return f"{'LATERAL ' if lateral else ''}({text}) {alias}{alias_columns}", [Item(alias, columns)]
        if choice < 0.78:
            return self.function_item(seen, depth - 1, alias)
        return self.join(scope, depth - 1, seen)

    def function_item(self, seen, depth, alias):
        i, t = (lambda: self.i(seen, depth)), (lambda: self.t(seen, depth))
        forms = [
            (lambda: f"generate_series(1, {i()}) {alias}", {alias: "int"}),
            (lambda: f"generate_series(1, {i()}) AS {alias}(g)", {"g": "int"}),
            (lambda: f"some_rows({i()}) {alias}", {"r1": "int", "r2": "text"}),
            (lambda: f"some_rows({i()}) WITH ORDINALITY {alias}(e, f, g)", {"e": "int", "f": "text"}),
            (lambda: f"ROWS FROM (some_rows({i()}), generate_series(1, 2)) {alias}(e, f, g)",
             {"e": "int", "f": "text", "g": "int"}),
            (lambda: f"unnest({self.expression(seen, 'int[]', depth)}, ARRAY[{t()}]) {alias}(e, f)",
             {"e": "int", "f": "text"}),
            (lambda: f"jsonb_to_recordset(jsonb_build_array({self.expression(seen, 'jsonb', depth)})) AS "
                     f"{alias}(a int, b text)", {"a": "int", "b": "text"}),
            (lambda: f"plus_one({i()}) {alias}", {alias: "int"}),
            (lambda: f"(VALUES ({i()}, {t()}), (1, 'x')) {alias}(e, f)", {"e": "int", "f": "text"}),
            (lambda: f"xmltable('/a' PASSING ('<a>' || {t()} || '</a>')::xml COLUMNS e int PATH '@b' DEFAULT {i()}, "
                     f"f text) {alias}", {"e": "int", "f": "text"}),
            (lambda: f"CAST({t()} AS text) {alias}(f)", {"f": "text"}),
        ]
        make, columns = self.random.choice(forms)
        text = make()
        if alias in columns:
            return text, [Item(alias, columns, hidden=True)]
        lateral = "LATERAL " if not text.startswith("(") and self.chance(0.2) else ""
        return lateral + text, [Item(alias, columns)]

    def join(self, scope, depth, seen):
        kind = self.pick("JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "INNER JOIN")
        if self.chance(0.4):
            left, one = self.table_item(scope, twin=True)
            right, two = self.table_item(Scope(items=[*scope.items, one]), twin=True)
            one.hidden = two.hidden = True
            if self.chance(0.4):
                return f"({left} NATURAL {kind} {right})", [one, two]
            columns = self.pick("id", "id, name", "name")
            alias = f" AS {self.name('u')}" if self.chance(0.3) else ""
            return f"({left} {kind} {right} USING ({columns}){alias})", [one, two]
        left, ones = self.from_item(scope, depth, seen)
        here = Scope(scope.outer, [*scope.items, *ones], scope.ctes)
        lateral = Scope(seen, ones) if kind in ("JOIN", "LEFT JOIN", "INNER JOIN") else Scope(scope.outer)
        right, twos = self.from_item(here, depth, lateral)
        both = [*ones, *twos]
        if self.chance(0.1):
            return f"({left} CROSS JOIN {right})", both
        if kind == "FULL JOIN":
            return f"({left} {kind} {right} ON true)", both
        condition = self.b(Scope(Scope(seen.outer, ctes=scope.ctes), both), depth)
        if self.chance(0.15):
            alias = self.name("z")
            columns = {name: kind for item in both for name, kind in item.columns.items()}
            unique = len(columns) == sum(len(item.columns) for item in both)
            return f"({left} {kind} {right} ON {condition}) AS {alias}", [Item(alias, columns if unique else {})]
        return f"({left} {kind} {right} ON {condition})", both

    def with_clause(self, scope, depth):
        """A WITH clause whose queries `scope` will see; empty most of the time."""
        if depth < 1 or not self.chance(0.25):
            return ""
        parts = []
        recursive = self.chance(0.25)
        for _ in range(self.random.randint(1, 2)):
            # Sometimes named like a table, which it hides.
            name = self.random.choice(self.tables).name if self.chance(0.2) else self.name("w")
            if name in scope.ctes:
                continue
            if recursive and self.chance(0.6):
                start, _ = self.select(Scope(ctes=scope.all_ctes()), depth - 1, ["int", "int"], plain=True)
                again = self.pick(f"SELECT {name}.e + 1, f FROM {name} WHERE {name}.e < 3",
                                  f"SELECT f, {name}.e FROM {name} WHERE f < 2",
                                  f"SELECT x.b, x.a FROM (SELECT e, f FROM {name}) x(a, b) WHERE x.a < 2",
                                  f"SELECT * FROM {name} WHERE false")
                text = f"{name}(e, f) AS (({start} LIMIT 2) {self.pick('UNION ALL', 'UNION')} {again})"
                text += self.pick("", "", " SEARCH DEPTH FIRST BY e SET o", " CYCLE e SET m USING p")
                columns = {"e": "int", "f": "int"}
            else:
                kinds = [self.pick("int", "text") for _ in range(self.random.randint(1, 3))]
                query, columns = self.cte_query(Scope(ctes=scope.all_ctes()), depth - 1, kinds)
                text = f"{name} AS {self.pick('', '', 'MATERIALIZED ', 'NOT MATERIALIZED ')}({query})"
            parts.append(text)
            scope.ctes[name] = columns
        if not parts:
            return ""
        return f"WITH {'RECURSIVE ' if recursive else ''}{', '.join(parts)} "

    def cte_query(self, scope, depth, kinds):
        return self.select(scope, depth, kinds)

    def select(self, outer, depth, kinds, plain=False, named=True):
        """A SELECT with columns of these types; returns its text and its columns by name. `plain`: nothing behind it that
        a LIMIT could not follow. Without `named` nobody says what the columns are called, and none are returned."""
        if depth > 0 and not plain and self.chance(0.12):
            return self.set_operation(outer, depth, kinds)
        if depth > 0 and self.chance(0.1):
            return self.grouped(outer, depth, kinds)
        if not plain and self.chance(0.04):
            values = ", ".join(self.expression(outer, kind, depth - 1) for kind in kinds)
            return f"VALUES ({values})", {f"column{i + 1}": kind for i, kind in enumerate(kinds)}
        scope = Scope(outer)
        head = self.with_clause(scope, depth)
        items, lateral = [], Scope(outer, ctes=scope.ctes)
        for _ in range(self.pick(1, 1, 1, 2, 2, 3) if depth > 0 else 1):
            text, added = self.from_item(scope, depth - 1, lateral)
            items.append(text)
            scope.items += added
            lateral.items += added
        columns = {self.name("o"): kind for kind in kinds}
        targets = [self.expression(scope, kind, depth) + (f" AS {name}" if named else "") for name, kind in columns.items()]
        where = f" WHERE {self.b(scope, depth)}" if self.chance(0.6) else ""
        tail = "" if plain or not named else self.tail(scope, columns, depth)
        distinct = "DISTINCT " if not tail and not plain and self.chance(0.08) else ""
        return f"{head}SELECT {distinct}{', '.join(targets)} FROM {', '.join(items)}{where}{tail}", columns if named else {}

    def grouped(self, outer, depth, kinds):
        """A SELECT with GROUP BY, HAVING and window functions."""
        scope = Scope(outer)
        text, scope.items = self.from_item(scope, depth - 1, Scope(outer))
        group = self.column(Scope(items=scope.items), self.pick("int", "text")) or "1"
        i, t = self.i(scope, depth - 1), self.t(scope, depth - 1)
        values = {"int": [f"count(*) FILTER (WHERE {self.b(scope, depth - 1)})", f"max({i})::int", f"count(DISTINCT {t})",
                          f"(sum(count({i})) OVER (PARTITION BY min({t}) ORDER BY max({i})))::int",
                          f"(percentile_disc(0.5) WITHIN GROUP (ORDER BY {i}))::int", f"row_number() OVER w",
                          f"regr_count({i}, 1)"],
                  "text": [f"max({t})", f"string_agg({t}, ',' ORDER BY {i})", f"longest({t})", f"min({i})::text"]}
        columns = {self.name("o"): kind for kind in kinds}
        targets = [f"{self.random.choice(values.get(kind) or [self.literal(kind)])} AS {name}" for name, kind in columns.items()]
        by = self.pick(group, f"ROLLUP ({group})", f"GROUPING SETS (({group}), ())", f"CUBE ({group})", f"DISTINCT {group}")
        having = f" HAVING max({i}) > {self.scalar(scope.outer or Scope(), 'int', 0)}" if self.chance(0.4) else ""
        return (f"SELECT {', '.join(targets)} FROM {text} GROUP BY {by}{having} "
                f"WINDOW w AS (ORDER BY max({t}) ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)"), columns

    def set_operation(self, outer, depth, kinds):
        left, columns = self.select(outer, depth - 1, kinds, plain=True)
        right, _ = self.select(outer, depth - 1, kinds, plain=True)
        operation = self.pick("UNION", "UNION ALL", "INTERSECT", "EXCEPT", "EXCEPT ALL")
        order = f" ORDER BY {self.pick('1', next(iter(columns)))}" if self.chance(0.3) else ""
        if left.startswith("WITH") or right.startswith("WITH"):
            left, right = f"({left})", f"({right})"
        return f"{left} {operation} {right}{order}", columns

    def tail(self, scope, columns, depth):
        """ORDER BY, LIMIT, FOR UPDATE, WINDOW."""
        text = ""
        if self.chance(0.3):
            by = self.pick("1", next(iter(columns)), self.expression(scope, self.pick("int", "text"), depth - 1))
            if by.lstrip("(-'EU").startswith(tuple("0123456789")) or by[0] in "'EU-(":
                by = "1"
            text += f" ORDER BY {by}{self.pick('', ' DESC', ' USING <', ' NULLS FIRST')}"
        if self.chance(0.2):
            text += f" LIMIT {self.pick('3', 'ALL', '1 + 1', self.scalar(Scope(), 'int', 0))}"
        own = [item for item in scope.items if item.table]
        if own and self.chance(0.07):
            of = f" OF {self.random.choice(own).alias}" if self.chance(0.5) else ""
            text += f" FOR {self.pick('UPDATE', 'SHARE', 'NO KEY UPDATE', 'KEY SHARE')}{of}"
        return text
