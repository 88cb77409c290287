"""A random walk through PostgreSQL's expressions: every construct in which an access can hide.

Texts are meant to be valid on the tables of `schema_sql()`; some are not, and the server says so. Each table has column
names of its own, so that it can be told whose columns a bare name means; the twins share theirs, for USING and NATURAL.
"""
import dataclasses
import random

TABLES = 10
TWINS = 4
TYPES = {"k": "int", "n": "int", "s": "text", "v": "text", "a": "int[]", "j": "jsonb", "c": "shop.pair"}


def schema_sql():
    """The objects that the walk uses. Nothing in them reaches a table that a statement does not name."""
    lines = ["CREATE SCHEMA shop", "CREATE TYPE shop.pair AS (first int, second text)",
             "CREATE TYPE mood AS ENUM ('low', 'high')", "CREATE DOMAIN shop.small AS int CHECK (VALUE < 1000000)",
             "CREATE FUNCTION plus_one(int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN $1 + 1; END'",
             "CREATE FUNCTION shop.twice(int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 2 * $1; END'",
             "CREATE FUNCTION shout(text) RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN upper($1); END'",
             "CREATE FUNCTION some_rows(int) RETURNS TABLE (r1 int, r2 text) LANGUAGE plpgsql AS "
             "'BEGIN RETURN QUERY SELECT 1, ''x''::text; END'",
             "CREATE FUNCTION same(int, int) RETURNS bool LANGUAGE plpgsql AS 'BEGIN RETURN $1 = $2; END'",
             "CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = same)",
             "CREATE AGGREGATE longest (text) (SFUNC = text_larger, STYPE = text)",
             "CREATE PROCEDURE shop.nothing(int) LANGUAGE plpgsql AS 'BEGIN END'"]
    for table in tables():
        columns = ", ".join(f"{name} {kind}" for name, kind in table.columns.items())
        key = next(iter(table.columns))
        lines.append(f"CREATE TABLE {table.schema}.{table.name} ({columns}, PRIMARY KEY ({key}))")
        if not table.twin:
            i = table.name[1:]
            lines.append(f"CREATE FUNCTION row_of_{table.name}({table.schema}.{table.name}) RETURNS text LANGUAGE plpgsql AS "
                         "'BEGIN RETURN $1::text; END'")
            lines.append(f"INSERT INTO {table.schema}.{table.name} SELECT g, g * {int(i) + 1}, 's' || g, 'v' || g % 3, "
                         "ARRAY[g, 2], jsonb_build_object('a', g), ROW(g, 'x')::shop.pair FROM generate_series(1, 5) g")
        else:
            lines.append(f"INSERT INTO {table.schema}.{table.name} SELECT g, 'n' || g, g FROM generate_series(1, 5) g")
    return ";\n".join(lines) + ";\n"


@dataclasses.dataclass
class Table:
    schema: str
    name: str
    columns: dict
    twin: bool = False

    @property
    def key(self):
        return next(iter(self.columns))


def tables():
    found = [Table("shop" if i % 3 == 0 else "public", f"t{i}", {f"{c}{i}": kind for c, kind in TYPES.items()})
             for i in range(TABLES)]
    return found + [Table("public", f"w{i}", {"id": "int", "name": "text", "val": "int"}, True) for i in range(TWINS)]


@dataclasses.dataclass
class Item:
    """Something in FROM: its alias, its columns with their types, and whether a table's own names lead to it too."""
    alias: str
    columns: dict
    table: Table = None
    qualified: bool = False  # schema.table.column works
    hidden: bool = False     # USING merged it: bare names may be ambiguous


@dataclasses.dataclass
class Scope:
    outer: "Scope" = None
    items: list = dataclasses.field(default_factory=list)
    ctes: dict = dataclasses.field(default_factory=dict)  # name → columns
    aggregates: bool = False

    def visible(self):
        level = self
        while level:
            yield from level.items
            level = level.outer

    def all_ctes(self):
        found = {}
        level = self
        while level:
            found = {**level.ctes, **found}
            level = level.outer
        return found


