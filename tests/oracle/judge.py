"""Counts and keeps what the comparison of one source's statements says."""
import collections
import re

import compare
import tree

# The names that these go by were judged when they were defined: what they reach is not in their own text.
_BY_NAME = re.compile(r"\s*(EXECUTE|FETCH|MOVE|CLOSE|CREATE\s.*\bAS\s+EXECUTE|EXPLAIN\s.*\bEXECUTE)\b", re.I | re.S)
_LITERAL = re.compile(r"\$(\w*)\$.*?\$\1\$|'(?:[^']|'')*'", re.S)
_WHOLE_SCHEMA = re.compile(r"\s*(DROP\s+(SCHEMA|OWNED|EXTENSION)|DO|CALL)\b", re.I)
_BLIND_EVERY = 5
_MODES = ("open", "exact")  # without a catalog, and with the columns of tables


def _stands_in(text, finding, known):
    """Whether what a utility statement locked stands in its text by name, outside of literals and bodies."""
    kind, oid = finding.item[:2]
    if kind not in ("relation", "effect") or _WHOLE_SCHEMA.match(text):
        return False
    return known.relations[oid][1].lower() in re.findall(r"\w+", _LITERAL.sub("''", text).lower())


class Judge:
    def __init__(self, source, tool, random):
        self.source = source
        self.tool = tool
        self._random = random
        self.statements = self.parsed = self.executed = self.refused = self.unknown = self.compared = 0
        self.trees = self.runs = self.under_reports = self.blindings = self.missed_blindings = 0
        self.over = {mode: collections.Counter() for mode in _MODES}
        self.under = []
        self.indirect = []

    def facts_of(self, text, again=False):
        """The facts of one statement, {"open": …, "exact": …}, or None if dbgate refuses it."""
        self.statements += not again
        answer = self.tool(text)
        if "refused" in answer or len(answer["open"]) != 1:
            return None
        self.parsed += not again
        return {mode: answer[mode][0] for mode in _MODES}

    def judge(self, text, facts, probe, known, strict):
        """`strict`: no relation has views, triggers or children, so that locks too are of what the text names."""
        self.executed += probe.error is None
        if facts is None:
            # The server understands it, dbgate does not: denied.
            self.refused += probe.error is None or bool(probe.tree)
            return
        if any(facts[mode]["unknown"] for mode in _MODES):
            self.unknown += 1
            return
        try:
            truth = tree.read(probe.tree) if probe.tree else None
        except (LookupError, ValueError) as unread:
            raise AssertionError(f"the tree of this statement does not read as expected: {text}\n{probe.tree}") from unread
        run = probe.run if probe.error is None and not _BY_NAME.match(text) else None
        if run:
            run.locks = {oid: modes for oid, modes in run.locks.items() if self._compares(oid, known, truth)}
        if truth is None and run is None:
            return
        self.compared += 1
        self.trees += truth is not None
        self.runs += run is not None
        findings = {mode: self._findings(text, facts[mode], mode, (truth, run), known, strict) for mode in _MODES}
        if truth is not None and self.compared % _BLIND_EVERY == 0:
            for mode in _MODES:
                self._blind(truth, facts[mode], known)
        if any(findings.values()):
            self.under_reports += 1
            self.under.append({"source": self.source, "statement": text,
                               "findings": [f"{mode} {f}" for mode in _MODES for f in findings[mode]]})

    def _findings(self, text, statement, mode, touched, known, strict):
        truth, run = touched
        facts = compare.Facts(statement, known, mode == "exact")
        findings = []
        if truth is not None:
            findings += compare.under_reports(truth, facts, known)
            self.over[mode].update(compare.over_reports(truth, facts, known))
        if run is not None:
            of_run = compare.under_reported_run(run, facts, known)
            direct = [f for f in of_run if strict or (truth is None and _stands_in(text, f, known))]
            findings += direct
            of_run = [f for f in of_run if f not in direct]
            reached = sorted(map(str, of_run)) + compare.implied_calls(truth, known)
            if reached and mode == "exact":
                self.indirect.append({"statement": text, "reached": reached})
        return findings

    @staticmethod
    def _compares(oid, known, truth):
        """Not indexes, what the statement itself made, sequences, and catalogs that a utility statement works on."""
        if oid not in known.relations:
            return False
        schema, _, kind = known.relations[oid]
        return kind in "rvmfp" and (truth is not None or schema not in ("pg_catalog", "pg_toast"))

    def _blind(self, truth, statement, known):
        """Hides from the facts one thing that they must have, and wants that noticed."""
        items = [item for item, _, _ in compare.demands(truth, known)]
        if not items:
            return
        item = self._random.choice(items)
        facts = compare.Facts(statement, known)
        facts.blind(item, known)
        if item[0] == "type":
            facts.functions = set()
        self.blindings += 1
        noticed = {finding.item for finding in compare.under_reports(truth, facts, known)}
        self.missed_blindings += item not in noticed

    def summary(self):
        over = "; ".join(f"{mode} " + (", ".join(f"{kind} {count}" for kind, count in self.over[mode].most_common()) or "none")
                         for mode in _MODES)
        return (f"{self.source}: {self.statements} statements, {self.parsed} parsed, {self.executed} executed, {self.refused} "
                f"refused, {self.unknown} unknown, {self.compared} compared ({self.trees} trees, {self.runs} runs), "
                f"{self.under_reports} under-reports, {self.blindings} blindings, {self.missed_blindings} unnoticed" +
                (f", {len(self.indirect)} reach further" if self.indirect else "") + f"\n  over-reports: {over}")
