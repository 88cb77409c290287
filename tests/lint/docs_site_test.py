#!/usr/bin/env python3
"""The documents are one site: every page can be reached from docs/README.md, every relative link and anchor leads somewhere.

And the page for those who come from PgBouncer has every option of its manual, and names keys that exist.
"""
import gzip
import json
import pathlib
import re
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tests" / "support"))
import pages  # noqa: E402

INDEX = ROOT / "docs/README.md"
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "bench").glob("*.md")),
         *sorted((ROOT / "deploy").rglob("README.md")), *sorted(ROOT.glob("gateway/*/README.md")), *sorted(ROOT.glob("protocol/*/README.md")),
         *sorted(ROOT.glob("*/README.md")), *sorted((ROOT / "tests").rglob("README.md"))]
MANUAL = pathlib.Path("/usr/share/man/man5/pgbouncer.5.gz")


def prose(text):
    """A page without its code."""
    text = re.sub(r"^( *)(`{3,})[^\n]*\n.*?^\1\2 *$", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`[^`\n]*`", lambda code: code[0].replace("](", ")("), text)


def anchors(text):
    """Those that GitHub and site generators make of headings."""
    found, seen = set(), {}
    for heading in re.findall(r"^#{1,6} (.+)$", prose(text), re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        name = re.sub(r"[^\w\- ]", "", plain.strip().lower()).replace(" ", "-")
        number = seen.get(name, 0)
        seen[name] = number + 1
        found.add(f"{name}-{number}" if number else name)
    return found


def links(text):
    """(path, anchor) of relative links."""
    for target in re.findall(r"\]\(<?([^)>\s]+)>?[^)]*\)", prose(text)):
        if not re.match(r"[a-z]+:", target):
            path, _, anchor = target.partition("#")
            yield path, anchor


def text_of(path):
    return path.read_text(encoding="utf-8")


class Site(unittest.TestCase):
    def test_links_and_anchors_lead_somewhere(self):
        for page in PAGES:
            for path, anchor in links(text_of(page)):
                with self.subTest(page=page.relative_to(ROOT).as_posix(), link=f"{path}#{anchor}"):
                    target = (page.parent / path).resolve() if path else page
                    self.assertTrue(target.exists())
                    self.assertTrue(target.is_relative_to(ROOT))
                    if anchor and target.suffix == ".md":
                        self.assertIn(anchor, anchors(text_of(target)))

    def test_every_page_can_be_reached(self):
        reached, waiting = set(), [INDEX]
        while waiting:
            page = waiting.pop()
            if page not in reached:
                reached.add(page)
                waiting += [(page.parent / path).resolve() for path, _ in links(text_of(page))
                            if path.endswith(".md") and (page.parent / path).resolve().exists()]
        missing = {page for page in (ROOT / "docs").glob("*.md")} | {ROOT / "CHANGELOG.md", ROOT / "README.md"}
        self.assertEqual({page.name for page in missing - reached}, set())

    def test_the_index_names_every_page_itself(self):
        named = {path for path, _ in links(text_of(INDEX))}
        pages = {page.name for page in (ROOT / "docs").glob("*.md")} - {"README.md"}
        self.assertEqual(pages - named, set())

    def test_the_list_of_decisions_names_each(self):
        decisions = ROOT / "docs/decisions"
        named = {path for path, _ in links(text_of(decisions / "README.md"))}
        self.assertEqual({page.name for page in decisions.glob("0*.md")} - named, set())

    def test_every_page_begins_with_a_title(self):
        for page in PAGES:
            self.assertRegex(text_of(page), r"\A# \S", page)

    def test_decisions_are_numbered_once(self):
        numbers = [page.name[:4] for page in (ROOT / "docs/decisions").glob("0*.md")]
        self.assertEqual(sorted(numbers), sorted(set(numbers)))


class Itself(unittest.TestCase):
    def test_anchors(self):
        self.assertEqual(anchors("# A `b` c: d's, e\n```\n# no\n```\n## Same\n## Same\n"), {"a-b-c-ds-e", "same", "same-1"})

    def test_links(self):
        self.assertEqual(list(links("[a](b.md#c) `[x](y)` [u](https://e) [s](#t)\n```\n[n](o)\n```\n")), [("b.md", "c"), ("", "t")])


