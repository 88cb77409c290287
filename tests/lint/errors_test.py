#!/usr/bin/env python3
"""docs/troubleshooting.md has every code, rule and word by which dbgate says that something is wrong, and no others.

They are read from the source: a SQLSTATE that is used, a line of api/problems.yaml, a status of the command line, an error of
the log. Whoever adds one writes down what it means and what to do.
"""
import pathlib
import re
import sys
import unittest

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "api"))
import reference  # noqa: E402

PAGE = (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8")
OPERATIONS = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
SOURCES = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
           for room in ("gateway", "cli", "protocol", "config") for path in sorted((ROOT / room).rglob("*"))
           if path.suffix in (".cpp", ".h")}
STATES = "protocol/postgres/sqlstate.h"


def section(title, text=PAGE):
    return re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)[1]


def first_cells(text):
    return [row[2:].split(" | ")[0] for row in text.splitlines() if row.startswith("| ") and not row.startswith("| ---")]


def named(text):
    """What stands in backquotes in the first column of a section's tables."""
    return {name for cell in first_cells(text) for name in re.findall(r"`([^`]+)`", cell)}


def states_of(sources):
    """SQLSTATEs that code other than their list makes."""
    names = dict(re.findall(r'SqlState (\w+)\{"(\w{5})"\}', sources[STATES]))
    used = set()
    for path, text in sources.items():
        if path != STATES:
            used.update(names[name] for name in re.findall(r"sqlstate::(\w+)", text) if name in names)
            used.update(re.findall(r'SqlState[({]"(\w{5})"[)}]', text))
    return used


def errors_of(sources):
    """Messages of the log at level error that stand there as they are."""
    return {message for text in sources.values() for message in re.findall(r'log::error\(\s*"[^"]*",\s*"([^"]+)"', text)}


def literals_of(sources):
    """All sources as one text in which adjoining string literals are one, and quotes are as people see them."""
    joined = re.sub(r'"\s*\n\s*"', "", "\n".join(sources.values()))
    return re.sub(r"\\(.)", r"\1", joined)


class Errors(unittest.TestCase):
    def test_every_sqlstate(self):
        self.assertEqual(named(section("SQLSTATEs")), states_of(SOURCES))

    def test_what_operators_read_of_sqlstates_is_true_too(self):
        listed = named(section("What clients are told", OPERATIONS))
        self.assertLessEqual(listed, states_of(SOURCES))

    def test_what_clients_are_told_stands_in_the_source(self):
        source, texts = literals_of(SOURCES), named(section("What clients are told, word by word"))
        self.assertGreater(len(texts), 90)
        self.assertEqual({text for text in texts for part in text.split("…") if part.strip() not in source}, set())

    def test_every_rule_of_its_own(self):
        rules = {rule for path, text in SOURCES.items() for rule in re.findall(r'"(builtin/[a-z-]+)"', text)}
        self.assertEqual(named(section("Rules that are dbgate's own")), rules)

    def test_every_reason_of_an_end(self):
        reasons = set(re.findall(r'return "([^"]+)"', SOURCES["gateway/session/end_reason.cpp"]))
        self.assertEqual(named(section("Why a session ended")), reasons)

    def test_the_problems_of_the_api(self):
        problems = yaml.safe_load((ROOT / "api/problems.yaml").read_text(encoding="utf-8"))
        self.assertIn(reference.markdown_problems(problems), PAGE, "put the output of api/make.py api --problems in place of the table")

    def test_every_error_of_the_token_endpoint(self):
        errors = set(re.findall(r'oauth_error\("([a-z_]+)"', SOURCES["gateway/api/token_endpoint.cpp"]))
        table = section("Problems of the API").split("The token endpoint", 1)[1]
        self.assertEqual(named(table), errors)

    def test_every_exit_status(self):
        table = re.search(r"exit_statuses.*?\{\n(.*?)\n  \};|\{\n(      \{0, \"ok\"\}.*?)\n  \};", SOURCES["cli/table/topics.cpp"], re.DOTALL)
        statuses = re.findall(r'\{(\d+), "([^"]+)"\}', table[0])
        self.assertGreater(len(statuses), 10)
        rows = dict(re.findall(r"^\| (\d+) \| ([^|]*?) \|", section("Exit statuses of the command line"), re.MULTILINE))
        self.assertEqual(rows, dict(statuses))

    def test_every_error_of_the_log(self):
        messages = errors_of(SOURCES)
        self.assertGreater(len(messages), 20)
        described = named(section("What the log says")) | named(section("What the log says, and what to do", OPERATIONS))
        self.assertEqual(messages - described, set())
        self.assertEqual(named(section("What the log says")) - messages, set())


class Itself(unittest.TestCase):
    """What is new in the source is seen."""

    def test_literals_are_put_together(self):
        self.assertIn('no "key" opens', literals_of({"x.cpp": 'f("no \\"key\\" "\n  "opens");'}))

    def test_a_new_state_is_seen(self):
        more = {**SOURCES, "gateway/new.cpp": 'refusal.code = protocol::SqlState("55P03"); return Error(sqlstate::no_data, "x");'}
        self.assertEqual(states_of(more) - states_of(SOURCES), {"55P03"})

    def test_a_new_error_of_the_log_is_seen(self):
        more = {**SOURCES, "gateway/new.cpp": 'log::error("new",\n  "something new is wrong", {});'}
        self.assertEqual(errors_of(more) - errors_of(SOURCES), {"something new is wrong"})


if __name__ == "__main__":
    unittest.main()
