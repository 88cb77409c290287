"""What a statement touches, read off the parse tree that PostgreSQL prints with debug_print_parse.

The tree is the server's own analysis of the text: every relation of every range table with the privileges that
executing it needs, column by column (RangeTblEntry.requiredPerms, selectedCols, insertedCols, updatedCols), every
function and operator by OID. Views are not expanded in it yet, so that it holds what the text itself names.
"""
import dataclasses
import re

import lineage

INSERT, SELECT, UPDATE, DELETE = 1, 2, 4, 8  # AclMode bits (PostgreSQL's nodes/parsenodes.h)
FIRST_ATTRIBUTE = -7                         # FirstLowInvalidHeapAttributeNumber: where column bitmaps start
EXPLICIT_CALL, EXPLICIT_CAST, IMPLICIT_CAST, SQL_SYNTAX = range(4)  # CoercionForm

_COLUMNS = r":selectedCols \(b([\d ]*)\) :insertedCols \(b([\d ]*)\) :updatedCols \(b([\d ]*)\)"
_RELATION = re.compile(r":rtekind 0 :relid (\d+) :relkind (\S) :rellockmode \d+ :tablesample ")
_RIGHTS = re.compile(r":requiredPerms (\d+) :checkAsUser \d+ " + _COLUMNS)
_FUNCTION = re.compile(r"\{FUNCEXPR :funcid (\d+) :funcresulttype (\d+) :funcretset \S+ :funcvariadic \S+ :funcformat (\d)")
_OTHER_FUNCTION = re.compile(r"\{(?:AGGREF :aggfnoid|WINDOWFUNC :winfnoid|TABLESAMPLECLAUSE :tsmhandler) (\d+)")
_OPERATOR = re.compile(r"\{(OPEXPR|DISTINCTEXPR|NULLIFEXPR|SCALARARRAYOPEXPR) :opno (\d+)")
_CAST = re.compile(r":resulttype (\d+)(?: :resulttypmod -?\d+)?(?: :resultcollid \d+)? "
                   r":(?:coerceformat|relabelformat|coercionformat|convertformat) (\d)")


@dataclasses.dataclass
class Access:
    """How one relation is touched. Columns are attribute numbers; 0 stands for the whole row."""
    rights: int = 0
    selected: set = dataclasses.field(default_factory=set)
    inserted: set = dataclasses.field(default_factory=set)
    updated: set = dataclasses.field(default_factory=set)


@dataclasses.dataclass
class Truth:
    """OIDs of what one statement names."""
    relations: dict = dataclasses.field(default_factory=dict)  # OID → Access
    functions: set = dataclasses.field(default_factory=set)    # called by name
    operators: set = dataclasses.field(default_factory=set)
    casts: set = dataclasses.field(default_factory=set)        # types cast to explicitly
    values: set = dataclasses.field(default_factory=set)       # (relation, column) not just put out
    implicit: set = dataclasses.field(default_factory=set)     # functions of casts that nobody wrote


def is_utility(tree):
    """Whether the tree is the empty shell of a utility statement: its query, if any, is in another tree."""
    return ":utilityStmt ?" in tree[:200]


def _columns(text):
    return {int(bit) + FIRST_ATTRIBUTE for bit in text.split()}


def _end_of_node(tree, start):
    """The position behind the node that begins at `start`."""
    if tree[start] != "{":
        return start
    depth, at = 0, start
    while True:
        char = tree[at]
        if char == "\\":
            at += 1
        elif char == "{":
            depth += 1
        elif char == "}":
            depth -= 1
            if depth == 0:
                return at + 1
        at += 1


def read(tree):
    """The Truth of one printed tree. Raises ValueError for a range table entry that does not read as expected."""
    tree = tree.replace("\n", " ")  # the server breaks lines at spaces, escaped ones too
    truth = Truth()
    for match in _RELATION.finditer(tree):
        rights = _RIGHTS.search(tree, _end_of_node(tree, match.end()))
        if not rights:
            raise ValueError("a range table entry without rights")
        needed = int(rights[1])
        if needed == 0:
            continue  # EXCLUDED of ON CONFLICT: the new row, no stored one
        access = truth.relations.setdefault(int(match[1]), Access())
        access.rights |= needed
        access.selected |= _columns(rights[2])
        access.inserted |= _columns(rights[3])
        access.updated |= _columns(rights[4])
    for oid, result, form in _FUNCTION.findall(tree):
        if int(form) in (EXPLICIT_CALL, SQL_SYNTAX):
            truth.functions.add(int(oid))
        elif int(form) == EXPLICIT_CAST:
            truth.casts.add(int(result))
        else:
            truth.implicit.add(int(oid))
    truth.functions |= {int(oid) for oid in _OTHER_FUNCTION.findall(tree)}
    truth.operators |= {int(oid) for _, oid in _OPERATOR.findall(tree)}
    truth.casts |= {int(result) for result, form in _CAST.findall(tree) if int(form) == EXPLICIT_CAST}
    truth.values = lineage.Values(tree).found
    return truth