class Expressions:
    """Expressions of a type, over whatever is in sight. Their subqueries come from the class that inherits."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.tables = tables()
        self._names = 0

    def name(self, letter):
        self._names += 1
        return f"{letter}{self._names}_"

    def pick(self, *options):
        return self.random.choice(options)

    def chance(self, share):
        return self.random.random() < share

    def written(self, table):
        bare = table.schema == "public" and self.chance(0.6)
        quoted = f'"{table.name}"' if self.chance(0.1) else table.name
        return quoted if bare else f"{table.schema}.{quoted}"

    # --- expressions

    def column(self, scope, kind):
        """A reference to a column of that type that is in sight, or None."""
        found = [(item, name) for item in scope.visible() for name, its in item.columns.items() if its == kind]
        if not found:
            return None
        item, name = self.random.choice(found)
        forms = [f"{item.alias}.{name}"]
        if not item.hidden and sum(name in other.columns for other in scope.visible()) == 1:
            forms += [name, name]
        if item.qualified:
            forms.append(f"{item.table.schema}.{item.table.name}.{name}")
        if item.table:
            forms.append(f"({item.alias}).{name}")
        return self.random.choice(forms)

    def whole_row(self, scope):
        items = [item for item in scope.visible() if item.table and not item.table.twin]
        return self.random.choice(items) if items else None

    def expression(self, scope, kind, depth):
        if depth <= 0 or self.chance(0.35):
            column = self.column(scope, kind)
            if column and self.chance(0.85):
                return column
            if kind == "bool" and self.chance(0.8):
                return f"{self.i(scope, 0)} {self.pick('=', '<', '===')} {self.i(scope, 0)}"
            return self.literal(kind)
        made = self.random.choice(self._forms[kind])(self, scope, depth - 1)
        return made if made is not None else self.literal(kind)

    def literal(self, kind):
        return {"int": self.pick("1", "2", "-3", "1::int", "'4'::int"), "text": self.pick("'x'", "E'y\\n'", "U&'z'"),
                "bool": self.pick("true", "false"), "int[]": "ARRAY[1, 2]", "jsonb": "'{\"a\": 1}'::jsonb",
                "shop.pair": "ROW(1, 'x')::shop.pair"}[kind]

    def i(self, scope, depth):
        return self.expression(scope, "int", depth)

    def t(self, scope, depth):
        return self.expression(scope, "text", depth)

    def b(self, scope, depth):
        return self.expression(scope, "bool", depth)

    def scalar(self, scope, kind, depth):
        """A subquery of one column and at most one row."""
        text, _ = self.select(scope, depth, [kind], plain=True)
        return f"({text} LIMIT 1)"

    def subquery(self, scope, kind, depth):
        return f"({self.select(scope, depth, [kind])[0]})"

    def aggregate(self, scope, depth):
        inner, _ = self.select(scope, depth, ["int", "text"], plain=True)
        alias = self.name("q")
        call = self.pick("count(*)", f"max({alias}.o1)", f"sum({alias}.o1) FILTER (WHERE {alias}.o1 > 1)", f"count({alias})",
                         f"count(DISTINCT {alias}.o2 ORDER BY {alias}.o2)",
                         f"percentile_disc(0.5) WITHIN GROUP (ORDER BY {alias}.o1)", f"(array_agg({alias}.o1))[1]",
                         f"length(longest({alias}.o2))")
        return f"(SELECT {call} FROM ({inner}) {alias}(o1, o2))::int"

    _int_forms = [
        lambda s, c, d: f"{s.i(c, d)} {s.pick('+', '-', '*', '%')} {s.i(c, d)}",
        lambda s, c, d: f"OPERATOR(pg_catalog.-) {s.i(c, d)}",
        lambda s, c, d: f"plus_one({s.i(c, d)})",
        lambda s, c, d: f"shop.twice({s.i(c, d)})",
        lambda s, c, d: f"length({s.t(c, d)})",
        lambda s, c, d: f"CASE WHEN {s.b(c, d)} THEN {s.i(c, d)} ELSE {s.i(c, d)} END",
        lambda s, c, d: f"CASE {s.i(c, d)} WHEN {s.i(c, d)} THEN {s.i(c, d)} END",
        lambda s, c, d: f"{s.pick('coalesce', 'greatest', 'least', 'nullif')}({s.i(c, d)}, {s.i(c, d)})",
        lambda s, c, d: s.scalar(c, "int", d),
        lambda s, c, d: s.aggregate(c, d),
        lambda s, c, d: f"({s.expression(c, 'int[]', d)})[{s.i(c, d)}]",
        lambda s, c, d: f"({s.expression(c, 'shop.pair', d)}).first",
        lambda s, c, d: f"CAST({s.i(c, d)} AS {s.pick('bigint', 'shop.small', 'numeric(10, 2)', 'int')})::int",
        lambda s, c, d: f"extract(epoch FROM now() - {s.pick('current_date', 'localtimestamp')})::int",
        lambda s, c, d: f"(ARRAY{s.subquery(c, 'int', d)})[1]",
        lambda s, c, d: f"position({s.t(c, d)} IN {s.t(c, d)})",
        lambda s, c, d: f"(SELECT n FROM generate_series(1, {s.i(c, d)}) n LIMIT 1)",
        lambda s, c, d: f"(ROW({s.i(c, d)}, {s.t(c, d)})::shop.pair).first",
        lambda s, c, d: f"array_length({s.expression(c, 'int[]', d)} || {s.i(c, d)}, 1)",
    ]

    def _of_row(self, scope, _depth):
        item = self.whole_row(scope)
        if item is None:
            return None
        forms = [f"{item.alias}::text", f"row_to_json({item.alias})::text", f"concat({item.alias}.*)", f"format('%s', {item.alias})",
                 f"to_jsonb({item.alias}.*)::text", f"CAST(ROW({item.alias}.*) AS text)", f"ROW({item.alias})::text",
                 f"{item.alias}.*::text", f"(SELECT x FROM (SELECT {item.alias}) x)::text",
                 f"array_to_string(ARRAY[{item.alias}::text], ',')"]
        if item.table:
            forms += [f"row_of_{item.table.name}({item.alias})", f"{item.alias}.row_of_{item.table.name}",
                      f"({item.alias}).row_of_{item.table.name}"]
        return self.random.choice(forms)

    _text_forms = [
        lambda s, c, d: f"{s.t(c, d)} || {s.t(c, d)}",
        lambda s, c, d: f"{s.pick('upper', 'shout', 'md5', 'public.shout')}({s.t(c, d)})",
        lambda s, c, d: f"{s.i(c, d)}::text",
        lambda s, c, d: f"substring({s.t(c, d)} FROM 1 FOR {s.i(c, d)})",
        lambda s, c, d: f"overlay({s.t(c, d)} PLACING {s.t(c, d)} FROM 1)",
        lambda s, c, d: f"trim(both from {s.t(c, d)})",
        lambda s, c, d: f"{s.expression(c, 'jsonb', d)} ->> 'a'",
        lambda s, c, d: f"({s.expression(c, 'shop.pair', d)}).second",
        lambda s, c, d: f"{s.t(c, d)} COLLATE \"C\"",
        lambda s, c, d: f"coalesce({s.t(c, d)}, {s.t(c, d)})",
        lambda s, c, d: f"CASE WHEN {s.b(c, d)} THEN {s.t(c, d)} END",
        lambda s, c, d: s.scalar(c, "text", d),
        lambda s, c, d: f"(SELECT string_agg(q::text, ',' ORDER BY q) FROM {s.subquery(c, 'text', d)} q)",
        lambda s, c, d: f"xmlelement(name x, xmlattributes({s.t(c, d)} AS y))::text",
        lambda s, c, d: f"'{s.pick('low', 'high')}'::mood::text",
        lambda s, c, d: f"(VALUES ({s.t(c, d)}) LIMIT 1)",
        _of_row, _of_row,
    ]

    def _rows_equal(self, scope, depth):
        item = self.whole_row(scope)
        if item is None or depth < 1:
            return None
        return self.pick(f"{item.alias} IS NULL", f"{item.alias} = {item.alias}", f"{item.alias}.* IS NOT NULL",
                         f"{item.alias} IN (SELECT x FROM {self.written(item.table)} x)", f"{item.alias} IS DISTINCT FROM NULL",
                         f"ROW({item.alias}.*) = ROW({item.alias}.*)",
                         f"EXISTS (TABLE {self.written(item.table)} EXCEPT SELECT {item.alias}.*)")

    _bool_forms = [
        lambda s, c, d: f"{s.i(c, d)} {s.pick('=', '<', '>=', '<>', '===')} {s.i(c, d)}",
        lambda s, c, d: f"{s.t(c, d)} {s.pick('=', 'LIKE', '~', 'SIMILAR TO', 'NOT ILIKE', '^@')} {s.t(c, d)}",
        lambda s, c, d: f"({s.b(c, d)} {s.pick('AND', 'OR')} {s.b(c, d)})",
        lambda s, c, d: f"NOT ({s.b(c, d)})",
        lambda s, c, d: f"{s.i(c, d)} IS {s.pick('', 'NOT ')}DISTINCT FROM {s.i(c, d)}",
        lambda s, c, d: f"{s.t(c, d)} IS NOT NULL",
        lambda s, c, d: f"{s.i(c, d)} BETWEEN SYMMETRIC {s.i(c, d)} AND {s.i(c, d)}",
        lambda s, c, d: f"{s.i(c, d)} {s.pick('', 'NOT ')}IN {s.subquery(c, 'int', d)}",
        lambda s, c, d: f"{s.i(c, d)} IN ({s.i(c, d)}, {s.i(c, d)})",
        lambda s, c, d: f"{s.i(c, d)} {s.pick('= ANY', '< ALL', '=== SOME')} {s.subquery(c, 'int', d)}",
        lambda s, c, d: f"{s.i(c, d)} = ANY ({s.expression(c, 'int[]', d)})",
        lambda s, c, d: f"EXISTS {s.subquery(c, 'int', d)}",
        lambda s, c, d: f"({s.i(c, d)}, {s.t(c, d)}) {s.pick('=', '<', '<>')} ({s.select(c, d, ['int', 'text'], plain=True)[0]} LIMIT 1)",
        lambda s, c, d: f"({s.i(c, d)}, {s.i(c, d)}) IN ({s.select(c, d, ['int', 'int'])[0]})",
        lambda s, c, d: f"{s.expression(c, 'jsonb', d)} {s.pick('@>', '?&', '->')} "
                        f"{s.pick(s.literal('jsonb'), 'ARRAY[' + s.t(c, d) + ']')} IS NULL",
        lambda s, c, d: f"(date '2020-01-01', date '2021-01-01') OVERLAPS (current_date, interval '{s.pick(1, 2)} day')",
        _rows_equal,
    ]

    def _array(self, scope, depth):
        return self.pick(f"ARRAY[{self.i(scope, depth)}]", f"ARRAY{self.subquery(scope, 'int', depth)}",
                         f"({self.expression(scope, 'int[]', depth)})[1:{self.i(scope, depth)}]")

    _jsonb_forms = [lambda s, c, d: f"jsonb_build_object({s.t(c, d)}, {s.i(c, d)})",
                    lambda s, c, d: f"to_jsonb({s.t(c, d)})"]
    _pair_forms = [lambda s, c, d: f"ROW({s.i(c, d)}, {s.t(c, d)})::shop.pair"]
    _forms = {"int": _int_forms, "text": _text_forms, "bool": _bool_forms, "int[]": [_array], "jsonb": _jsonb_forms,
              "shop.pair": _pair_forms}
