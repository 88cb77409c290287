#!/usr/bin/env python3
"""Reads PostgreSQL's node headers and prints, for every node struct, the fields that point to other nodes.

The walker visits children through this table, so that no field of any node can be forgotten: what the headers declare
is what is walked. Usage: node_fields.py SERVER_INCLUDE_DIR > node_fields.inc
"""
import pathlib
import re
import sys

HEADERS = ["nodes/value.h", "nodes/primnodes.h", "nodes/parsenodes.h"]
STRUCT = re.compile(r"(?:typedef )?struct (\w+)\s*\{(.*?)\n\}\s*(?:\1)?;", re.S)
FIELD = re.compile(r"^\s*(?:const\s+)?(?:struct\s+)?(\w+)\s+(\*?)\s*(\w+)\s*;", re.M)
COMMENT = re.compile(r"/\*.*?\*/", re.S)
UNION = re.compile(r"union \w+\s*\{.*?\}\s*\w+;", re.S)
# Abstract, or only ever a base.
NOT_NODES = {"Expr"}


def main():
    include = pathlib.Path(sys.argv[1])
    structs = {}
    for header in HEADERS:
        text = COMMENT.sub("", (include / header).read_text(encoding="utf-8"))
        for name, body in STRUCT.findall(text):
            # A_Const keeps its value inline: a leaf.
            structs[name] = FIELD.findall(UNION.sub("", body))
    nodes = set()
    for name, fields in structs.items():
        if fields and name not in NOT_NODES and fields[0][0] in ("NodeTag", "Expr") and not fields[0][1]:
            nodes.add(name)
    for name, fields in structs.items():  # structs that extend another node
        if fields and fields[0][0] in nodes and not fields[0][1]:
            nodes.add(name)
    pointers = nodes | {"Node", "Expr", "List"}

    def children(name, prefix=""):
        result = []
        for position, (kind, star, field) in enumerate(structs[name]):
            if star and kind in pointers:
                result.append(prefix + field)
            elif position == 0 and kind in nodes:
                result.extend(children(kind, field + "."))
        return result

    print("// Made by node_fields.py from PostgreSQL's headers.")
    for name in sorted(nodes):
        fields = children(name)
        print(f"NODE_BEGIN({name})")
        for field in fields:
            print(f"NODE_CHILD({name}, {field})")
        print(f"NODE_END({name})")
    if len(nodes) < 200:
        sys.exit("node_fields.py: too few nodes; the headers have another shape")


if __name__ == "__main__":
    main()
