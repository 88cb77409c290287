#!/usr/bin/env python3
"""The tables of docs/configuration.md have every key of config/schema.json, and the defaults that it says."""
import json
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "config/schema.json").read_text(encoding="utf-8"))
PAGE = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
SIBLING = re.compile(r"_(file|env|credential)$")  # of a secret: described together


def resolved(node):
    """A node with what it refers to; what it says itself wins."""
    while "$ref" in node:
        target = SCHEMA
        for part in node["$ref"].split("/")[1:]:
            target = target[part]
        node = {**target, **{key: value for key, value in node.items() if key != "$ref"}}
    return node


def keys(node, path=""):
    """(key with dots, node) of everything below that is no list and no map of names that people choose."""
    for name, below in resolved(node).get("properties", {}).items():
        key = f"{path}.{name}" if path else name
        below = resolved(below)
        yield key, below
        yield from keys(below, key)


def rows(text):
    """(keys, defaults) of the tables: a key that begins with a dot goes on with the room of the one before."""
    for line in text.splitlines():
        cells = line.strip("| ").split(" | ")
        if not line.startswith("| `") or len(cells) < 3:
            continue
        names, room = [], ""
        for name in re.findall(r"`([\w.\[\]]+)`", cells[0]):
            name = room + name if name.startswith(".") else name
            room = name.rpartition(".")[0]
            names.append(name.replace("[]", ""))
        said = [part.strip().strip("`") for part in cells[1].split(", ")]
        yield names, said


def tables(start, end):
    return PAGE[PAGE.index(start):PAGE.index(end)]


class Page(unittest.TestCase):
    TOP = dict(item for names, said in rows(tables("## Keys", "A **provider**")) for item in zip(names, said * len(names) if len(said) == 1 else said))
    TARGET = dict(item for names, said in rows(tables("A **target** is", "## The identity store")) for item in
                  zip(names, said * len(names) if len(said) == 1 else said))

    def compare(self, described, schema, left_out=()):
        known = {key: node for key, node in keys(schema) if not SIBLING.search(key) or key in described}
        for key, node in known.items():
            if key.startswith(tuple(left_out)):
                continue
            with self.subTest(key=key):
                covered = key in described or any(other.startswith(f"{key}.") for other in described) or \
                    any(key.startswith(f"{other}.") for other in described)
                self.assertTrue(covered, "is not on the page")
                if key in described and "default" in node and node["default"] != {}:
                    self.assertEqual(self.plain(described[key]), self.plain(node["default"]))
        for key in described:
            with self.subTest(key=key):
                self.assertTrue(key in known or f"{key}_file" in dict(keys(schema)), "is no key")

    @staticmethod
    def plain(value):
        """As the page writes it; what it says behind a semicolon is about other cases."""
        text = f"[{', '.join(value)}]" if isinstance(value, list) else str(value).lower().partition(";")[0].strip("`")
        return "0" if re.fullmatch(r"0\w*", text) else text

    def test_keys_of_the_file(self):
        self.assertGreater(len(self.TOP), 70)
        self.compare(self.TOP, {"properties": SCHEMA["properties"]})

    def test_keys_of_a_target(self):
        self.assertGreater(len(self.TARGET), 30)
        self.compare(self.TARGET, SCHEMA["$defs"]["target"])


if __name__ == "__main__":
    unittest.main()
