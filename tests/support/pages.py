"""Commands in the documents: which there are, and who runs them.

Blocks of ```sh and ```console have commands. They are run, unless a comment says otherwise: on the line before the block, or for
all blocks of the page, `<!-- all … -->` anywhere above them.

    <!-- run by FILE[, FILE] -->    those tests or scripts run them
    <!-- not run: REASON -->        they need what is not here
    <!-- syntax: REASON -->         the same, and the shell has to read them without complaint
"""
import dataclasses
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
# docs/cli.md is made by the command table: its examples have no marks, and are run by tests/integration/pages_test.py.
PAGES = [path for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "bench").glob("*.md")),
                           *sorted((ROOT / "deploy").rglob("*.md"))) if path != ROOT / "docs/cli.md"]
FENCE = re.compile(r"^( *)(`{3,})([^\n`]*)\n(.*?)^\1\2 *$", re.MULTILINE | re.DOTALL)
MARK = re.compile(r"<!-- (all )?(run by|not run:|syntax:) ?(.*?) -->")
EXPECTED = re.compile(r"\(exit status (\d+)\b")


@dataclasses.dataclass
class Block:
    page: str
    line: int
    language: str
    text: str
    mark: str = ""     # run by, not run:, syntax:
    reason: str = ""

    def __str__(self):
        return f"{self.page}:{self.line}"


def blocks(text, page=""):
    """Those with commands, with the mark that holds for each."""
    found, everywhere = [], ("", "")
    for fence in FENCE.finditer(text):
        for mark in MARK.finditer(text, 0, fence.start()):
            if mark[1]:
                everywhere = (mark[2], mark[3])
        language = fence[3].strip()
        if language not in ("sh", "console") and not re.search(r"^\w*\$ ", fence[4], re.MULTILINE):
            continue
        before = text[:fence.start()].rstrip("\n").rpartition("\n")[2]
        own = MARK.fullmatch(before.strip())
        mark = (own[2], own[3]) if own and not own[1] else everywhere
        found.append(Block(page, text.count("\n", 0, fence.start()) + 1, language, fence[4], *mark))
    return found


def all_blocks():
    return [block for path in PAGES for block in blocks(path.read_text(encoding="utf-8"), path.relative_to(ROOT).as_posix())]


def is_whole(text):
    """Whether the shell takes it for a command that is finished."""
    done = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False)
    return done.returncode == 0 and "here-document" not in done.stderr and not text.rstrip().endswith("\\")


def commands(text):
    """The commands of a block in their order, as (text, exit status)."""
    found, current = [], ""
    for line in text.splitlines(keepends=True):
        current += line
        if is_whole(current):
            if current.strip():
                expected = EXPECTED.search(current)
                found.append((current, int(expected[1]) if expected else 0))
            current = ""
    if current.strip():
        raise ValueError(f"the shell does not take this for a command: {current}")
    return found


def script(found):
    """One for bash that runs them in one shell, and says which one does not end as it should."""
    lines = []
    for number, (command, expected) in enumerate(found):
        lines.append(f"{command.rstrip()}\nstatus=$?\n[ $status = {expected} ] || "
                     f"{{ echo \"command {number + 1} ended with $status, not {expected}\" >&2; exit 1; }}\n")
    return "".join(lines)
