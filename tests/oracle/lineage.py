"""Which columns a statement computes with, compares, orders by or stores, instead of only putting them out.

Read off PostgreSQL's parse tree. A column that only passes through, by subqueries, WITH, joins and UNION ALL, is put out;
anything that happens to it on the way makes it a value. Only what is certain is demanded: where this reading cannot
follow a column, it says nothing.
"""
import re

_TOKEN = re.compile(r"[{}()]|(?:\\.|[^\s{}()\\])+", re.S)
_SELECT, _UNION = "1", "1"
_ROW_SUBLINKS = {"1", "2", "3"}  # ALL, ANY, row comparison: their rows are compared


class Node(dict):
    """One node: its fields by name. `kind` is its type."""

    def __init__(self, kind):
        super().__init__()
        self.kind = kind


def parse(tree):
    """Nodes, lists and words of a printed tree."""
    stack, current = [], []
    for token in _TOKEN.findall(tree):
        if token in "{(":
            stack.append((token, current))
            current = []
        elif token in "})":
            opened, outer = stack.pop()
            outer.append(_node(current) if opened == "{" else current)
            current = outer
        else:
            current.append(token)
    return current[0]


def _node(parts):
    node = Node(parts[0])
    at = 1
    while at < len(parts):
        end = at + 1
        while end < len(parts) and not (isinstance(parts[end], str) and parts[end][0] == ":"):
            end += 1
        values = parts[at + 1:end]
        node[parts[at][1:]] = values[0] if len(values) == 1 else values
        at = end
    return node


def _children(part):
    values = part.values() if isinstance(part, Node) else part
    return [value for value in values if isinstance(value, (Node, list))]


def _nodes(part):
    return [one for one in part if isinstance(one, Node)] if isinstance(part, list) else []


class Values:
    """Collects {(relation OID, attribute number)} of one statement."""

    def __init__(self, tree):
        self.found = set()
        self._seen = set()
        self._query(parse(tree), [])

    def _query(self, query, outer):
        """A query and everything in it, with the queries around it, innermost last."""
        levels = [*outer, query]
        written = query["commandType"] != _SELECT
        for target in _nodes(query["targetList"]):
            compared = target["ressortgroupref"] != "0"
            self._expression(target["expr"], levels, written or compared)
        for target in _nodes(query["returningList"]):
            self._expression(target["expr"], levels, False)
        for field in ("jointree", "havingQual", "onConflict", "limitOffset", "limitCount", "mergeActionList", "windowClause"):
            self._walk(query[field], levels)
        self._arms(query["setOperations"], query, levels)
        for entry in _nodes(query["rtable"]):
            if entry["rtekind"] == "1":
                self._query(entry["subquery"], levels)
            elif entry["rtekind"] in "345":  # functions, XMLTABLE, VALUES; not the columns that a join merges
                self._walk(entry, levels)
            elif entry["rtekind"] == "0" and isinstance(entry["tablesample"], Node):
                self._walk(entry["tablesample"], levels)
        for cte in _nodes(query["cteList"]):
            self._query(cte["ctequery"], levels)

    def _arms(self, part, query, levels):
        """UNION without ALL, INTERSECT and EXCEPT compare the rows of both sides."""
        if not isinstance(part, Node) or part.kind != "SETOPERATIONSTMT":
            return
        compared = part["op"] != _UNION or part["all"] != "true"
        for side in (part["larg"], part["rarg"]):
            if side.kind == "RANGETBLREF" and compared:
                self._outputs(_nodes(query["rtable"])[int(side["rtindex"]) - 1]["subquery"], levels)
            self._arms(side, query, levels)

    def _outputs(self, query, outer):
        """All output columns of a query are values."""
        for target in _nodes(query["targetList"]):
            if target["resjunk"] == "false":
                self._expression(target["expr"], [*outer, query], True)

    def _expression(self, expression, levels, value):
        """An expression that stands as an output: a bare column is only put out, unless `value`."""
        if expression.kind == "VAR":
            if value:
                self._var(expression, levels)
        else:
            self._walk(expression, levels)

    def _walk(self, part, levels):
        """Every column in here is a value."""
        if isinstance(part, Node):
            if part.kind == "VAR":
                return self._var(part, levels)
            if part.kind == "QUERY":
                return self._query(part, levels)
            if part.kind in ("FIELDSTORE", "SUBSCRIPTINGREF") and part.get("refassgnexpr") != "<>":
                return self._stored(part, levels)
            if part.kind == "SUBLINK" and part["subLinkType"] in _ROW_SUBLINKS:
                self._outputs(part["subselect"], levels)
        elif not isinstance(part, list):
            return None
        for child in _children(part):
            self._walk(child, levels)
        return None

    def _stored(self, part, levels):
        """SET a[i] = x, c.f = x: the column that is changed in part goes back to where it was."""
        for field, child in part.items():
            if field not in ("arg", "refexpr"):
                self._walk(child, levels)
            elif isinstance(child, Node) and child.kind != "VAR":
                self._walk(child, levels)

    def _var(self, var, levels):
        up = int(var["varlevelsup"])
        if up >= len(levels) or int(var["varno"]) < 1:
            return
        at = levels[:len(levels) - up]
        key = (id(at[-1]), var["varno"], var["varattno"])
        if key not in self._seen:
            self._seen.add(key)
            self._column(_nodes(at[-1]["rtable"])[int(var["varno"]) - 1], int(var["varattno"]), at)

    def _column(self, entry, number, levels):
        kind = entry["rtekind"]
        if kind == "0":
            if entry["relkind"] != "c":  # EXCLUDED: the new row, no stored one
                self.found.add((int(entry["relid"]), number))
        elif kind == "1" and number > 0:
            self._output_of(entry["subquery"], number, levels)
        elif kind == "2" and number > 0:
            self._expression(_nodes(entry["joinaliasvars"])[number - 1], levels, True)
        elif kind == "6" and number > 0:
            up = int(entry["ctelevelsup"])
            for cte in _nodes(levels[len(levels) - 1 - up]["cteList"]):
                if cte["ctename"] == entry["ctename"]:
                    self._output_of(cte["ctequery"], number, levels[:len(levels) - up])

    def _output_of(self, query, number, outer):
        if isinstance(query["setOperations"], Node):
            return self._output_of_arms(query["setOperations"], query, number, outer)
        listed = query["targetList" if query["commandType"] == _SELECT else "returningList"]
        for target in _nodes(listed):
            if int(target["resno"]) == number and target["expr"].kind == "VAR":
                self._var(target["expr"], [*outer, query])
        return None

    def _output_of_arms(self, part, query, number, outer):
        if part.kind == "RANGETBLREF":
            entry = _nodes(query["rtable"])[int(part["rtindex"]) - 1]
            key = (id(entry), number)
            if key not in self._seen:
                self._seen.add(key)
                self._output_of(entry["subquery"], number, [*outer, query])
            return
        self._output_of_arms(part["larg"], query, number, outer)
        self._output_of_arms(part["rarg"], query, number, outer)