class Commands(unittest.TestCase):
    """Every block of commands is run, or says who runs it, or why nobody can (tests/support/pages.py)."""

    def test_marks_have_reasons(self):
        for block in pages.all_blocks():
            with self.subTest(block=str(block)):
                if block.mark == "run by":
                    self.assertEqual([name for name in block.reason.split(", ") if not (ROOT / name).exists()], [])
                elif block.mark:
                    self.assertGreater(len(block.reason.split()), 4)
                elif block.language == "sh":
                    self.assertTrue(pages.commands(block.text))
                else:
                    self.fail("only tests of their own run what is typed into a console")

    def test_the_shell_reads_what_is_not_run(self):
        for block in pages.all_blocks():
            if block.mark == "syntax:":
                done = subprocess.run(["bash", "-n"], input=block.text, capture_output=True, text=True, check=False)
                self.assertEqual((done.returncode, done.stderr), (0, ""), str(block))

    def test_scripts_that_are_called_exist(self):
        for block in pages.all_blocks():
            for name in re.findall(r"(?<![\w./-])((?:scripts|bench|tests|deploy)/[\w./-]+\.(?:sh|py))", block.text + block.reason):
                self.assertTrue((ROOT / name).exists(), f"{block}: {name}")

    def test_how_pages_are_read(self):
        text = ("<!-- not run: there is none here -->\n```sh\na\n```\n```sh\nb\n```\n<!-- all run by X -->\n```console\n$ c\n```\n"
                "<!-- syntax: other -->\n```sh\nd\n```\n```yaml\ne: 1\n```\n")
        self.assertEqual([(block.text.strip(), block.mark, block.reason) for block in pages.blocks(text)],
                         [("a", "not run:", "there is none here"), ("b", "", ""), ("$ c", "run by", "X"), ("d", "syntax:", "other")])
        self.assertEqual(pages.commands("a <<'E'\nb\nE\nc \\\n  d   # (exit status 5: no)\n"), [("a <<'E'\nb\nE\n", 0), ("c \\\n  d   # (exit status 5: no)\n", 5)])
        done = subprocess.run(["bash"], input=pages.script([("x=1\n", 0), ("[ $x = 2 ]\n", 0)]), capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (1, "command 2 ended with 1, not 0\n"))


class PgBouncer(unittest.TestCase):
    PAGE = text_of(ROOT / "docs/migration-pgbouncer.md")
    ROWS = [line[2:-2].split(" | ", 1) for line in PAGE.splitlines() if line.startswith("| ") and " | " in line[2:]]

    def test_every_option_of_its_manual_has_a_row(self):
        if not MANUAL.exists():
            self.skipTest("no manual of PgBouncer here")
        manual = gzip.decompress(MANUAL.read_bytes()).decode("utf-8")
        options = set(re.findall(r"^\.SS (\w+)$", manual, re.MULTILINE))
        self.assertGreater(len(options), 80)
        named = {name for left, _ in self.ROWS for name in re.findall(r"`(\w+)`", left)}
        self.assertEqual(options - named, set())

    def test_every_key_exists(self):
        keys = paths(json.loads(text_of(ROOT / "config/schema.json")))
        said = {name for _, right in self.ROWS for name in re.findall(r"`((?:limits|pool|upstream|listen|roles|log|users)\.[\w.\[\]]+)`", right)}
        said |= set(re.findall(r"^([a-z_]+):", re.search(r"```yaml\n(.*?)```", self.PAGE, re.DOTALL)[1], re.MULTILINE))
        self.assertGreater(len(said), 25)
        for name in said:
            plain = name.replace("[]", "")
            self.assertTrue(any(key == plain or key.endswith(f".{plain}") for key in keys), name)


def paths(schema, node=None, path="", depth=0):
    """Keys of the configuration with dots between them; names that people choose are left out."""
    node = schema if node is None else node
    while "$ref" in node:
        step = schema
        for part in node["$ref"].split("/")[1:]:
            step = step[part]
        node = step
    found = {path.strip(".")}
    if depth > 8:
        return found
    for name, below in node.get("properties", {}).items():
        found |= paths(schema, below, f"{path}.{name}", depth + 1)
    for below in [node.get("additionalProperties"), node.get("items"), *node.get("oneOf", []), *node.get("anyOf", []), *node.get("allOf", [])]:
        if isinstance(below, dict):
            found |= paths(schema, below, path, depth + 1)
    return found


if __name__ == "__main__":
    unittest.main()
